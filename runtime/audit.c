/* audit.c: see audit.h. The image's side: every changed byte was announced; and the
 * fault handler's, which also names strays. What memory and image are compared for is in
 * audit_ops.c. */
#include "audit.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "futex.h"
#include "machine.h"
#include "verify.h"

/* By address slot: machines that are audited. Read by the signal handler. */
static struct psm *_Atomic audited[PSM_SLOT_COUNT];

int audit_open(struct psm *m)
{
    struct space *s = &m->space;
    struct audit *a = calloc(1, sizeof *a);
    if (a == NULL)
        return psm_fail(PSM_ENOMEM, "no memory to check ops with");
    m->audit = a;
    int status;
    if ((status = watch_make(&a->d, s->d, s->arena_max, &s->arena_bytes)) != 0
        || (status = watch_make(&a->p, s->p, s->arena_max, &s->arena_bytes)) != 0
        || (status = watch_make(&a->p_globals, (void *)(s->globals_low + PSM_DELTA),
                                m->owns_globals ? s->globals_bytes : 0, NULL)) != 0)
        return status;
    atomic_store(&audited[s->slot], m);
    if ((status = watch_arm(&a->p)) != 0)
        return status;
    return watch_arm(&a->p_globals);
}

int audit_serve(struct psm *m)
{
    struct audit *a = m->audit;
    space_detach_rest(m); /* or the sweeper would be taken for a stray */
    atomic_store(&a->replayed, m->log.head);
    a->serves = true;
    int open = 0;
    atomic_compare_exchange_strong(&m->state, &open, MACHINE_CHECKED);
    return watch_arm(&a->d);
}

void audit_close(struct psm *m)
{
    struct audit *a = m->audit;
    if (a == NULL)
        return;
    atomic_store(&audited[m->space.slot], NULL);
    watch_destroy(&a->d);
    watch_destroy(&a->p);
    watch_destroy(&a->p_globals);
    free(a->first[0]);
    free(a->first[1]);
    free(a);
    m->audit = NULL;
}

void audit_release_memory(struct psm *m)
{
    watch_disarm(&m->audit->d);
}

void audit_mapped(struct psm *m, const void *at, uint64_t bytes)
{
    watch_mapped(&m->audit->d, at, bytes);
}

/* ---- the fault handler's part ---- */

static void note_stray(struct psm *m, const void *at, const void *code)
{
    struct audit *a = m->audit;
    uint32_t none = 0;
    if (!atomic_compare_exchange_strong(&a->stray, &none, 1))
        return;
    a->stray_thread = lock_self();
    a->stray_at = at;
    a->stray_code = code;
    a->stray_reading = psm_reading == m;
    atomic_store_explicit(&a->stray, 2, memory_order_release);
}

bool audit_fault(const void *at, const void *code)
{
    for (unsigned slot = 0; slot < PSM_SLOT_COUNT; slot++) {
        struct psm *m = atomic_load_explicit(&audited[slot], memory_order_acquire);
        if (m == NULL)
            continue;
        struct audit *a = m->audit;
        struct watch *w = watch_covers(&a->d, at) ? &a->d : watch_covers(&a->p, at) ? &a->p
                          : watch_covers(&a->p_globals, at) ? &a->p_globals : NULL;
        if (w == NULL || !(atomic_load(&w->armed) || atomic_load(&w->released)))
            continue;
        bool rightly = w == &a->d ? psm_current == m : psm_replaying == m || !a->serves;
        if (atomic_load(&w->armed) && !rightly)
            note_stray(m, at, code);
        watch_fault(w, at);
        return true;
    }
    return false;
}

/* ---- the image ---- */

static const char *place(struct psm *m, const void *twin, char *text, size_t size)
{
    return verify_place(m, &m->heap_p, (uintptr_t)twin - PSM_DELTA, text, size);
}

static void check_block(struct psm *m, const unsigned char *now, const unsigned char *before)
{
    unsigned i = 0;
    char where[160];
    if (memcmp(now, before, PSM_BLOCK) == 0 || space_marked(now))
        return;
    while (now[i] == before[i])
        i++;
    psm_replay_trap("a store of it to %s went unrecorded (0x%02x became 0x%02x): no hook announced the 32 "
                    "bytes at %p, so a crash would not have undone it: a store that the pass or the runtime "
                    "overlooks", place(m, now + i, where, sizeof where), before[i], now[i],
                    (void *)(now - PSM_DELTA));
}

static void check_pages(struct psm *m, struct watch *w, uint32_t *looked_at)
{
    uint32_t count = atomic_load(&w->count);
    if (atomic_load(&w->lost))
        psm_replay_fail("too many pages change to be watched: PSM_CHECK cannot go on");
    for (uint32_t i = *looked_at; i < count; i++) {
        const unsigned char *now = w->low + (uint64_t)w->page[i] * LAYOUT_PAGE;
        const unsigned char *before = w->copies + (uint64_t)i * LAYOUT_PAGE;
        for (unsigned at = 0; at < LAYOUT_PAGE; at += PSM_BLOCK)
            check_block(m, now + at, before + at);
    }
    *looked_at = count;
}

static void check_image(struct psm *m)
{
    check_pages(m, &m->audit->p, &m->audit->looked_at[0]);
    check_pages(m, &m->audit->p_globals, &m->audit->looked_at[1]);
}

void audit_begin_entry(struct psm *m)
{
    struct audit *a = m->audit;
    check_image(m); /* what has come since the entry before */
    watch_close(&a->p);
    watch_close(&a->p_globals);
    a->looked_at[0] = a->looked_at[1] = 0;
}

void audit_end_entry(struct psm *m, uint64_t position)
{
    struct audit *a = m->audit;
    check_image(m);
    audit_compare_again(m);
    watch_protect(&a->p);
    watch_protect(&a->p_globals);
    atomic_store_explicit(&a->replayed, position, memory_order_release);
    atomic_fetch_add(&a->progress, 1);
    futex_wake(&a->progress);
}

void audit_before_commit(struct psm *m)
{
    check_image(m);
}

void audit_announced(struct psm *m, const void *twin, uint64_t size)
{
    struct audit *a = m->audit;
    if (size == 0)
        return;
    uintptr_t last = ((uintptr_t)twin + size - 1) >> 5;
    for (uintptr_t block = (uintptr_t)twin >> 5; block <= last; block++) {
        const unsigned char *now = (const unsigned char *)(block << 5);
        const struct watch *w = watch_covers(&a->p, now) ? &a->p
                                : watch_covers(&a->p_globals, now) ? &a->p_globals : NULL;
        if (w == NULL || space_marked(now))
            continue;
        uint64_t offset = (uint64_t)(now - w->low);
        const unsigned char *before = watch_open_before(w, offset / LAYOUT_PAGE);
        char where[160];
        if (before != NULL && memcmp(now, before + offset % LAYOUT_PAGE, PSM_BLOCK) != 0)
            psm_replay_trap("it announces a change of %s that it has made already: the undo record would hold "
                            "the new bytes", place(m, now, where, sizeof where));
    }
}
