// Numbers made of addresses that are others in replay, of locals, thread-locals, the op's
// argument and out, are warned of where they are mixed, multiplied or shifted; what honest
// code does with addresses is not, and heap addresses are the same in both.
//
// RUN: %psmcc -g -O0 %s -o %t 2>&1 | FileCheck %s --implicit-check-not=warning
// RUN: %psmcc -g -O2 %s -o %t 2>&1 | FileCheck %s --check-prefix=OPTIMIZED --implicit-check-not=warning
// RUN: %psmcc -g -O0 %s -o %t 2>&1 | grep -c warning: | FileCheck %s --check-prefix=COUNT
// COUNT: {{^5$}}
//
// Mutants seen to fail: variables not seen through; the op's argument left out, or its
// root not; differences counted as numbers, or masks.
#include <psm.h>
#include <stdlib.h>

struct node { struct node *next; };
struct state { uintptr_t number[16]; struct node *list; };
static _Thread_local int mine;

__attribute__((noinline)) static uintptr_t hash(const void *p) { return ((uintptr_t)p >> 4) * 31 % 1021; }
__attribute__((noinline)) static void use(void *p) { __asm__("" : : "r"(p)); }

// CHECK-DAG: [[@LINE+9]]: warning: op 'mixes' has code that computes with the address of a local variable, which is another one when the op is replayed
// CHECK-DAG: [[@LINE+11]]: warning: {{.*}} the address of a local variable
// CHECK-DAG: [[@LINE+11]]: warning: {{.*}} the address of the op's argument
// OPTIMIZED-DAG: [[@LINE+9]]: warning: {{.*}} the address of a local variable
// OPTIMIZED-DAG: [[@LINE+9]]: warning: {{.*}} the address of the op's argument
__attribute__((psm_op)) int64_t mixes(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    int local = 0, *q = &local;
    s->number[0] = (uintptr_t)&local % 31;
    (void)size, (void)out;
    uintptr_t x = (uintptr_t)q;
    s->number[1] ^= x;
    s->number[2] = (uintptr_t)arg >> 4;
    use(q);
    return 0;
}

// CHECK-DAG: [[@LINE+8]]: warning: {{.*}} the address of a thread-local variable
// CHECK-DAG: [[@LINE+8]]: warning: {{.*}} the address of the op's out
// OPTIMIZED-DAG: [[@LINE+6]]: warning: {{.*}} the address of a thread-local variable
// OPTIMIZED-DAG: [[@LINE+6]]: warning: {{.*}} the address of the op's out
__attribute__((psm_op)) int64_t mixes_more(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    (void)arg, (void)size;
    s->number[3] = (uintptr_t)&mine % 13;
    s->number[4] = (uintptr_t)out * 11;
    return 0;
}

__attribute__((psm_op)) int64_t honest(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    char buffer[300];
    struct node head = { s->list };
    char *aligned = (char *)(((uintptr_t)buffer + 63) & ~(uintptr_t)63);
    (void)arg, (void)size, (void)out;
    *aligned = 1;
    use(buffer);
    s->number[5] = ((uintptr_t)buffer & 15) == 0;
    s->number[6] = (uintptr_t)(aligned - buffer) / 64;
    for (char *p = buffer; p < buffer + sizeof buffer; p++)
        s->number[7] += (unsigned char)*p;
    use(&head);
    for (struct node *n = &head; n; n = n->next)
        s->number[8] += n != &head;
    s->number[9] = hash(s);
    void *p = malloc(3);
    s->number[10] = (uintptr_t)p * 7;
    free(p);
    return 0;
}

int main(void) { return 0; }
