/* sequence.c: what is run. See run.h. */
#include <stdlib.h>
#include <string.h>

#include "../hash.h"
#include "run.h"

#define SHORT_MAX 3
#define LONG_MIN  4
#define LONG_MAX  40
#define STEPPED_MAX 8

uint64_t psm_crashtest_hash(const void *bytes, size_t size, uint64_t seed)
{
    return hash_bytes(bytes, size, seed ^ HASH_2);
}

uint64_t psm_crashtest_random(uint64_t *seed)
{
    *seed += HASH_1;
    return hash_fold(*seed ^ HASH_2, *seed ^ HASH_3);
}

uint64_t sequence_short_count(const struct psm_crashtest *test)
{
    uint64_t count = 0, power = 1;
    for (int length = 1; length <= SHORT_MAX; length++)
        count += power *= test->op_count;
    return count;
}

/* Short ones have the even numbers until there are none left. */
uint64_t sequence_short_below(const struct psm_crashtest *test, uint64_t count)
{
    uint64_t all = sequence_short_count(test);
    return (count + 1) / 2 < all ? (count + 1) / 2 : all;
}

void sequence_make(struct sequence *s, const struct psm_crashtest *test, uint64_t seed, uint64_t number)
{
    uint64_t random = hash_fold(seed ^ HASH_3, number ^ HASH_1), left = number / 2, power = test->op_count;
    bool is_short = number % 2 == 0 && left < sequence_short_count(test);
    memset(s, 0, sizeof *s);
    s->number = number;
    s->seed = random;
    if (is_short) {
        for (s->count = 1; left >= power; s->count++, power *= test->op_count)
            left -= power;
    } else {
        /* Most are not long: what matters happens between few ops. */
        uint64_t most = psm_crashtest_random(&random) % 3 ? LONG_MAX / 3 : LONG_MAX;
        s->count = LONG_MIN + (uint32_t)(psm_crashtest_random(&random) % (most - LONG_MIN + 1));
    }
    uint64_t epochs = psm_crashtest_random(&random);
    s->epoch_ops_max = test->options.epoch_ops_max != 0 ? test->options.epoch_ops_max
                       : epochs % 3 == 0                ? 0
                                                        : 1 + epochs / 3 % 5;
    s->lockstep = psm_crashtest_random(&random) % 3 == 0;
    s->lag = !s->lockstep && psm_crashtest_random(&random) % 2 == 0;
    uint64_t threads = psm_crashtest_random(&random);
    s->threads = threads % 3 != 0 ? 0 : is_short || (test->flags & PSM_CRASHTEST_TIMED) ? 1 : 1 + threads / 3 % 3;
    s->stepped = s->count <= STEPPED_MAX && psm_crashtest_random(&random) % 4 == 0;
    bool groups = s->threads < 2 && psm_crashtest_random(&random) % 3 == 0
                  && !(test->flags & (PSM_CRASHTEST_NO_GROUPS | PSM_CRASHTEST_TIMED));
    uint64_t long_groups = psm_crashtest_random(&random) % 2;
    for (uint32_t i = 0; i < s->count; i++) {
        struct step *step = &s->step[i];
        step->op = (uint16_t)(is_short ? left % test->op_count : psm_crashtest_random(&random) % test->op_count);
        left /= test->op_count;
        step->seed = psm_crashtest_random(&random);
        step->grouped = groups && i + 1 < s->count && psm_crashtest_random(&random) % (long_groups ? 10 : 3) != 0;
    }
}

void sequence_print(const struct sequence *s, const struct psm_crashtest *test, FILE *to)
{
    void *arg = aligned_alloc(16, (test->arg_size_max + 31) & ~(size_t)15);
    fprintf(to, "sequence %lu: replay %s%s, epochs of ", (unsigned long)s->number,
            s->lockstep ? "in step with each op" : s->lag ? "held back" : s->stepped ? "step by step" : "in its own time",
            s->threads == 0   ? ""
            : s->threads == 1 ? ", ops by another thread than psm_init"
                              : ", ops by several threads at once, in this order");
    if (s->epoch_ops_max != 0)
        fprintf(to, "at most %u op%s\n", s->epoch_ops_max, s->epoch_ops_max == 1 ? "" : "s");
    else
        fputs("any length\n", to);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct psm_crashtest_op *op = &test->ops[s->step[i].op];
        size_t size = op->argument != NULL && arg != NULL ? op->argument(arg, s->step[i].seed) : 0;
        fprintf(to, "  %2u %s, argument of %zu bytes:", i + 1, op->name, size);
        for (size_t at = 0; at < size && at < 16; at++)
            fprintf(to, " %02x", ((unsigned char *)arg)[at]);
        fprintf(to, "%s%s\n", size > 16 ? " ..." : "", s->step[i].grouped ? ", in a group with the next" : "");
    }
    free(arg);
}
