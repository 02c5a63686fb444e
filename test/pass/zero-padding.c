// Padding of locals, compound literals and returned structs reaches the state as
// zero in both copies, though a skipped call keeps only the foreground's in memory.
// RUN: split-file %s %t
// RUN: %clang -O0 -c %t/main.c -o %t/main.o
// RUN: for o in 0 1 2 3; do %clang -O$o -fplugin=%psmpass -fpass-plugin=%psmpass -mllvm -psm-prelink -c %t/ops.c -o %t/ops.o && %clang -no-pie %t/ops.o %t/main.o -o %t/exe && %t/exe || exit 1; done
//--- ops.h
struct kv { char c; long l; };
void local(struct kv *, long), literal(struct kv *, long), returned(struct kv *, long);
//--- ops.c
#include "ops.h"
__attribute__((annotate("psm_skip"))) void debug(const void *p);
__attribute__((noinline)) static struct kv make(long x) { struct kv s; s.c = (char)x, s.l = x; return s; }
void local(struct kv *root, long x) { struct kv s = {(char)x, x}; debug(&s); *root = s; }
void literal(struct kv *root, long x) { struct kv *q = &(struct kv){.c = (char)x, .l = x}; debug(q); *root = *q; }
void returned(struct kv *root, long x) { *root = make(x); }
//--- main.c
#include "ops.h"
#include <stdlib.h>
#include <string.h>
void shadow_local(struct kv *, long) __asm__("local.psm");
void shadow_literal(struct kv *, long) __asm__("literal.psm");
void shadow_returned(struct kv *, long) __asm__("returned.psm");
void debug(const void *p) { (void)p; }
static void dirty_stack(void)
{
    volatile char garbage[4096];
    for (int i = 0; i < 4096; i++)
        garbage[i] = 0x55;
}
int main(void)
{
    void (*all[])(struct kv *, long) = {local, literal, returned, shadow_local, shadow_literal, shadow_returned};
    for (int i = 0; i < 6; i++) {
        struct kv root, expected;
        memset(&expected, 0, sizeof expected);
        expected.c = 7, expected.l = 7;
        dirty_stack();
        all[i](&root, 7);
        if (memcmp(&root, &expected, sizeof root) != 0)
            return i + 1;
    }
}
