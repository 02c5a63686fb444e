/* heap_small.c: blocks of up to 32 KiB: 34 size classes, each a queue.
 *
 * Multiples of 32 bytes up to 256, then four sizes to a doubling up to 8 KiB, then
 * the sizes of which 7, 6, 5, 4, 3 and 2 fill a slab: at most a quarter of a block is
 * wasted above 256 bytes (a third above 16 KiB). Slabs stay with their class.
 *
 * malloc takes the oldest block of the queue, unless the queue is down to its
 * reserve (a sixteenth of the class) and the newest slab has blocks not cut yet: the
 * older a free block is, the surer it was free when the epoch began. Free appends.
 * Either changes struct heap_class, 32 bytes, and free one slot of the ring: dead
 * memory but for the undo block on the boundary. So a class costs an epoch two
 * logged blocks, however many ops it has.
 *
 * malloc + free, tight: see test/runtime/heap-speed.c. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "heap_fast.h"

#define CLASS(size)                                                       \
    {                                                                     \
        size, HEAP_SLAB / (size), (HEAP_SLAB / (size) - 1) * (size),      \
            (uint32_t)(((UINT64_C(1) << 32) + (size) - 1) / (size))       \
    }
const struct heap_class_shape heap_shape[HEAP_CLASSES] = {
    CLASS(32), CLASS(64), CLASS(96), CLASS(128), CLASS(160), CLASS(192), CLASS(224), CLASS(256),
    CLASS(320), CLASS(384), CLASS(448), CLASS(512), CLASS(640), CLASS(768), CLASS(896),
    CLASS(1024), CLASS(1280), CLASS(1536), CLASS(1792), CLASS(2048), CLASS(2560), CLASS(3072),
    CLASS(3584), CLASS(4096), CLASS(5120), CLASS(6144), CLASS(7168), CLASS(8192), CLASS(9344),
    CLASS(10912), CLASS(13088), CLASS(16384), CLASS(21824), CLASS(32768),
};

/* Class of 32 * i bytes, for up to 1 KiB. */
static const uint8_t class_of_32[33] = {
    0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13,
    14, 14, 14, 14, 15, 15, 15, 15,
};

int heap_class_of(size_t size)
{
    if (size <= 1024)
        return class_of_32[(size + 31) / 32];
    if (size <= 8192) {
        int log = 63 - __builtin_clzll(size - 1);
        return 16 + (log - 10) * 4 + (int)((size - 1) >> (log - 2)) - 4;
    }
    int class = 28;
    while (heap_shape[class].size < size)
        class++;
    return class;
}

static inline void *undo_block(void *p)
{
    return (void *)((uintptr_t)p & -(uintptr_t)PSM_BLOCK);
}

/* ---- rare: a new slab ---- */

/* Give the class a ring of 2^bits slots. */
static bool ring_replace(struct heap_view *view, struct heap_class *c, int bits)
{
    uint64_t bytes = sizeof(uint32_t) << bits;
    uint32_t unit = extent_take(view, (bytes + HEAP_UNIT - 1) >> HEAP_UNIT_SHIFT, 1,
                                KIND_META, 0);
    if (!unit)
        return false;
    struct heap_class moved = *c;
    moved.ring = unit;
    moved.ring_bits = bits;
    for (uint64_t i = c->head; i < c->tail; i++) {
        uint32_t *slot = heap_ring_slot(view, &moved, i);
        if (view->fresh)
            view->fresh(view->context, undo_block(slot), PSM_BLOCK);
        *slot = *heap_ring_slot(view, c, i);
    }
    if (c->ring)
        extent_give(view, c->ring);
    heap_touch(view, c, sizeof *c);
    *c = moved;
    view->mark[c - heap_header(view)->classes].new_ring = 1;
    return true;
}

