/* heap_layout.h: what the heap keeps in the arena. Private to heap_*.c.
 *
 * The arena is an array of 16 KiB units: unit 0 holds struct heap_header, the rest,
 * up to `top`, is a gapless row of extents, each a run of units of one kind:
 *
 *   META    the heap's own: region tables, rings of classes
 *   EXTENT  one block of more than 32 KiB, handed out
 *   SLAB    4 units, cut into blocks of one size class
 *   FREE    never next to another FREE one, nor to top
 *
 * From top to end lies memory granted but not in use; top <= virgin <= end. A region is 4096 units (64
 * MiB); its table lies in an extent of 5 units that the directory names: first a
 * byte per unit (map), then a node per unit. In the map
 *
 *   first unit of META, EXTENT  the kind         its node has units
 *   first and last of FREE      KIND_FREE        both nodes have first and units,
 *                                                the first one's has the bin's links
 *   all four units of a SLAB    KIND_SLAB + class, and which of the four it is
 *   any other unit              KIND_INSIDE
 *
 * A size class is a queue of its free blocks: ring[head .. tail) modulo the ring's
 * size holds block numbers (offset / 32), oldest first. Then, for every class,
 *
 *   blocks cut, total = live + (tail - head) + bump_left,  total <= ring size
 *
 * so a free never lacks room in the ring. Ring slots outside [head, tail) are dead. */
#ifndef PSM_HEAP_LAYOUT_H
#define PSM_HEAP_LAYOUT_H
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include "addresses.h"
#include "error.h"
#include "heap.h"

#define HEAP_MAGIC        UINT64_C(0x31504145484d5350) /* "PSMHEAP1" */
#define HEAP_UNIT_SHIFT   14
#define HEAP_UNIT         (UINT64_C(1) << HEAP_UNIT_SHIFT)
#define HEAP_REGION_SHIFT 12
#define HEAP_REGION_UNITS (1u << HEAP_REGION_SHIFT)
#define HEAP_REGIONS      1024 /* x 64 MiB = 64 GiB, a slot */
#define HEAP_TABLE_UNITS  5
#define HEAP_SLAB_UNITS   4
#define HEAP_SLAB         (HEAP_SLAB_UNITS * HEAP_UNIT)
#define HEAP_SMALL_MAX    32768
#define HEAP_BINS         168
#define HEAP_BIN_BITS     192 /* of `nonempty` */

enum heap_kind { /* in bits 2..7 of a map byte; bits 0..1: which unit of a slab */
    KIND_INSIDE = 0, KIND_EXTENT, KIND_META, KIND_FREE, KIND_SLAB
};

struct heap_class {      /* one undo block: all that malloc and free change */
    uint64_t head, tail; /* positions in the queue; they never wrap */
    uint32_t ring;       /* first unit of the ring; 0: no block was ever cut */
    uint32_t bump;       /* next block never used of the newest slab, in 32 bytes */
    uint32_t reserve;    /* blocks are cut rather than reused while fewer wait */
    uint16_t bump_left;  /* blocks from bump on */
    uint8_t ring_bits;   /* the ring has 2^ring_bits slots */
    uint8_t spare;
};
static_assert(sizeof(struct heap_class) == PSM_BLOCK, "malloc logs one block");

struct heap_header {
    uint64_t magic;
    uint64_t capacity;      /* in units */
    uint64_t virgin;        /* first unit never handed out: it and all behind read as zero */
    uint64_t spare;
    uint32_t top;           /* first unit not in any extent */
    uint32_t end;           /* first unit not granted */
    uint32_t regions;       /* with a table: directory[0 .. regions) */
    uint32_t free_units;    /* in FREE extents */
    uint64_t nonempty[HEAP_BIN_BITS / 64]; /* bit per bin */
    uint64_t spare2[3];
    struct heap_class classes[HEAP_CLASSES];
    uint64_t total[HEAP_CLASSES]; /* blocks ever cut */
    struct { uint32_t first, last; } bins[HEAP_BINS]; /* FREE extents by size, oldest
                                                         first; 0: none */
    uint32_t directory[HEAP_REGIONS]; /* first unit of the region's table */
};
static_assert(offsetof(struct heap_header, classes) % PSM_BLOCK == 0, "one block each");
static_assert(sizeof(struct heap_header) <= HEAP_UNIT, "fits unit 0");
static_assert(HEAP_REGIONS * HEAP_REGION_UNITS * HEAP_UNIT == PSM_ARENA_SIZE, "all of a slot");

