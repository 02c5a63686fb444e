#include "measure.h"
#include <assert.h>
#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void pair_add(struct pairs *pairs, double base_ns, double ours_ns)
{
    assert(pairs->count < PAIRS_MAX);
    pairs->base[pairs->count] = base_ns;
    pairs->ours[pairs->count++] = ours_ns;
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

double median(const double *values, uint32_t count)
{
    double sorted[PAIRS_MAX];
    assert(count > 0 && count <= PAIRS_MAX);
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return sorted[count / 2];
}

void row(const char *figure, double value, const char *unit, enum bound bound, double limit,
         const char *how, ...)
{
    static const char *const words[] = {"at most ", "at least ", "shown"};
    bool kept = bound == SHOWN || (bound == AT_MOST ? value <= limit : value >= limit);
    va_list list;
    printf("row\t%s\t%.3g%s\t%s", figure, value, unit, words[bound]);
    if (bound != SHOWN)
        printf("%g%s", limit, unit);
    printf("\t%s\t", bound == SHOWN ? "" : kept ? "yes" : "NO");
    va_start(list, how);
    vprintf(how, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
}

static void row_ratio(const char *figure, const struct pairs *pairs, bool speed,
                      enum bound bound, double limit)
{
    double ratios[PAIRS_MAX];
    for (uint32_t i = 0; i < pairs->count; i++)
        ratios[i] = speed ? pairs->base[i] / pairs->ours[i] : pairs->ours[i] / pairs->base[i];
    row(figure, median(ratios, pairs->count), "x", bound, limit,
        "%.0f ns against %.0f ns, %" PRIu32 " pairs", median(pairs->ours, pairs->count),
        median(pairs->base, pairs->count), pairs->count);
}

void row_time(const char *figure, const struct pairs *pairs, enum bound bound, double limit)
{
    row_ratio(figure, pairs, false, bound, limit);
}

void row_speed(const char *figure, const struct pairs *pairs, enum bound bound, double limit)
{
    row_ratio(figure, pairs, true, bound, limit);
}

void check_digest(const char *what, uint64_t base, uint64_t ours)
{
    if (base != ours)
        errx(1, "%s: digest %016" PRIx64 ", the plain run's is %016" PRIx64, what, ours, base);
    printf("digest\t%s\t%016" PRIx64 "\n", what, ours);
}
