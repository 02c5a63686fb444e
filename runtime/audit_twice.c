/* audit_twice.c: PSM_CHECK for programs that execute first and log after.
 *
 * Memory is no measure for what their ops do to the image. So each is replayed twice from
 * the same state, the second time with its frames elsewhere on a stack full of other bytes,
 * and the two results are compared. That finds ops which depend on what is on the stack or
 * where it is; what differs between memory and replay, such as psm_scratch globals, or
 * from run to run, it does not.
 *
 * The state is put back from the copies that the watch has kept. All changed blocks are
 * announced by then, so a crash in between is undone as any other; and what the heap knows
 * beside the image (heap.h) decides nothing. */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "error.h"
#include "machine.h"
#include "verify.h"

static struct watch *watch_of(struct audit *a, int which)
{
    return which == 0 ? &a->p : &a->p_globals;
}

static unsigned char *page_at(const struct watch *w, uint32_t index)
{
    return w->low + (uint64_t)w->page[index] * LAYOUT_PAGE;
}

bool audit_again(struct psm *m)
{
    struct audit *a = m->audit;
    if (!m->logs_after)
        return false;
    for (int which = 0; which < 2; which++) {
        struct watch *w = watch_of(a, which);
        uint32_t count = atomic_load(&w->count);
        a->first_count[which] = count;
        a->first[which] = malloc((uint64_t)count * LAYOUT_PAGE + 1);
        if (a->first[which] == NULL)
            psm_replay_fail("no memory to check it with");
        for (uint32_t i = 0; i < count; i++) {
            memcpy(a->first[which] + (uint64_t)i * LAYOUT_PAGE, page_at(w, i), LAYOUT_PAGE);
            memcpy(page_at(w, i), w->copies + (uint64_t)i * LAYOUT_PAGE, LAYOUT_PAGE);
        }
    }
    a->again = true;
    return true;
}

static bool counts(struct psm *m, const unsigned char *at, const unsigned char **next)
{
    uint64_t offset = (uint64_t)(at - m->space.p), end;
    if (offset >= PSM_ARENA_SIZE) { /* a global: scratch is nobody's business */
        *next = at + 8;
        return !globals_is_scratch(m, (uint64_t)at - PSM_DELTA);
    }
    bool live = heap_agrees_at(&m->heap_p, offset, &end);
    *next = live ? at + 8 : end - offset < LAYOUT_PAGE ? at + (end - offset) : at + LAYOUT_PAGE;
    return live;
}

static void compare_page(struct psm *m, const unsigned char *now, const unsigned char *first)
{
    char where[160];
    if (memcmp(now, first, LAYOUT_PAGE) == 0)
        return;
    for (const unsigned char *at = now, *next; at < now + LAYOUT_PAGE; at = next) {
        uint64_t one, two;
        memcpy(&one, first + (at - now), 8);
        memcpy(&two, at, 8);
        next = at + 8;
        if (one == two || !counts(m, at, &next))
            continue;
        verify_place(m, &m->heap_p, (uintptr_t)at - PSM_DELTA, where, sizeof where);
        psm_replay_trap("it is not deterministic: replayed twice, it leaves two states, which differ first in %s: "
                        "0x%016lx, then 0x%016lx", where, (unsigned long)one, (unsigned long)two);
    }
}

void audit_compare_again(struct psm *m)
{
    struct audit *a = m->audit;
    if (!a->again)
        return;
    a->again = false;
    for (int which = 0; which < 2; which++) {
        struct watch *w = watch_of(a, which);
        uint32_t count = atomic_load(&w->count), before = a->first_count[which];
        for (uint32_t i = 0; i < count; i++)
            compare_page(m, page_at(w, i), i < before ? a->first[which] + (uint64_t)i * LAYOUT_PAGE
                                                      : w->copies + (uint64_t)i * LAYOUT_PAGE);
        free(a->first[which]);
        a->first[which] = NULL;
    }
}
