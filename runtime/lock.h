/* lock.h: the machine's lock: one writer, or many readers.
 *
 * Biased to the first thread that uses the machine: as long as no other thread comes, a
 * call costs that thread two plain stores and a load, no atomic read-modify-write. The
 * owner stores `inside` and then reads `owner`; a second thread stores LOCK_REVOKED to
 * `owner` and then reads `inside`. That is Dekker's pattern, which needs a full fence on
 * both sides; membarrier(PRIVATE_EXPEDITED) by the second thread, once in the machine's
 * life, is the owner's fence as well. From then on all threads use a pthread_rwlock that
 * prefers writers.
 *
 * psm_invoke_ro in psm.h takes it for reading with fewer loads: gate.reader is the owner
 * as long as it is not inside, and gate.root, which whoever takes the bias away sets to
 * NULL together with `owner`, says that it is the owner still.
 *
 * Not recursive; psm.c keeps ops from calling in again. */
#ifndef PSM_LOCK_H
#define PSM_LOCK_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "psm.h"

struct lock {
    struct psm_gate   gate;   /* `inside`: the biased thread is in; `reader`: that thread, as
                                 long as it is out; `root`: not NULL while its reads need
                                 nothing but the lock: the machine is open, and no durability
                                 is to be waited for */
    _Atomic uintptr_t owner;  /* 0: nobody yet; lock_self() of the biased thread; then
                                 LOCK_REVOKED, and LOCK_SHARED when that thread is out */
    pthread_rwlock_t  shared; /* used once owner is LOCK_SHARED */
};
#define LOCK_REVOKED ((uintptr_t)1)
#define LOCK_SHARED  ((uintptr_t)2)

/* How a thread got in; lock_leave wants it back. LOCK_NESTED: it was in already, by the
 * bias; it has got nothing to leave. (On the rwlock's way psm_current and psm_reading say so.) */
enum lock_way { LOCK_BIASED, LOCK_RWLOCK, LOCK_NESTED };

/* A number no other living thread has: its control block's address. */
static inline uintptr_t lock_self(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

/* Once per process before the first lock_make. */
void lock_setup(void);
void lock_make(struct lock *l);
void lock_destroy(struct lock *l);
/* Let the owner, who is in, read by psm_invoke_ro's fast path from now on; `state`, if it is
 * not 0 then, or root NULL, forbid it. */
void lock_open_gate(struct lock *l, void *root, _Atomic int *state);
/* No more of that. Reads under way are not waited for. */
void lock_close_gate(struct lock *l);

enum lock_way lock_enter_slow(struct lock *l, bool writer);

static inline enum lock_way lock_enter(struct lock *l, bool writer)
{
    uintptr_t self = lock_self();
    if (__builtin_expect(atomic_load_explicit(&l->owner, memory_order_relaxed) == self, 1)) {
        if (__builtin_expect(__atomic_load_n(&l->gate.inside, __ATOMIC_RELAXED) != 0, 0))
            return LOCK_NESTED;
        __atomic_store_n(&l->gate.reader, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&l->gate.inside, 1, __ATOMIC_RELAXED);
        /* Compiler only: keeps the store before the load. The processor's order is the
         * membarrier's business. */
        atomic_signal_fence(memory_order_seq_cst);
        if (__builtin_expect(atomic_load_explicit(&l->owner, memory_order_acquire) == self, 1))
            return LOCK_BIASED;
        /* Another thread has just come and may be waiting for us. */
        __atomic_store_n(&l->gate.inside, 0, __ATOMIC_RELEASE);
    }
    return lock_enter_slow(l, writer);
}

static inline void lock_leave(struct lock *l, enum lock_way way)
{
    if (__builtin_expect(way == LOCK_BIASED, 1)) {
        __atomic_store_n(&l->gate.inside, 0, __ATOMIC_RELEASE); /* all we did, before this */
        __atomic_store_n(&l->gate.reader, lock_self(), __ATOMIC_RELAXED);
    } else if (way == LOCK_RWLOCK) {
        pthread_rwlock_unlock(&l->shared);
    }
}
#endif
