// Many threads on one machine, from the moment the first of them has the lock to itself:
// rw ops happen one at a time and lose nothing, ro ops never see one half done, sections,
// drains, verifies and statistics go on beside them. ThreadSanitizer has nothing to say.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m pm 20000
// RUN: %t %filedir/m file 300
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -fsanitize=thread -I%runtime -I%S/Inputs %s -o %t.tsan %libpsm_tsan
// RUN: env TSAN_OPTIONS=halt_on_error=1 %t.tsan %pmdir/t pm 2000
// RUN: env TSAN_OPTIONS=halt_on_error=1 %t.tsan %filedir/t file 100
#include "hand.h"
#include "limits.h"

#include <pthread.h>

HAND_PROGRAM(limits_program_ops)

#define WRITERS 3
static psm_t *machine;
static long rounds;
static _Atomic long running;

/* ops and sum change together: each add is of 1. */
static int64_t look(void *root, const void *arg, size_t size, void *out)
{
    struct limits *l = root;
    (void)arg, (void)size, (void)out;
    return l->sum == l->ops ? (int64_t)l->sum : -1;
}

static void *writer(void *argument)
{
    uint64_t one = 1, last = 0;
    (void)argument;
    for (long i = 0; i < rounds; i++) {
        uint64_t out = 0;
        int64_t sum = psm_invoke_rw(machine, add, &one, sizeof one, &out, sizeof out);
        CHECK(sum > (int64_t)last && (uint64_t)sum == out);
        last = (uint64_t)sum;
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void *section_writer(void *argument)
{
    uint64_t one = 1;
    (void)argument;
    for (long i = 0; i < rounds / 4; i++) {
        OK(psm_begin(machine));
        struct limits *l = psm_root(machine);
        for (int k = 0; k < 4; k++) {
            l->sum++, l->ops++;
            OK(psm_append(machine, add, &one, sizeof one));
        }
        OK(psm_commit(machine));
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void *reader(void *argument)
{
    int64_t last = 0;
    (void)argument;
    while (atomic_load(&running) > 0) {
        int64_t sum = psm_invoke_ro(machine, look, NULL, 0, NULL, 0);
        CHECK(sum >= last);
        last = sum;
    }
    return NULL;
}

static void *observer(void *argument)
{
    struct psm_statistics s;
    (void)argument;
    for (long i = 0; atomic_load(&running) > 0; i++) {
        OK(psm_stats(machine, &s));
        CHECK(s.failed == 0);
        if (i % 64 == 0)
            OK(psm_drain(machine));
        if (i % 1024 == 0)
            OK(psm_verify(machine));
    }
    return NULL;
}

/* A second thread finds the first, which has the bias, in the middle of a section. */
static _Atomic int second_is_in;
static void *second(void *argument)
{
    uint64_t one = 1;
    (void)argument;
    OK(psm_invoke_rw(machine, add, &one, sizeof one, NULL, 0));
    atomic_store(&second_is_in, 1);
    return NULL;
}

static void bias_holds(void)
{
    pthread_t thread;
    OK(psm_begin(machine));
    pthread_create(&thread, NULL, second, NULL);
    usleep(300000);
    CHECK(atomic_load(&second_is_in) == 0);
    OK(psm_commit(machine));
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct psm_options o = { .root_size = sizeof(struct limits), .log_bytes = 1 << 16,
                             .medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE };
    pthread_t thread[WRITERS + 4];
    uint64_t one = 1;
    rounds = atol(argv[3]);
    OK(psm_init(&machine, argv[1], &o));
    /* This thread has the bias when the others come, and is in the middle of ops. */
    for (int i = 0; i < 100; i++)
        OK(psm_invoke_rw(machine, add, &one, sizeof one, NULL, 0));
    bias_holds();
    atomic_store(&running, WRITERS + 2);
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&thread[i], NULL, writer, NULL);
    pthread_create(&thread[WRITERS], NULL, section_writer, NULL);
    pthread_create(&thread[WRITERS + 1], NULL, reader, NULL);
    pthread_create(&thread[WRITERS + 2], NULL, reader, NULL);
    pthread_create(&thread[WRITERS + 3], NULL, observer, NULL);
    writer(NULL);
    for (int i = 0; i < WRITERS + 4; i++)
        pthread_join(thread[i], NULL);
    struct limits *l = psm_root(machine);
    uint64_t expected = 101 + (uint64_t)rounds * (WRITERS + 1) + (uint64_t)(rounds / 4 * 4);
    CHECK(l->sum == expected && l->ops == expected);
    OK(psm_verify(machine));
    OK(psm_close(machine));
    o.flags = PSM_OPEN;
    OK(psm_init(&machine, argv[1], &o));
    l = psm_root(machine);
    CHECK(l->sum == expected);
    OK(psm_close(machine));
    return 0;
}
