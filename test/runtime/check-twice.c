// PSM_CHECK of a program that executes first and logs after: an op that depends on what its
// stack holds, or on where it is, is named when it is replayed; ops that do not are run
// twice and come to the same state, in groups, with growth, frees and large arguments.
//
// RUN: %psmcc -O1 %s -o %t
// RUN: %t %pmdir/g good && %t %filedir/g good
// RUN: not %t %pmdir/n noise 2>&1 | FileCheck %s --check-prefix=NOISE
// RUN: not %t %pmdir/a address 2>&1 | FileCheck %s --check-prefix=ADDRESS
// RUN: not %t %pmdir/u upwards 2>&1 | FileCheck %s --check-prefix=CHOICE
// RUN: not %t %pmdir/d downwards 2>&1 | FileCheck %s --check-prefix=CHOICE
// RUN: not %t %pmdir/s second 2>&1 | FileCheck %s --check-prefix=SECOND
// NOISE: op 'noise', cannot be replayed: it is not deterministic: replayed twice, it leaves two states, which differ first in block {{.*}}, offset 136:
// ADDRESS: op 'address', cannot be replayed: it is not deterministic: {{.*}} first in global 'total', offset 0:
// CHOICE: op '{{upwards|downwards}}', cannot be replayed: it is not deterministic:
// SECOND: entry 1, op 'second', cannot be replayed: it is not deterministic:
//
// Mutants seen to fail: the state not put back; pages that only the second run changes not
// compared; globals not; free blocks compared; the second run in the place of the first.
#include <psm.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state { long ops; char *slot[16]; char text[64]; long spread[5000]; };
static long total;
static long calls __attribute__((psm_scratch));

__attribute__((noinline)) static char sum(const char *bytes)
{
    char sum = 0;
    for (int i = 0; i < 3000; i++)
        sum = (char)(sum * 5 + bytes[i]);
    return sum;
}

__attribute__((noinline)) static void spill(char *to)
{
    char bytes[3000];
    memset(to, sum(bytes), 200);
}

#define OP(name) \
    __attribute__((psm_op)) int64_t name(void *root, const void *arg, size_t size, void *out)
#define UNUSED (void)root, (void)arg, (void)size, (void)out

OP(good)
{
    UNUSED;
    struct state *s = root;
    long n = *(const long *)arg;
    calls++;
    total += n;
    free(s->slot[n % 16]);
    s->slot[n % 16] = malloc((size_t)(n * n * 37 + (long)size));
    memcpy(s->slot[n % 16], arg, size);
    char *gone = malloc(200 + (size_t)n);
    spill(gone); /* what is freed is nobody's business */
    free(gone);
    s->spread[n * 61 % 5000]++;
    return s->ops++;
}

OP(noise)
{
    UNUSED;
    char bytes[3000];
    ((struct state *)root)->text[0] = sum(bytes);
    return 0;
}

OP(address)
{
    UNUSED;
    volatile char local = 0;
    total = (long)(uintptr_t)&local;
    return 0;
}

/* In one of the two runs only, the first or the second. */
static void choose(struct state *s, long n)
{
    volatile char local = 0;
    if ((long)((uintptr_t)&local >> 4) % 16 == n)
        s->spread[4000] = 1;
}

OP(upwards)
{
    UNUSED;
    choose(root, *(const long *)arg % 16);
    return 0;
}

OP(downwards)
{
    UNUSED;
    choose(root, 15 - *(const long *)arg % 16);
    return 0;
}

/* Only the second run, whichever memory it has, changes that page. */
OP(second)
{
    UNUSED;
    static _Thread_local long runs; /* not put back between the two */
    if (++runs % 2 == 0)
        ((struct state *)root)->spread[4000] = 1;
    return 0;
}

static void expect(const char *what, int64_t result)
{
    if (psm_is_error(result))
        errx(1, "%s: %s", what, psm_error_detail());
}

int main(int argc, char **argv)
{
    static _Alignas(16) unsigned char arg[30000];
    psm_t *machine;
    if (argc != 3)
        return 2;
    psm_op_fn *op = !strcmp(argv[2], "noise") ? noise : !strcmp(argv[2], "address") ? address
                    : !strcmp(argv[2], "upwards") ? upwards : !strcmp(argv[2], "downwards") ? downwards
                    : !strcmp(argv[2], "second") ? second : good;
    struct psm_options options = { .root_size = sizeof(struct state), .log_bytes = 65536, .flags = PSM_CHECK };
    expect("psm_init", psm_init(&machine, argv[1], &options));
    for (long n = 1; n < 60; n++) {
        memcpy(arg, &n, sizeof n);
        expect("psm_begin", psm_begin(machine));
        for (long i = 0; i <= n % 3; i++)
            expect("psm_append", psm_append(machine, op, arg, n % 20 == 0 ? sizeof arg : 8 + (size_t)n));
        expect("psm_commit", psm_commit(machine));
    }
    expect("psm_drain", psm_drain(machine));
    expect("psm_close", psm_close(machine));
    return 0;
}
