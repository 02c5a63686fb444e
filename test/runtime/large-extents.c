// Room that an op takes and does not touch costs nothing, in the epoch that takes it and at
// recovery: six blocks of 256 MiB, taken before a kill. And it reads as zero again after
// an epoch that had written there and has not taken place.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t pm %pmdir/kill %pmdir/forget
// RUN: %t file %filedir/kill %filedir/forget
//
// Mutants that it has caught: the untouched announced at once; memory never used not cleared
// after a crash; what realloc moves not announced (on files); tables handed out first.
#include "hand.h"
#include "stall.h"

#define SLOTS 6
#define SPOTS 6
struct block { uint64_t *words, bytes; };
struct extents { uint64_t ops; struct block block[SLOTS]; };
struct request { uint64_t slot, bytes, spot[SPOTS]; };
#define HAND_OPS "extents_ops.h"
#include "hand_ops.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct program_op ops[] = { HAND_OP(0, place), HAND_OP(1, write_to) };
HAND_PROGRAM(ops)

static enum psm_medium medium;

static psm_t *open_machine(const char *dir, uint64_t capacity, uint32_t epoch_ops)
{
    psm_t *m;
    struct psm_options o = { .root_size = sizeof(struct extents), .log_bytes = 1 << 16, .medium = medium,
                             .capacity_bytes = capacity, .epoch_ops_max = epoch_ops };
    OK(psm_init(&m, dir, &o));
    return m;
}

/* ---- a kill ---- */

#define LARGE (UINT64_C(256) << 20)
#define COUNT SLOTS

static struct request large_request(uint64_t n)
{
    return (struct request){ n % SLOTS, LARGE, { 1 + n, 99999 + n, LARGE / 8 - 1, 1 << 20, 77 << 10, 5 } };
}

static void check_large(psm_t *m)
{
    const struct extents *x = psm_root(m);
    struct psm_statistics s;
    psm_stats(m, &s);
    CHECK(x->ops == COUNT && s.ops_recovered <= COUNT);
    /* A few pages each and the heap's tables, not a share of the room. */
    CHECK(s.blocks_fresh * PSM_BLOCK < 4 << 20 && s.medium_bytes < 4 << 20);
    for (uint64_t n = 0; n < COUNT; n++) {
        const struct block *b = &x->block[n % SLOTS];
        struct request r = large_request(n);
        CHECK(b->bytes == LARGE);
        for (int i = 0; i < SPOTS; i++)
            CHECK(b->words[r.spot[i] % (LARGE / 8)] == r.spot[i]);
        CHECK(b->words[0] == 0 && b->words[LARGE / 16] == 0);
    }
}

static int kill_and_recover(const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        psm_t *m = open_machine(dir, UINT64_C(4) << 30, 0);
        stall_replay(m);
        for (uint64_t n = 0; n < COUNT; n++) {
            struct request r = large_request(n);
            OK(psm_invoke_rw(m, place, &r, sizeof r, NULL, 0));
        }
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    psm_t *m = open_machine(dir, 0, 0);
    check_large(m);
    OK(psm_close(m));
    m = open_machine(dir, 0, 0);
    check_large(m);
    /* Between others, it has to move to where nothing was: what it holds goes with it. */
    struct request r = large_request(1), before = r;
    r.bytes = LARGE + (1 << 20);
    for (int i = 0; i < SPOTS; i++)
        r.spot[i] = 3000007 + (uint64_t)i * 50021;
    OK(psm_invoke_rw(m, write_to, &r, sizeof r, NULL, 0));
    OK(psm_drain(m));
    OK(psm_verify(m));
    OK(psm_close(m));
    m = open_machine(dir, 0, 0);
    const struct block *b = &((struct extents *)psm_root(m))->block[1];
    CHECK(b->bytes == r.bytes);
    for (int i = 0; i < SPOTS; i++)
        CHECK(b->words[r.spot[i]] == r.spot[i] && b->words[before.spot[i] % (LARGE / 8)] == before.spot[i]);
    OK(psm_close(m));
    return 0;
}

/* ---- an epoch that has written where nothing was, and whose op never counted ---- */

static int die(struct psm *m, const struct commit *next)
{
    (void)m, (void)next;
    _exit(0);
}

static int forget_and_recover(const char *dir)
{
    struct request r = { 0, 8 << 20, { 3, 70001, 100003, 200003, 500009, 900001 } };
    char path[300];
    pid_t child = fork();
    if (child == 0) {
        psm_t *m = open_machine(dir, 64 << 20, 0);
        static struct epoch_store dying;
        dying = *m->epoch.store;
        dying.commit = die;
        OK(psm_drain(m));
        m->epoch.store = &dying;
        OK(psm_invoke_rw(m, place, &r, sizeof r, NULL, 0));
        psm_drain(m);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    snprintf(path, sizeof path, "%s/log", dir);
    CHECK(truncate(path, 0) == 0 && truncate(path, 1 << 16) == 0);
    psm_t *m = open_machine(dir, 0, 0);
    CHECK(((struct extents *)psm_root(m))->ops == 0);
    uint64_t first = r.spot[1];
    r.spot[1] = 70003;
    OK(psm_invoke_rw(m, place, &r, sizeof r, NULL, 0));
    CHECK(((struct extents *)psm_root(m))->block[0].words[first] == 0);
    OK(psm_verify(m));
    OK(psm_close(m));
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    medium = strcmp(argv[1], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    if (argc != 4)
        return 2;
    kill_and_recover(argv[2]);
    return forget_and_recover(argv[3]);
}
