/* main.c: runs COUNT ops that follow from their number alone, from where the state is.
 *
 *     inventory COUNT DIRECTORY pm|file
 *
 * Says what bench/wordindex/main.c says, so that the same driver can kill it. */
#include "ops.h"
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void run_op(psm_t *machine, uint64_t number)
{
    uint64_t bits = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t which = (uint32_t)(bits >> 40);
    int64_t result;
    if (number % 97 == 96) {
        result = psm_invoke_rw(machine, report, &which, sizeof which, NULL, 0);
    } else if (number % 31 == 30) {
        result = psm_invoke_rw(machine, reprice, &which, sizeof which, NULL, 0);
    } else {
        struct stock_argument stocked = {which % 500, (int32_t)(bits >> 32 & 15) - 5,
                                         (double)(which % 1000) / 7};
        result = psm_invoke_rw(machine, stock, &stocked, sizeof stocked, NULL, 0);
    }
    if (psm_is_error(result))
        errx(1, "%s", psm_error_detail());
}

int main(int count, char **words)
{
    uint64_t began = microseconds(), sum;
    if (count != 4)
        errx(2, "usage: inventory COUNT DIRECTORY pm|file");
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct psm_options options = {
        .root_size = sizeof(struct warehouse),
        .log_bytes = 1 << 16,
        .medium = strcmp(words[3], "pm") ? PSM_MEDIUM_FILE : PSM_MEDIUM_PM,
    };
    struct psm_statistics statistics;
    psm_t *machine;
    if (psm_init(&machine, words[2], &options) != 0)
        errx(1, "%s", psm_error_detail());
    uint64_t done = (uint64_t)psm_invoke_ro(machine, count_ops, NULL, 0, NULL, 0);
    uint64_t ready = microseconds() - began;
    psm_stats(machine, &statistics);
    printf("ready %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", done, statistics.ops_recovered, ready);
    uint64_t total = strtoull(words[1], NULL, 10);
    printf("total %" PRIu64 "\n", total);
    for (; done < total; printf("done %" PRIu64 "\n", ++done))
        run_op(machine, done);
    int verified = psm_verify(machine);
    printf("verify %d %s\n", verified, verified ? psm_error_detail() : "");
    int64_t items = psm_invoke_ro(machine, digest, NULL, 0, &sum, sizeof sum);
    printf("digest %016" PRIx64 "\ntop items %" PRId64 "\n", sum, items);
    if (psm_close(machine) != 0)
        errx(1, "%s", psm_error_detail());
    return 0;
}
