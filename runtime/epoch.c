/* epoch.c: the lists of blocks behind epoch.h.
 *
 * A block is on one of the lists if and only if its mark is set; the marks are cleared
 * at commit, from the lists. The heap announces what was dead when the epoch began
 * (fresh): a crash rolls the heap back to where it is dead again, so its old bytes need
 * no record, but what the epoch leaves there has to be flushed. */
#include "epoch.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "error.h"
#include "fault.h"
#include "machine.h"
#include "program.h"

#define ROOM_AT_FIRST 4096

int epoch_make(struct psm *m)
{
    struct epoch *e = &m->epoch;
    e->store = m->medium.kind == PSM_MEDIUM_PM ? &undo_store : &journal_store;
    e->logged_room = e->fresh_room = ROOM_AT_FIRST;
    e->logged = malloc(ROOM_AT_FIRST * sizeof *e->logged);
    e->fresh = malloc(ROOM_AT_FIRST * sizeof *e->fresh);
    if (e->logged == NULL || e->fresh == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for the lists of an epoch");
    return 0;
}

void epoch_destroy(struct psm *m)
{
    if (m->epoch.state != NULL)
        m->epoch.store->close(m);
    free(m->epoch.logged);
    free(m->epoch.fresh);
}

void epoch_begin(struct psm *m)
{
    struct epoch *e = &m->epoch;
    e->number = m->commit.epoch + 1;
    e->open = true;
    e->store->begin(m);
}

/* The lists grow by doubling; running out of memory here ends the machine, not the data. */
static void *grown(void *list, size_t *room, size_t wanted, size_t item)
{
    size_t count = *room;
    while (count < wanted)
        count *= 2;
    list = realloc(list, count * item);
    if (list == NULL)
        psm_replay_fail("no memory to list the %zu blocks that one epoch changes", wanted);
    *room = count;
    return list;
}

/* Who may be stored to: the arena, and among globals those that are state or scratch. */
static uint64_t checked_offset(struct psm *m, void *twin, uint64_t size)
{
    struct space *s = &m->space;
    uint64_t in_arena = (uint64_t)((unsigned char *)twin - s->p);
    if (in_arena < atomic_load_explicit(&s->arena_bytes, memory_order_relaxed)) {
        if (size > s->arena_max || in_arena + size > atomic_load_explicit(&s->arena_bytes, memory_order_relaxed))
            psm_replay_trap("it writes %lu bytes at %p, beyond the end of the heap", (unsigned long)size,
                            (void *)(s->d + in_arena));
        return in_arena + s->globals_bytes;
    }
    uint64_t address = (uintptr_t)twin - PSM_DELTA, in_globals = address - s->globals_low;
    if (in_globals < s->globals_bytes) {
        const struct program_global *g = program_global_at(m->program, address);
        if (g == NULL)
            psm_replay_trap("it writes to %#lx in the program's data, where no global is that the pass "
                            "knows of", (unsigned long)address);
        if (g->kind != PROGRAM_STATE && g->kind != PROGRAM_SCRATCH)
            psm_replay_trap("it writes through a pointer to the global '%s', which is not part of the "
                            "state: no op is seen to write it; mark it psm_state", g->name);
        if (size > g->address + g->size - address)
            psm_replay_trap("it writes %lu bytes at %#lx, beyond the end of the global '%s'",
                            (unsigned long)size, (unsigned long)address, g->name);
        return m->owns_globals ? in_globals : UINT64_MAX;
    }
    if (address - (uintptr_t)s->window < PSM_WINDOW_OUT)
        psm_replay_trap("it writes to its argument");
    if (address - (uintptr_t)s->window - PSM_WINDOW_OUT < (UINT64_C(4) << 30))
        psm_replay_trap("it writes beyond the end of its out");
    char text[256];
    fault_describe(m, (uintptr_t)twin, text, sizeof text);
    psm_replay_trap("%s", text);
}

void epoch_untouched(struct psm *m, void *twin, uint64_t size)
{
    struct epoch *e = &m->epoch;
    if (e->untouched_count == EPOCH_UNTOUCHED) {
        epoch_fresh(m, twin, size);
        return;
    }
    e->untouched[e->untouched_count++] = (struct fresh_range){ (uint64_t)((unsigned char *)twin - m->space.p), size };
}

/* Of what is about to be stored to, the pages that are untouched become fresh. */
static void touch_pages(struct psm *m, void *twin, uint64_t size)
{
    struct epoch *e = &m->epoch;
    uint64_t from = (uint64_t)((unsigned char *)twin - m->space.p) & -(uint64_t)LAYOUT_PAGE;
    uint64_t to = ((uint64_t)((unsigned char *)twin - m->space.p) + size + LAYOUT_PAGE - 1) & -(uint64_t)LAYOUT_PAGE;
    for (unsigned i = 0; i < e->untouched_count; i++) {
        const struct fresh_range *u = &e->untouched[i];
        uint64_t low = u->offset > from ? u->offset : from, high = u->offset + u->size < to ? u->offset + u->size : to;
        if (low < high)
            epoch_fresh(m, m->space.p + low, high - low);
    }
}

/* List and mark the blocks of [twin, twin + size) that are not marked. */
static void list_blocks(struct psm *m, void *twin, uint64_t size)
{
    struct epoch *e = &m->epoch;
    if (m->audit != NULL)
        audit_announced(m, twin, size);
    if (size == 0)
        return;
    if (__builtin_expect(e->untouched_count != 0, 0) && (unsigned char *)twin - m->space.p >= 0
        && (uint64_t)((unsigned char *)twin - m->space.p) < m->space.arena_max && size <= m->space.arena_max)
        touch_pages(m, twin, size);
    uintptr_t first = (uintptr_t)twin >> 5, last = ((uintptr_t)twin + size - 1) >> 5;
    while (space_marked((void *)(first << 5)))
        if (first++ == last)
            return;
    uint64_t offset = checked_offset(m, twin, size);
    if (offset == UINT64_MAX) { /* scratch, of a machine that does not own the globals */
        space_mark(twin, size, true);
        return;
    }
    /* Blocks are numbered by offset in the image; P and the image are aligned alike. */
    uint32_t number = (uint32_t)((offset >> 5) + (first - ((uintptr_t)twin >> 5)));
    size_t before = e->logged_count;
    if (before + (last - first) + 1 > e->logged_room)
        e->logged = grown(e->logged, &e->logged_room, before + (last - first) + 1, sizeof *e->logged);
    for (; first <= last; first++, number++) {
        unsigned char *mark = space_marks((void *)(first << 5));
        unsigned char bit = (unsigned char)(1 << (first & 7));
        if (*mark & bit)
            continue;
        *mark |= bit;
        e->logged[e->logged_count++] = number;
    }
    if (offset >= m->space.globals_bytes)
        space_detach(m, &m->space, offset - m->space.globals_bytes, size);
}

/* Have the blocks listed since `before` recorded: one fence for all of them. */
static void record_listed(struct psm *m, size_t before)
{
    struct epoch *e = &m->epoch;
    if (e->logged_count == before)
        return;
    count_add(&e->blocks_logged, e->logged_count - before);
    e->store->record(m, e->logged + before, e->logged_count - before);
}

void epoch_note(struct psm *m, void *twin, uint64_t size)
{
    size_t before = m->epoch.logged_count;
    list_blocks(m, twin, size);
    record_listed(m, before);
}

void epoch_note_many(struct psm *m, const struct epoch_range *range, size_t count)
{
    size_t before = m->epoch.logged_count;
    for (size_t i = 0; i < count; i++)
        list_blocks(m, range[i].twin, range[i].size);
    record_listed(m, before);
}

void epoch_fresh(struct psm *m, void *twin, uint64_t size)
{
    struct epoch *e = &m->epoch;
    struct space *s = &m->space;
    uint64_t offset = (uint64_t)((unsigned char *)twin - s->p), end = offset + size;
    if (end > atomic_load_explicit(&s->arena_bytes, memory_order_relaxed) || (offset | size) % PSM_BLOCK != 0)
        psm_fatal("epoch_fresh: %#lx + %#lx is not in the arena", (unsigned long)offset, (unsigned long)size);
    space_detach(m, s, offset, size);
    /* Runs of blocks that are not marked; usually all, and one run. */
    while (offset < end) {
        while (offset < end && space_marked(s->p + offset))
            offset += PSM_BLOCK;
        uint64_t from = offset;
        while (offset < end && !space_marked(s->p + offset))
            offset += offset % 256 == 0 && end - offset >= 256 && *space_marks(s->p + offset) == 0 ? 256 : PSM_BLOCK;
        if (offset == from)
            break;
        struct fresh_range *last = &e->fresh[e->fresh_count - (e->fresh_count != 0)];
        bool joins = e->fresh_count != 0 && last->offset + last->size == from + s->globals_bytes;
        if (!joins && e->fresh_count == e->fresh_room)
            e->fresh = grown(e->fresh, &e->fresh_room, e->fresh_count + 1, sizeof *e->fresh);
        if (joins)
            last->size += offset - from;
        else
            e->fresh[e->fresh_count++] = (struct fresh_range){ from + s->globals_bytes, offset - from };
        e->fresh_bytes += offset - from;
        space_mark(s->p + from, offset - from, true);
        count_add(&e->blocks_fresh, (offset - from) / PSM_BLOCK);
    }
}

void epoch_drop(struct psm *m)
{
    struct epoch *e = &m->epoch;
    for (size_t i = 0; i < e->logged_count; i++) {
        void *twin = space_twin(m, (uint64_t)e->logged[i] * PSM_BLOCK);
        *space_marks(twin) = 0; /* its neighbours in the byte end with the epoch as well */
    }
    for (size_t i = 0; i < e->fresh_count; i++)
        space_mark(space_twin(m, e->fresh[i].offset), e->fresh[i].size, false);
    e->logged_count = e->fresh_count = 0;
    e->untouched_count = 0;
    e->fresh_bytes = 0;
    e->open = false;
}

int epoch_commit(struct psm *m, const struct commit *next)
{
    if (m->audit != NULL)
        audit_before_commit(m);
    int status = m->epoch.store->commit(m, next);
    if (status != 0)
        return status;
    m->commit = *next;
    count_add(&m->epoch.epochs, 1);
    epoch_drop(m);
    return 0;
}
