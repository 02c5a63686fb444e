/* heap.h: the machine's allocator: one heap in one arena, the same code for both
 * copies of it.
 *
 * Guarantees
 *  - What it does is a function of the heap's state alone: D's heap and P's, given
 *    the same calls and the same answers of grow(), hand out the same offsets.
 *    Epochs, time, and the volatile part of struct heap_view never decide anything.
 *  - All metadata lies in the arena, as offsets, and none of it in the blocks
 *    themselves: a free block is dead, and may be overwritten without an undo record.
 *  - In P every byte is announced before it is changed: by store() if it may have
 *    been live when the epoch began, by fresh() if it was dead. A block handed out is
 *    announced as a whole, but for an extent of at least HEAP_LARGE from memory that was
 *    never used: of that only what is written, so that room which nobody touches costs
 *    nothing (untouched).
 *  - A malloc or free of up to 32 KiB changes one 32-byte block of live metadata,
 *    the same one for all of its size class: an epoch logs it once. Freed blocks
 *    wait in a queue, so that the one reused was nearly always free when the epoch
 *    began, and needs no undo record (the experiment: 5 logged blocks an op
 *    became 1.25).
 *  - What is handed out reads as zero, to the end of the block: what an op has not
 *    written is the same in both copies, in the first run and in each replay of it,
 *    and no stale pointer waits in it for psm_verify. malloc is calloc.
 *  - A double free, or the free of what is not a block's address, is psm_fatal.
 *    After a restart, frees by the previous process are known for the first million
 *    free blocks only (heap_open).
 *  - An image whose metadata cannot be is refused, or noticed before it does harm: no
 *    bytes make the heap read or write out of the arena, or go on for ever.
 *
 * Relies on the caller for mutual exclusion: one op at a time per view.
 *
 * How it is built: heap_small.c (classes), heap_extent.c (runs of 16 KiB units),
 * heap.c (calls made of these), heap_check.c (invariants, walking). */
#ifndef PSM_HEAP_H
#define PSM_HEAP_H
#include <stddef.h>
#include <stdint.h>

#define HEAP_CLASSES       34
#define HEAP_LARGE         (UINT64_C(1) << 20) /* extents from here: release(), clear() */
#define HEAP_CAPACITY_MIN  (UINT64_C(1) << 20)
#define HEAP_RANGES        64

/* One copy of the heap as one thread sees it. The caller fills in the first part
 * and zeroes the second. Offsets count bytes from the arena's base. */
struct heap_view {
    unsigned char *base; /* of the arena in this copy; 16 KiB-aligned at least */
    void *context;       /* for the callbacks */

    /* P: about to change what may have been live when the epoch began. NULL in D,
     * and this is what makes a view D's or P's. Repeating it does no harm. */
    void (*store)(void *context, void *p, size_t size);
    /* P: about to write, or let the op write, what was dead when the epoch began;
     * whole 32-byte blocks. Does nothing for blocks already announced. */
    void (*fresh)(void *context, void *p, size_t size);
    /* P: whole units that read as zero are handed out, and nobody has written there yet:
     * whoever does is to announce it by store(). May be NULL: then fresh() at once. */
    void (*untouched)(void *context, void *p, size_t size);
    /* Memory in [old_end, new_end) is wanted, reading as zero: 1 granted, 0 refused.
     * Both are multiples of 16 KiB. D asks the medium; P does as the log says. */
    int (*grow)(void *context, uint64_t old_end, uint64_t new_end);
    /* May be NULL. An extent of at least HEAP_LARGE has been freed: its memory may
     * go back to the system, it need not read as anything. */
    void (*release)(void *context, uint64_t offset, uint64_t size);
    /* May be NULL: then memset. An extent of at least HEAP_LARGE is about to be
     * handed out again: make it read as zero. It has been announced. */
    void (*clear)(void *context, uint64_t offset, uint64_t size);
    /* May be NULL: then psm_fatal. The heap's metadata is found to be damaged where
     * heap_open has not looked; malloc gives no memory. */
    void (*damaged)(void *context, const char *what);

