// Random ops on D's heap and P's give the same offsets and bytes, every byte of P is
// announced before it changes, and undoing only what store() announced takes P back to
// the epoch's beginning whatever became of what fresh() announced.
// RUN: %clang -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fno-strict-aliasing -I%runtime %s %runtime/heap.c %runtime/heap_small.c %runtime/heap_extent.c %runtime/heap_check.c -o %t.exe
// RUN: %t.exe 1 12
//
// Mutants seen to fail: fresh for every popped block; fresh for every ring slot; no
// store() before heap_class, node, map, bins, top; no note_dying; no clearing of
// extents; virgin not moved on, or not announced; ring copied without its queue; (heap-large)
// no store() before the directory.
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "heap_fast.h"

#define ARENA    (UINT64_C(32) << 20)
#define BLOCKS   (ARENA / 32)
#define LIVE_MAX 20000
#define OPS_MAX  3000

static void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    abort();
}

_Noreturn void psm_fatal(const char *format, ...);
void psm_fatal(const char *format, ...)
{
    fail("psm_fatal: %s", format);
    abort();
}

static uint64_t random_state;
static uint64_t rnd(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545F4914F6CDD1D) >> 11;
}

/* ---- the two copies ---- */

static unsigned char *d_base, *p_base, *before; /* before: P when the epoch began */
static unsigned char marked[BLOCKS];            /* 1: store, 2: fresh */
static struct heap_view d, p;

static int answers[4 * OPS_MAX], answer_count, answer_next; /* of grow() in this epoch */
static struct { uint64_t old_end, new_end; } asked[4 * OPS_MAX];
static uint64_t file_end;                                   /* never shrinks */

static void announce(void *twin, size_t size, int kind)
{
    uint64_t from = (unsigned char *)twin - p_base, to = from + size;
    if (kind == 2 && (from % 32 || size % 32))
        fail("fresh of a part of a block");
    if (to > ARENA)
        fail("announced beyond the arena");
    for (uint64_t b = from / 32; b * 32 < to; b++) {
        if (marked[b])
            continue;
        if (memcmp(p_base + b * 32, before + b * 32, 32) != 0)
            fail("block at %#lx was changed before it was announced", b * 32);
        marked[b] = kind;
    }
}

static void p_store(void *context, void *twin, size_t size)
{
    (void)context;
    announce(twin, size, 1);
}

static void p_fresh(void *context, void *twin, size_t size)
{
    (void)context;
    announce(twin, size, 2);
}

static int d_grow(void *context, uint64_t old_end, uint64_t new_end)
{
    (void)context;
    int granted = rnd() % 8 != 0;
    asked[answer_count].old_end = old_end;
    asked[answer_count].new_end = new_end;
    answers[answer_count++] = granted;
    if (granted && new_end > file_end)
        file_end = new_end;
    return granted;
}

static int p_grow(void *context, uint64_t old_end, uint64_t new_end)
{
    (void)context;
    if (answer_next == answer_count || asked[answer_next].old_end != old_end
        || asked[answer_next].new_end != new_end)
        fail("P grows to where D did not");
    return answers[answer_next++];
}

static void d_release(void *context, uint64_t offset, uint64_t size)
{
    (void)context;
    memset(d_base + offset, 0xdd, size);
}

static void d_clear(void *context, uint64_t offset, uint64_t size)
{
    (void)context;
    memset(d_base + offset, 0, size);
}

/* ---- the model: live blocks and their contents ---- */

struct block { uint64_t offset, size, seed; };
static struct block live[LIVE_MAX], live_before[LIVE_MAX];
static int live_count, live_count_before;

enum kind { MALLOC, CALLOC, ALIGNED, REALLOC, FREE, WRITE };
static struct op { enum kind kind; uint64_t size, alignment, seed, result; int index; } ops[OPS_MAX];
static int op_count;

static void fill(unsigned char *to, uint64_t size, uint64_t seed)
{
    uint64_t x = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    uint64_t i = 0;
    for (; i + 8 <= size; i += 8, x += UINT64_C(0x9E3779B97F4A7C15))
        memcpy(to + i, &x, 8);
    memcpy(to + i, &x, size - i);
}

static void expect(const unsigned char *at, uint64_t size, uint64_t seed, const char *who)
{
    uint64_t x = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    uint64_t i = 0;
    for (; i + 8 <= size; i += 8, x += UINT64_C(0x9E3779B97F4A7C15))
        if (memcmp(at + i, &x, 8) != 0)
            fail("%s: a live block's bytes have changed", who);
    if (memcmp(at + i, &x, size - i) != 0)
        fail("%s: a live block's last bytes have changed", who);
}

