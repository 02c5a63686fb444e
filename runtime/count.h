/* count.h: counters with one writer at a time, read by psm_stats whenever it likes.
 *
 * Relaxed loads and stores, not read-modify-writes: an addition costs what it costs on a
 * plain variable. */
#ifndef PSM_COUNT_H
#define PSM_COUNT_H
#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t count_t;

static inline void count_add(count_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
#endif
