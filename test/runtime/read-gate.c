// Reads by the thread that has the machine's lock to itself take psm_invoke_ro's inlined
// path, and are locked all the same: a second thread's op waits for a read under way, reads
// wait for the second thread from then on, and a read inside an op or a read is refused.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O0 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t.0 %libpsm
// RUN: %t.0 %pmdir/m0
//
// Mutants that it has caught: the gate left open in lock_enter_slow; no store of `inside` in
// psm_invoke_ro; `reader` left set there; and in lock_enter.
#include "hand.h"
#include "limits.h"

#include <pthread.h>

HAND_PROGRAM(limits_program_ops)

static psm_t *machine;
static _Atomic int reading, writing;
static const uint64_t one = 1;

static int64_t sum_of(void *root, const void *arg, size_t size, void *out)
{
    (void)arg, (void)size, (void)out;
    return (int64_t)((struct limits *)root)->sum;
}

static int64_t read_inside(void *root, const void *arg, size_t size, void *out)
{
    (void)root, (void)arg, (void)size, (void)out;
    return psm_invoke_ro(machine, sum_of, NULL, 0, NULL, 0) == PSM_ENESTED;
}

/* Lasts long enough for a writer that does not wait to be seen. */
static int64_t read_slowly(void *root, const void *arg, size_t size, void *out)
{
    int64_t before = sum_of(root, arg, size, out);
    atomic_store(&reading, 1);
    while (atomic_load(&writing) == 0)
        usleep(1000);
    usleep(100000);
    return sum_of(root, arg, size, out) - before;
}

static void *writer(void *argument)
{
    (void)argument;
    while (atomic_load(&reading) == 0)
        usleep(1000);
    atomic_store(&writing, 1);
    CHECK(psm_invoke_rw(machine, add, &one, sizeof one, NULL, 0) == 3);
    return NULL;
}

static void *section(void *argument)
{
    struct limits *l = psm_root(machine);
    (void)argument;
    OK(psm_begin(machine));
    atomic_store(&writing, 2);
    usleep(100000);
    l->sum++, l->ops++;
    OK(psm_append(machine, add, &one, sizeof one));
    OK(psm_commit(machine));
    return NULL;
}

int main(int argc, char **argv)
{
    struct psm_options o = { .root_size = sizeof(struct limits), .medium = PSM_MEDIUM_PM };
    pthread_t thread;
    (void)argc;
    OK(psm_init(&machine, argv[1], &o));
    CHECK(psm_invoke_rw(machine, add, &one, sizeof one, NULL, 0) == 1);
    CHECK(psm_invoke_ro(machine, sum_of, NULL, 0, NULL, 0) == 1);
    const struct psm_gate *gate = (const struct psm_gate *)machine;
    CHECK(gate->root == psm_root(machine) && gate->reader != 0 && gate->inside == 0);
    CHECK(psm_invoke_ro(machine, read_inside, NULL, 0, NULL, 0) == 1);
    OK(psm_begin(machine));
    CHECK(psm_invoke_ro(machine, sum_of, NULL, 0, NULL, 0) == PSM_ENESTED);
    OK(psm_commit(machine));
    CHECK(psm_invoke_rw(machine, add, &one, sizeof one, NULL, 0) == 2);
    CHECK(gate->root == psm_root(machine) && gate->reader != 0 && gate->inside == 0);

    pthread_create(&thread, NULL, writer, NULL);
    CHECK(psm_invoke_ro(machine, read_slowly, NULL, 0, NULL, 0) == 0);
    pthread_join(thread, NULL);
    CHECK(gate->root == NULL);

    pthread_create(&thread, NULL, section, NULL);
    while (atomic_load(&writing) != 2)
        usleep(1000);
    CHECK(psm_invoke_ro(machine, sum_of, NULL, 0, NULL, 0) == 4);
    pthread_join(thread, NULL);
    OK(psm_close(machine));
    return 0;
}
