// PSM_CHECK finds a masked store that went unannounced: the loop becomes one with AVX2.
//
// REQUIRES: avx2
// RUN: %psmcc -O3 -march=x86-64-v3 %s -o %t && %t %pmdir/m
// RUN: %psmcc -O3 -march=x86-64-v3 -mllvm -psm-forget=masked %s -o %t
// RUN: not %t %pmdir/n 2>&1 | FileCheck %s
// CHECK: op 'raise_small', cannot be replayed: a store of it to block {{.*}} went unrecorded
#include <psm.h>
#include <stdio.h>

struct state { int number[1000]; };

__attribute__((psm_op)) int64_t raise_small(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    int n = *(const int *)arg;
    (void)size, (void)out;
    for (int i = 0; i < 1000; i++)
        if (s->number[i] < i - n)
            s->number[i] = i * 3 + n;
    return 0;
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct state), .log_bytes = 65536, .flags = PSM_CHECK };
    int status = argc == 2 ? psm_init(&machine, argv[1], &options) : PSM_EINVAL;
    for (int n = 900; n > 0 && status == 0; n -= 10)
        status = (int)psm_invoke_rw(machine, raise_small, &n, sizeof n, NULL, 0);
    if (status == 0)
        status = psm_close(machine);
    if (status != 0)
        fprintf(stderr, "%s\n", psm_error_detail());
    return status != 0;
}