/* Cut a new slab for a class that has used up its last one. */
static bool slab_cut(struct heap_view *view, int class)
{
    struct heap_header *header = heap_header(view);
    struct heap_class *c = &header->classes[class];
    uint32_t count = heap_shape[class].count;
    uint64_t total = header->total[class] + count;

    if (!c->ring || total > UINT64_C(1) << c->ring_bits) {
        int bits = total <= 1 ? 0 : 64 - __builtin_clzll(total - 1);
        if (!ring_replace(view, c, bits))
            return false;
    }
    uint32_t unit = extent_take(view, HEAP_SLAB_UNITS, 1, KIND_SLAB + class, 0);
    if (!unit)
        return false;
    for (uint32_t i = 0; i < HEAP_SLAB_UNITS; i++) { /* perhaps in two regions */
        uint8_t *map = heap_map(view, unit + i);
        heap_touch(view, map, 1);
        *map = (KIND_SLAB + class) << 2 | i;
    }
    heap_touch(view, &header->total[class], sizeof header->total[class]);
    header->total[class] = total;
    heap_touch(view, c, sizeof *c);
    c->bump = unit << (HEAP_UNIT_SHIFT - 5);
    c->bump_left = count;
    c->reserve = total / 16;
    if (view->unused)
        memset(view->unused + c->bump / 64, 0xff, HEAP_SLAB / 256);
    return true;
}

/* No block to cut, and no more than the reserve to reuse. When memory ends, the
 * reserve is given up, so that the system is not asked at every malloc. */
static __attribute__((noinline)) bool refill(struct heap_view *view, struct heap_class *c)
{
    if (slab_cut(view, c - heap_header(view)->classes))
        return true;
    if (c->head == c->tail)
        return false;
    heap_touch(view, c, sizeof *c);
    c->reserve = 0;
    return true;
}

/* ---- malloc and free, for D and for P ---- */

static inline void clear_block(unsigned char *p, uint32_t size)
{
    if (size <= 256)
        heap_clear_block(p, size);
    else
        memset(p, 0, size);
}

/* A number from a queue is not known to be a free block: heap_open has not read so far, or
 * it is damaged. */
static __attribute__((noinline)) bool is_block(struct heap_view *view, int class, uint32_t number)
{
    if (heap_is_block(view, class, number))
        return true;
    if (!view->damaged)
        psm_fatal("the heap at %p is damaged: a queue holds what is no block of its class", (void *)view->base);
    view->damaged(view->context, "a queue holds what is no block of its class");
    return false;
}

/* `replay` is a constant: the copies for D carry nothing of announcing. */
static inline __attribute__((always_inline)) uint64_t
small_take(struct heap_view *view, int class, bool replay, bool zero)
{
    struct heap_class *c = &heap_header(view)->classes[class];
    uint64_t waiting = c->tail - c->head;
    uint32_t number;
    bool dead = true;

    if (__builtin_expect(waiting <= c->reserve && !c->bump_left, 0)) {
        if (!refill(view, c))
            return 0;
        waiting = c->tail - c->head;
    }
    if (waiting > c->reserve) {
        number = *heap_ring_slot(view, c, c->head);
        bool known = view->unused && view->unused[number / 64] >> number % 64 & 1;
        if (__builtin_expect(!known, replay) && !is_block(view, class, number))
            return 0;
        if (replay) {
            heap_touch(view, c, sizeof *c);
            dead = c->head < view->mark[class].tail;
        }
        c->head++;
    } else {
        if (replay)
            heap_touch(view, c, sizeof *c);
        number = c->bump;
        c->bump += heap_shape[class].size / PSM_BLOCK;
        c->bump_left--;
    }
    uint64_t offset = (uint64_t)number * PSM_BLOCK;
    if (replay)
        (dead ? view->fresh : view->store)(view->context, view->base + offset,
                                           heap_shape[class].size);
    if (!replay || view->unused)
        view->unused[number / 64] &= ~(UINT64_C(1) << number % 64);
    if (zero)
        clear_block(view->base + offset, heap_shape[class].size);
    return offset;
}

