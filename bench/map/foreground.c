/* foreground.c: what a caller pays for durability.
 *
 * The yardstick for psm_invoke_rw is the least that any log must do: the plain op and
 * one non-temporal append of an entry's size to memory on tmpfs, with one sfence. Two
 * orders of it are measured, since they differ by the fence's wait: append, op, fence
 * hides it behind the op's work (it is what libpsm does); op, append, fence does not.
 * The bound is held against the first, faster one.
 *
 * Each half of a pair is short enough for the log to hold it, and replay is drained
 * in between, so that the caller is never slowed by a full log (replay.c measures
 * that), though the replay thread is at work beside it all the time. */
#define _GNU_SOURCE
#include "bench.h"
#include <err.h>
#include <fcntl.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum order { APPEND_OP_FENCE, OP_APPEND_FENCE };

struct ring {
    unsigned char *bytes;
    uint64_t size, at;
};

static void ring_open(struct ring *ring, const char *dir)
{
    char *path;
    ring->size = 64 << 20;
    ring->at = 0;
    if (asprintf(&path, "%s.ring", dir) < 0)
        err(1, "ring");
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)ring->size) != 0)
        err(1, "%s", path);
    ring->bytes = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    if (ring->bytes == MAP_FAILED)
        err(1, "%s", path);
    unlink(path);
    free(path);
    close(file);
}

/* The bytes of the argument behind a header, up to whole lines, as in runtime/layout.h. */
enum { ENTRY_BYTES = (48 + MAP_SET_BYTES + 63) / 64 * 64 };

static void ring_append(struct ring *ring, const struct map_set *set)
{
    if (ring->at + ENTRY_BYTES > ring->size)
        ring->at = 0;
    __m128i *to = (__m128i *)(ring->bytes + ring->at);
    const unsigned char *from = (const unsigned char *)set;
    __m128i header = _mm_set1_epi64x((int64_t)ring->at);
    uint64_t header_bytes = ENTRY_BYTES - (sizeof *set & ~UINT64_C(15));
    for (uint64_t at = 0; at < header_bytes; at += 16)
        _mm_stream_si128(to++, header);
    for (uint64_t at = 0; at < ENTRY_BYTES - header_bytes; at += 16)
        _mm_stream_si128(to++, _mm_loadu_si128((const __m128i *)(from + at)));
    ring->at += ENTRY_BYTES;
}

static double run_yardstick(struct ring *ring, enum order order, struct map *map,
                            const struct load *load, uint64_t position, uint64_t count)
{
    struct map_set set = {0};
    uint64_t began = nanoseconds();
    for (uint64_t i = 0; i < count; i++) {
        load_set(load, position + i, &set);
        if (order == APPEND_OP_FENCE)
            ring_append(ring, &set);
        plain_set(map, &set, MAP_SET_BYTES, NULL);
        if (order == OP_APPEND_FENCE)
            ring_append(ring, &set);
        _mm_sfence();
    }
    return (double)(nanoseconds() - began) / (double)count;
}

static double run_invoke(psm_t *machine, const struct load *load, uint64_t position,
                         uint64_t count)
{
    struct map_set set = {0};
    uint64_t began = nanoseconds();
    for (uint64_t i = 0; i < count; i++) {
        load_set(load, position + i, &set);
        if (psm_invoke_rw(machine, persistent_set, &set, MAP_SET_BYTES, NULL, 0) != 0)
            errx(1, "set: %s", psm_error_detail());
    }
    return (double)(nanoseconds() - began) / (double)count;
}

/* Two functions, and not inlined: each loop with registers of its own. What reads cost
 * here is loads, so those of values that found no register would count. */
#define RUN_GET(name, call)                                                                    \
    static __attribute__((noinline)) double name(psm_t *machine, void *root,                   \
                                                 const struct load *load, uint64_t position,   \
                                                 uint64_t count, uint64_t *sum)                \
    {                                                                                          \
        unsigned char value[MAP_VALUE_BYTES];                                                  \
        uint64_t began = nanoseconds();                                                        \
        (void)machine, (void)root;                                                             \
        for (uint64_t i = 0; i < count; i++) {                                                 \
            uint64_t key = load_key(load->ranks[(position + i) % load->length]);               \
            int64_t size = call;                                                               \
            *sum += (uint64_t)size + value[0];                                                 \
        }                                                                                      \
        return (double)(nanoseconds() - began) / (double)count;                                \
    }
