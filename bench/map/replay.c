/* replay.c: how many ops a second the replay thread takes, writes only.
 *
 * The caller is kept well ahead of replay (psm_append, a commit per 64 ops), through
 * many times the log's length, and the clock stops when the last op is in the image:
 * replay is the bottleneck throughout, and the caller's own work, on another core,
 * goes on beside it, as it does in use. The pair's other half is the plain ops.
 *
 * An epoch per op is what Persimmon does: shown to see what epochs are worth. */
#include "bench.h"
#include <err.h>
#include <stdio.h>

static void replay_row(const struct bench *bench, const char *figure, const struct load *load,
                       struct psm_options options, uint64_t round_ops, enum bound bound)
{
    struct pairs pairs = {0};
    struct psm_statistics before, after;
    uint32_t rounds = bench->rounds < 5 ? bench->rounds : 5;
    struct map *map = map_filled(bench);
    options.log_bytes = 16 << 20;
    psm_t *machine = machine_new(bench, options);
    keep_to_first_core();
    machine_fill(machine, bench);
    psm_stats(machine, &before);
    for (uint32_t round = 0; round < rounds; round++) {
        uint64_t position = round * round_ops;
        double base = 0, ours = 0;
        for (int turn = 0; turn < 2; turn++) {
            psm_drain(machine);
            if ((turn ^ (int)round) & 1) {
                uint64_t began = nanoseconds();
                run_append(machine, load, position, round_ops, 64);
                if (psm_drain(machine) != 0)
                    errx(1, "drain: %s", psm_error_detail());
                ours = (double)(nanoseconds() - began) / (double)round_ops;
            } else {
                base = run_plain(plain_set, map, load, position, round_ops);
            }
        }
        pair_add(&pairs, base, ours);
    }
    psm_stats(machine, &after);
    row_speed(figure, &pairs, bound, 0.3);
    double ops = (double)(rounds * round_ops);
    printf("note\t%s: per op %.2f blocks logged, %.2f fresh, %.4f epochs, %.4f fences, "
           "%.0f bytes to the medium\n", figure,
           (double)(after.blocks_logged - before.blocks_logged) / ops,
           (double)(after.blocks_fresh - before.blocks_fresh) / ops,
           (double)(after.epochs - before.epochs) / ops,
           (double)(after.fences_replay - before.fences_replay) / ops,
           (double)(after.medium_bytes - before.medium_bytes) / ops);
    any_core();
    check_digest(figure, digest_plain(map), digest_machine(machine));
    machine_end(machine, bench);
}

void bench_replay(const struct bench *bench)
{
    struct load uniform, zipf;
    uint64_t round_ops = bench->round_ops * 5;
    load_uniform(&uniform, bench->entries, round_ops * 5);
    load_zipf(&zipf, bench->entries, round_ops * 5);
    replay_row(bench, "replay ops/s / plain ops/s (uniform)", &uniform,
               (struct psm_options){0}, round_ops, AT_LEAST);
    replay_row(bench, "replay ops/s / plain ops/s (zipf)", &zipf, (struct psm_options){0},
               round_ops, AT_LEAST);
    replay_row(bench, "  with an epoch per op (uniform)", &uniform,
               (struct psm_options){.epoch_ops_max = 1}, bench->round_ops, SHOWN);
    replay_row(bench, "  with an epoch per op (zipf)", &zipf,
               (struct psm_options){.epoch_ops_max = 1}, bench->round_ops, SHOWN);
    load_free(&uniform);
    load_free(&zipf);
}
