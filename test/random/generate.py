#!/usr/bin/env python3
"""Writes a random program of ops over random structures: generate.py SEED > program.c

The same seed gives the same program, whatever the Python. The program is plain C
without undefined behaviour, so that every correct compilation of it, with the pass or
without, at any level, computes the same digests. It has structs of random fields
(types_random.py), some of the containers of containers.py for them, and ops that do a few
random things to each, driven by their argument's bytes.

    program states COUNT                    digest after each of 0..COUNT ops, a line each
    program run COUNT DIRECTORY pm|file     as crash.py wants it; with RANDOM_CHECK in the
                                            environment under PSM_CHECK
"""
import random
import sys

import containers
import types_random


def main():
    seed = int(sys.argv[1])
    chance = random.Random(seed)
    parts = [f"/* random program, seed {seed} */", PRELUDE]
    types = [types_random.Struct(f"T{i}", chance) for i in range(chance.randint(2, 4))]
    parts += [t.code() for t in types]
    chosen = chance.sample(containers.KINDS, chance.randint(4, 7))
    parts_of_state = [kind(f"c{i}", chance.choice(types), chance) for i, kind in enumerate(chosen)]
    parts.append("\n".join(c.globals() for c in parts_of_state))
    members = "\n".join(f"    {c.member()}" for c in parts_of_state)
    parts.append(f"struct state {{\n    uint64_t ops;\n{members}\n}};\n")
    for c in parts_of_state:
        parts.append(c.code())
    op_count = chance.randint(3, 6)
    for number in range(op_count):
        actions = [chance.choice(parts_of_state).action(chance) for _ in range(chance.randint(1, 4))]
        body = "\n".join(f"    {action}" for action in actions)
        parts.append(OP.replace("@N@", str(number)).replace("@BODY@", body))
    table = ", ".join(f"op{n}" for n in range(op_count))
    parts.append(f"static psm_op_fn *const ops[] = {{{table}}};\nenum {{ OP_COUNT = {op_count} }};\n"
                 f"static const uint64_t seed = UINT64_C({seed});\n")
    parts.append(options(chance))
    folds = "\n".join(f"    {c.fold()}" for c in parts_of_state)
    parts.append(DIGEST.replace("@FOLDS@", folds))
    parts.append(MAIN)
    print("\n".join(parts))


def options(chance):
    """Machine options: small logs wrap, take extents for large arguments, and fill up."""
    log_bytes = 1 << chance.randint(16, 20)
    epoch_ops_max = chance.choice([0, 0, 0, 1, 3, 50])
    return (f"#define OPTIONS .log_bytes = {log_bytes}, .epoch_ops_max = {epoch_ops_max}, "
            f".private_bytes = 1 << {chance.randint(20, 28)}")


PRELUDE = r"""
#include <psm.h>
#include <alloca.h>
#include <ctype.h>
#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned vector4 __attribute__((vector_size(16)));
typedef unsigned short vector16 __attribute__((vector_size(32)));

/* Numbers out of an op's argument; when it is used up, out of what was read. */
struct reader { const unsigned char *at, *end; uint64_t last; };

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t get(struct reader *r)
{
    uint64_t bytes = 0;
    size_t left = (size_t)(r->end - r->at);
    memcpy(&bytes, r->at, left < 8 ? left : 8);
    r->at += left < 8 ? left : 8;
    r->last = mix(r->last + bytes + 1);
    return r->last;
}

static uint64_t fold(uint64_t h, uint64_t value)
{
    return (h ^ value) * UINT64_C(0x100000001b3) + (h >> 47);
}

static uint64_t fold_double(uint64_t h, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return fold(h, bits);
}

/* Some functions to be called through pointers kept in the state. */
typedef uint64_t function_type(uint64_t);
static uint64_t f_add(uint64_t x) { return x + 17; }
static uint64_t f_turn(uint64_t x) { return x << 13 | x >> 51; }
uint64_t f_mix(uint64_t x) { return mix(x); }
static uint64_t f_digits(uint64_t x)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, x % 100003);
    return strtoul(text, NULL, 8) + strlen(text);
}
static function_type *const functions[] = {f_add, f_turn, f_mix, f_digits};
static uint64_t function_index(function_type *f)
{
    for (uint64_t i = 0; i < 4; i++)
        if (functions[i] == f)
            return i;
    return 99;
}
"""