/* Append a block to its class's queue.
 *
 * A slot may be written as dead memory only if its whole undo block was dead when the
 * epoch began: none of its positions was in the queue then, in this lap of the ring
 * or the lap before. */
static inline __attribute__((always_inline)) void
small_give(struct heap_view *view, int class, uint32_t number, bool replay)
{
    struct heap_class *c = &heap_header(view)->classes[class];
    uint32_t *slot = heap_ring_slot(view, c, c->tail);

    if (replay) {
        const uint64_t slots = PSM_BLOCK / sizeof *slot, size = UINT64_C(1) << c->ring_bits;
        uint64_t first = c->tail & -slots;
        bool dead = view->mark[class].new_ring
                    || (first >= view->mark[class].tail && size >= slots
                        && first + slots <= view->mark[class].head + size);
        (dead ? view->fresh : view->store)(view->context, undo_block(slot), PSM_BLOCK);
        heap_touch(view, c, sizeof *c);
    }
    *slot = number;
    c->tail++;
}

static __attribute__((noinline)) uint64_t
small_take_replay(struct heap_view *view, int class, bool zero)
{
    return small_take(view, class, true, zero);
}

static __attribute__((noinline)) void
small_give_replay(struct heap_view *view, int class, uint32_t number)
{
    small_give(view, class, number, true);
}

uint64_t heap_small_take(struct heap_view *view, int class, bool zero)
{
    return view->store ? small_take_replay(view, class, zero) : small_take(view, class, false, zero);
}

uint64_t heap_malloc(struct heap_view *view, size_t size)
{
    if (size <= HEAP_SMALL_MAX)
        return heap_small_take(view, heap_class_of(size), true);
    uint64_t units = size / HEAP_UNIT + !!(size % HEAP_UNIT);
    return (uint64_t)extent_take(view, units, 1, KIND_EXTENT, true) << HEAP_UNIT_SHIFT;
}

void heap_bad(const struct heap_view *view, uint64_t offset, const char *what)
{
    psm_fatal("%p is %s", (void *)(view->base + offset), what);
}

enum heap_kind heap_lookup(const struct heap_view *view, uint64_t offset, int *class)
{
    uint64_t unit = offset >> HEAP_UNIT_SHIFT;
    *class = -1;
    if (unit >= heap_header(view)->top)
        return KIND_INSIDE;
    uint8_t byte = *heap_map(view, unit);
    enum heap_kind kind = byte >> 2;
    if (kind < KIND_SLAB)
        return offset % HEAP_UNIT ? KIND_INSIDE : kind;
    *class = kind - KIND_SLAB;
    uint32_t inner = (uint32_t)(offset - ((unit - (byte & 3)) << HEAP_UNIT_SHIFT));
    return heap_begins_block(*class, inner) ? KIND_SLAB : KIND_INSIDE;
}

void heap_free(struct heap_view *view, uint64_t offset)
{
    int class;
    enum heap_kind kind = heap_lookup(view, offset, &class);
    uint64_t number = offset / PSM_BLOCK, bit = UINT64_C(1) << number % 64;

    if (kind == KIND_SLAB) {
        if (view->unused && view->unused[number / 64] & bit)
            heap_bad(view, offset, "freed twice, or was never allocated");
        if (view->unused)
            view->unused[number / 64] |= bit;
        if (view->store)
            small_give_replay(view, class, (uint32_t)number);
        else
            small_give(view, class, (uint32_t)number, false);
    } else if (kind == KIND_EXTENT) {
        extent_give(view, (uint32_t)(offset >> HEAP_UNIT_SHIFT));
    } else if (kind == KIND_FREE) {
        heap_bad(view, offset, "freed twice");
    } else {
        heap_bad(view, offset, "freed, but is not the address of a block");
    }
}
