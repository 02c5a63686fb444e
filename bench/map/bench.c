/* bench.c: runs the parts that are named. bench/micro builds and calls it.
 *
 *     map-bench [--dir D] [--entries N] [--round N] [--rounds N] PART...
 *
 * PART: foreground, compiled, replay, allocator, fill=BYTES, start=FIGURE. */
#define _GNU_SOURCE
#include "bench.h"
#include <err.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t buckets_for(const struct bench *bench)
{
    uint64_t buckets = 64;
    while (buckets < bench->entries)
        buckets *= 2;
    return buckets;
}

struct map *map_filled(const struct bench *bench)
{
    uint64_t buckets = buckets_for(bench);
    struct map *map = calloc(1, sizeof *map);
    struct map_set set = {0};
    if (!map || plain_create(map, &buckets, sizeof buckets, NULL) != 0)
        err(1, "map");
    for (uint64_t i = 0; i < bench->entries; i++) {
        set.key = load_key(i);
        plain_set(map, &set, MAP_SET_BYTES, NULL);
    }
    return map;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static void machine_remove(const struct bench *bench)
{
    nftw(bench->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

psm_t *machine_new(const struct bench *bench, struct psm_options options)
{
    psm_t *machine;
    uint64_t buckets = buckets_for(bench);
    options.root_size = sizeof(struct map);
    options.medium = PSM_MEDIUM_PM;
    options.flags = PSM_CREATE;
    machine_remove(bench);
    if (psm_init(&machine, bench->dir, &options) != 0)
        errx(1, "%s", psm_error_detail());
    if (psm_invoke_rw(machine, persistent_create, &buckets, sizeof buckets, NULL, 0) != 0)
        errx(1, "create: %s", psm_error_detail());
    return machine;
}

void machine_fill(psm_t *machine, const struct bench *bench)
{
    struct map_set set = {0};
    for (uint64_t i = 0; i < bench->entries; i++) {
        set.key = load_key(i);
        if (psm_invoke_rw(machine, persistent_set, &set, MAP_SET_BYTES, NULL, 0) != 0)
            errx(1, "set: %s", psm_error_detail());
    }
    psm_drain(machine);
}

void machine_end(psm_t *machine, const struct bench *bench)
{
    if (psm_close(machine) != 0)
        errx(1, "close: %s", psm_error_detail());
    machine_remove(bench);
}

uint64_t digest_plain(struct map *map)
{
    uint64_t digest;
    plain_digest(map, NULL, 0, &digest);
    return digest;
}

uint64_t digest_machine(psm_t *machine)
{
    uint64_t digest;
    psm_invoke_ro(machine, persistent_digest, NULL, 0, &digest, sizeof digest);
    return digest;
}

void keep_to_first_core(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    sched_setaffinity(0, sizeof set, &set);
}

void any_core(void)
{
    cpu_set_t set;
    memset(&set, 0xff, sizeof set);
    sched_setaffinity(0, sizeof set, &set);
}

double run_plain(psm_op_fn *set_op, struct map *map, const struct load *load, uint64_t position,
                 uint64_t count)
{
    struct map_set set = {0};
    uint64_t began = nanoseconds();
    for (uint64_t i = 0; i < count; i++) {
        load_set(load, position + i, &set);
        set_op(map, &set, MAP_SET_BYTES, NULL);
    }
    return (double)(nanoseconds() - began) / (double)count;
}

double run_append(psm_t *machine, const struct load *load, uint64_t position, uint64_t count,
                  uint64_t ops_per_commit)
{
    struct map_set set = {0};
    struct map *map = psm_root(machine);
    uint64_t began = nanoseconds();
    for (uint64_t i = 0; i < count; i += ops_per_commit) {
        psm_begin(machine);
        for (uint64_t k = i; k < i + ops_per_commit && k < count; k++) {
            load_set(load, position + k, &set);
            persistent_set(map, &set, MAP_SET_BYTES, NULL);
            if (psm_append(machine, persistent_set, &set, MAP_SET_BYTES) != 0)
                errx(1, "append: %s", psm_error_detail());
        }
        if (psm_commit(machine) != 0)
            errx(1, "commit: %s", psm_error_detail());
    }
    return (double)(nanoseconds() - began) / (double)count;
}

static const char *value_of(char **words, int *at, const char *name)
{
    if (strcmp(words[*at], name) || !words[*at + 1])
        return NULL;
    return words[++*at];
}

int main(int count, char **words)
{
    struct bench bench = {"/dev/shm/psm-map-bench", 1000000, 100000, 15};
    const char *value;
    for (int at = 1; at < count; at++) {
        if ((value = value_of(words, &at, "--dir")))
            bench.dir = value;
        else if ((value = value_of(words, &at, "--entries")))
            bench.entries = strtoull(value, NULL, 10);
        else if ((value = value_of(words, &at, "--round")))
            bench.round_ops = strtoull(value, NULL, 10);
        else if ((value = value_of(words, &at, "--rounds")))
            bench.rounds = (uint32_t)strtoul(value, NULL, 10);
        else if (!strcmp(words[at], "foreground"))
            bench_foreground(&bench);
        else if (!strcmp(words[at], "compiled"))
            bench_compiled(&bench);
        else if (!strcmp(words[at], "replay"))
            bench_replay(&bench);
        else if (!strcmp(words[at], "allocator"))
            bench_allocator(&bench);
        else if (!strncmp(words[at], "fill=", 5))
            bench_fill(&bench, strtoull(words[at] + 5, NULL, 10));
        else if (!strncmp(words[at], "start=", 6))
            bench_start(&bench, words[at] + 6);
        else
            errx(2, "unknown: %s", words[at]);
    }
    return 0;
}