static void expect_zero(const unsigned char *at, uint64_t size, const char *who)
{
    for (uint64_t i = 0; i < size; i++)
        if (at[i])
            fail("%s: not zero when handed out", who);
}

static uint64_t random_size(void)
{
    switch (rnd() % 64) {
    case 0:  return 32769 + rnd() % (200 << 10);
    case 1:  return rnd() % 8 ? 600 : (1 << 20) + rnd() % (3 << 20);
    case 2:  return rnd() % 32768;
    case 3: case 4: case 5: return rnd() % 4096;
    default: return rnd() % 300;
    }
}

/* Run one op on one copy. The model's list is changed by D's run only. */
static uint64_t run(struct heap_view *view, const struct op *op, const struct block *block)
{
    const char *who = view == &d ? "D" : "P";
    uint64_t at = 0;

    switch (op->kind) {
    case MALLOC:
        at = view == &d ? heap_fast_malloc(view, op->size) : heap_malloc(view, op->size);
        break;
    case CALLOC:
        at = heap_calloc(view, op->size);
        if (at)
            expect_zero(view->base + at, op->size, who);
        break;
    case ALIGNED:
        at = heap_aligned(view, op->alignment, op->size);
        if (at % op->alignment)
            fail("%s: not aligned", who);
        break;
    case REALLOC:
        at = heap_realloc(view, block->offset, op->size);
        if (at)
            expect(view->base + at, op->size < block->size ? op->size : block->size,
                   block->seed, who);
        break;
    case FREE:
        expect(view->base + block->offset, block->size, block->seed, who);
        view == &d ? heap_fast_free(view, block->offset) : heap_free(view, block->offset);
        return 0;
    case WRITE:
        if (view->store)
            view->store(NULL, view->base + block->offset, block->size);
        fill(view->base + block->offset, block->size, op->seed);
        return 0;
    }
    if (at) {
        if (heap_usable(view, at) < op->size)
            fail("%s: a block too small", who);
        if (at % 32)
            fail("%s: not 32-aligned", who);
        if (op->kind == MALLOC || op->kind == ALIGNED)
            expect_zero(view->base + at, heap_usable(view, at), who);
        if (view->store && op->kind == REALLOC && at == block->offset)
            view->store(NULL, view->base + at, op->size); /* as compiled code would */
        fill(view->base + at, op->size, op->seed);
    }
    return at;
}

static void one_op(void)
{
    static int growing = 1;
    if (rnd() % 4000 == 0)
        growing = !growing;
    if (live_count < 10)
        growing = 1;
    if (live_count > LIVE_MAX - 10)
        growing = 0;

    struct op *op = &ops[op_count++];
    unsigned dice = rnd() % 100;
    op->kind = dice < (growing ? 50 : 30) ? MALLOC : dice < (growing ? 60 : 35) ? CALLOC
             : dice < 64 ? ALIGNED : dice < 75 ? REALLOC : dice < 80 ? WRITE : FREE;
    if (live_count == 0 && op->kind > ALIGNED)
        op->kind = MALLOC;
    if (!growing && op->kind <= ALIGNED && rnd() % 2)
        op->kind = FREE;
    if (live_count == 0 && op->kind == FREE)
        op->kind = MALLOC;
    op->size = random_size();
    op->alignment = UINT64_C(1) << rnd() % 17;
    op->seed = rnd();
    op->index = live_count ? rnd() % live_count : 0;

    struct block block = live[op->index];
    op->result = run(&d, op, &block);
    if (op->kind <= ALIGNED && op->result)
        live[live_count++] = (struct block){ op->result, op->size, op->seed };
    if (op->kind == REALLOC && op->result)
        live[op->index] = (struct block){ op->result, op->size, op->seed };
    if (op->kind == WRITE)
        live[op->index].seed = op->seed;
    if (op->kind == FREE)
        live[op->index] = live[--live_count];
}

/* ---- P replays the epoch ---- */

static void replay(void)
{
    static struct block model[LIVE_MAX];
    int count = live_count_before;
    memcpy(model, live_before, sizeof *model * count);
    memcpy(before, p_base, ARENA);
    memset(marked, 0, sizeof marked);
    heap_epoch_begin(&p);
    answer_next = 0;

    for (int i = 0; i < op_count; i++) {
        const struct op *op = &ops[i];
        struct block block = model[op->index];
        uint64_t result = run(&p, op, &block);
        if (result != op->result)
            fail("op %d of kind %d: D %#lx, P %#lx", i, op->kind, op->result, result);
        if (op->kind <= ALIGNED && result)
            model[count++] = (struct block){ result, op->size, op->seed };
        if (op->kind == REALLOC && result)
            model[op->index] = (struct block){ result, op->size, op->seed };
        if (op->kind == WRITE)
            model[op->index].seed = op->seed;
        if (op->kind == FREE)
            model[op->index] = model[--count];
    }
    if (answer_next != answer_count)
        fail("P grew less often than D");
    for (uint64_t b = 0; b < BLOCKS; b++)
        if (!marked[b] && memcmp(p_base + b * 32, before + b * 32, 32) != 0)
            fail("block at %#lx was changed and never announced", b * 32);
}