struct heap_node {
    uint32_t first;      /* of the extent */
    uint32_t units;
    uint32_t next, prev; /* FREE: in the bin, 0: none */
};
static_assert(HEAP_REGION_UNITS * (1 + sizeof(struct heap_node))
              <= HEAP_TABLE_UNITS * HEAP_UNIT, "a region's table");

static inline struct heap_header *heap_header(const struct heap_view *view)
{
    return (struct heap_header *)view->base;
}

static inline void *heap_unit(const struct heap_view *view, uint32_t unit)
{
    return view->base + ((uint64_t)unit << HEAP_UNIT_SHIFT);
}

static inline uint8_t *heap_map(const struct heap_view *view, uint32_t unit)
{
    uint32_t table = heap_header(view)->directory[unit >> HEAP_REGION_SHIFT];
    return (uint8_t *)heap_unit(view, table) + (unit & (HEAP_REGION_UNITS - 1));
}

static inline struct heap_node *heap_node(const struct heap_view *view, uint32_t unit)
{
    uint32_t table = heap_header(view)->directory[unit >> HEAP_REGION_SHIFT];
    unsigned char *nodes = (unsigned char *)heap_unit(view, table) + HEAP_REGION_UNITS;
    return (struct heap_node *)nodes + (unit & (HEAP_REGION_UNITS - 1));
}

static inline enum heap_kind heap_kind(const struct heap_view *view, uint32_t unit)
{
    return *heap_map(view, unit) >> 2;
}

static inline uint32_t *heap_ring(const struct heap_view *view, const struct heap_class *c)
{
    return heap_unit(view, c->ring);
}

static inline uint64_t heap_ring_mask(const struct heap_class *c)
{
    return (UINT64_C(1) << c->ring_bits) - 1;
}

/* Announce a change of live metadata. */
static inline void heap_touch(struct heap_view *view, void *p, size_t size)
{
    if (view->store)
        view->store(view->context, p, size);
}

struct heap_class_shape {
    uint32_t size;    /* of a block */
    uint32_t count;   /* blocks in a slab */
    uint32_t last;    /* where in a slab the last one begins */
    uint32_t inverse; /* ceiling of 2^32 / size */
};
extern const struct heap_class_shape heap_shape[HEAP_CLASSES];
/* Whether a block begins `inner` bytes into a slab. size divides inner if and only if
 * inner * inverse modulo 2^32 is less than inverse (Lemire, Kaser, Kurz 2019), exact for
 * inner < 2^16 and size <= 2^15. */
static inline bool heap_begins_block(int class, uint32_t inner)
{
    const struct heap_class_shape *shape = &heap_shape[class];
    return inner * shape->inverse < shape->inverse && inner <= shape->last;
}
int heap_class_of(size_t size); /* the smallest class that holds it */

/* Small blocks (heap_small.c). zero: else the block holds what was there, and the caller
 * overwrites all of it. */
uint64_t heap_small_take(struct heap_view *view, int class, bool zero);

/* Extents (heap_extent.c). What extent_take hands out reads as zero, and if
 * `announce`, is announced as a whole; else it is announced only if it had to be
 * cleared. alignment in units, a power of two. Returns the first unit, 0 if there is
 * no memory: then nothing has changed. */
int extent_begin(struct heap_view *view); /* the first table; 0 or -1 */
uint32_t extent_take(struct heap_view *view, uint64_t units, uint64_t alignment,
                     enum heap_kind kind, bool announce);
void extent_give(struct heap_view *view, uint32_t unit);
void extent_shrink(struct heap_view *view, uint32_t unit, uint32_t units);
bool extent_enlarge(struct heap_view *view, uint32_t unit, uint64_t units);
int extent_bin(uint32_t units);

/* What lies at `offset`: the kind of thing that begins there or KIND_INSIDE. For a
 * block *class is its class, for EXTENT -1. */
enum heap_kind heap_lookup(const struct heap_view *view, uint64_t offset, int *class);
/* Whether a block of the class begins at `number` (offset / 32), which may be anything. */
static inline bool heap_is_block(const struct heap_view *view, int class, uint64_t number)
{
    int found;
    return heap_lookup(view, number * PSM_BLOCK, &found) == KIND_SLAB && found == class;
}
_Noreturn void heap_bad(const struct heap_view *view, uint64_t offset, const char *what);
#endif
