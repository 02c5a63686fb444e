/* heap_extent.c: runs of 16 KiB units: large blocks, slabs, the heap's own tables.
 *
 * Good fit with immediate coalescing: bins by size, exact below 16 units, then eight
 * to a doubling; oldest first within a bin, since what was freed long ago is dead
 * already when an epoch begins. The bin that a request itself falls into is searched
 * a little before larger ones are, so that a freed extent is found again by a request
 * of the same size; else a program that frees and takes 1 GiB would grow each time.
 * What no bin has comes from the top, which grows by an eighth, 256 KiB to 64 MiB.
 *
 * In P, an extent freed in this epoch was live when it began; its units are noted in
 * the view (volatile), and handed out again in the same epoch they are announced by
 * store(), not fresh(). The note errs to the safe side: what was taken and freed in
 * one epoch counts as live. */
#include <stdbool.h>
#include <string.h>
#include "heap_layout.h"

#define BIN_SEARCH_MAX 32

int extent_bin(uint32_t units)
{
    if (units < 16)
        return units;
    int log = 31 - __builtin_clz(units);
    return 16 + (log - 4) * 8 + (units >> (log - 3) & 7);
}

/* ---- writing metadata, announced ---- */

static void set_map(struct heap_view *view, uint32_t unit, int value)
{
    uint8_t *map = heap_map(view, unit);
    heap_touch(view, map, 1);
    *map = value;
}

static struct heap_node *edit_node(struct heap_view *view, uint32_t unit)
{
    struct heap_node *node = heap_node(view, unit);
    heap_touch(view, node, sizeof *node);
    return node;
}

static void set_top(struct heap_view *view, uint32_t top, uint32_t free_units)
{
    struct heap_header *header = heap_header(view);
    heap_touch(view, &header->top, 16);
    header->top = top;
    header->free_units = free_units;
}

/* ---- free extents in their bins ---- */

static void bin_insert(struct heap_view *view, uint32_t unit, uint32_t units)
{
    struct heap_header *header = heap_header(view);
    int bin = extent_bin(units);
    uint32_t last = header->bins[bin].last;

    heap_touch(view, &header->bins[bin], sizeof header->bins[bin]);
    header->bins[bin].last = unit;
    if (last) {
        edit_node(view, last)->next = unit;
    } else {
        header->bins[bin].first = unit;
        heap_touch(view, &header->nonempty[bin / 64], 8);
        header->nonempty[bin / 64] |= UINT64_C(1) << bin % 64;
    }
    struct heap_node *end = edit_node(view, unit + units - 1);
    end->first = unit;
    end->units = units;
    *edit_node(view, unit) = (struct heap_node){ unit, units, 0, last };
    set_map(view, unit, KIND_FREE << 2);
    set_map(view, unit + units - 1, KIND_FREE << 2);
    set_top(view, header->top, header->free_units + units);
}

