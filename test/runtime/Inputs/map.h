/* map.h: the structures of map_ops.h, a read, and a digest. */
#ifndef MAP_BUCKETS
#define MAP_BUCKETS 65536
#endif
struct entry { struct entry *next; uint64_t key; void *value; size_t size; };
struct map { uint64_t count, puts; struct entry *bucket[MAP_BUCKETS]; };
static inline uint64_t map_hash(uint64_t key)
{
    return key * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}
#define HAND_OPS "map_ops.h"
#include "hand_ops.h"

static inline int64_t map_get(void *root, const void *arg, size_t size, void *out)
{
    struct map *map = root;
    const uint64_t *key = arg;
    (void)size;
    for (struct entry *e = map->bucket[map_hash(*key) % MAP_BUCKETS]; e != NULL; e = e->next)
        if (e->key == *key) {
            if (out != NULL)
                memcpy(out, e->value, e->size);
            return (int64_t)e->size;
        }
    return -1;
}

static inline uint64_t map_digest(const struct map *map)
{
    uint64_t sum = map->puts * 31 + map->count;
    for (size_t i = 0; i < MAP_BUCKETS; i++)
        for (struct entry *e = map->bucket[i]; e != NULL; e = e->next)
            sum += hash_bytes(e->value, e->size, e->key);
    return sum;
}

static const struct program_op map_program_ops[] = { HAND_OP(0, map_put), HAND_OP(1, map_drop) };
