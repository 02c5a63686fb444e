/* allocator.c: the arena's allocator against glibc's, malloc/free pairs.
 *
 * Steady state: `LIVE` blocks are live, a random one is freed and another of a random
 * size, 16 to 512 bytes as programs have them, is allocated for it and written to. The
 * smallest possible case, one block freed and allocated again and again, is shown
 * beside it: glibc answers that from its thread cache. */
#include "bench.h"
#include <err.h>
#include <stdlib.h>
#include <string.h>

void *psm_malloc(size_t size);
void  psm_free(void *block);

enum { LIVE = 100000 };

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

#define DEFINE_RUNS(name, allocate, release)                                             \
    static double name##_replace(void **blocks, uint64_t *seed, uint64_t count)          \
    {                                                                                    \
        uint64_t began = nanoseconds();                                                  \
        for (uint64_t i = 0; i < count; i++) {                                           \
            void **slot = &blocks[next(seed) % LIVE];                                    \
            size_t size = 16 + next(seed) % 497;                                         \
            release(*slot);                                                              \
            *slot = allocate(size);                                                      \
            memset(*slot, 1, 16);                                                        \
        }                                                                                \
        return (double)(nanoseconds() - began) / (double)count;                          \
    }                                                                                    \
    static double name##_same(uint64_t count)                                            \
    {                                                                                    \
        uint64_t began = nanoseconds();                                                  \
        for (uint64_t i = 0; i < count; i++) {                                           \
            char *block = allocate(100);                                                 \
            *(volatile char *)block = 1;                                                 \
            release(block);                                                              \
        }                                                                                \
        return (double)(nanoseconds() - began) / (double)count;                          \
    }

DEFINE_RUNS(libc, malloc, free)
DEFINE_RUNS(arena, psm_malloc, psm_free)

void bench_allocator(const struct bench *bench)
{
    static void *libc_blocks[LIVE], *arena_blocks[LIVE];
    struct pairs replace = {0}, same = {0};
    uint64_t libc_seed = 1, arena_seed = 1;
    psm_t *machine = machine_new(bench, (struct psm_options){0});
    keep_to_first_core();
    if (psm_begin(machine) != 0)
        errx(1, "begin: %s", psm_error_detail());
    for (int i = 0; i < LIVE; i++) {
        libc_blocks[i] = malloc(16 + (size_t)i % 497);
        arena_blocks[i] = psm_malloc(16 + (size_t)i % 497);
    }
    libc_replace(libc_blocks, &libc_seed, LIVE);
    arena_replace(arena_blocks, &arena_seed, LIVE);
    for (uint32_t round = 0; round < bench->rounds; round++) {
        double base[2] = {0}, ours[2] = {0};
        for (int turn = 0; turn < 2; turn++)
            if ((turn ^ (int)round) & 1) {
                ours[0] = arena_replace(arena_blocks, &arena_seed, bench->round_ops);
                ours[1] = arena_same(bench->round_ops);
            } else {
                base[0] = libc_replace(libc_blocks, &libc_seed, bench->round_ops);
                base[1] = libc_same(bench->round_ops);
            }
        pair_add(&replace, base[0], ours[0]);
        pair_add(&same, base[1], ours[1]);
    }
    row_speed("malloc/free pairs/s / glibc's", &replace, AT_LEAST, 0.8);
    row_speed("  one block again and again", &same, SHOWN, 0);
    psm_commit(machine);
    any_core();
    machine_end(machine, bench);
}
