/* heap.c: the heap's calls that are made of others, and its beginning. See heap.h. */
#include <string.h>
#include <sys/mman.h>
#include "heap_layout.h"

#define UNUSED_BYTES (UINT64_C(1) << (32 - 3)) /* for any number that a queue may hold */
#define DYING_BYTES  (PSM_ARENA_SIZE / HEAP_UNIT / 8)
#define KNOWN_FREE_MAX (1u << 20) /* blocks noted as free at open: about 5 ms */

/* ---- begin and end ---- */

static void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int view_begin(struct heap_view *view)
{
    view->unused = NULL;
    view->dying = NULL;
    view->dying_count = 0;
    memset(view->mark, 0, sizeof view->mark);
    if (view->store)
        view->dying = reserve(DYING_BYTES);
    return !view->store || view->dying ? 0 : -1;
}

void heap_close(struct heap_view *view)
{
    if (view->unused)
        munmap(view->unused, UNUSED_BYTES);
    if (view->dying)
        munmap(view->dying, DYING_BYTES);
    view->unused = view->dying = NULL;
}

int heap_format(struct heap_view *view, uint64_t capacity_bytes)
{
    struct heap_header *header = heap_header(view);
    if (view_begin(view) != 0 || (view->unused = reserve(UNUSED_BYTES)) == NULL)
        goto close;
    heap_touch(view, header, sizeof *header);
    memset(header, 0, sizeof *header);
    header->magic = HEAP_MAGIC;
    header->capacity = capacity_bytes / HEAP_UNIT;
    if (extent_begin(view) == 0)
        return 0;
    header->magic = 0;
close:
    heap_close(view);
    return -1;
}

/* What is known without having seen it freed: the blocks not cut yet, and the queues,
 * as far as reading them does not delay the start. */
static const char *note_unused(struct heap_view *view)
{
    const struct heap_header *header = heap_header(view);
    uint32_t left = KNOWN_FREE_MAX;

    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        uint32_t step = heap_shape[class].size / PSM_BLOCK;
        for (uint64_t i = 0, n = c->bump; i < c->bump_left; i++, n += step)
            view->unused[n / 64] |= UINT64_C(1) << n % 64;
        for (uint64_t i = c->head; i < c->tail && left; i++, left--) {
            uint32_t n = heap_ring(view, c)[i & heap_ring_mask(c)];
            if (!heap_is_block(view, class, n))
                return "a queue holds what is no block of its class";
            if (view->unused[n / 64] >> n % 64 & 1)
                return "a block is free twice";
            view->unused[n / 64] |= UINT64_C(1) << n % 64;
        }
    }
    return NULL;
}

int heap_open(struct heap_view *view, uint64_t bytes, const char **why)
{
    if (!heap_sound(view, bytes, why))
        return -1;
    *why = "no memory for its tables";
    if (view_begin(view) == 0 && (view->unused = reserve(UNUSED_BYTES)) != NULL
        && !(*why = note_unused(view)))
        return 0;
    heap_close(view);
    return -1;
}

void heap_hand_over(struct heap_view *p, struct heap_view *d)
{
    view_begin(d);
    d->unused = p->unused;
    p->unused = NULL;
}

void heap_epoch_begin(struct heap_view *view)
{
    const struct heap_header *header = heap_header(view);

    if (view->dying_count > HEAP_RANGES)
        memset(view->dying, 0, header->end / 8 + 1);
    else
        for (uint32_t i = 0; i < view->dying_count; i++) {
            uint32_t end = view->dying_range[i].unit + view->dying_range[i].units;
            for (uint32_t unit = view->dying_range[i].unit; unit < end; unit++)
                view->dying[unit / 64] &= ~(UINT64_C(1) << unit % 64);
        }
    view->dying_count = 0;
    for (int class = 0; class < HEAP_CLASSES; class++) {
        view->mark[class].head = header->classes[class].head;
        view->mark[class].tail = header->classes[class].tail;
        view->mark[class].new_ring = 0;
    }
}

/* ---- sizes ---- */

uint64_t heap_end(const struct heap_view *view)
{
    return heap_header(view)->end * HEAP_UNIT;
}

