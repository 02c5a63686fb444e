/* replay.h: the thread that runs the shadow variants.
 *
 * It takes entries that are durable and executed, in epochs, and publishes the tail when
 * their commit is durable. Idle, it naps with a time limit that doubles; callers wake it
 * only when they wait for something: log space, a drain. Blocks all signals but those
 * that an op's own fault raises (fault.h), which end the op and fail the machine. */
#ifndef PSM_REPLAY_H
#define PSM_REPLAY_H
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "count.h"
#include "layout.h"

struct psm;

enum replay_phase {
    REPLAY_WAITS,    /* made; psm_init is not there yet */
    REPLAY_RECOVERS, /* takes the entries that psm_init found */
    REPLAY_SERVES,   /* the machine is open */
    REPLAY_STOPS,    /* psm_close: replay all, commit, end */
    REPLAY_ENDS,     /* psm_init has failed: end, nothing says up to where to replay */
};

struct replay {
    pthread_t thread;
    bool      started;
    _Atomic uint32_t phase;      /* enum replay_phase; changed under the mutex */
    /* Its own. */
    uint64_t  position, sequence; /* of the next entry to replay */
    int64_t   time;               /* of the entry it is at, or was */
    uint64_t  epoch_ops;          /* replayed in the open epoch */
    int64_t   epoch_began_ns;     /* when that was begun; monotonic */
    bool      published;          /* the newest commit is, as the tail */
    bool      extents;            /* the epoch had entries with extents */
    bool      in_op;              /* shadow code runs: a fault is the op's */
    const struct log_entry *entry; /* the one it is at; NULL between */
    uint64_t  limit;              /* position up to which entries may be read */
    uint64_t  refused_from;       /* growths of this entry from here on were refused */
    uint64_t  growths;            /* of the heap, asked for by this entry */
    uint64_t  draws;              /* psm_random's, by this entry */
    sigjmp_buf escape;            /* where a fault goes */
    char      trouble[512];       /* what the fault handler or psm_replay_trap said */
    char     *signal_stack;       /* the fault handler's */
    stack_t   signal_stack_before;
    /* Recovery. */
    struct attempt *attempt;      /* in the mapped super file, while recovering */
    struct attempt earlier;       /* what it said at the start */
    uint64_t  recover_until;      /* position */
    bool      recovered;          /* done or failed: `result` holds; under the mutex */
    int       result;
    count_t   ops_recovered;
    /* For callers. */
    _Atomic uint32_t naps;        /* futex: 1 while it naps */
    _Atomic uint32_t wants;       /* callers that wait for the tail to move */
    _Atomic uint32_t progress;    /* futex: counts publications of the tail */
    pthread_mutex_t mutex;
    pthread_cond_t  changed;      /* phase, recovered */
};

int  replay_start(struct psm *m);   /* make the thread; it waits */
/* V4: replay from m->commit up to position `until`, and commit: 0, PSM_EPOISON, PSM_EFAILED. */
int  replay_recover(struct psm *m, uint64_t until);
void replay_serve(struct psm *m);   /* the machine is open from now on */
/* Replay all, commit, settle, end the thread: 0, PSM_EFAILED. */
int  replay_stop(struct psm *m);
/* Begin the heap's and the store's epoch; what was committed before is durable. */
void replay_begin_epoch(struct psm *m);

/* Wait until the published tail is at least `position`: 0, or PSM_EFAILED. */
int  replay_wait(struct psm *m, uint64_t position);
/* Wake the thread if it naps. */
void replay_wake(struct psm *m);
/* Recoveries that may end at one entry, without a fault that could be caught, before it
 * is refused: SIGKILL may hit the same one by chance, and a watchdog does. */
#define REPLAY_ATTEMPTS_MAX 8
#endif