OP = r"""
__attribute__((psm_op)) int64_t op@N@(void *root, const void *arg, size_t arg_size, void *out)
{
    struct state *s = root;
    struct reader reader = {arg, (const unsigned char *)arg + arg_size, @N@}, *r = &reader;
    s->ops++;
@BODY@
    if (out)
        *(uint64_t *)out = r->last;
    return (int64_t)(r->last >> 40);
}
"""

DIGEST = r"""
__attribute__((psm_ro)) int64_t digest(void *root, const void *arg, size_t arg_size, void *out)
{
    struct state *s = root;
    uint64_t h = s->ops;
    (void)arg, (void)arg_size;
@FOLDS@
    *(uint64_t *)out = h;
    return (int64_t)s->ops;
}
"""

MAIN = r"""
static uint64_t digest_now(psm_t *machine, uint64_t *done)
{
    uint64_t value;
    *done = (uint64_t)psm_invoke_ro(machine, digest, NULL, 0, &value, sizeof value);
    return value;
}

/* Op number k of the sequence: which one, and its argument. */
static int64_t run_op(psm_t *machine, uint64_t k)
{
    static unsigned char arg[70000];
    uint64_t bits = mix(seed * 1000003 + k), out = 0;
    size_t size = bits >> 8 & 127;
    if ((bits >> 16 & 255) == 0)
        size = (size_t)(bits >> 24) % sizeof arg;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = mix(bits + i);
        memcpy(arg + i, &value, size - i < 8 ? size - i : 8);
    }
    bool wants_out = bits >> 60 & 1;
    int64_t result = psm_invoke_rw(machine, ops[bits % OP_COUNT], arg, size,
                                   wants_out ? &out : NULL, wants_out ? sizeof out : 0);
    if (psm_is_error(result))
        errx(1, "op %" PRIu64 ": %s", k, psm_error_detail());
    return result;
}

int main(int count, char **words)
{
    uint64_t done;
    psm_t *machine;
    if (count < 3)
        errx(2, "usage: program states COUNT | run COUNT DIRECTORY pm|file");
    uint64_t total = strtoull(words[2], NULL, 10);
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool only_states = !strcmp(words[1], "states");
    struct psm_options options = {.root_size = sizeof(struct state), OPTIONS};
    if (!only_states)
        options.medium = strcmp(words[4], "pm") ? PSM_MEDIUM_FILE : PSM_MEDIUM_PM;
    if (getenv("RANDOM_CHECK"))
        options.flags = PSM_CHECK;
    if (psm_init(&machine, only_states ? "-" : words[3], &options) != 0)
        errx(1, "%s", psm_error_detail());
    uint64_t value = digest_now(machine, &done);
    if (only_states) {
        printf("%016" PRIx64 "\n", value);
        for (uint64_t k = 0; k < total; k++) {
            run_op(machine, k);
            printf("%016" PRIx64 "\n", digest_now(machine, &done));
        }
        return 0;
    }
    struct psm_statistics statistics;
    psm_stats(machine, &statistics);
    printf("ready %" PRIu64 " %" PRIu64 " 0 %016" PRIx64 "\n", done, statistics.ops_recovered, value);
    printf("total %" PRIu64 "\n", total);
    while (done < total) {
        run_op(machine, done++);
        printf("done %" PRIu64 "\n", done);
    }
    int verified = psm_verify(machine);
    printf("verify %d %s\n", verified, verified ? psm_error_detail() : "");
    printf("digest %016" PRIx64 "\n", digest_now(machine, &done));
    if (psm_close(machine) != 0)
        errx(1, "%s", psm_error_detail());
    return 0;
}
"""

if __name__ == "__main__":
    main()
