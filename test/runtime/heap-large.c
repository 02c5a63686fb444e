// Blocks from 1 byte to 3 GiB in a heap of over 4 GiB: they read as zero, grow and
// shrink where they are, coalesce when freed, and beyond the capacity or against a
// refusal malloc gives nothing and changes nothing.
// RUN: %clang -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fno-strict-aliasing -I%runtime %s %runtime/heap.c %runtime/heap_small.c %runtime/heap_extent.c %runtime/heap_check.c -o %t.exe
// RUN: %t.exe
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "heap.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

_Noreturn void psm_fatal(const char *format, ...);
void psm_fatal(const char *format, ...)
{
    fputs(format, stderr);
    abort();
}

#define EXPECT(condition)                                          \
    do {                                                           \
        if (!(condition)) {                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            exit(1);                                               \
        }                                                          \
    } while (0)

static int refuse;
static int grow(void *context, uint64_t old_end, uint64_t new_end)
{
    (void)context;
    EXPECT(old_end < new_end && new_end <= 60 * GIB);
    return !refuse;
}

/* P's side: only the header is watched: each change in it was announced. */
static unsigned char header_before[16384], header_marked[16384 / 32];
static struct heap_view d = { .grow = grow }, p = { .grow = grow };

static void clear(void *context, uint64_t offset, uint64_t size)
{
    const struct heap_view *view = context;
    EXPECT(madvise(view->base + offset, size, MADV_DONTNEED) == 0);
}

static void announce(void *context, void *twin, size_t size)
{
    EXPECT(context == &p);
    uint64_t offset = (unsigned char *)twin - p.base;
    for (uint64_t b = offset / 32; b * 32 < offset + size && b < sizeof header_marked; b++)
        header_marked[b] = 1;
}

static void check(void)
{
    const char *why;
    EXPECT(heap_check(&d, &why));
    EXPECT(heap_check(&p, &why));
    EXPECT(memcmp(d.base, p.base, sizeof header_before) == 0);
    for (unsigned i = 0; i < sizeof header_before; i++)
        EXPECT(header_marked[i / 32] || header_before[i] == p.base[i]);
    memcpy(header_before, p.base, sizeof header_before);
    memset(header_marked, 0, sizeof header_marked);
    heap_epoch_begin(&p);
}

static uint64_t both_malloc(uint64_t size)
{
    uint64_t at = heap_malloc(&d, size);
    EXPECT(heap_malloc(&p, size) == at);
    return at;
}

static uint64_t both_realloc(uint64_t offset, uint64_t size)
{
    uint64_t at = heap_realloc(&d, offset, size);
    EXPECT(heap_realloc(&p, offset, size) == at);
    return at;
}

static void both_free(uint64_t offset)
{
    heap_free(&d, offset);
    heap_free(&p, offset);
}

static void *arena(void)
{
    void *base = mmap(NULL, 64 * GIB, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT(base != MAP_FAILED);
    return base;
}

int main(void)
{
    d.base = arena(), p.base = arena();
    p.store = p.fresh = announce;
    d.clear = p.clear = d.release = clear;
    d.context = &d, p.context = &p;
    EXPECT(heap_format(&d, 32 * GIB) == 0 && heap_format(&p, 32 * GIB) == 0);
    uint64_t empty = heap_used(&d);
    check();

    /* sizes, and that blocks beyond 4 GiB are blocks */
    uint64_t three = both_malloc(3 * GIB), two = both_malloc(2 * GIB), one = both_malloc(1);
    EXPECT(three && two > three && one > 5 * GIB);
    EXPECT(heap_usable(&d, one) == 32 && heap_usable(&d, three) == 3 * GIB);
    d.base[three + 2 * GIB] = p.base[three + 2 * GIB] = 7;
    both_free(one);
    EXPECT(both_malloc(1) != 0);
    check();

    /* nothing where nothing is left, and nothing changed */
    uint64_t used = heap_used(&d);
    EXPECT(both_malloc(28 * GIB) == 0 && both_malloc(SIZE_MAX) == 0);
    EXPECT(both_malloc(SIZE_MAX - 16383) == 0 && both_realloc(two, SIZE_MAX - 5) == 0);
    EXPECT(heap_aligned(&d, 32 * GIB, 1) == 0 && heap_aligned(&d, UINT64_C(1) << 63, 1) == 0);
    refuse = 1;
    EXPECT(both_malloc(2 * GIB) == 0);
    refuse = 0;
    EXPECT(heap_used(&d) == used);
    check();

    /* in place: shrink, grow into what was shrunk off, which is zero again */
    EXPECT(both_realloc(three, GIB) == three && heap_usable(&d, three) == GIB);
    EXPECT(heap_used(&d) == used - 2 * GIB);
    EXPECT(both_realloc(three, 3 * GIB - 5) == three && heap_usable(&d, three) == 3 * GIB);
    EXPECT(d.base[three + 2 * GIB] == 0 && p.base[three + 2 * GIB] == 0);
    EXPECT(both_realloc(three, 100) != three); /* an extent becomes a small block */
    check();

    /* what is freed is found again by the same size, and neighbours join */
    uint64_t a = both_malloc(100 * MIB), b = both_malloc(100 * MIB), c = both_malloc(100 * MIB);
    both_malloc(MIB);
    uint64_t end = heap_end(&d);
    for (int i = 0; i < 100; i++) {
        both_free(b);
        EXPECT(both_malloc(100 * MIB) == b);
    }
    both_free(a), both_free(c), both_free(b);
    check();
    EXPECT(both_malloc(300 * MIB) == a);
    EXPECT(heap_end(&d) == end);
    both_free(a);

    /* a vector that doubles at the top moves never or seldom */
    uint64_t vector = both_malloc(MIB), moves = 0;
    for (uint64_t size = MIB; size <= 2 * GIB; size *= 2) {
        uint64_t at = both_realloc(vector, size);
        EXPECT(at);
        moves += at != vector;
        vector = at;
    }
    EXPECT(moves <= 2);
    check();

    /* alignments */
    for (uint64_t alignment = 1; alignment <= 64 * MIB; alignment *= 2)
        for (uint64_t size = 1; size <= 100000; size = size * 3 + 1) {
            uint64_t at = heap_aligned(&d, alignment, size);
            EXPECT(at && at % alignment == 0 && heap_usable(&d, at) >= size);
            EXPECT(heap_aligned(&p, alignment, size) == at);
            both_free(at);
        }
    check();

    /* a fresh machine is small */
    EXPECT(empty < 128 << 10);
    return 0;
}
