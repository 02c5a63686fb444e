// Within a unit, what an op reaches over direct calls and must not is an error at
// its place, with the chain, at any optimization level; what no op reaches is none.
//
// RUN: %clang -O0 -fplugin=%psmclang -c -Xclang -verify=both %s -o %t.o
// RUN: %clang -O2 -fplugin=%psmclang -c -Xclang -verify=both %s -o %t.o
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#define OP(name) __attribute__((psm_op)) int64_t name(void *root, const void *arg, size_t size, void *out)

static long stamp(void)
{
    return time(0);
    // both-error-re@-1 {{op 'put' reaches a call of 'time', which reads a clock: use psm_time(), or pass the time in the op's argument; chain: put -> middle ({{.*}}chain-one-unit.c:18) -> stamp ({{.*}}chain-one-unit.c:17)}}
}
static long middle(void) { return stamp(); }
OP(put) { return middle(); }

long outside(void) { return time(0) + rand(); }
__attribute__((psm_ro)) int64_t get(void *root, const void *arg, size_t size, void *out)
{
    return outside();
}
__attribute__((noinline)) static int draw(void) { return rand(); }
int (*volatile pointer)(void) = draw;
OP(by_pointer) { return pointer(); }
