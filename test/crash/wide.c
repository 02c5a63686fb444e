// What is rare: a log that wraps and runs full, arguments in files of their own, a heap
// that grows, large blocks freed and used again, refused memory; each survives a power cut at
// every point.
//
// RUN: %psmcc -O2 -g -std=gnu11 -Wall -Wextra -Werror %s -lpsmcrashtest -o %t
// RUN: %t --images 4000 --per-sequence 250 --keep %t.wrong
//
// Mutants that it has caught, within seconds: an op published before it ran (run_rw); the
// image's new length not synced before the commit; an extent, or its name, not synced.
#include <stdlib.h>
#include <string.h>

#include "psm.h"
#include "psm_crashtest.h"

#define PLACES 6
struct state {
    uint64_t ops, bytes;
    struct { unsigned char *at; size_t size; } place[PLACES];
};

struct arg { uint64_t place, size; unsigned char bytes[40000]; };

__attribute__((psm_op)) static int64_t keep(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    const struct arg *a = arg;
    size_t length = size - 16;
    unsigned char *copy = malloc(length + 1);
    (void)out;
    s->ops++;
    if (copy == NULL)
        return -1;
    memcpy(copy, a->bytes, length);
    free(s->place[a->place].at);
    s->bytes += length - s->place[a->place].size;
    s->place[a->place].at = copy;
    s->place[a->place].size = length;
    return 0;
}

/* A block larger than the argument that asks for it; refused when the heap is at its
 * capacity. */
__attribute__((psm_op)) static int64_t blow(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    const struct arg *a = arg;
    (void)size, (void)out;
    unsigned char *block = realloc(s->place[a->place].at, a->size);
    s->ops++;
    if (block == NULL)
        return -1;
    if (a->size > s->place[a->place].size)
        memset(block + s->place[a->place].size, (int)a->size, a->size - s->place[a->place].size);
    s->bytes += a->size - s->place[a->place].size;
    s->place[a->place].at = block;
    s->place[a->place].size = a->size;
    return 1;
}

__attribute__((psm_op)) static int64_t drop(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    const struct arg *a = arg;
    (void)size, (void)out;
    s->ops++;
    free(s->place[a->place].at);
    s->bytes -= s->place[a->place].size;
    s->place[a->place].at = NULL;
    s->place[a->place].size = 0;
    return 0;
}

static size_t random_keep(void *arg, uint64_t seed)
{
    struct arg *a = arg;
    a->place = psm_crashtest_random(&seed) % PLACES;
    uint64_t kind = psm_crashtest_random(&seed) % 4, size = psm_crashtest_random(&seed);
    size = kind == 0 ? size % 40000 : kind == 1 ? 15000 + size % 1400 : size % 6000;
    a->size = size;
    memset(a->bytes, (int)psm_crashtest_random(&seed), size);
    return 16 + size;
}

static size_t random_blow(void *arg, uint64_t seed)
{
    struct arg *a = arg;
    a->place = psm_crashtest_random(&seed) % PLACES;
    a->size = 1 + psm_crashtest_random(&seed) % (psm_crashtest_random(&seed) % 4 == 0 ? 1500000 : 60000);
    return 16;
}

static size_t random_drop(void *arg, uint64_t seed)
{
    struct arg *a = arg;
    a->place = seed % PLACES;
    a->size = 0;
    return 16;
}

static uint64_t digest(const void *root)
{
    const struct state *s = root;
    uint64_t hash = psm_crashtest_hash(&s->ops, 16, 0);
    for (int i = 0; i < PLACES; i++)
        hash = psm_crashtest_hash(s->place[i].at, s->place[i].size, hash);
    return hash;
}

int main(int argc, char **argv)
{
    static const struct psm_crashtest_op ops[] = {
        { "keep", keep, random_keep, 0 }, { "blow", blow, random_blow, 0 }, { "drop", drop, random_drop, 0 },
    };
    static const struct psm_crashtest test = {
        .options = { .root_size = sizeof(struct state), .capacity_bytes = 4 << 20 },
        .ops = ops, .op_count = 3, .arg_size_max = sizeof(struct arg), .digest = digest,
    };
    return psm_crashtest_main(&test, argc, argv);
}
