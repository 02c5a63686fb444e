/* hook.c: the slow paths of the hooks that compiled code calls, and their like for the
 * code of the runtime that runs in P.
 *
 * The fast path, a test of the block's mark, is inline in the shadow variant. What gets
 * here is the first store of an epoch to a block, a long store, or a store to where
 * nothing may be stored. */
#include "hooks.h"

#include <errno.h>

#include "error.h"
#include "machine.h"
#include "wrap.h"

__thread struct psm *psm_current TLS_INITIAL;
__thread struct psm *psm_replaying TLS_INITIAL;
__thread struct psm *psm_reading TLS_INITIAL;
__thread uint64_t psm_ops_replayed TLS_INITIAL;

void __psm_log(void *twin, uint64_t size)
{
    epoch_note(psm_replaying, twin, size);
}

void __psm_log_range(void *twin, uint64_t size)
{
    epoch_note(psm_replaying, twin, size);
}

void __psm_log_many(void *a, uint64_t a_size, void *b, uint64_t b_size, void *c, uint64_t c_size)
{
    const struct epoch_range ranges[] = {{a, a_size}, {b, b_size}, {c, c_size}};
    epoch_note_many(psm_replaying, ranges, 3);
}

void psm_store_hook(void *twin, size_t size)
{
    epoch_note(psm_replaying, twin, size);
}

void psm_fresh(struct psm *m, void *twin, size_t size)
{
    epoch_fresh(m, twin, size);
}

void __psm_trap(void *text)
{
    psm_replay_trap("it reaches what cannot be replayed: %s", (const char *)text);
}

/* What a skipped function does to errno, replay does not. */
static __thread int errno_before_skip;

void *__psm_skip_enter(void)
{
    struct psm *m = psm_current;
    if (m != NULL)
        errno_before_skip = errno;
    psm_current = NULL;
    return m;
}

void __psm_skip_leave(void *before)
{
    psm_current = before;
    if (before != NULL)
        errno = errno_before_skip;
}

void __psm_guard(void *name)
{
    /* Between psm_begin and psm_commit runs what the program likes: ops are what it appends. */
    if (psm_current != NULL && !psm_current->in_section)
        psm_fatal("an op calls %s, which cannot be replayed; stopped before it was acknowledged",
                  (const char *)name);
}
