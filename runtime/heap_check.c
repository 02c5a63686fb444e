/* heap_check.c: the invariants of heap_layout.h as code, and walks over the heap.
 *
 * heap_sound is what an image has to pass before it is opened: it has no checksum, and its
 * bytes may be any. It follows nothing that it has not checked, and what passes lets the
 * rest of the heap's code run without a look out of bounds. Only the queues' contents are
 * left out: they are checked when they are noted (heap_open), and where used. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "heap_layout.h"

/* Bit per 32-byte block: the start of a small block that is in a queue. NULL without
 * memory, or when a number in a queue is wild or there twice (*why says so). */
static uint64_t *queued_blocks(const struct heap_view *view, const char **why)
{
    const struct heap_header *header = heap_header(view);
    uint64_t *queued = calloc(header->top + 1, HEAP_UNIT / PSM_BLOCK / 8);

    *why = queued ? NULL : "no memory to check with";
    for (int class = 0; queued && class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        if (c->tail - c->head > header->total[class])
            *why = "a queue is longer than its class";
        for (uint64_t i = c->head; i < c->tail && !*why; i++) {
            uint64_t n = heap_ring(view, c)[i & heap_ring_mask(c)];
            if (!heap_is_block(view, class, n))
                *why = "a queue holds what is no block of its class";
            else if (queued[n / 64] >> n % 64 & 1)
                *why = "a block is in its queue twice";
            else
                queued[n / 64] |= UINT64_C(1) << n % 64;
        }
        if (*why) {
            free(queued);
            queued = NULL;
        }
    }
    return queued;
}

static bool not_cut(const struct heap_class *c, int class, uint64_t number)
{
    return number >= c->bump
           && number - c->bump < (uint64_t)c->bump_left * heap_shape[class].size / PSM_BLOCK;
}

static void visit_slab(const struct heap_view *view, uint32_t unit, int class,
                       const uint64_t *queued, heap_visit_fn *visit, void *context)
{
    const struct heap_class *c = &heap_header(view)->classes[class];
    for (uint32_t i = 0; i < heap_shape[class].count; i++) {
        uint64_t offset = unit * HEAP_UNIT + (uint64_t)i * heap_shape[class].size;
        uint64_t n = offset / PSM_BLOCK;
        if (!(queued[n / 64] >> n % 64 & 1) && !not_cut(c, class, n))
            visit(context, offset, heap_shape[class].size, 0);
    }
}

int heap_each_live(struct heap_view *view, heap_visit_fn *visit, void *context)
{
    const char *why;
    uint64_t *queued = queued_blocks(view, &why);
    if (!queued)
        return -1;
    visit(context, 0, sizeof(struct heap_header), 1);
    for (uint32_t unit = 1; unit < heap_header(view)->top;) {
        enum heap_kind kind = heap_kind(view, unit);
        uint32_t units = heap_node(view, unit)->units;
        if (kind == KIND_META || kind == KIND_EXTENT)
            visit(context, unit * HEAP_UNIT, units * HEAP_UNIT, kind == KIND_META);
        else if (kind >= KIND_SLAB)
            visit_slab(view, unit, kind - KIND_SLAB, queued, visit, context);
        unit += units;
    }
    free(queued);
    return 0;
}

int heap_block_of(struct heap_view *view, uint64_t offset,
                  uint64_t *start, uint64_t *size, int *live)
{
    const struct heap_header *header = heap_header(view);
    uint64_t wanted = offset >> HEAP_UNIT_SHIFT;
    uint32_t unit = 1, units;

    if (wanted == 0 || wanted >= header->top)
        return 0;
    while (unit + (units = heap_node(view, unit)->units) <= wanted)
        unit += units;
    enum heap_kind kind = heap_kind(view, unit);
    if (kind == KIND_META)
        return 0;
    *start = unit * HEAP_UNIT;
    *size = units * HEAP_UNIT;
    *live = kind != KIND_FREE;
    if (kind < KIND_SLAB)
        return 1;

    int class = kind - KIND_SLAB;
    const struct heap_class *c = &header->classes[class];
    uint64_t index = (offset - *start) / heap_shape[class].size;
    if (index >= heap_shape[class].count)
        return 0;
    *start += index * heap_shape[class].size;
    *size = heap_shape[class].size;
    *live = !not_cut(c, class, *start / PSM_BLOCK);
    for (uint64_t i = c->head; i < c->tail && *live; i++)
        *live = heap_ring(view, c)[i & heap_ring_mask(c)] != *start / PSM_BLOCK;
    return 1;
}

