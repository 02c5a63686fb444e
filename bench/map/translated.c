/* translated.c: what address translation costs shadow code, store hooks left out.
 *
 * map.c is compiled with -psm-no-hooks; its shadow variants are called here directly,
 * beside the plain functions, on one map. Without libpsm: what compiled code wants of
 * it is below, with a delta of 0, which it cannot know and adds all the same. So both
 * copies are one memory, and neither mapping nor replay takes part. */
#include "bench.h"
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t   __psm_delta;
uint64_t   __psm_marks;
const char __psm_hook_abi_1;

/* The pass's names for malloc, in plain code and in variants. */
void *psm_malloc(size_t size);
void *psm_calloc(size_t count, size_t size);
void  psm_free(void *block);
void *psm_w_malloc(size_t size);
void *psm_w_calloc(size_t count, size_t size);
void  psm_w_free(void *block);

void *psm_malloc(size_t size) { return malloc(size); }
void *psm_calloc(size_t count, size_t size) { return calloc(count, size); }
void  psm_free(void *block) { free(block); }
void *psm_w_malloc(size_t size) { return malloc(size); }
void *psm_w_calloc(size_t count, size_t size) { return calloc(count, size); }
void  psm_w_free(void *block) { free(block); }

psm_op_fn set_shadow __asm__("translated_set.psm");
psm_op_fn get_shadow __asm__("translated_get.psm");

static double run_get(psm_op_fn *get, struct map *map, const struct load *load,
                      uint64_t position, uint64_t count, uint64_t *sum)
{
    unsigned char value[MAP_VALUE_BYTES];
    uint64_t began = nanoseconds();
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = load_key(load->ranks[(position + i) % load->length]);
        *sum += (uint64_t)get(map, &key, sizeof key, value) + value[0];
    }
    return (double)(nanoseconds() - began) / (double)count;
}

static double run_set(psm_op_fn *set_op, struct map *map, const struct load *load,
                      uint64_t position, uint64_t count)
{
    struct map_set set = {0};
    uint64_t began = nanoseconds();
    for (uint64_t i = 0; i < count; i++) {
        load_set(load, position + i, &set);
        set_op(map, &set, MAP_SET_BYTES, NULL);
    }
    return (double)(nanoseconds() - began) / (double)count;
}

int main(int count, char **words)
{
    uint64_t entries = count > 1 ? strtoull(words[1], NULL, 10) : 1000000;
    uint64_t round_ops = count > 2 ? strtoull(words[2], NULL, 10) : 100000;
    uint32_t rounds = count > 3 ? (uint32_t)strtoul(words[3], NULL, 10) : 15;
    struct pairs sets = {0}, gets = {0};
    uint64_t buckets = 64, sum[2] = {0};
    struct load uniform;
    struct map map = {0};
    while (buckets < entries)
        buckets *= 2;
    load_uniform(&uniform, entries, round_ops * rounds);
    struct map_set set = {0};
    plain_create(&map, &buckets, sizeof buckets, NULL);
    for (uint64_t i = 0; i < entries; i++) {
        set.key = load_key(i);
        plain_set(&map, &set, MAP_SET_BYTES, NULL);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        double set_ns[2], get_ns[2];
        uint64_t position = round * round_ops;
        for (int turn = 0; turn < 2; turn++) {
            int mine = (turn ^ (int)round) & 1;
            set_ns[mine] = run_set(mine ? set_shadow : plain_set, &map, &uniform, position,
                                   round_ops);
            get_ns[mine] = run_get(mine ? get_shadow : plain_get, &map, &uniform, position,
                                   round_ops, &sum[mine]);
        }
        pair_add(&sets, set_ns[0], set_ns[1]);
        pair_add(&gets, get_ns[0], get_ns[1]);
    }
    row_time("shadow code, hooks off / plain code (set)", &sets, AT_MOST, 1.1);
    row_time("shadow code, hooks off / plain code (get)", &gets, AT_MOST, 1.1);
    check_digest("translated", sum[0], sum[1]);
    return 0;
}
