/* lock.c: the slow half of the lock: claiming it, taking it away, sharing it. */
#include "lock.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

static bool can_revoke; /* this kernel has membarrier: only then is a bias ever given */

void lock_setup(void)
{
    can_revoke = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void lock_make(struct lock *l)
{
    atomic_init(&l->owner, can_revoke ? 0 : LOCK_SHARED);
    l->gate = (struct psm_gate){ 0 };
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&l->shared, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

void lock_destroy(struct lock *l)
{
    pthread_rwlock_destroy(&l->shared);
}

void lock_open_gate(struct lock *l, void *root, _Atomic int *state)
{
    /* Sequentially consistent, as are the stores of who closes it: either we see why it has
     * to be closed, or the closer's store of NULL comes after ours. */
    __atomic_store_n(&l->gate.root, root, __ATOMIC_SEQ_CST);
    if (atomic_load(&l->owner) != lock_self() || atomic_load(state) != 0)
        __atomic_store_n(&l->gate.root, NULL, __ATOMIC_SEQ_CST);
}

void lock_close_gate(struct lock *l)
{
    __atomic_store_n(&l->gate.root, NULL, __ATOMIC_SEQ_CST);
}

/* Wait until the biased thread is out, having seen that it is biased no longer. */
static void wait_for_owner(struct lock *l)
{
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
        psm_fatal("membarrier failed after it had been registered");
    for (long pause_ns = 0; __atomic_load_n(&l->gate.inside, __ATOMIC_ACQUIRE) != 0;) {
        if (pause_ns < 20000) {
            sched_yield();
            pause_ns += 200;
        } else {
            /* The owner runs a long op, or sits between psm_begin and psm_commit. */
            nanosleep(&(struct timespec){ .tv_nsec = pause_ns }, NULL);
        }
    }
}

enum lock_way lock_enter_slow(struct lock *l, bool writer)
{
    uintptr_t self = lock_self(), seen = atomic_load_explicit(&l->owner, memory_order_acquire);
    if (seen == 0 && atomic_compare_exchange_strong(&l->owner, &seen, self))
        return lock_enter(l, writer);
    if (writer)
        pthread_rwlock_wrlock(&l->shared);
    else
        pthread_rwlock_rdlock(&l->shared);
    /* Several readers may get here at once: each waits for the owner before it goes on,
     * and LOCK_SHARED is only stored by one that has waited. */
    if (atomic_load_explicit(&l->owner, memory_order_acquire) != LOCK_SHARED) {
        atomic_store_explicit(&l->owner, LOCK_REVOKED, memory_order_seq_cst);
        lock_close_gate(l);
        wait_for_owner(l);
        atomic_store_explicit(&l->owner, LOCK_SHARED, memory_order_release);
    }
    return LOCK_RWLOCK;
}
