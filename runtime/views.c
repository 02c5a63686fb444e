/* views.c: what the two copies of the heap ask of the machine: announcing stores, and room.
 *
 * Growth is where the copies could part: D asks the medium, which may refuse, and the
 * answer depends on the day. So a refusal goes into the log, durable before malloc
 * returns NULL, and replay refuses from the same growth on. One refusal an op: when one
 * growth has been refused, so are all the rest of that op's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "machine.h"

static int grow_d(void *context, uint64_t old_end, uint64_t new_end)
{
    struct psm *m = context;
    (void)old_end;
    uint64_t growth = m->op_growths++;
    if (m->native) {
        if (growth >= m->native_refused)
            return 0;
        if (space_grow(m, new_end) == 0)
            return 1;
        m->native_failed = errno != 0 ? errno : ENOMEM; /* not what the op was told when it was logged */
        return 0;
    }
    if (!m->op_refused && space_grow(m, new_end) == 0)
        return 1;
    if (m->in_section)
        return 0; /* the caller's business: no op has begun */
    if (!m->op_refused) {
        m->op_refused = true;
        psm_say(m, PSM_LOG_WARNING, "the medium refuses to let the heap grow to %lu MiB: %s",
                (unsigned long)(new_end >> 20), strerror(errno));
        oplog_append_refusal(m, growth);
    }
    return 0;
}

static int grow_p(void *context, uint64_t old_end, uint64_t new_end)
{
    struct psm *m = context;
    struct replay *r = &m->replay;
    (void)old_end;
    if (r->growths++ >= r->refused_from)
        return 0;
    /* D has grown the file before the op returned; what is left are ops whose crash came
     * before that, and ops that were logged after their changes had been made. */
    for (int tries = 0; space_grow(m, new_end) != 0; tries++) {
        if (tries == 0)
            psm_say(m, PSM_LOG_WARNING, "replay waits: the image cannot grow to %lu MiB: %s",
                    (unsigned long)(new_end >> 20), strerror(errno));
        if (atomic_load(&r->phase) != REPLAY_SERVES && tries > 100)
            psm_replay_fail("the image cannot grow to %lu MiB: %s", (unsigned long)(new_end >> 20),
                            strerror(errno));
        nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
    }
    return 1;
}

static void store_p(void *context, void *p, size_t size)
{
    epoch_note(context, p, size);
}

static void fresh_p(void *context, void *p, size_t size)
{
    epoch_fresh(context, p, size);
}

static void untouched_p(void *context, void *p, size_t size)
{
    epoch_untouched(context, p, size);
}

static void drop_d(void *context, uint64_t offset, uint64_t size)
{
    space_drop_d(context, offset, size);
}

static void damaged_d(void *context, const char *what)
{
    struct psm *m = context;
    char why[512];
    snprintf(why, sizeof why, "%s/image: the heap is damaged: %s", m->directory, what);
    machine_fail(m, why);
}

void machine_heap_p(struct psm *m)
{
    m->heap_p = (struct heap_view){ .base = m->space.p, .context = m, .store = store_p, .fresh = fresh_p,
                                    .untouched = untouched_p, .grow = grow_p };
}

void machine_heap_d(struct psm *m)
{
    m->heap_d = (struct heap_view){ .base = m->space.d, .context = m, .grow = grow_d, .release = drop_d,
                                    .clear = drop_d, .damaged = damaged_d };
}
