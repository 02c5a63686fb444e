// An ifunc, which target_clones makes as well, is another function in each run: ops may
// not call one or take its address; elsewhere, also for a link-time optimizer, it may be.
//
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -O0 -c %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -O2 -c %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
// RUN: not %psmcc -gline-tables-only -O2 -flto %s -o %t.lto 2>&1 | FileCheck %s --check-prefix=LTO
// RUN: %psmcc -DNO_OPS -O2 -flto %s -o %t.lto && %t.lto
#include <stdint.h>

#define OP __attribute__((annotate("psm_op"))) int64_t
#define PARAMETERS void *root, const void *arg, uint64_t size, void *out

__attribute__((target_clones("avx2", "default"))) long sum(const int *v, long n)
{
    long total = 0;
    for (long i = 0; i < n; i++)
        total += v[i];
    return total;
}
static long one(long n) { return n + 1; }
static void *resolver(void) { return (void *)one; }
long chosen(long) __attribute__((ifunc("resolver")));

#ifndef NO_OPS
// CHECK-DAG: refused-ifunc.c:[[#@LINE+2]]:{{[0-9]+}}: error: op 'calls' has a use of 'chosen', an ifunc (or with target_clones), which ops cannot have
// LTO-DAG: error: {{.*}}refused-ifunc.c:[[#@LINE+1]]:{{.*}} op 'calls' has a use of 'chosen', an ifunc
OP calls(PARAMETERS) { return *(long *)root += chosen(size); }

// CHECK-DAG: error: op 'keeps' has a use of 'chosen', an ifunc
OP keeps(PARAMETERS) { return *(long (**)(long))root = chosen, 0; }

// CHECK-DAG: refused-ifunc.c:[[#@LINE+1]]:{{[0-9]+}}: error: op 'sums' reaches a use of 'sum', an ifunc (or with target_clones), which ops cannot have; chain: sums -> helper (
__attribute__((noinline)) static long helper(const int *v, long n) { return sum(v, n); }
OP sums(PARAMETERS) { return *(long *)root = helper(arg, size / 4); }
#endif

int main(void)
{
    int v[] = { 1, 2, 3 };
    return sum(v, 3) + chosen(1) != 8;
}
