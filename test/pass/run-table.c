// A chained table with globals, variable arguments, pointers to locals and calls
// through a constant table: one op after the other gives the same on both copies, at
// every optimization level, and every changed byte was announced.
// RUN: %clang -O2 -fno-pie -I%runtime -c %S/Inputs/two-copies.c -o %t.driver.o
// RUN: %clang -O0 -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.0 && %t.0
// RUN: %clang -O1 -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.1 && %t.1
// RUN: %clang -O2 -g -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.2 && %t.2
// RUN: %clang -O3 -march=x86-64-v3 -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.3 && %t.3
//
// The check of the hooks sees their absence:
// RUN: %clang -O2 -fno-pie -no-pie -fplugin=%psmpass -fpass-plugin=%psmpass -mllvm -psm-no-hooks %s %t.driver.o -o %t.n
// RUN: not %t.n | FileCheck %s
// CHECK: FAIL: op 0 changed arena+{{.*}} without a hook
#include <stdarg.h>
#include <stddef.h>
typedef struct n { struct n *next; long k, v; } n;
typedef struct { long bump; n *b[64]; long cnt; n pool[1024]; long used; } H;
static const long primes[] = {3, 5, 7, 11, 13, 17, 19, 23};
long g_total;
n g_sentinel = {0, -1, 0};
n *g_last = &g_sentinel;
static int find(H *h, long k, n **out) { for (n *p = h->b[k & 63]; p; p = p->next) if (p->k == k) { *out = p; return 1; } *out = &g_sentinel; return 0; }
static long vsum(int c, ...) { va_list ap; va_start(ap, c); long s = 0; while (c--) s += va_arg(ap, long); va_end(ap); return s; }
static long vs2(int c, va_list ap) { long s = 0; while (c--) s = s * 31 + va_arg(ap, long); return s; }
static long vf(int c, ...) { va_list ap; va_start(ap, c); long s = vs2(c, ap); va_end(ap); return s; }
typedef long (*fn)(n *, long);
long add(n *e, long x) { e->v += x; return e->v; }
long mul(n *e, long x) { e->v = e->v * 3 + x; return e->v; }
const fn tab[2] = {add, mul};
static void swapp(n **a, n **b) { n *t = *a; *a = *b; *b = t; }
long op(void *root, long i)
{
    H *h = root; long k = (i * 7919) % 701, x = i;
    n *e, *f = 0;
    if (!find(h, k, &e)) { e = &h->pool[h->used++]; e->k = k; e->next = h->b[k & 63]; h->b[k & 63] = e; h->cnt++; }
    find(h, k ^ 1, &f); swapp(&e, &f); swapp(&e, &f);
    long r = tab[x & 1](e, x * primes[k & 7]);
    g_last->v++; g_last = e;
    g_total += vsum(4, k, x, r, h->cnt) + vf(9, k, x, r, k, x, r, 1L, 2L, k);
    return r + f->v;
}
