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
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct psm;
struct log_entry;

enum replay_phase {
    REPLAY_RECOVERS, /* between psm_init's start and its end: takes the log's entries */
    REPLAY_SERVES,   /* the machine is open */
    REPLAY_STOPS,    /* psm_close: replay all, commit, end */
};

struct replay {
    pthread_t thread;
    bool      started;
    _Atomic uint32_t phase;      /* enum replay_phase; changed under the mutex */
    /* Its own. */
    uint64_t  position, sequence; /* of the next entry to replay */
    int64_t   time;               /* of the last one replayed */
    uint64_t  epoch_ops;
    const struct log_entry *entry; /* the one it is at; NULL between */
    uint64_t  entry_position;
    uint32_t  growths;            /* of the heap, in this entry */
    uint64_t  draws;              /* of psm_random, in this entry */
    bool      in_op;              /* running shadow code: a fault here is the op's */
    sigjmp_buf escape;            /* where a fault goes */
    char      trouble[512];       /* what the fault handler or psm_replay_trap said */
    struct attempt *attempt;      /* in the mapped super file, during recovery */
    /* For callers. */
    _Atomic uint32_t naps;        /* futex: 1 while it naps */
    _Atomic uint32_t wants;       /* callers that wait for the tail to move */
    _Atomic uint32_t progress;    /* futex: counts publications of the tail */
    pthread_mutex_t mutex;
    pthread_cond_t  changed;      /* phase, or recovery's end */
    bool      recovered;          /* REPLAY_RECOVERS is done; `result` holds */
    int       result;
    uint64_t  recover_until;      /* position */
    uint64_t  ops_recovered;
};

int  replay_start(struct psm *m);   /* make the thread; it waits for work */
/* V4: replay from m->commit up to `until` on the replay thread, and commit. */
int  replay_recover(struct psm *m, uint64_t until);
void replay_serve(struct psm *m);   /* the machine is open from now on */
/* Replay everything, commit, settle, join. 0, or PSM_EFAILED. */
int  replay_stop(struct psm *m);

/* Wait until the published tail is at least `position`: 0, or PSM_EFAILED. */
int  replay_wait(struct psm *m, uint64_t position);
/* Wake the thread if it naps. */
void replay_wake(struct psm *m);
#endif
