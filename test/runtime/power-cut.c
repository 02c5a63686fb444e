// Power cuts on a modelled medium: at the k-th copy, flush or fence the computer dies,
// every line that was not flushed and fenced is old, new or torn, at random. Recovery
// from what is left gives the ops 1..n, acknowledged <= n, in order, n no more than the
// ones begun; recoveries are cut as well.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir 300
//
// Mutants that it has caught: no fence in undo_begin; none after new records; no fence or
// flush in undo_commit; no flush in undo_recover, or no epoch burnt there; every block taken
// for fresh; one undo area; the tail published at end_epoch; no fence in oplog_publish; and,
// in 800 lives, keeping the salt in start_new_life.
#define MAP_BUCKETS 64
#include "hand.h"
#include "map.h"
#ifdef POWER_FILE
#include "power_file.h"
#else
#include "power.h"
#define POWER_MEDIUM PSM_MEDIUM_PM
#endif

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(map_program_ops)

#define KEYS 40
#define OPS_MAX (1 << 20)
/* What outlives the power cuts: which ops were begun and acknowledged, and of each op in
 * which life it was begun last, which is part of what it does: an op that a life has
 * written and not acknowledged must not come back behind one of a later life. */
struct shared { uint64_t begun, acknowledged; uint32_t life[OPS_MAX]; };
static struct shared *shared;

struct arg { uint64_t key; unsigned char bytes[14000]; };

static psm_op_fn *make_op(uint64_t n, struct arg *a, size_t *size)
{
    uint64_t x = hash_fold(n * HASH_1 ^ HASH_2, (n + ((uint64_t)shared->life[n] << 32)) ^ HASH_3);
    a->key = x % KEYS;
    /* Many of one size, for entries of two lives to fit each other's places; in some
     * lives large ones, which fill the log. */
    size_t length = x >> 16 & 3 ? 50 : (x >> 30) % 120;
    if (shared->life[n] % 5 == 0 && (x >> 18 & 3) != 0)
        length = (x >> 30) % sizeof a->bytes;
    memset(a->bytes, (int)(x >> 50 & 0xff), length);
    *size = sizeof a->key + length;
    return (x >> 12) % 4 == 0 ? map_drop : map_put;
}

/* The state after n ops, told by a digest; ops are few. */
struct model { unsigned char present[KEYS], fill[KEYS]; size_t size[KEYS]; uint64_t puts; };

static void model_run(struct model *model, uint64_t n)
{
    struct arg a;
    size_t size;
    psm_op_fn *op = make_op(n, &a, &size);
    model->present[a.key] = op == map_put;
    if (op == map_put) {
        model->puts++;
        model->size[a.key] = size - sizeof a.key;
        model->fill[a.key] = a.bytes[0];
    }
}

static int model_equals(const struct model *model, struct map *map)
{
    uint64_t count = 0;
    if (map->puts != model->puts)
        return 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        struct entry *e = map->bucket[map_hash(key) % MAP_BUCKETS];
        while (e != NULL && e->key != key)
            e = e->next;
        if ((e != NULL) != model->present[key])
            return 0;
        if (e == NULL)
            continue;
        count++;
        if (e->size != model->size[key])
            return 0;
        for (size_t i = 0; i < e->size; i++)
            if (((unsigned char *)e->value)[i] != model->fill[key])
                return 0;
    }
    return count == map->count;
}

static psm_t *open_machine(const char *dir, uint64_t seed)
{
    psm_t *m;
    struct psm_options o = { .root_size = sizeof(struct map), .log_bytes = 1 << 16, .medium = POWER_MEDIUM,
                             .capacity_bytes = 8 << 20, .epoch_ops_max = (uint32_t)(1 + (seed >> 24) % 9) };
    OK(psm_init(&m, dir, &o));
    return m;
}

/* One life: recover, compare, run ops until the power goes. */
static void life(const char *dir, uint64_t seed, uint64_t events, uint32_t number)
{
    struct model model = { 0 };
    struct arg a;
    size_t size;
    uint64_t n = 0;
    power_on(seed, events);
    psm_t *m = open_machine(dir, seed);
    struct map *map = psm_root(m);
    power_pause(1);
    while (n < shared->acknowledged)
        model_run(&model, ++n);
    while (!model_equals(&model, map) && n < shared->begun)
        model_run(&model, ++n);
    if (!model_equals(&model, map)) {
        printf("the state is of no prefix of the ops between %lu and %lu\n", (unsigned long)shared->acknowledged,
               (unsigned long)shared->begun);
        _exit(1);
    }
    int64_t status = psm_verify(m);
    if (status != 0) {
        printf("verify: %s\n", psm_error_detail());
        _exit(1);
    }
    power_pause(0);
    shared->begun = shared->acknowledged = n;
    for (;;) {
        /* One op, or a few under one fence. These run before they are logged; the map's
         * ops give the same whenever they run. */
        uint64_t group = n % 3 == 0 ? 1 + (seed >> 20) % 6 : 1;
        if (group > 1)
            OK(psm_begin(m));
        for (uint64_t i = 0; i < group; i++) {
            shared->life[++n] = number;
            psm_op_fn *op = make_op(n, &a, &size);
            shared->begun = n;
            if (group == 1) {
                OK(psm_invoke_rw(m, op, &a, size, NULL, 0));
            } else {
                op(map, &a, size, NULL);
                OK(psm_append(m, op, &a, size));
            }
        }
        if (group > 1 && (seed >> 50) % 4 == 1)
            power_off(); /* entries written, none of them fenced */
        if (group > 1)
            OK(psm_commit(m));
        shared->acknowledged = n;
        if ((seed >> 50) % 4 == 0)
            power_off(); /* right after an acknowledgement, before the next entry */
    }
}

int main(int argc, char **argv)
{
    uint64_t lives = strtoull(argv[2], NULL, 0), seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)getpid();
    char dir[2][256];
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("seed %lu\n", (unsigned long)seed);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++)
        snprintf(dir[i], sizeof dir[i], "%s/%d", argv[1], i);
    pid_t child = fork();
    if (child == 0) {
        OK(psm_close(open_machine(dir[0], 0)));
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status != 0)
        return 1;
    for (uint64_t i = 0; i < lives; i++) {
        seed = hash_fold(seed ^ HASH_1, i + HASH_2);
        const uint64_t at_most[] = { 60, 150, 400, 3000 };
        uint64_t events = (seed >> 9) % ((i + 1) % 5 == 0 ? 12000 : at_most[seed >> 40 & 3]);
        if ((child = fork()) == 0) {
            power_to(dir[i & 1], dir[~i & 1]);
            life(dir[i & 1], seed, events, (uint32_t)i + 1);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != POWER_CUT_STATUS) {
            printf("life %lu (seed %lu, %lu events): status %#x\n", (unsigned long)i, (unsigned long)seed,
                   (unsigned long)events, status);
            return 1;
        }
    }
    printf("%lu power cuts, %lu ops\n", (unsigned long)lives, (unsigned long)shared->acknowledged);
    return shared->acknowledged > lives ? 0 : 1;
}
