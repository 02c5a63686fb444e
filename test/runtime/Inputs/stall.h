/* stall.h: a replay thread that stands still, so that what is in the log stays there. */
#ifndef STALL_H
#define STALL_H
#include <unistd.h>

#include "machine.h"

static volatile int stall_wanted;
static const struct epoch_store *stall_real;

static void stall_begin(struct psm *m)
{
    while (stall_wanted)
        usleep(100);
    stall_real->begin(m);
}

/* The next epoch of m does not begin before stall_wanted is 0 again. */
static inline void stall_replay(struct psm *m)
{
    static struct epoch_store stalled;
    OK(psm_drain(m));
    stall_real = m->epoch.store;
    stalled = *stall_real;
    stalled.begin = stall_begin;
    stall_wanted = 1;
    m->epoch.store = &stalled;
}
#endif
