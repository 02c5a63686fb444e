// Room that an op takes and does not touch costs nothing, in the epoch that takes it and at
// recovery, and reads as zero whenever the power fails: large blocks written in a few places,
// freed, taken again, resized, on a medium that loses power; and six of 256 MiB, taken
// before a kill.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -DPOWER_FILE -I%runtime -I%S/Inputs %s -o %t.file %libpsm
// RUN: %t kill %pmdir/kill
// RUN: %t.file kill %filedir/kill
// RUN: %t forget %pmdir/forget
// RUN: %t.file forget %filedir/forget
// RUN: %t cut %pmdir 12
// RUN: %t.file cut %filedir 20
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
#ifdef POWER_FILE
#include "power_file.h"
#define POWER_EVENTS 300
#else
#include "power.h"
#define POWER_MEDIUM PSM_MEDIUM_PM
#define POWER_EVENTS 1500
#endif

#include <sys/mman.h>
#include <sys/wait.h>

static const struct program_op ops[] = { HAND_OP(0, place), HAND_OP(1, write_to) };
HAND_PROGRAM(ops)

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("line %d: %s [%s]\n", __LINE__, #condition, psm_error_detail()); \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static psm_t *open_machine(const char *dir, uint64_t capacity, uint32_t epoch_ops)
{
    psm_t *m;
    struct psm_options o = { .root_size = sizeof(struct extents), .log_bytes = 1 << 16, .medium = POWER_MEDIUM,
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
    if (getenv("PSM_TEST_SHOW"))
        printf("%lu blocks fresh, %lu logged, %lu bytes written\n", (unsigned long)s.blocks_fresh,
               (unsigned long)s.blocks_logged, (unsigned long)s.medium_bytes);
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

/* ---- power cuts ---- */

#define WORDS (UINT64_C(3) << 17) /* 3 MiB */
struct shared { uint64_t begun, acknowledged; };
static struct shared *shared;
static struct { uint64_t words[WORDS], bytes; } model[SLOTS];

static psm_op_fn *make_op(uint64_t n, struct request *r)
{
    uint64_t x = hash_fold(n * HASH_1 ^ HASH_2, n ^ HASH_3);
    *r = (struct request){ .slot = x % SLOTS };
    r->bytes = (UINT64_C(1) << 20) + (x >> 16) % (WORDS * 8 - (1 << 20)) / 64 * 64;
    for (int i = 0; i < SPOTS; i++)
        r->spot[i] = hash_fold(x ^ HASH_2, (uint64_t)i + HASH_1) >> 4 | 1;
    bool writes = (x >> 40) % 3 != 0;
    if (writes && (x >> 44) % 4 != 0)
        r->bytes = 0;
    return writes ? write_to : place;
}

static void model_run(uint64_t n)
{
    struct request r;
    psm_op_fn *op = make_op(n, &r);
    uint64_t *words = model[r.slot].words, *bytes = &model[r.slot].bytes;
    if (op == place) {
        memset(words, 0, WORDS * 8);
        *bytes = *bytes == 0 ? r.bytes : 0;
    } else if (*bytes != 0 && r.bytes != 0) {
        memset(words + r.bytes / 8, 0, WORDS * 8 - r.bytes);
        *bytes = r.bytes;
    }
    for (int i = 0; i < SPOTS && *bytes != 0; i++)
        words[r.spot[i] % (*bytes / 8)] = r.spot[i];
}

static bool model_equals(const struct extents *x)
{
    for (int i = 0; i < SLOTS; i++)
        if (x->block[i].bytes != model[i].bytes || memcmp(x->block[i].words ? x->block[i].words : model[i].words,
                                                          model[i].words, model[i].bytes) != 0)
            return false;
    return true;
}

static void life(const char *dir, uint64_t seed, uint64_t events)
{
    struct request r;
    power_on(seed, events);
    psm_t *m = open_machine(dir, 0, (uint32_t)(1 + (seed >> 24) % 5));
    const struct extents *x = psm_root(m);
    power_pause(1);
    uint64_t n = x->ops;
    CHECK(n >= shared->acknowledged && n <= shared->begun);
    for (uint64_t i = 1; i <= n; i++)
        model_run(i);
    CHECK(model_equals(x));
    OK(psm_verify(m));
    power_pause(0);
    shared->begun = shared->acknowledged = n;
    for (;;) {
        psm_op_fn *op = make_op(++n, &r);
        shared->begun = n;
        OK(psm_invoke_rw(m, op, &r, sizeof r, NULL, 0));
        shared->acknowledged = n;
        if (n % 7 == seed % 7)
            OK(psm_drain(m));
    }
}

static int cut_and_recover(const char *parent, uint64_t lives, uint64_t seed)
{
    char dir[2][256];
    int status;
    printf("seed %lu\n", (unsigned long)seed);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++)
        snprintf(dir[i], sizeof dir[i], "%s/%d", parent, i);
    pid_t child = fork();
    if (child == 0) {
        OK(psm_close(open_machine(dir[0], 64 << 20, 0)));
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(status == 0);
    for (uint64_t i = 0; i < lives; i++) {
        seed = hash_fold(seed ^ HASH_1, i + HASH_2);
        if ((child = fork()) == 0) {
            power_to(dir[i & 1], dir[~i & 1]);
            life(dir[i & 1], seed, (seed >> 9) % (i % 5 == 0 ? 60 : POWER_EVENTS));
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != POWER_CUT_STATUS) {
            printf("life %lu (seed %lu): status %#x\n", (unsigned long)i, (unsigned long)seed, status);
            return 1;
        }
    }
    printf("%lu power cuts, %lu ops\n", (unsigned long)lives, (unsigned long)shared->acknowledged);
    return shared->acknowledged > lives ? 0 : 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(argv[1], "kill") == 0)
        return kill_and_recover(argv[2]);
    if (strcmp(argv[1], "forget") == 0)
        return forget_and_recover(argv[2]);
    return cut_and_recover(argv[2], strtoull(argv[3], NULL, 0),
                           argc > 4 ? strtoull(argv[4], NULL, 0) : (uint64_t)getpid());
}
