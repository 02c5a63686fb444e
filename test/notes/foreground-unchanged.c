// Notes name functions and globals without changing the code of either: what the
// foreground's functions are with the pass, they are without.
//
// RUN: %clang -O2 -fno-pie -ffp-contract=off -c %s -o %t.plain.o
// RUN: %clang -O2 -fno-pie -fplugin=%psmclang -c %s -o %t.psm.o
// RUN: llvm-objdump -d --no-show-raw-insn --no-leading-addr -r -j .text %t.plain.o \
// RUN:   | grep -v 'file format' > %t.plain
// RUN: llvm-objdump -d --no-show-raw-insn --no-leading-addr -r -j .text %t.psm.o \
// RUN:   | grep -v 'file format' > %t.psm
// RUN: grep -q '<put>:' %t.plain
// RUN: diff %t.plain %t.psm
#include <stddef.h>
#include <stdint.h>
struct node { struct node *left, *right; int key; };
static int visits, unused;
static int order(int a, int b) { return a < b ? -1 : a > b; }
int (*hook)(int, int) = order;
static struct node *find(struct node *n, int key)
{
    while (n && n->key != key)
        n = hook(key, n->key) < 0 ? n->left : n->right, visits++;
    return n;
}
__attribute__((annotate("psm_op")))
int64_t put(void *root, const void *arg, size_t size, void *out)
{
    struct node *n = find(root, *(const int *)arg);
    return n ? n->key : unused;
}
