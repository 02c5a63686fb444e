/* load.h: the sequence of keys, the same for every variant. */
#ifndef MAP_LOAD_H
#define MAP_LOAD_H
#include <stdint.h>
#include "map.h"

struct load {
    uint64_t  entries; /* distinct keys */
    uint64_t  length;  /* of the sequence, then it starts over */
    uint32_t *ranks;   /* which key, each below entries */
};

void load_uniform(struct load *load, uint64_t entries, uint64_t length);
/* Zipf with exponent 0.99, frequent keys spread over the table, as YCSB makes it. */
void load_zipf(struct load *load, uint64_t entries, uint64_t length);
void load_free(struct load *load);

static inline uint64_t load_key(uint64_t rank)
{
    uint64_t x = rank + 1;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Fills in the argument of the op at `position`; its value follows from both. */
static inline void load_set(const struct load *load, uint64_t position, struct map_set *set)
{
    set->key = load_key(load->ranks[position % load->length]);
    for (unsigned at = 0; at + 8 <= MAP_VALUE_BYTES; at += 24)
        __builtin_memcpy(set->value + at, &position, 8);
}
#endif
