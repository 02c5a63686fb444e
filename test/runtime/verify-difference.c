// psm_verify names what differs between memory and image: a change of a block or of a
// persisted global outside an op, and an op that looks at more than its state.
//
// RUN: %psmcc -O2 %s -o %t && %t %pmdir/m | FileCheck %s
// RUN: %t %filedir/m | FileCheck %s
// RUN: %t %filedir/n aloud 2>&1 >/dev/null | FileCheck %s --check-prefix=LINE
//
// The line on stderr names the machine, and once.
// LINE-NOT: /n: {{.*}}/n:
// LINE: psm: {{.*}}/n: the image differs from memory
// LINE-NOT: /n: {{.*}}/n:
#include <psm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    char *block;
    long numbers[8];
};

static long total[4];
static long hidden __attribute__((psm_scratch));

__attribute__((psm_op)) int64_t fill(void *root, const void *arg, size_t size, void *out)
{
    (void)size, (void)out;
    struct state *s = root;
    if (!s->block)
        s->block = malloc(200);
    memset(s->block, *(const char *)arg, 200);
    s->numbers[*(const char *)arg & 7]++;
    total[*(const char *)arg & 3]++;
    return 0;
}

__attribute__((psm_op)) int64_t look_aside(void *root, const void *arg, size_t size, void *out)
{
    (void)arg, (void)size, (void)out;
    ((struct state *)root)->numbers[3] = hidden;
    return 0;
}

__attribute__((psm_op)) int64_t allocate_aside(void *root, const void *arg, size_t size, void *out)
{
    (void)arg, (void)size, (void)out;
    if (hidden == 2)
        ((struct state *)root)->block = malloc(5000);
    return 0;
}

static void keep_quiet(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

static void verify(psm_t *machine, const char *when)
{
    int status = psm_verify(machine);
    printf("%s: %s%s%s\n", when, psm_strerror(status), status ? "; " : "", status ? psm_error_detail() : "");
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct state), .log = argc > 2 ? NULL : keep_quiet };
    if (psm_init(&machine, argv[1], &options))
        return puts(psm_error_detail()), 1;
    psm_invoke_rw(machine, fill, "a", 1, NULL, 0);
    // CHECK: untouched: no error
    verify(machine, "untouched");

    struct state *s = psm_root(machine);
    s->block[77] = 'b';
    // CHECK: block: {{.*}} differs from memory in 1 place, first in block 0x{{[0-9a-f]+}} of 224 bytes, offset 72: 0x6161626161616161 in memory, 0x6161616161616161 in the image
    verify(machine, "block");
    s->block[77] = 'a';
    s->numbers[0] = 5, s->block[0] = s->block[199] = 0;
    // CHECK: several: {{.*}} in 2 places, first in {{.*}} offset 8: 0x0000000000000005 in memory, 0x0000000000000000 in the image
    verify(machine, "several");
    s->numbers[0] = 0, s->block[0] = s->block[199] = 'a';
    // CHECK: mended: no error
    verify(machine, "mended");

    total[2] = 9;
    // CHECK: global: {{.*}} first in global 'total', offset 16: 0x0000000000000009 in memory, 0x0000000000000000 in the image
    verify(machine, "global");
    total[2] = 0;

    /* Beyond the block's 200 bytes, but of its size class: equal too in honest programs. */
    s->block[210] ^= 1;
    // CHECK: slack: {{.*}} of 224 bytes, offset 208
    verify(machine, "slack");
    s->block[210] ^= 1;

    hidden = 1;
    psm_invoke_rw(machine, look_aside, NULL, 0, NULL, 0);
    // CHECK: hidden input: {{.*}} offset 32: 0x0000000000000001 in memory, 0x0000000000000000 in the image: an op that depends on more than the state and its argument
    verify(machine, "hidden input");
    hidden = 0;
    psm_invoke_rw(machine, look_aside, NULL, 0, NULL, 0);
    // CHECK: forgotten: no error
    verify(machine, "forgotten");
    hidden = 2;
    psm_invoke_rw(machine, allocate_aside, NULL, 0, NULL, 0);
    // CHECK: allocated: {{.*}} first in address 0x{{[0-9a-f]+}}, the heap's own data
    verify(machine, "allocated");
    return 0;
}
