/* load.c: see load.h. Zipf as in Gray et al., "Quickly generating billion-record
 * synthetic databases", SIGMOD 1994, which YCSB uses. */
#include "load.h"
#include <err.h>
#include <math.h>
#include <stdlib.h>

static uint64_t next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return load_key(*state);
}

static void allocate(struct load *load, uint64_t entries, uint64_t length)
{
    load->entries = entries;
    load->length = length;
    load->ranks = malloc(length * sizeof *load->ranks);
    if (!load->ranks)
        err(1, "load");
}

void load_uniform(struct load *load, uint64_t entries, uint64_t length)
{
    uint64_t state = 1;
    allocate(load, entries, length);
    for (uint64_t i = 0; i < length; i++)
        load->ranks[i] = (uint32_t)(next(&state) % entries);
}

void load_zipf(struct load *load, uint64_t entries, uint64_t length)
{
    const double theta = 0.99;
    uint64_t state = 2;
    double zeta = 0;
    allocate(load, entries, length);
    for (uint64_t i = 1; i <= entries; i++)
        zeta += pow(1.0 / (double)i, theta);
    double zeta2 = 1 + pow(0.5, theta);
    double alpha = 1 / (1 - theta);
    double eta = (1 - pow(2.0 / (double)entries, 1 - theta)) / (1 - zeta2 / zeta);
    for (uint64_t i = 0; i < length; i++) {
        double u = (double)(next(&state) >> 11) / (double)(UINT64_C(1) << 53);
        double uz = u * zeta;
        uint64_t rank = uz < 1 ? 0 : uz < zeta2 ? 1
            : (uint64_t)((double)entries * pow(eta * u - eta + 1, alpha));
        /* Ranks are neighbours by frequency; load_key spreads them. */
        load->ranks[i] = (uint32_t)(rank % entries);
    }
}

void load_free(struct load *load)
{
    free(load->ranks);
}