int heap_agrees_at(struct heap_view *view, uint64_t offset, uint64_t *end)
{
    const struct heap_header *header = heap_header(view);
    uint64_t wanted = offset >> HEAP_UNIT_SHIFT, start, size;
    uint32_t unit = 1;
    int live;

    *end = offset < sizeof *header ? sizeof *header : HEAP_UNIT;
    if (wanted == 0)
        return offset < sizeof *header;
    *end = UINT64_MAX;
    if (wanted >= header->top)
        return 0;
    while (unit < header->top && heap_node(view, unit)->units != 0
           && unit + heap_node(view, unit)->units <= wanted)
        unit += heap_node(view, unit)->units;
    *end = (unit + (uint64_t)heap_node(view, unit)->units) * HEAP_UNIT;
    if (*end <= offset) { /* damaged: what is compared next tells */
        *end = (wanted + 1) * HEAP_UNIT;
        return 1;
    }
    if (!heap_block_of(view, offset, &start, &size, &live))
        return heap_kind(view, unit) == KIND_META;
    *end = start + size;
    return live;
}

/* ---- invariants ---- */

#define REQUIRE(condition, text) \
    do {                         \
        if (!(condition))        \
            return text;         \
    } while (0)

/* The directory names tables of 5 units each, in order of address. Checked first: map and
 * nodes are read through it. */
static const char *check_header(const struct heap_view *view, uint64_t bytes)
{
    const struct heap_header *header = heap_header(view);
    REQUIRE(header->magic == HEAP_MAGIC, "no heap");
    REQUIRE(header->capacity <= PSM_ARENA_SIZE / HEAP_UNIT && header->end <= header->capacity,
            "the end is beyond the capacity");
    REQUIRE(header->top <= header->end && header->top > HEAP_TABLE_UNITS, "the top is beyond the end");
    REQUIRE(header->top <= header->virgin && header->virgin <= header->end, "what was never used is in use");
    REQUIRE(header->end * HEAP_UNIT <= bytes, "the end is beyond the memory there is");
    REQUIRE(header->regions <= HEAP_REGIONS
            && header->regions >= ((header->top - 1) >> HEAP_REGION_SHIFT) + 1, "regions miscounted");
    for (uint32_t i = 0, low = 1; i < header->regions; low = header->directory[i++] + HEAP_TABLE_UNITS)
        REQUIRE(header->directory[i] >= low && header->directory[i] <= header->top - HEAP_TABLE_UNITS,
                "a table that is not one");
    for (int bin = HEAP_BINS; bin < HEAP_BIN_BITS; bin++)
        REQUIRE(!(header->nonempty[bin / 64] >> bin % 64 & 1), "a bin's bit");
    return NULL;
}

/* What a walk over the extents finds, to be compared with what the header says. */
struct row {
    uint64_t cut[HEAP_CLASSES]; /* blocks */
    uint32_t tables;
    bool ring[HEAP_CLASSES];
};

/* An extent of the heap's own is the next table, or the ring of one class. */
static const char *check_own(const struct heap_header *header, uint32_t unit, uint32_t units, struct row *row)
{
    if (row->tables < header->regions && header->directory[row->tables] == unit) {
        row->tables++;
        return units == HEAP_TABLE_UNITS ? NULL : "a table of another size";
    }
    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        if (c->ring != unit || row->ring[class])
            continue;
        row->ring[class] = true;
        REQUIRE(c->ring_bits < 32 && units * HEAP_UNIT >= sizeof(uint32_t) << c->ring_bits, "a ring without room");
        return NULL;
    }
    return "an extent of the heap's own that nothing names";
}

static const char *check_row(const struct heap_view *view, struct row *row)
{
    const struct heap_header *header = heap_header(view);
    uint64_t free_units = 0;
    bool after_free = false;
    uint32_t unit = 1;

    while (unit < header->top) {
        const struct heap_node *node = heap_node(view, unit);
        enum heap_kind kind = heap_kind(view, unit);
        uint32_t units = node->units, marked = 1;
        REQUIRE(units && units <= header->top - unit, "an extent's length is wild");
        REQUIRE(kind != KIND_INSIDE && kind < KIND_SLAB + HEAP_CLASSES && *heap_map(view, unit) == kind << 2,
                "an extent has no kind");
        REQUIRE(!(after_free && kind == KIND_FREE), "two free extents side by side");
        if (kind == KIND_FREE) {
            const struct heap_node *last = heap_node(view, unit + units - 1);
            REQUIRE(node->first == unit && last->first == unit && last->units == units
                    && heap_kind(view, unit + units - 1) == KIND_FREE,
                    "the ends of a free extent differ");
            free_units += units;
        } else if (kind == KIND_META) {
            const char *why = check_own(header, unit, units, row);
            REQUIRE(!why, why);
        } else if (kind >= KIND_SLAB) {
            REQUIRE(units == HEAP_SLAB_UNITS, "a slab of another size");
            for (; marked < HEAP_SLAB_UNITS; marked++)
                REQUIRE(*heap_map(view, unit + marked) == (kind << 2 | marked), "a slab's map");
            row->cut[kind - KIND_SLAB] += heap_shape[kind - KIND_SLAB].count;
        }
        for (uint32_t i = marked; i < units - (kind == KIND_FREE); i++)
            REQUIRE(heap_kind(view, unit + i) == KIND_INSIDE, "a kind inside an extent");
        after_free = kind == KIND_FREE;
        unit += units;
    }
    REQUIRE(!after_free, "a free extent below the top");
    REQUIRE(unit == header->top, "extents overrun the top");
    REQUIRE(free_units == header->free_units, "free units miscounted");
    REQUIRE(row->tables == header->regions, "a table that is not one");
    for (uint64_t end = (uint64_t)header->regions * HEAP_REGION_UNITS; unit < end; unit++)
        REQUIRE(*heap_map(view, unit) == 0, "a kind above the top");
    return NULL;
}

