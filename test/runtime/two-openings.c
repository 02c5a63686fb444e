// Two machines of a program whose ops keep state in globals, opened by two threads at once: one
// gets the globals, the other an error.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir
#include "hand.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

static uint64_t counter;
#define HAND_OPS "counter_ops.h"
#include "hand_ops.h"
static const struct program_op counter_ops[] = { HAND_OP(0, count_one) };
static struct program_global globals[1];
HAND_PROGRAM(counter_ops)

/* Whoever waits gets the processor when a mutex is let go of, as on a busy machine. */
int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);
    if (real == NULL)
        real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    int status = real(mutex);
    usleep(2000);
    return status;
}

struct opening { char directory[300]; psm_t *machine; int status; };

static void *open_it(void *argument)
{
    struct opening *o = argument;
    struct psm_options options = { .root_size = 64, .medium = PSM_MEDIUM_FILE };
    o->status = psm_init(&o->machine, o->directory, &options);
    return NULL;
}

int main(int argc, char **argv)
{
    struct opening opening[2];
    int refused = 0;
    (void)argc;
    globals[0] = (struct program_global){ .address = (uint64_t)&counter, .size = 8, .kind = PROGRAM_STATE,
                                          .name = "counter" };
    hand_globals = globals;
    hand_global_count = 1;
    for (int i = 0; i < 2; i++) {
        snprintf(opening[i].directory, sizeof opening[i].directory, "%s/%d", argv[1], i);
        open_it(&opening[i]);
        OK(opening[i].status);
        OK(psm_close(opening[i].machine));
    }
    for (int round = 0; round < 10; round++) {
        pthread_t thread[2];
        for (int i = 0; i < 2; i++)
            pthread_create(&thread[i], NULL, open_it, &opening[i]);
        for (int i = 0; i < 2; i++)
            pthread_join(thread[i], NULL);
        if (opening[0].status == 0 && opening[1].status == 0) {
            printf("both are open\n");
            return 1;
        }
        for (int i = 0; i < 2; i++) {
            if (opening[i].status == 0)
                OK(psm_close(opening[i].machine));
            else if (opening[i].status == PSM_EGLOBALS)
                refused++;
            else
                OK(opening[i].status);
        }
    }
    return refused == 0; /* never at once: nothing was tested */
}