RUN_GET(run_get, persistent_get(root, &key, sizeof key, value))
RUN_GET(run_invoke_get, psm_invoke_ro(machine, persistent_get, &key, sizeof key, value, sizeof value))

static void rows_of(const struct bench *bench, const char *name, const struct load *load,
                    psm_t *machine, struct map *map, struct ring *ring)
{
    struct pairs hidden = {0}, bare = {0}, reads = {0};
    uint64_t position = 0, sum_base = 0, sum_ours = 0;
    char figure[200];
    for (uint32_t round = 0; round < bench->rounds; round++) {
        double ours[2], base[2], read[2];
        for (int turn = 0; turn < 2; turn++) {
            int mine = (turn ^ (int)round) & 1;
            psm_drain(machine);
            if (mine)
                ours[0] = run_invoke(machine, load, position, bench->round_ops);
            else
                base[0] = run_yardstick(ring, APPEND_OP_FENCE, map, load, position,
                                        bench->round_ops);
        }
        psm_drain(machine);
        base[1] = run_yardstick(ring, OP_APPEND_FENCE, map, load, position,
                                bench->round_ops);
        for (int turn = 0; turn < 2; turn++) {
            int mine = (turn ^ (int)round) & 1;
            read[mine] = (mine ? run_invoke_get : run_get)(machine, psm_root(machine), load, position,
                                                           bench->round_ops,
                                                           mine ? &sum_ours : &sum_base);
        }
        pair_add(&hidden, base[0], ours[0]);
        pair_add(&bare, base[1], ours[0]);
        pair_add(&reads, read[0], read[1]);
        position += bench->round_ops;
    }
    snprintf(figure, sizeof figure, "psm_invoke_rw / append, plain op, sfence (%s)", name);
    row_time(figure, &hidden, AT_MOST, 1.2);
    snprintf(figure, sizeof figure, "psm_invoke_rw / plain op, append, sfence (%s)", name);
    row_time(figure, &bare, SHOWN, 0);
    snprintf(figure, sizeof figure, "psm_invoke_ro / plain call (%s)", name);
    row_time(figure, &reads, AT_MOST, 1.05);
    check_digest("reads", sum_base, sum_ours);
    check_digest(name, digest_plain(map), digest_machine(machine));
}

static void rows_of_append(const struct bench *bench, const struct load *load, psm_t *machine,
                           struct map *map)
{
    struct pairs grouped = {0};
    for (uint32_t round = 0; round < bench->rounds; round++) {
        uint64_t position = round * bench->round_ops;
        double base = 0, ours = 0;
        for (int turn = 0; turn < 2; turn++) {
            psm_drain(machine);
            if ((turn ^ (int)round) & 1)
                ours = run_append(machine, load, position, bench->round_ops, 64);
            else
                base = run_plain(plain_set, map, load, position, bench->round_ops);
        }
        pair_add(&grouped, base, ours);
    }
    row_time("psm_append, a commit per 64 ops / plain op (uniform)", &grouped, AT_MOST, 1.3);
    check_digest("psm_append", digest_plain(map), digest_machine(machine));
}

void bench_foreground(const struct bench *bench)
{
    struct load uniform, zipf;
    struct ring ring;
    ring_open(&ring, bench->dir);
    load_uniform(&uniform, bench->entries, bench->round_ops * bench->rounds);
    load_zipf(&zipf, bench->entries, bench->round_ops * bench->rounds);

    /* Executing first and logging after: a machine of its own, since from the first
     * psm_begin on psm_verify no longer compares bytes. */
    struct map *map = map_filled(bench);
    psm_t *machine = machine_new(bench, (struct psm_options){0});
    keep_to_first_core();
    machine_fill(machine, bench);
    rows_of_append(bench, &uniform, machine, map);
    any_core();
    machine_end(machine, bench);

    machine = machine_new(bench, (struct psm_options){0});
    keep_to_first_core();
    machine_fill(machine, bench);
    rows_of(bench, "uniform", &uniform, machine, map, &ring);
    rows_of(bench, "zipf", &zipf, machine, map, &ring);
    if (psm_verify(machine) != 0)
        errx(1, "verify: %s", psm_error_detail());
    any_core();
    machine_end(machine, bench);
    load_free(&uniform);
    load_free(&zipf);
}
