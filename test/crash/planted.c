// A bug that only a restart brings out is found, with a command that shows it again: a queue
// that keeps the pointer to its last element outside the state. In one run it is always
// right, memory and image are always alike; after a restart the pointer is gone, or only the
// replay thread's is there.
//
// RUN: rm -rf %t.kept
// RUN: %psmcc -O2 -g -std=gnu11 -Wall -Wextra -Werror %s -lpsmcrashtest -o %t
// RUN: not %t --images 20000 --seed 1 --jobs 1 --keep %t.kept > %t.out
// RUN: FileCheck %s --input-file %t.out
// RUN: sed -n 's/^  \(.* --image .*\)/\1/p' %t.out > %t.command
// RUN: not sh %t.command > %t.again
// RUN: FileCheck %s --input-file %t.again --check-prefix AGAIN
// RUN: %psmcc -DMENDED -O2 -g -std=gnu11 -Wall -Wextra -Werror %s -lpsmcrashtest -o %t.mended
// RUN: %t.mended --images 2000 --per-sequence 100 --seed 1 --keep %t.kept
//
// CHECK: VIOLATION: {{going on after the crash, op [0-9]+ leads to another state than without it|op [0-9]+, push, fails: the image differs from memory}}
// CHECK-NEXT: sequence
// CHECK-NEXT: {{[0-9]+}} push, argument of 8 bytes
// CHECK: crash {{[0-9]+}} in a row, right before event
// CHECK-NEXT: {{[0-9]+}} ops acknowledged
// CHECK-NEXT: {{.*}}persisted:
// CHECK: --image {{.*}}kept/crash-1
// CHECK: --seed 1 --sequence
// CHECK: 1 violations
// AGAIN: VIOLATION: {{going on after the crash, op [0-9]+ leads to another state than without it|op [0-9]+, push, fails: the image differs from memory}}
#include <stdlib.h>
#include <string.h>

#include "psm.h"
#include "psm_crashtest.h"

struct node { struct node *next; uint64_t value; };
struct queue {
    struct node *first;
#ifdef MENDED
    struct node *last;
#define LAST queue->last
#endif
};
#ifndef MENDED
__attribute__((psm_scratch)) static struct node *last;
#define LAST last
#endif

__attribute__((psm_op)) static int64_t push(void *root, const void *arg, size_t size, void *out)
{
    struct queue *queue = root;
    struct node *node = calloc(1, sizeof *node);
    (void)size, (void)out;
    if (node == NULL)
        return -1;
    memcpy(&node->value, arg, sizeof node->value);
    if (LAST == NULL) {
        node->next = queue->first;
        queue->first = node;
    } else {
        LAST->next = node;
    }
    LAST = node;
    return 0;
}

static size_t random_value(void *arg, uint64_t seed)
{
    memcpy(arg, &seed, sizeof seed);
    return sizeof seed;
}

static uint64_t digest(const void *root)
{
    uint64_t hash = 0;
    for (const struct node *n = ((const struct queue *)root)->first; n != NULL; n = n->next)
        hash = psm_crashtest_hash(&n->value, sizeof n->value, hash);
    return hash;
}

int main(int argc, char **argv)
{
    static const struct psm_crashtest_op ops[] = { { "push", push, random_value, 0 } };
    static const struct psm_crashtest test = {
        .options = { .root_size = sizeof(struct queue) },
        .ops = ops, .op_count = 1, .arg_size_max = sizeof(uint64_t), .digest = digest,
    };
    return psm_crashtest_main(&test, argc, argv);
}
