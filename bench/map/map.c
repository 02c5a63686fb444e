/* map.c: see map.h. -DVARIANT=name says what its functions are called. */
#include "map.h"
#include <stdlib.h>
#include <string.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b)  JOIN_(a, b)
#define NAME(x)     JOIN(VARIANT, x)

struct node {
    struct node   *next;
    uint64_t       key;
    unsigned char *value;
    uint64_t       size;
};

#define DECLARE(variant) MAP_DECLARE(variant)
DECLARE(VARIANT);

static struct node **bucket_of(struct map *map, uint64_t key)
{
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    return &map->buckets[(hash >> 20) & (map->bucket_count - 1)];
}

int64_t NAME(create)(void *root, const void *arg, size_t arg_size, void *out)
{
    struct map *map = root;
    (void)arg_size, (void)out;
    memcpy(&map->bucket_count, arg, sizeof map->bucket_count);
    map->buckets = calloc(map->bucket_count, sizeof *map->buckets);
    return map->buckets ? 0 : -1;
}

int64_t NAME(set)(void *root, const void *arg, size_t arg_size, void *out)
{
    struct map *map = root;
    (void)out;
    uint64_t key, size = arg_size - sizeof key;
    memcpy(&key, arg, sizeof key);
    struct node **link = bucket_of(map, key);
    while (*link && (*link)->key != key)
        link = &(*link)->next;

    unsigned char *value = malloc(size);
    if (!value)
        return -1;
    memcpy(value, (const unsigned char *)arg + sizeof key, size);
    struct node *node = *link;
    if (node) {
        free(node->value);
    } else {
        node = malloc(sizeof *node);
        if (!node) {
            free(value);
            return -1;
        }
        node->next = NULL;
        node->key = key;
        *link = node;
        map->count++;
    }
    node->value = value;
    node->size = size;
    return 0;
}

int64_t NAME(get)(void *root, const void *arg, size_t arg_size, void *out)
{
    struct map *map = root;
    uint64_t key;
    (void)arg_size;
    memcpy(&key, arg, sizeof key);
    for (struct node *node = *bucket_of(map, key); node; node = node->next)
        if (node->key == key) {
            memcpy(out, node->value, node->size);
            return (int64_t)node->size;
        }
    return -1;
}

/* Of keys and values, in any order. */
int64_t NAME(digest)(void *root, const void *arg, size_t arg_size, void *out)
{
    struct map *map = root;
    uint64_t sum = map->count;
    (void)arg, (void)arg_size;
    for (uint64_t i = 0; i < map->bucket_count; i++)
        for (struct node *node = map->buckets[i]; node; node = node->next) {
            uint64_t hash = node->key;
            for (uint64_t at = 0; at < node->size; at++)
                hash = (hash ^ node->value[at]) * UINT64_C(0x100000001b3);
            sum += hash;
        }
    *(uint64_t *)out = sum;
    return 0;
}