/* Take the free extent that begins at `unit` out of its bin; returns its length. */
static uint32_t bin_remove(struct heap_view *view, uint32_t unit)
{
    struct heap_header *header = heap_header(view);
    struct heap_node node = *heap_node(view, unit);
    int bin = extent_bin(node.units);

    if (node.prev) {
        edit_node(view, node.prev)->next = node.next;
    } else {
        heap_touch(view, &header->bins[bin], sizeof header->bins[bin]);
        header->bins[bin].first = node.next;
    }
    if (node.next) {
        edit_node(view, node.next)->prev = node.prev;
    } else {
        heap_touch(view, &header->bins[bin], sizeof header->bins[bin]);
        header->bins[bin].last = node.prev;
    }
    if (!header->bins[bin].first) {
        heap_touch(view, &header->nonempty[bin / 64], 8);
        header->nonempty[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    }
    set_map(view, unit, KIND_INSIDE);
    set_map(view, unit + node.units - 1, KIND_INSIDE);
    set_top(view, header->top, header->free_units - node.units);
    return node.units;
}

static uint32_t bin_find(const struct heap_view *view, uint32_t units)
{
    const struct heap_header *header = heap_header(view);
    int bin = extent_bin(units);
    uint32_t unit = header->bins[bin].first;

    for (int i = 0; unit && i < BIN_SEARCH_MAX; i++) {
        const struct heap_node *node = heap_node(view, unit);
        if (node->units >= units)
            return unit;
        unit = node->next;
    }
    for (int word = ++bin / 64; bin < HEAP_BINS; bin = ++word * 64) {
        uint64_t bits = header->nonempty[word] >> bin % 64;
        if (bits)
            return header->bins[bin + __builtin_ctzll(bits)].first;
    }
    return 0;
}

/* ---- the top ---- */

/* Make `end` the top, or what comes right behind it once regions that it enters
 * have got their tables there. Returns false, with nothing changed, if that is
 * beyond the capacity or growth is refused. */
static bool top_advance(struct heap_view *view, uint64_t end)
{
    struct heap_header *header = heap_header(view);
    uint32_t tables = 0, needed;
    uint64_t top;

    for (;; tables = needed) {
        top = end + (uint64_t)tables * HEAP_TABLE_UNITS;
        if (top > header->capacity)
            return false;
        uint32_t regions = ((top - 1) >> HEAP_REGION_SHIFT) + 1;
        needed = regions > header->regions ? regions - header->regions : 0;
        if (needed <= tables)
            break;
    }
    if (top > header->end) {
        uint64_t step = header->end / 8;
        step = step < 16 ? 16 : step > 4096 ? 4096 : step;
        uint64_t want = header->end + step;
        want = want < top ? top : want;
        want = want > header->capacity ? header->capacity : want;
        if (!view->grow(view->context, header->end * HEAP_UNIT, want * HEAP_UNIT))
            return false;
        heap_touch(view, &header->top, 16);
        header->end = want;
    }
    set_top(view, top, header->free_units);
    for (uint32_t i = 0; i < tables; i++) {
        uint32_t *entry = &header->directory[header->regions];
        heap_touch(view, entry, sizeof *entry);
        *entry = end + i * HEAP_TABLE_UNITS;
        heap_touch(view, &header->regions, 4);
        header->regions++;
    }
    return true;
}

/* ---- announcing and clearing what is handed out ---- */

static bool is_dying(const struct heap_view *view, uint32_t unit)
{
    return view->dying_count && view->dying[unit / 64] >> unit % 64 & 1;
}

static void announce_units(struct heap_view *view, uint32_t unit, uint64_t units)
{
    while (units) {
        bool dying = is_dying(view, unit);
        uint32_t run = 1;
        if (!view->dying_count)
            run = units;
        while (run < units && is_dying(view, unit + run) == dying)
            run++;
        (dying ? view->store : view->fresh)(view->context, heap_unit(view, unit),
                                            run * HEAP_UNIT);
        unit += run;
        units -= run;
    }
}

static void hand_out(struct heap_view *view, uint32_t unit, uint64_t units, bool announce)
{
    struct heap_header *header = heap_header(view);
    uint64_t end = unit + units, virgin = header->virgin;
    uint64_t used = unit >= virgin ? 0 : (end < virgin ? end : virgin) - unit;
    bool large = view->untouched && (units - used) * HEAP_UNIT >= HEAP_LARGE;

    if (view->fresh)
        announce_units(view, unit, announce && !large ? units : used);
    if (announce && large)
        view->untouched(view->context, heap_unit(view, unit + used), (units - used) * HEAP_UNIT);
    if (used * HEAP_UNIT >= HEAP_LARGE && view->clear)
        view->clear(view->context, unit * HEAP_UNIT, used * HEAP_UNIT);
    else
        memset(heap_unit(view, unit), 0, used * HEAP_UNIT);
    if (end > virgin) {
        heap_touch(view, &header->virgin, sizeof header->virgin);
        header->virgin = end;
    }
}

static void note_dying(struct heap_view *view, uint32_t unit, uint32_t units)
{
    for (uint32_t i = 0; i < units; i++)
        view->dying[(unit + i) / 64] |= UINT64_C(1) << (unit + i) % 64;
    if (view->dying_count < HEAP_RANGES) {
        view->dying_range[view->dying_count].unit = unit;
        view->dying_range[view->dying_count].units = units;
    }
    if (view->dying_count <= HEAP_RANGES)
        view->dying_count++;
}

/* ---- interface ---- */

/* New tables, [from, top), become extents of their own. Their own region has a table by
 * now: perhaps one of them. What lies before them has been handed out, for virgin to go up
 * in steps. */
static void tables_place(struct heap_view *view, uint32_t from)
{
    for (uint32_t unit = from; unit < heap_header(view)->top; unit += HEAP_TABLE_UNITS)
        hand_out(view, unit, HEAP_TABLE_UNITS, true);
    for (uint32_t unit = from; unit < heap_header(view)->top; unit += HEAP_TABLE_UNITS) {
        set_map(view, unit, KIND_META << 2);
        *edit_node(view, unit) = (struct heap_node){ unit, HEAP_TABLE_UNITS, 0, 0 };
    }
}

int extent_begin(struct heap_view *view)
{
    if (!top_advance(view, 1))
        return -1;
    tables_place(view, 1);
    return 0;
}

uint32_t extent_take(struct heap_view *view, uint64_t units, uint64_t alignment,
                     enum heap_kind kind, bool announce)
{
    struct heap_header *header = heap_header(view);
    if (units > header->capacity || alignment > header->capacity
        || units + alignment - 1 > header->capacity)
        return 0;

    uint32_t found = bin_find(view, units + alignment - 1);
    uint32_t start = found ? found : header->top;
    uint32_t pad = -start & (alignment - 1);
    uint32_t unit = start + pad;
    if (found) {
        uint32_t rest = bin_remove(view, found) - pad - units;
        if (rest)
            bin_insert(view, unit + units, rest);
    } else {
        if (!top_advance(view, unit + units))
            return 0;
    }
    hand_out(view, unit, units, announce);
    if (!found)
        tables_place(view, unit + units);
    if (pad)
        bin_insert(view, start, pad);
    *edit_node(view, unit) = (struct heap_node){ unit, units, 0, 0 };
    set_map(view, unit, kind << 2);
    return unit;
}

/* Units that belong to no extent become a free one, or part of the top. */
static void merge(struct heap_view *view, uint32_t unit, uint32_t units)
{
    struct heap_header *header = heap_header(view);

    if (view->store)
        note_dying(view, unit, units);
    if (units * HEAP_UNIT >= HEAP_LARGE && view->release)
        view->release(view->context, unit * HEAP_UNIT, units * HEAP_UNIT);

    if (heap_kind(view, unit - 1) == KIND_FREE) {
        uint32_t first = heap_node(view, unit - 1)->first;
        bin_remove(view, first);
        units += unit - first;
        unit = first;
    }
    if (unit + units == header->top) {
        set_top(view, unit, header->free_units);
        return;
    }
    if (heap_kind(view, unit + units) == KIND_FREE)
        units += bin_remove(view, unit + units);
    bin_insert(view, unit, units);
}

void extent_give(struct heap_view *view, uint32_t unit)
{
    uint32_t units = heap_node(view, unit)->units;
    set_map(view, unit, KIND_INSIDE);
    merge(view, unit, units);
}

void extent_shrink(struct heap_view *view, uint32_t unit, uint32_t units)
{
    struct heap_node *node = edit_node(view, unit);
    uint32_t rest = node->units - units;
    node->units = units;
    merge(view, unit + units, rest);
}

/* Make the extent longer where it is; false if what follows it is not free. */
bool extent_enlarge(struct heap_view *view, uint32_t unit, uint64_t units)
{
    struct heap_header *header = heap_header(view);
    uint32_t old = heap_node(view, unit)->units, next = unit + old;
    uint64_t more = units - old;

    if (next == header->top) {
        if (!top_advance(view, unit + units))
            return false;
        hand_out(view, next, more, true);
        tables_place(view, unit + units);
        edit_node(view, unit)->units = units;
        return true;
    } else if (heap_kind(view, next) == KIND_FREE && heap_node(view, next)->units >= more) {
        uint32_t rest = bin_remove(view, next) - more;
        if (rest)
            bin_insert(view, next + more, rest);
    } else {
        return false;
    }
    hand_out(view, next, more, true);
    edit_node(view, unit)->units = units;
    return true;
}
