// Ops may not be compiled with -ffast-math: the two copies of a sum could be added up
// differently. What no op reaches may be.
//
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -O0 -ffast-math -c %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -Wno-deprecated -Ofast -c %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -O2 -fno-signed-zeros -c %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
// RUN: %clang -fpass-plugin=%psmpass -fno-pie -O2 -ffp-contract=fast -fno-math-errno -c %s -o %t.o
#include <stdint.h>

#define OP __attribute__((annotate("psm_op"))) int64_t
#define PARAMETERS void *root, const void *arg, uint64_t size, void *out

__attribute__((noinline)) double mean(const double *v, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += v[i];
    return sum / n;
}

__attribute__((noinline)) static int is_large(const double *v) { return v[0] + v[1] > 9; }

// CHECK-DAG: refused-fast-math.c:[[#@LINE+1]]:{{[0-9]+}}: error: op 'put' has floating-point arithmetic under -ffast-math or a part of it, which ops cannot have
OP put(PARAMETERS) { return *(double *)root = mean(arg, size / 8), 0; }

// CHECK-DAG: error: op 'test' reaches floating-point arithmetic under -ffast-math or a part of it, which ops cannot have; chain: test -> is_large (
OP test(PARAMETERS) { return *(int *)root += is_large(arg); }
OP count(PARAMETERS) { return ++*(long *)root; }
double unreached(double a, double b) { return a * b + a; }
