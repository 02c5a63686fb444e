/* measure.h: timing in pairs, and rows of the table.
 *
 * Machines drift: a frequency step or a noisy neighbour is larger than what is to be
 * seen here. So a figure is the median of ratios, each from two runs made one right
 * after the other, in turning order, and never the ratio of two averages. */
#ifndef MAP_MEASURE_H
#define MAP_MEASURE_H
#include <stdbool.h>
#include <stdint.h>

#define PAIRS_MAX 101

struct pairs {
    uint32_t count;
    double   base[PAIRS_MAX], ours[PAIRS_MAX]; /* ns per op */
};

uint64_t nanoseconds(void);
void     pair_add(struct pairs *pairs, double base_ns, double ours_ns);

enum bound { AT_MOST, AT_LEAST, SHOWN };

/* Prints one row, as tab-separated fields for bench/micro to set: figure, value, bound,
 * whether kept, and how it came about. row_time: ours/base in time; row_speed: base/ours,
 * that is how fast ours is compared with base. */
void row(const char *figure, double value, const char *unit, enum bound bound, double limit,
         const char *how, ...) __attribute__((format(printf, 6, 7)));
void row_time(const char *figure, const struct pairs *pairs, enum bound bound, double limit);
void row_speed(const char *figure, const struct pairs *pairs, enum bound bound, double limit);

double median(const double *values, uint32_t count);

/* Both digests must be alike, else the figures are of two different things. */
void check_digest(const char *what, uint64_t base, uint64_t ours);
#endif
