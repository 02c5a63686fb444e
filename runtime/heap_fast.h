/* heap_fast.h: the path of nearly all mallocs and frees, inlined into psm_malloc and
 * psm_free: D's blocks of 1 to 256 bytes that need no new slab, and frees of small
 * blocks. Everything else, and every error, is heap_malloc's and heap_free's business,
 * which do the same where they overlap. */
#ifndef PSM_HEAP_FAST_H
#define PSM_HEAP_FAST_H
#include <emmintrin.h>
#include "heap_layout.h"

static inline uint32_t *heap_ring_slot(const struct heap_view *view, const struct heap_class *c,
                                       uint64_t position)
{
    return heap_ring(view, c) + (position & heap_ring_mask(c));
}

/* size: a multiple of 32, up to 256. What begins as nothing in D and in P, in the first
 * run and in every replay of it, makes ops that look at padding, or at what they never
 * wrote, do the same each time. */
static inline void heap_clear_block(unsigned char *p, uint32_t size)
{
    __m128i zero = _mm_setzero_si128();
    for (unsigned char *end = p + size; p < end; p += PSM_BLOCK) {
        _mm_store_si128((__m128i *)p, zero);
        _mm_store_si128((__m128i *)p + 1, zero);
        __asm__("" : "+r"(p)); /* a loop, not a call of memset: a fifth of malloc */
    }
}

static inline uint64_t heap_fast_malloc(struct heap_view *view, size_t size)
{
    if (__builtin_expect(size - 1 >= 256, 0))
        return heap_malloc(view, size);
    uint32_t blocks = (uint32_t)((size - 1) / PSM_BLOCK) + 1, number;
    struct heap_class *c = &heap_header(view)->classes[blocks - 1];
    if (__builtin_expect(c->tail - c->head > c->reserve, 1)) {
        number = *heap_ring_slot(view, c, c->head);
        if (__builtin_expect(!(view->unused[number / 64] >> number % 64 & 1), 0))
            return heap_malloc(view, size); /* not known to be free: perhaps no block at all */
        c->head++;
    } else if (c->bump_left) {
        number = c->bump;
        c->bump += blocks;
        c->bump_left--;
    } else {
        return heap_malloc(view, size);
    }
    view->unused[number / 64] &= ~(UINT64_C(1) << number % 64);
    uint64_t offset = (uint64_t)number * PSM_BLOCK;
    heap_clear_block(view->base + offset, blocks * PSM_BLOCK);
    return offset;
}

static inline void heap_fast_free(struct heap_view *view, uint64_t offset)
{
    uint64_t unit = offset >> HEAP_UNIT_SHIFT, number = offset / PSM_BLOCK;
    uint64_t bit = UINT64_C(1) << number % 64;
    if (__builtin_expect(unit >= heap_header(view)->top, 0))
        goto other;
    uint8_t byte = *heap_map(view, unit);
    if (__builtin_expect(byte < KIND_SLAB << 2, 0))
        goto other;
    uint32_t class = (byte >> 2) - KIND_SLAB;
    uint32_t inner = (uint32_t)(offset - ((unit - (byte & 3)) << HEAP_UNIT_SHIFT));
    if (__builtin_expect(!heap_begins_block(class, inner) || view->unused[number / 64] & bit, 0))
        goto other;
    view->unused[number / 64] |= bit;
    struct heap_class *c = &heap_header(view)->classes[class];
    *heap_ring_slot(view, c, c->tail++) = (uint32_t)number;
    return;
other:
    heap_free(view, offset);
}
#endif
