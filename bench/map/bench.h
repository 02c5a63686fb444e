/* bench.h: what the parts of the benchmark share. */
#ifndef MAP_BENCH_H
#define MAP_BENCH_H
#include "load.h"
#include "map.h"
#include "measure.h"

struct bench {
    const char *dir;       /* on tmpfs; machines are made in it and removed again */
    uint64_t    entries;   /* in the map */
    uint64_t    round_ops; /* in each half of a pair; their log entries fit in the log */
    uint32_t    rounds;    /* pairs */
};

/* A map in libc's heap with every key set once. */
struct map *map_filled(const struct bench *bench);

/* A new machine with an empty map of bench->entries buckets; psm_options as given, root
 * size and medium filled in. Exits with a message on failure. */
psm_t *machine_new(const struct bench *bench, struct psm_options options);
void   machine_fill(psm_t *machine, const struct bench *bench);
void   machine_end(psm_t *machine, const struct bench *bench);
uint64_t digest_plain(struct map *map);
uint64_t digest_machine(psm_t *machine);

/* Keep this thread on the first core, and leave the others to replay threads: call it
 * when the machine is open, since its thread inherits what was set before. */
void keep_to_first_core(void);
void any_core(void);

/* Runs `count` sets of `load` from `position` on; returns nanoseconds per op. */
double run_plain(psm_op_fn *set, struct map *map, const struct load *load, uint64_t position,
                 uint64_t count);
double run_append(psm_t *machine, const struct load *load, uint64_t position, uint64_t count,
                  uint64_t ops_per_commit);

/* The parts; each prints its rows. */
void bench_foreground(const struct bench *bench); /* foreground.c */
void bench_compiled(const struct bench *bench);   /* compiled.c */
void bench_replay(const struct bench *bench);     /* replay.c */
void bench_allocator(const struct bench *bench);  /* allocator.c */
void bench_fill(const struct bench *bench, uint64_t bytes); /* start.c */
void bench_start(const struct bench *bench, const char *figure);
#endif
