/* audit_ops.c: the caller's side of PSM_CHECK: an op's two runs are compared, and strays
 * are named. See audit.h. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "error.h"
#include "futex.h"
#include "machine.h"
#include "program.h"
#include "verify.h"

/* The machine fails; `text` is its story, and that of the call. */
static int found(struct psm *m, const char *text)
{
    machine_fail(m, text);
    return psm_fail(PSM_EVERIFY, "%s: %s", m->directory, text);
}

static int report_stray(struct psm *m, const char *by)
{
    struct audit *a = m->audit;
    char where[160], text[640];
    uint64_t at = (uint64_t)a->stray_at;
    bool in_image = !watch_covers(&a->d, a->stray_at);
    verify_place(m, &m->heap_d, in_image ? at - PSM_DELTA : at, where, sizeof where);
    snprintf(text, sizeof text, "%s %s %s, at code address %p (addr2line -f -e %s %p): %s", by,
             in_image ? "writes to the image of" : "changes", where, a->stray_code, m->program->path,
             a->stray_code, in_image ? "that is the replay thread's alone" : "only rw ops may change the state");
    return found(m, text);
}

static int lost(struct psm *m)
{
    return found(m, "too many pages change to be watched: PSM_CHECK cannot go on");
}

int audit_after_read(struct psm *m, psm_op_fn *op)
{
    struct audit *a = m->audit;
    const char *name = program_function_name(m->program, (uintptr_t)op);
    char by[256];
    if (atomic_load_explicit(&a->stray, memory_order_acquire) != 2 || a->stray_thread != lock_self())
        return 0;
    snprintf(by, sizeof by, "read-only op '%s'", name != NULL ? name : "?");
    return report_stray(m, by);
}

/* ---- globals ---- */

/* The first byte of the persisted globals that differs, or NULL. */
static const unsigned char *global_difference(struct psm *m)
{
    for (uint32_t i = 0; m->owns_globals && i < m->program->global_count; i++) {
        const struct program_global *g = &m->program->global[i];
        const unsigned char *d = (const unsigned char *)g->address;
        if (g->kind != PROGRAM_STATE || memcmp(d, d + PSM_DELTA, g->size) == 0)
            continue;
        while (*d == d[PSM_DELTA])
            d++;
        return d;
    }
    return NULL;
}

int audit_before_op(struct psm *m)
{
    struct audit *a = m->audit;
    char where[160], text[512];
    if (atomic_load_explicit(&a->stray, memory_order_acquire) == 2)
        return report_stray(m, a->stray_reading ? "a read-only op" : "code outside of any op");
    if (m->logs_after)
        return 0;
    const unsigned char *d = global_difference(m);
    if (d != NULL) {
        verify_place(m, &m->heap_d, (uintptr_t)d, where, sizeof where);
        snprintf(text, sizeof text, "code outside of any op, or a read-only op, has changed %s since entry %lu: only "
                 "rw ops may change the state", where, (unsigned long)m->log.sequence - 1);
        return found(m, text);
    }
    return globals_check_frozen(m, (unsigned char *)m->space.globals_low + PSM_DELTA);
}

/* ---- the arena ---- */

/* The first word of a page that differs and counts: its offset in the arena, or UINT64_MAX. */
static uint64_t page_difference(struct psm *m, uint64_t page)
{
    const unsigned char *d = m->space.d + page * LAYOUT_PAGE, *p = d + PSM_DELTA;
    uint64_t at = page * LAYOUT_PAGE, end = at + LAYOUT_PAGE;
    if (memcmp(d, p, LAYOUT_PAGE) == 0)
        return UINT64_MAX;
    for (uint64_t next; at < end; at = next) {
        bool live = heap_agrees_at(&m->heap_d, at, &next);
        if (next > end)
            next = end;
        for (uint64_t i = at & ~UINT64_C(7); live && i < next; i += 8)
            if (memcmp(m->space.d + i, m->space.p + i, 8) != 0)
                return i;
    }
    return UINT64_MAX;
}

static uint64_t arena_difference(struct psm *m)
{
    const struct watch *both[] = { &m->audit->d, &m->audit->p };
    uint64_t first = UINT64_MAX;
    for (int copy = 0; copy < 2; copy++) {
        uint32_t count = atomic_load(&both[copy]->count);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t at = page_difference(m, both[copy]->page[i]);
            first = at < first ? at : first;
        }
    }
    return first;
}

static uint64_t word_at(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static int differs(struct psm *m, uint32_t op, const unsigned char *d)
{
    const struct audit *a = m->audit;
    char where[160], before[64] = "", text[700];
    const char *who = "";
    d = (const unsigned char *)((uintptr_t)d & ~(uintptr_t)7);
    uint64_t in_d = word_at(d), in_p = word_at(d + PSM_DELTA), offset = (uint64_t)(d - a->d.low);
    if (watch_covers(&a->d, d)) {
        const unsigned char *was = watch_before(&a->d, offset / LAYOUT_PAGE);
        if (was == NULL)
            was = watch_before(&a->p, offset / LAYOUT_PAGE);
        uint64_t word = word_at(was + offset % LAYOUT_PAGE);
        snprintf(before, sizeof before, ", 0x%016lx before it", (unsigned long)word);
        if (word == in_p)
            who = ": only the run in memory changed it";
        else if (word == in_d)
            who = ": only the replay changed it";
    }
    verify_place(m, &m->heap_d, (uintptr_t)d, where, sizeof where);
    snprintf(text, sizeof text, "entry %lu, op '%s', is not deterministic, or changes what is not state: image and "
             "memory differ after it, first in %s: 0x%016lx in memory, 0x%016lx in the image%s%s",
             (unsigned long)m->op_sequence, m->program->op[op].name, where, (unsigned long)in_d,
             (unsigned long)in_p, before, who);
    return found(m, text);
}

static int wait_for_replay(struct psm *m)
{
    struct audit *a = m->audit;
    uint64_t head = m->log.head;
    if (m->log.store != NULL) {
        int status = m->log.store->wait(m, head);
        if (status != 0)
            return status;
    }
    for (;;) {
        uint32_t progress = atomic_load(&a->progress);
        int state = atomic_load(&m->state);
        if (state < 0)
            return psm_fail(state, "%s: %s", m->directory, m->trouble);
        if (atomic_load_explicit(&a->replayed, memory_order_acquire) >= head)
            return 0;
        replay_wake(m);
        futex_wait(&a->progress, progress, 100 * 1000 * 1000);
    }
}

int audit_after_op(struct psm *m, uint32_t op)
{
    struct audit *a = m->audit;
    int status = wait_for_replay(m);
    if (status != 0 || m->logs_after)
        return status;
    if (atomic_load(&a->d.lost))
        return lost(m);
    const unsigned char *global = global_difference(m);
    if (global != NULL)
        return differs(m, op, global);
    uint64_t first = arena_difference(m);
    if (first != UINT64_MAX)
        return differs(m, op, m->space.d + first);
    watch_close(&a->d);
    return 0;
}
