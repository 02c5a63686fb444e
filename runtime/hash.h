/* hash.h: the checksum of everything libpsm writes: 64 bits, salted, multiply-and-fold.
 *
 * Made to tell torn, stale and damaged bytes from written ones, at little more than the
 * cost of reading them (one 64x64 multiplication per 16 bytes, two chains side by side);
 * no defence against somebody who wants two texts to collide. Part of the format: a
 * change is a new format version. */
#ifndef PSM_HASH_H
#define PSM_HASH_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_1 UINT64_C(0xa0761d6478bd642f)
#define HASH_2 UINT64_C(0xe7037ed1a0b428db)
#define HASH_3 UINT64_C(0x8ebc6af09c88c6e3)

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const unsigned char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static inline uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t a = seed ^ HASH_3, b = seed;
    size_t left = size;
    for (; left >= 32; p += 32, left -= 32) {
        a = hash_fold(hash_load(p) ^ HASH_1, hash_load(p + 8) ^ a);
        b = hash_fold(hash_load(p + 16) ^ HASH_2, hash_load(p + 24) ^ b);
    }
    if (left > 0) {
        unsigned char last[32] = { 0 };
        memcpy(last, p, left);
        a = hash_fold(hash_load(last) ^ HASH_1, hash_load(last + 8) ^ a);
        b = hash_fold(hash_load(last + 16) ^ HASH_2, hash_load(last + 24) ^ b);
    }
    return hash_fold(a ^ HASH_2, b ^ size);
}
#endif
