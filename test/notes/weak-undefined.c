// A weak function that nobody defines is no error where it is called only if it is
// there; one that is defined is part of the op; one that is not weak is an error.
//
// RUN: %psmcc -O0 %s -o %t && rm -rf %t.m && %t %t.m 1
// RUN: %psmcc -O2 %s -o %t && rm -rf %t.m && %t %t.m 1
// RUN: %psmcc -O2 -fPIC %s -o %t && rm -rf %t.m && %t %t.m 1
// RUN: echo 'long maybe(long n) { return n + 5; }' > %t.other.c
// RUN: %psmcc -O2 %s %t.other.c -o %t && rm -rf %t.m && %t %t.m 9
// RUN: not %psmcc -O2 -gline-tables-only -DSTRONG %s -Wl,--defsym=maybe=0 -o %t 2>&1 | FileCheck %s
// CHECK: weak-undefined.c:{{.*}} error: op 'put' has a call of 'maybe', which is neither compiled with the pass nor on the list
#include <psm.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef STRONG
long maybe(long n);
#else
__attribute__((weak)) long maybe(long n);
#endif

[[psm::op]] int64_t put(void *root, const void *arg, size_t size, void *out)
{
    long *sum = root;
#ifdef STRONG
    *sum += maybe(3);
#else
    if (maybe)
        *sum += maybe(3);
#endif
    return *sum += 1;
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(long) };
    if (psm_init(&machine, argv[1], &options) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    int64_t result = psm_invoke_rw(machine, put, NULL, 0, NULL, 0);
    return psm_verify(machine) != 0 || psm_close(machine) != 0 || result != atoi(argv[2]);
}
