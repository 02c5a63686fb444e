/* map.h: a chained hash map of 8-byte keys, as ops and as plain functions.
 *
 * map.c is compiled several times, by plain clang and with the pass, each time with
 * another VARIANT in front of its names, so that one process can run all of them in
 * turn on the same keys. */
#ifndef MAP_MAP_H
#define MAP_MAP_H
#include <stddef.h>
#include <stdint.h>
#include "psm.h"

#define MAP_VALUE_BYTES 100 /* of the benchmark's values; the map takes any size */

struct map {
    struct node **buckets;
    uint64_t      bucket_count; /* a power of two */
    uint64_t      count;
};

/* Argument of set: key, then the value to the end of the argument. */
struct map_set {
    uint64_t      key;
    unsigned char value[MAP_VALUE_BYTES];
};
#define MAP_SET_BYTES (sizeof(uint64_t) + MAP_VALUE_BYTES) /* sizeof has padding */

#define MAP_DECLARE(variant)                                                             \
    __attribute__((psm_op)) psm_op_fn variant##_create; /* argument: bucket count */     \
    __attribute__((psm_op)) psm_op_fn variant##_set;    /* frees the old value */        \
    __attribute__((psm_ro)) psm_op_fn variant##_get;    /* argument: key; size, or -1 */ \
    __attribute__((psm_ro)) psm_op_fn variant##_digest

MAP_DECLARE(plain);      /* without the pass */
MAP_DECLARE(persistent); /* with it */
MAP_DECLARE(translated); /* shadow variants without store hooks: translated.c */
#endif