static void check(struct heap_view *view, const struct block *blocks, int count, const char *who)
{
    const char *why;
    if (!heap_check(view, &why))
        fail("%s: %s", who, why);
    for (int i = 0; i < count; i++)
        expect(view->base + blocks[i].offset, blocks[i].size, blocks[i].seed, who);
}

static uint64_t visited;
static void compare(void *context, uint64_t offset, uint64_t size, int metadata)
{
    (void)context;
    if (memcmp(d_base + offset, p_base + offset, size) != 0)
        fail("D and P differ in %s at %#lx", metadata ? "metadata" : "a live block", offset);
    visited += !metadata;
}

/* Power fails: what store() announced is undone, of what fresh() announced any part
 * may have reached the medium. */
static void crash(void)
{
    const char *why;
    for (uint64_t b = 0; b < BLOCKS; b++)
        if (marked[b] == 1)
            memcpy(p_base + b * 32, before + b * 32, 32);
        else if (marked[b] == 2 && rnd() % 4)
            memset(p_base + b * 32, rnd(), 32);
    memset(p_base + heap_virgin(&p), 0, ARENA - heap_virgin(&p)); /* as recovery does */
    heap_close(&p);
    if (heap_open(&p, file_end, &why) != 0)
        fail("P's heap does not open after a crash: %s", why);
    check(&p, live_before, live_count_before, "P, rolled back");
}

static void restart_d(void)
{
    const char *why;
    heap_close(&d);
    memcpy(d_base, p_base, ARENA);
    if (heap_open(&d, file_end, &why) != 0)
        fail("D's heap does not open: %s", why);
}

static unsigned char *arena(void)
{
    unsigned char *base = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(base != MAP_FAILED);
    return base;
}

int main(int argc, char **argv)
{
    assert(argc == 3);
    uint64_t blocks = 0, most = 0;
    for (int seed = atoi(argv[1]); seed < atoi(argv[1]) + atoi(argv[2]); seed++) {
        random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
        d_base = arena(), p_base = arena(), before = arena();
        file_end = answer_count = live_count = live_count_before = 0;
        d = (struct heap_view){ .base = d_base, .grow = d_grow, .release = d_release, .clear = d_clear };
        p = (struct heap_view){ .base = p_base, .grow = p_grow, .store = p_store, .fresh = p_fresh };
        memset(marked, 0, sizeof marked);
        while (heap_format(&d, ARENA - (rnd() % 2) * (ARENA / 2)) != 0)
            answer_count = 0;
        answer_next = 0;
        if (heap_format(&p, heap_capacity(&d)) != 0)
            fail("P's heap is not made");

        for (int epoch = 0; epoch < 24; epoch++) {
            memcpy(live_before, live, sizeof *live * live_count);
            live_count_before = live_count;
            op_count = answer_count = 0;
            int count = rnd() % 3 ? 1 + rnd() % 50 : 1 + rnd() % OPS_MAX;
            while (op_count < count)
                one_op();
            replay();
            if (rnd() % 3 == 0) {
                crash();
                replay();
                check(&p, live, live_count, "P, replayed again");
                restart_d();
            }
            check(&d, live, live_count, "D");
            check(&p, live, live_count, "P");
            visited = 0;
            if (heap_each_live(&d, compare, NULL) != 0 || visited != (uint64_t)live_count)
                fail("%lu blocks visited of %d", visited, live_count);
            if (heap_used(&d) > heap_end(&d) || heap_used(&d) != heap_used(&p))
                fail("bytes in use");
            blocks += live_count;
            most = heap_end(&d) > most ? heap_end(&d) : most;
        }
        while (live_count)
            heap_free(&d, live[--live_count].offset);
        check(&d, live, 0, "D, emptied");
        heap_close(&d);
        heap_close(&p);
        munmap(d_base, ARENA), munmap(p_base, ARENA), munmap(before, ARENA);
    }
    printf("%lu live blocks checked, largest heap %lu bytes\n", blocks, most);
    return blocks > 0 ? 0 : 1;
}
