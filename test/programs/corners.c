// Corners where the two copies of an op came apart, found by attacking them: padding in
// initial values, results that the compiler knows in one copy only, errno, and libc where it
// writes less than it might. PSM_CHECK compares both copies after every op.
//
// RUN: for o in 0 1 2 3; do %psmcc -O$o -g -D_GNU_SOURCE -Wno-format -mfma -ffp-contract=fast %s -lm -o %t && rm -rf %pmdir/m && %t %pmdir/m | FileCheck %s || { echo "-O$o"; exit 1; }; done
// REQUIRES: avx2
// CHECK: 18 ops, alike in both copies
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <psm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

struct value { int type; union { int i; double d; } v; char name[8]; };
struct root {
    struct value value;
    char *end, path[16], text[200], pool[200];
    wchar_t wide[8];
    long number, extended;
    double real;
    long double long_real;
    size_t used;
};
#define OP(name) \
    __attribute__((psm_op)) int64_t name(void *state, const void *arg, size_t size, void *out)
#define ROOT struct root *root = state; (void)arg, (void)size, (void)out

/* For all that the foreground knows, it may change what it is shown. */
__attribute__((psm_scratch)) const void *shown;
__attribute__((psm_skip, noinline)) void look(const void *at)
{
    shown = at;
    __asm__ volatile("" ::: "memory");
    open("/nonexistent/file", O_RDONLY);
}

OP(fill) { ROOT; memset(&root->value, 0x77, sizeof root->value); return 0; }

/* clang does not define the padding of the value that it copies to a local. */
OP(padding)
{
    ROOT;
    struct value local = {1, {.i = 7}, "num"};
    local.type = *(const int *)arg;
    local.v.i = local.type * 2;
    strcpy(local.name, "integer");
    root->value = local;
    return 0;
}

OP(padding_seen)
{
    ROOT;
    struct value local = {1, {.i = 7}, "num"};
    look(&local);
    local.type = *(const int *)arg;
    root->value = local;
    return 0;
}

/* By how much less, the library says one thing, the compiler another. */
OP(comparison)
{
    ROOT;
    char name[5];
    strcpy(name, "beta");
    root->number = strcmp(name, "zeta");
    return 0;
}

OP(zeros)
{
    ROOT;
    double zeros[2] = {0.0, -0.0};
    look(zeros);
    root->real = fmin(zeros[0], zeros[1]);
    return 0;
}

/* With -ffp-contract=fast, fused where no hook comes between. */
OP(fused)
{
    ROOT;
    double a = *(const int *)arg * 1.01, product = a * 1.03;
    root->number++;
    root->real = product - 5.2015;
    return 0;
}

struct item { long a, b; };
__attribute__((malloc, noinline)) static struct item *take(struct root *root)
{
    struct item *item = (struct item *)(root->pool + root->used);
    root->used += sizeof *item;
    return item;
}

/* Nothing but a skipped call ever sees the block; it is in the state all the same. */
OP(pool)
{
    ROOT;
    struct item *item = take(root);
    item->a = 5;
    item->b = *(const int *)arg;
    look(item);
    return 0;
}

OP(no_base) { ROOT; root->end = root->text; root->number = strtol(root->text, &root->end, 1); return 0; }

OP(names)
{
    ROOT;
    root->number = *basename((char *)arg + 8) + *dirname((char *)arg + 16);
    strcpy(root->path, "/usr/lib");
    root->end = dirname(root->path);
    return 0;
}

OP(long_modifiers)
{
    ROOT;
    sprintf(root->text, "%llf %qf %Lf %lld", 1.5L, 2.5L, 3.5L, 4LL);
    sscanf("2.25 17", "%llf %lln", &root->long_real, &root->extended);
    sscanf("wide", "%Ls", root->wide);
    return 0;
}

OP(without_bound)
{
    ROOT;
    struct tm time = {.tm_year = 126, .tm_mday = 22};
    strftime(root->text, (size_t)-1, "%Y-%m-%d", &time);
    strftime(root->text + 20, (size_t)-1, "", &time);
    return 0;
}

OP(nulls)
{
    ROOT;
    root->number = mbsinit(NULL) != 0;
    root->end = asctime_r(NULL, root->text);
    root->extended = errno;
    return 0;
}

OP(errno_before) { ROOT; root->number = errno; return 0; }

OP(errno_skipped)
{
    ROOT;
    errno = 0;
    look(root);
    root->number = errno;
    return 0;
}

OP(errno_grown)
{
    ROOT;
    errno = 0;
    free(malloc(40 << 20));
    root->number = errno;
    return 0;
}

OP(word_first) { ROOT; strcpy(root->text, "a,b"); root->end = strtok(root->text, ","); return 0; }
OP(word_next)
{
    ROOT;
    strcpy(root->text, "c,d");
    root->end = strtok(root->text, ",");
    root->end = strtok(NULL, ",");
    return 0;
}

int main(int argc, char **argv)
{
    static psm_op_fn *const ops[] = {
        fill, padding, fill, padding_seen, comparison, zeros, fused, pool, no_base, names, long_modifiers,
        without_bound, nulls, errno_before, errno_skipped, errno_grown, word_first, word_next,
    };
    const struct { int number; char pad[4], name[8], directory[8]; } argument = {5, "", "name", "/"};
    struct psm_options options = {.root_size = sizeof(struct root), .flags = PSM_CHECK};
    psm_t *machine;
    size_t count = sizeof ops / sizeof *ops;
    if (argc != 2 || psm_init(&machine, argv[1], &options) != 0)
        errx(1, "%s", psm_error_detail());
    for (size_t i = 0; i < count; i++) {
        errno = EDOM;
        if (psm_is_error(psm_invoke_rw(machine, ops[i], &argument, sizeof argument, NULL, 0)))
            errx(1, "%s", psm_error_detail());
    }
    if (psm_verify(machine) != 0)
        errx(1, "%s", psm_error_detail());
    printf("%zu ops, alike in both copies\n", count);
    return psm_close(machine) != 0;
}
