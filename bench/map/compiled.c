/* compiled.c: what the pass costs code that runs natively, cause by cause.
 *
 * All variants work in turn on one map in libc's heap: outside an op, malloc means
 * libc's, so what differs is the code alone. Each cause has a variant compiled with
 * nothing but it (-psm-foreground-skip leaves the others out). The map's own op has
 * no local arrays and does not sort; shapes.c has ops that do little else. */
#include "bench.h"
#include "shapes.h"
#include <stdio.h>

MAP_DECLARE(only_alloc);
MAP_DECLARE(only_zero);

static void shape_rows(const struct bench *bench, const char *figure, psm_op_fn *base_op,
                       psm_op_fn *ours_op, enum bound bound)
{
    struct pairs pairs = {0};
    int64_t base_sum = 0, ours_sum = 0;
    uint64_t count = bench->round_ops / 10 + 1;
    for (uint32_t round = 0; round < bench->rounds; round++) {
        double ns[2];
        for (int turn = 0; turn < 2; turn++) {
            int mine = (turn ^ (int)round) & 1;
            psm_op_fn *op = mine ? ours_op : base_op;
            int64_t *sum = mine ? &ours_sum : &base_sum;
            uint64_t began = nanoseconds();
            for (uint64_t i = 0; i < count; i++)
                *sum += op(NULL, &i, sizeof i, NULL);
            ns[mine] = (double)(nanoseconds() - began) / (double)count;
        }
        pair_add(&pairs, ns[0], ns[1]);
    }
    row_time(figure, &pairs, bound, 1.05);
    check_digest(figure, (uint64_t)base_sum, (uint64_t)ours_sum);
}

void bench_compiled(const struct bench *bench)
{
    static const struct {
        const char *figure;
        psm_op_fn *set;
        enum bound bound;
    } variants[] = {
        {"op compiled with the pass / without", persistent_set, AT_MOST},
        {"  of it: renamed malloc and free", only_alloc_set, SHOWN},
        {"  of it: zeroed allocas", only_zero_set, SHOWN},
    };
    enum { COUNT = sizeof variants / sizeof *variants };
    struct pairs pairs[COUNT] = {0};
    struct load uniform;
    load_uniform(&uniform, bench->entries, bench->round_ops * bench->rounds);
    struct map *map = map_filled(bench);
    keep_to_first_core();
    for (uint32_t round = 0; round < bench->rounds; round++)
        for (int i = 0; i < COUNT; i++) {
            double ns[2];
            for (int turn = 0; turn < 2; turn++) {
                int mine = (turn ^ (int)round) & 1;
                ns[mine] = run_plain(mine ? variants[i].set : plain_set, map, &uniform,
                                     round * bench->round_ops, bench->round_ops);
            }
            pair_add(&pairs[i], ns[0], ns[1]);
        }
    for (int i = 0; i < COUNT; i++)
        row_time(variants[i].figure, &pairs[i], variants[i].bound, 1.05);
    shape_rows(bench, "  worst case: a 256-byte local array in use", plain_format,
               persistent_format, SHOWN);
    shape_rows(bench, "  worst case: own qsort, 64 longs", plain_sort, persistent_sort, SHOWN);
    any_core();
    load_free(&uniform);
}
