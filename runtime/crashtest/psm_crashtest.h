/* psm_crashtest.h: find out whether a program's ops survive a power cut, anywhere.
 *
 * The program says what its ops are, how to make a random argument for each, and how to
 * tell two states apart. The library runs sequences of them on a simulated medium, notes
 * all that the runtime and the replayed ops do to it, and takes from the notes what the
 * medium could hold if power failed: at any moment, with any part of what was not yet
 * durable. Of each such image it demands that
 *
 *   - psm_init recovers it;
 *   - the state is the one after some of the ops, in order: at least those whose callers
 *     had been told that they are durable, at most those that had been begun;
 *   - psm_verify finds memory and image alike, and the program's own check is content;
 *   - the machine goes on: the rest of the ops leads to the same state as without a crash.
 *
 * A share of the recoveries is cut off as well, and their recoveries too. A share of the
 * sequences runs under PSM_CHECK: an op that is no function of its state and argument is
 * named when it has run. For speed many lives of the machine follow each other in one
 * process; the globals of code compiled with the pass have their first values at the begin
 * of each, as in a process just started. In use:
 *
 *     static size_t random_amount(void *arg, uint64_t seed)
 *     {
 *         *(long *)arg = (long)(seed % 100);
 *         return sizeof(long);
 *     }
 *     static uint64_t digest(const void *root)
 *     {
 *         return psm_crashtest_hash(root, sizeof(struct counter), 0);
 *     }
 *     int main(int argc, char **argv)
 *     {
 *         static const struct psm_crashtest_op ops[] = { { "add", add, random_amount } };
 *         static const struct psm_crashtest test = {
 *             .options = { .root_size = sizeof(struct counter) },
 *             .ops = ops, .op_count = 1, .arg_size_max = sizeof(long), .digest = digest,
 *         };
 *         return psm_crashtest_main(&test, argc, argv);
 *     }
 *
 *     $ psm-cc ops.c crash.c -lpsmcrashtest -o crash && ./crash
 *
 * `./crash --help` lists the flags. All that is done follows from --seed, but for what
 * threads do beside each other; a failure is kept as a directory, from which
 * `./crash --image DIR` recovers the same image again. */
#ifndef PSM_CRASHTEST_H
#define PSM_CRASHTEST_H
#include "psm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One op that sequences are made of. Static or otherwise unchanged while the test runs. */
struct psm_crashtest_op {
    const char *name;   /* for reports */
    psm_op_fn  *op;     /* marked psm_op */
    /* Write an argument to `arg`, which has room for arg_size_max bytes and is 16-aligned,
     * and return its size in bytes. It depends on `seed` (64 random bits) only. NULL: the
     * op takes no argument. */
    size_t    (*argument)(void *arg, uint64_t seed);
    size_t      out_size; /* bytes of out to give it, zeroed; 0: none. In a group, between
                             psm_begin and psm_commit, it gets NULL */
};

enum psm_crashtest_flags {
    /* Ops use psm_time or psm_random: run again, they may lead to another state. What comes
     * after a recovery is then compared with the image only, and ops are not run first and
     * appended after. */
    PSM_CRASHTEST_TIMED = 1 << 0,
    /* No psm_begin, psm_append, psm_commit: the program does not use them. */
    PSM_CRASHTEST_NO_GROUPS = 1 << 1,
};

struct psm_crashtest {
    /* For psm_init. log_bytes (here by default 64 KiB, so that logs run full),
     * capacity_bytes (8 MiB), epoch_ops_max, medium, flags and log are the test's to vary
     * where they are 0. */
    struct psm_options options;
    const struct psm_crashtest_op *ops;
    size_t op_count;      /* 1..64 */
    size_t arg_size_max;  /* bytes */
    uint32_t flags;       /* of enum psm_crashtest_flags */
    /* A number that differs when states do: of what the state means, not of where it lies.
     * May be called outside ops only, reads the state and changes nothing. */
    uint64_t (*digest)(const void *root);
    /* May be NULL. Whether the state keeps its invariants: NULL, or what is wrong. */
    const char *(*check)(const void *root);
};

/* The test's main function: reads flags, explores, reports to standard output, progress to
 * standard error if that is a terminal.
 *
 * Returns the exit code: 0, 1 if a violation was found, 2 if the test could not be run. */
int psm_crashtest_main(const struct psm_crashtest *test, int argc, char **argv);

/* 64 bits that depend on all of `bytes` and on `seed`: for digests. */
uint64_t psm_crashtest_hash(const void *bytes, size_t size, uint64_t seed);

/* The next of a series of random numbers, whose state is *seed: for arguments. */
uint64_t psm_crashtest_random(uint64_t *seed);

#ifdef __cplusplus
}
#endif
#endif
