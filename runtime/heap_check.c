/* heap_check.c: the invariants of heap_layout.h as code, and walks over the heap. */
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
            int found;
            if (heap_lookup(view, n * PSM_BLOCK, &found) != KIND_SLAB || found != class)
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

/* ---- invariants ---- */

#define REQUIRE(condition, text) \
    do {                         \
        if (!(condition))        \
            return text;         \
    } while (0)

static const char *check_row(const struct heap_view *view, uint64_t *cut)
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
        REQUIRE(kind != KIND_INSIDE && kind < KIND_SLAB + HEAP_CLASSES, "an extent has no kind");
        REQUIRE(!(after_free && kind == KIND_FREE), "two free extents side by side");
        if (kind == KIND_FREE) {
            const struct heap_node *last = heap_node(view, unit + units - 1);
            REQUIRE(node->first == unit && last->first == unit && last->units == units
                    && heap_kind(view, unit + units - 1) == KIND_FREE,
                    "the ends of a free extent differ");
            free_units += units;
        } else if (kind >= KIND_SLAB) {
            REQUIRE(units == HEAP_SLAB_UNITS, "a slab of another size");
            for (; marked < HEAP_SLAB_UNITS; marked++)
                REQUIRE(*heap_map(view, unit + marked) == (kind << 2 | marked), "a slab's map");
            cut[kind - KIND_SLAB] += heap_shape[kind - KIND_SLAB].count;
        }
        for (uint32_t i = marked; i < units - (kind == KIND_FREE); i++)
            REQUIRE(heap_kind(view, unit + i) == KIND_INSIDE, "a kind inside an extent");
        after_free = kind == KIND_FREE;
        unit += units;
    }
    REQUIRE(!after_free, "a free extent below the top");
    REQUIRE(unit == header->top, "extents overrun the top");
    REQUIRE(free_units == header->free_units, "free units miscounted");
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
            REQUIRE(unit < header->top && heap_kind(view, unit) == KIND_FREE,
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

static const char *check_classes(const struct heap_view *view, const uint64_t *cut)
{
    const struct heap_header *header = heap_header(view);

    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        REQUIRE(header->total[class] == cut[class], "blocks miscounted");
        if (!cut[class])
            continue;
        REQUIRE(c->head <= c->tail && c->tail - c->head + c->bump_left <= cut[class],
                "a queue longer than its class");
        REQUIRE(cut[class] <= UINT64_C(1) << c->ring_bits, "a ring without room");
        REQUIRE(c->ring < header->top && heap_kind(view, c->ring) == KIND_META
                && heap_node(view, c->ring)->units * HEAP_UNIT >= sizeof(uint32_t) << c->ring_bits,
                "a ring that is not one");
        for (uint64_t i = c->head; i < c->tail; i++)
            REQUIRE(!not_cut(c, class, heap_ring(view, c)[i & heap_ring_mask(c)]),
                    "a block is free before it was cut");
    }
    return NULL;
}

int heap_check(struct heap_view *view, const char **why)
{
    const struct heap_header *header = heap_header(view);
    uint64_t cut[HEAP_CLASSES] = { 0 };

    *why = NULL;
    if (header->magic != HEAP_MAGIC)
        *why = "no heap";
    else if (header->top > header->end || header->end > header->capacity)
        *why = "the top is beyond the end";
    if (!*why)
        *why = check_row(view, cut);
    if (!*why)
        *why = check_bins(view);
    if (!*why)
        *why = check_classes(view, cut);
    if (!*why)
        free(queued_blocks(view, why));
    return !*why;
}
