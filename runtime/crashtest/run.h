/* run.h: one life of the machine under test, and what it has to be like.
 *
 * A life begins with psm_init of what lies in a directory, runs the ops of a sequence that
 * are not in the state yet, and ends with psm_close. The first life of a sequence, on a
 * machine just made, tells what the others are compared with. */
#ifndef CRASHTEST_RUN_H
#define CRASHTEST_RUN_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "psm_crashtest.h"

#define OPS_MAX 64

struct step {
    uint16_t op;
    uint16_t grouped; /* with the next one, under one psm_commit */
    uint64_t seed;    /* of the argument */
};

/* What is run: ops, and how. */
struct sequence {
    uint64_t number;
    uint64_t seed;          /* of all that is random about it */
    uint32_t count;
    uint32_t epoch_ops_max;
    uint32_t lockstep;      /* replay catches up after each op */
    uint32_t lag;           /* replay is held back at its fences: it always has more to do */
    uint32_t stepped;       /* replay is stopped after each instruction, in the first life */
    uint32_t threads;       /* that call ops; 0: the one that calls psm_init and psm_close */
    struct step step[OPS_MAX];
};

/* The states that the first life has gone through. */
struct states {
    uint64_t digest[OPS_MAX + 1];   /* after so many ops */
    uint64_t entry[OPS_MAX + 1];    /* sequence number of the next entry in the log */
};

struct life {
    const struct psm_crashtest *test;
    const struct sequence *sequence;
    const char *directory;
    struct states *states;
    uint64_t number;  /* of the life among those of the machine: no other has had it */
    bool together;    /* several threads call ops at once; only a first one */
    bool first;       /* fills in *states */
    uint64_t low, high; /* otherwise: how many ops have to be, may be in the state at its begin */
    uint64_t begins;  /* how many were */
    bool verify_after, reopen; /* check more */
    char trouble[1024]; /* what is wrong with it; empty: nothing */
    char said[512];     /* the runtime's last message */
};

/* Live it: false if anything is wrong. */
bool life_run(struct life *life);

/* order.c: the trace of a life with ops by several threads. Put the sequence's steps into the
 * order that the log gave them, and make the trace's marks count by it. */
struct trace;
bool order_steps(struct trace *trace, struct sequence *sequence, uint64_t first_entry);

/* The sequence with this number: first those of up to 3 ops, each there is, mixed with
 * random ones of 4 to 40. */
void sequence_make(struct sequence *s, const struct psm_crashtest *test, uint64_t seed, uint64_t number);
/* How many there are of up to 3 ops. */
uint64_t sequence_short_count(const struct psm_crashtest *test);
/* How many of these are among the first `count` numbers. */
uint64_t sequence_short_below(const struct psm_crashtest *test, uint64_t count);
void sequence_print(const struct sequence *s, const struct psm_crashtest *test, FILE *to);
#endif
