// Padding of locals, compound literals and returned structs reaches the state as
// zero in both copies, though a skipped call keeps only the foreground's in memory.
// RUN: for o in 0 1 2 3; do %clang -O$o -fplugin=%psmpass -fpass-plugin=%psmpass -mllvm -psm-prelink -Wl,--unresolved-symbols=ignore-all %s -o %t.exe && %t.exe || exit 1; done
#include <stdlib.h>
#include <string.h>
struct kv { char c; long l; };
__attribute__((annotate("psm_skip"), noinline)) void debug(const void *p) { __asm__ volatile("" ::"r"(p) : "memory"); }
__attribute__((noinline)) static struct kv make(long x) { struct kv s; s.c = (char)x, s.l = x; return s; }
void local(struct kv *root, long x) { struct kv s = {(char)x, x}; debug(&s); *root = s; }
void literal(struct kv *root, long x) { struct kv *q = &(struct kv){.c = (char)x, .l = x}; debug(q); *root = *q; }
void returned(struct kv *root, long x) { *root = make(x); }
void shadow_local(struct kv *, long) __asm__("local.psm");
void shadow_literal(struct kv *, long) __asm__("literal.psm");
void shadow_returned(struct kv *, long) __asm__("returned.psm");
void *__psm_skip_enter(void) { return 0; }
void __psm_skip_leave(void *p) { (void)p; }
__attribute__((noinline)) static void dirty_stack(int with) { char a[4096]; memset(a, with, sizeof a); __asm__ volatile("" ::"r"(a) : "memory"); }
static void check(void (*f)(struct kv *, long), int with)
{
    struct kv root, expected;
    memset(&expected, 0, sizeof expected);
    expected.c = 7, expected.l = 7;
    memset(&root, 0x55, sizeof root);
    dirty_stack(with);
    f(&root, 7);
    if (memcmp(&root, &expected, sizeof root) != 0)
        abort();
}
int main(void)
{
    void (*all[])(struct kv *, long) = {local, literal, returned, shadow_local, shadow_literal, shadow_returned};
    for (int i = 0; i < 6; i++)
        check(all[i], 0xaa);
}