    /* The heap's own; volatile. */
    uint64_t *unused;  /* D, and P in recovery: bit per 32 bytes: known not to begin a live
                          block */
    uint64_t *dying;   /* P: bit per unit: freed in this epoch, so live at its begin */
    uint32_t dying_count; /* ranges below; more than HEAP_RANGES: anywhere */
    struct { uint32_t unit, units; } dying_range[HEAP_RANGES];
    struct {
        uint64_t head, tail; /* of the class's queue when the epoch began */
        int new_ring;        /* the queue has moved to another ring since */
    } mark[HEAP_CLASSES];
};

/* Make an empty heap in the arena, which reads as zero. capacity_bytes: the most it
 * may ever grow to. Returns 0; -1 if grow() refused. The view is open after it. */
int heap_format(struct heap_view *view, uint64_t capacity_bytes);

/* Begin to use the heap that lies in the first `bytes` of the arena. Any bytes may lie there:
 * what heap_sound says of them counts. Frees of what is free are noticed, in P too until
 * heap_hand_over.
 * Returns 0; -1 and why (static text). */
int heap_open(struct heap_view *view, uint64_t bytes, const char **why);
void heap_close(struct heap_view *view); /* gives back the volatile part */
/* D has become what P is: begin to use it, with what P's view knows of free blocks. */
void heap_hand_over(struct heap_view *p, struct heap_view *d);

/* An epoch begins (P only): all that is free now may be written unlogged in it. To
 * be called once before the first call on a P view, then after each commit. */
void heap_epoch_begin(struct heap_view *view);

/* All return an arena offset, 32-aligned, never 0 for a block; 0 means that there is
 * no memory, and nothing has changed. Size 0 gives a block. */
uint64_t heap_malloc(struct heap_view *view, size_t size);
static inline uint64_t heap_calloc(struct heap_view *view, size_t size)
{
    return heap_malloc(view, size);
}
uint64_t heap_aligned(struct heap_view *view, size_t alignment, size_t size);
uint64_t heap_realloc(struct heap_view *view, uint64_t offset, size_t size);
void heap_free(struct heap_view *view, uint64_t offset);
size_t heap_usable(struct heap_view *view, uint64_t offset);

uint64_t heap_end(const struct heap_view *view);      /* memory granted so far, in bytes */
uint64_t heap_virgin(const struct heap_view *view);   /* of the arena; from here on it reads as zero */
uint64_t heap_used(const struct heap_view *view);     /* of it in use, metadata included */
uint64_t heap_capacity(const struct heap_view *view);
/* The capacity has been raised (psm_init, both copies, P announced). */
void heap_set_capacity(struct heap_view *view, uint64_t capacity_bytes);

/* The block that holds `offset`: 1 and its start, size, and whether it is live; 0 for
 * metadata and for what belongs to no block. Slow: for messages. */
int heap_block_of(struct heap_view *view, uint64_t offset,
                  uint64_t *start, uint64_t *size, int *live);

/* Whether D and P must agree at `offset`, and up to where that holds: live blocks and the
 * heap's own data, as heap_each_live visits them. Slow where free blocks are many. */
int heap_agrees_at(struct heap_view *view, uint64_t offset, uint64_t *end);

/* Call `visit` for each live block, and with metadata = 1 for each range of the heap's
 * own, in order of address; together they are all that D and P must agree on. Returns
 * 0; -1 without memory for a bitmap of the free blocks (1/256 of the arena). */
typedef void heap_visit_fn(void *context, uint64_t offset, uint64_t size, int metadata);
int heap_each_live(struct heap_view *view, heap_visit_fn *visit, void *context);

/* Whether there is a heap in the first `bytes` of the arena, and its metadata is such that
 * nothing below heap_sound can go wrong; else 0, and why (static text). Writes nothing;
 * reads some 20 bytes for each 16 KiB of the heap. */
int heap_sound(struct heap_view *view, uint64_t bytes, const char **why);
/* Visit the ranges, whole units, that metadata lies in if the header is to be believed, which
 * is looked at no further; none is out of the first `bytes`. */
void heap_metadata(struct heap_view *view, uint64_t bytes, heap_visit_fn *visit, void *context);

/* Whether all invariants hold; else 0, and why (static text). Reads every block's
 * metadata: for tests and psm_verify. */
int heap_check(struct heap_view *view, const char **why);
#endif
