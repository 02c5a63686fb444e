#include "shapes.h"
#include <stdlib.h>
#include <string.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b)  JOIN_(a, b)
#define NAME(x)     JOIN(VARIANT, x)

int64_t NAME(format)(void *root, const void *arg, size_t arg_size, void *out)
{
    char buffer[256];
    uint64_t value;
    size_t length = 0;
    int64_t sum = 0;
    (void)root, (void)arg_size, (void)out;
    memcpy(&value, arg, sizeof value);
    memcpy(buffer, "key:", 4);
    for (length = 4; value; value /= 10)
        buffer[length++] = (char)('0' + value % 10);
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + buffer[i];
    return sum & 0xffff;
}

static int compare(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

int64_t NAME(sort)(void *root, const void *arg, size_t arg_size, void *out)
{
    long numbers[64];
    uint64_t seed;
    (void)root, (void)arg_size, (void)out;
    memcpy(&seed, arg, sizeof seed);
    for (int i = 0; i < 64; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        numbers[i] = (long)(seed >> 40);
    }
    qsort(numbers, 64, sizeof *numbers, compare);
    return numbers[31] & 0xffff;
}
