/* start.c: how long a large machine takes to open.
 *
 * Filled and closed by one process, opened by others: from the call of psm_init to the
 * first answered read. The op-log is empty then; what is in it adds its replay. */
#include "bench.h"
#include <err.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES = 1000 };

void bench_fill(const struct bench *bench, uint64_t bytes)
{
    unsigned char set[sizeof(uint64_t) + VALUE_BYTES] = {0};
    uint64_t count = bytes / (VALUE_BYTES + 64);
    struct bench sized = *bench;
    sized.entries = count;
    psm_t *machine = machine_new(&sized, (struct psm_options){0});
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = load_key(i);
        memcpy(set, &key, sizeof key);
        memset(set + sizeof key, (int)i, VALUE_BYTES);
        if (psm_invoke_rw(machine, persistent_set, set, sizeof set, NULL, 0) != 0)
            errx(1, "set: %s", psm_error_detail());
    }
    if (psm_close(machine) != 0)
        errx(1, "close: %s", psm_error_detail());
}

void bench_start(const struct bench *bench, const char *figure)
{
    unsigned char value[VALUE_BYTES];
    struct psm_options options = {.root_size = sizeof(struct map), .flags = PSM_OPEN};
    struct psm_statistics statistics;
    uint64_t key = load_key(99);
    psm_t *machine;
    uint64_t began = nanoseconds();
    if (psm_init(&machine, bench->dir, &options) != 0)
        errx(1, "%s", psm_error_detail());
    int64_t size = psm_invoke_ro(machine, persistent_get, &key, sizeof key, value, sizeof value);
    double milliseconds = (double)(nanoseconds() - began) / 1e6;
    if (size != VALUE_BYTES || value[0] != 99)
        errx(1, "the entry is not there");
    psm_stats(machine, &statistics);
    row(figure, milliseconds, " ms", AT_MOST, 50, "heap of %.0f MB, %llu ops in the log",
        (double)statistics.heap_bytes / 1e6, (unsigned long long)statistics.ops_recovered);
    if (psm_close(machine) != 0)
        errx(1, "close: %s", psm_error_detail());
}