static const char *check_bins(const struct heap_view *view)
{
    const struct heap_header *header = heap_header(view);
    uint64_t free_units = 0;

    for (int bin = 0; bin < HEAP_BINS; bin++) {
        uint32_t unit = header->bins[bin].first, prev = 0;
        REQUIRE(!unit == !(header->nonempty[bin / 64] >> bin % 64 & 1), "a bin's bit");
        for (; unit; prev = unit, unit = heap_node(view, unit)->next) {
            REQUIRE(unit < header->top && heap_kind(view, unit) == KIND_FREE && heap_node(view, unit)->first == unit,
                    "a bin holds what is not free");
            const struct heap_node *node = heap_node(view, unit);
            REQUIRE(node->prev == prev, "a bin's links");
            REQUIRE(extent_bin(node->units) == bin, "a free extent in another's bin");
            free_units += node->units;
            REQUIRE(free_units <= header->free_units, "a bin goes in a circle");
        }
        REQUIRE(header->bins[bin].last == prev, "a bin's last");
    }
    REQUIRE(free_units == header->free_units, "a free extent is in no bin");
    return NULL;
}

static const char *check_classes(const struct heap_view *view, const struct row *row)
{
    const struct heap_header *header = heap_header(view);

    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        REQUIRE(header->total[class] == row->cut[class], "blocks miscounted");
        REQUIRE(c->head <= c->tail && c->tail <= INT64_MAX && c->tail - c->head + c->bump_left <= row->cut[class],
                "a queue longer than its class");
        REQUIRE(row->ring[class] == (c->ring != 0) && (c->ring || !row->cut[class]), "a ring that is not one");
        REQUIRE(!c->ring || row->cut[class] <= UINT64_C(1) << c->ring_bits, "a ring without room");
        if (!c->bump_left)
            continue;
        /* They are the rest of a slab. */
        int found;
        uint64_t offset = (uint64_t)c->bump * PSM_BLOCK, unit = offset >> HEAP_UNIT_SHIFT;
        REQUIRE(heap_lookup(view, offset, &found) == KIND_SLAB && found == class
                && offset - ((unit - (*heap_map(view, unit) & 3)) << HEAP_UNIT_SHIFT)
                       + (c->bump_left - 1) * heap_shape[class].size == heap_shape[class].last,
                "blocks to cut that are not there");
    }
    return NULL;
}

int heap_sound(struct heap_view *view, uint64_t bytes, const char **why)
{
    struct row row = { 0 };
    *why = check_header(view, bytes);
    if (!*why)
        *why = check_row(view, &row);
    if (!*why)
        *why = check_bins(view);
    if (!*why)
        *why = check_classes(view, &row);
    return !*why;
}

void heap_metadata(struct heap_view *view, uint64_t bytes, heap_visit_fn *visit, void *context)
{
    const struct heap_header *header = heap_header(view);
    uint64_t units = bytes / HEAP_UNIT;
    visit(context, 0, HEAP_UNIT, 1);
    for (uint32_t i = 0; i < header->regions && i < HEAP_REGIONS; i++)
        if (header->directory[i] < units && units - header->directory[i] >= HEAP_TABLE_UNITS)
            visit(context, header->directory[i] * HEAP_UNIT, HEAP_TABLE_UNITS * HEAP_UNIT, 1);
    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        uint64_t size = (sizeof(uint32_t) << (c->ring_bits & 31)) + HEAP_UNIT - 1 & -HEAP_UNIT;
        if (c->ring != 0 && c->ring < units && (units - c->ring) * HEAP_UNIT >= size)
            visit(context, c->ring * HEAP_UNIT, size, 1);
    }
}

/* No block waits in a queue that has yet to be cut. */
static const char *check_queues(const struct heap_view *view)
{
    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &heap_header(view)->classes[class];
        for (uint64_t i = c->head; i < c->tail; i++)
            REQUIRE(!not_cut(c, class, heap_ring(view, c)[i & heap_ring_mask(c)]),
                    "a block is free before it was cut");
    }
    return NULL;
}

int heap_check(struct heap_view *view, const char **why)
{
    if (heap_sound(view, PSM_ARENA_SIZE, why))
        *why = check_queues(view);
    if (!*why)
        free(queued_blocks(view, why));
    return !*why;
}