uint64_t heap_virgin(const struct heap_view *view)
{
    return heap_header(view)->virgin * HEAP_UNIT;
}

uint64_t heap_capacity(const struct heap_view *view)
{
    return heap_header(view)->capacity * HEAP_UNIT;
}

void heap_set_capacity(struct heap_view *view, uint64_t capacity_bytes)
{
    struct heap_header *header = heap_header(view);
    heap_touch(view, &header->capacity, sizeof header->capacity);
    header->capacity = capacity_bytes / HEAP_UNIT;
}

uint64_t heap_used(const struct heap_view *view)
{
    const struct heap_header *header = heap_header(view);
    uint64_t used = (uint64_t)(header->top - header->free_units) * HEAP_UNIT;
    for (int class = 0; class < HEAP_CLASSES; class++) {
        const struct heap_class *c = &header->classes[class];
        used -= (c->tail - c->head + c->bump_left) * heap_shape[class].size;
    }
    return used;
}

/* The block that begins at offset: its size; heap_bad if there is none. */
static size_t live_size(struct heap_view *view, uint64_t offset, int *class)
{
    enum heap_kind kind = heap_lookup(view, offset, class);
    if (kind == KIND_EXTENT)
        return heap_node(view, offset >> HEAP_UNIT_SHIFT)->units * HEAP_UNIT;
    if (kind != KIND_SLAB)
        heap_bad(view, offset, "not the address of a block");
    uint64_t number = offset / PSM_BLOCK;
    if (view->unused && view->unused[number / 64] >> number % 64 & 1)
        heap_bad(view, offset, "used after it was freed");
    return heap_shape[*class].size;
}

size_t heap_usable(struct heap_view *view, uint64_t offset)
{
    int class;
    return live_size(view, offset, &class);
}

/* ---- calls made of malloc and free ---- */

/* Slabs are unit-aligned, so a class is aligned to every power of two that divides
 * its size and a unit. */
uint64_t heap_aligned(struct heap_view *view, size_t alignment, size_t size)
{
    if (alignment <= PSM_BLOCK)
        return heap_malloc(view, size);
    if (alignment <= HEAP_UNIT && size <= HEAP_SMALL_MAX) {
        int class = heap_class_of(size > alignment ? size : alignment);
        while (heap_shape[class].size % alignment)
            class++;
        return heap_small_take(view, class, true);
    }
    uint64_t units = size / HEAP_UNIT + (size % HEAP_UNIT || !size);
    uint64_t apart = alignment <= HEAP_UNIT ? 1 : alignment / HEAP_UNIT;
    return (uint64_t)extent_take(view, units, apart, KIND_EXTENT, 1) << HEAP_UNIT_SHIFT;
}

/* In place: a small block that stays in its class, or shrinks to more than half; an
 * extent that shrinks, or has free room behind it. Else moved. */
uint64_t heap_realloc(struct heap_view *view, uint64_t offset, size_t size)
{
    int class;
    size_t old = live_size(view, offset, &class);

    if (class >= 0) {
        if (size <= old && (size > old / 2 || old <= 64))
            return offset;
    } else if (size > HEAP_SMALL_MAX && size <= PSM_ARENA_SIZE) {
        uint32_t unit = offset >> HEAP_UNIT_SHIFT;
        uint64_t units = (size + HEAP_UNIT - 1) >> HEAP_UNIT_SHIFT;
        if (units * HEAP_UNIT == old)
            return offset;
        if (units * HEAP_UNIT < old) {
            extent_shrink(view, unit, units);
            return offset;
        }
        if (extent_enlarge(view, unit, units))
            return offset;
    }
    bool small = size <= HEAP_SMALL_MAX;
    uint64_t moved = small ? heap_small_take(view, heap_class_of(size), false) : heap_malloc(view, size);
    if (!moved)
        return 0;
    size_t kept = size < old ? size : old;
    if (!small)
        heap_touch(view, view->base + moved, kept);
    memcpy(view->base + moved, view->base + offset, kept);
    if (small)
        memset(view->base + moved + kept, 0, heap_shape[heap_class_of(size)].size - kept);
    heap_free(view, offset);
    return moved;
}
