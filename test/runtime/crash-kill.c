// SIGKILL at random moments, many lives: what recovery finds is exactly the ops 1..n for
// some n, acknowledged <= n <= acknowledged + 1, and the image agrees with memory.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m pm 25
// RUN: %t %filedir/m file 12
//
// `%t DIR pm LIVES SEED 6000` kills after at most so many microseconds: test/reliability.
#define MAP_BUCKETS 4096
#include "hand.h"
#include "map.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

HAND_PROGRAM(map_program_ops)

#define KEYS 3000
static uint64_t *acknowledged; /* shared with the parent */

struct arg { uint64_t key; unsigned char bytes[300]; };

/* Op number n, the same in every life: its function and argument. */
static psm_op_fn *make_op(uint64_t n, struct arg *a, size_t *size)
{
    uint64_t x = hash_fold(n * HASH_1 ^ HASH_2, n ^ HASH_3);
    a->key = x % KEYS;
    size_t length = (x >> 20) % 7 == 0 ? (x >> 30) % 300 : (x >> 30) % 40;
    for (size_t i = 0; i < length; i++)
        a->bytes[i] = (unsigned char)(x >> (i % 50));
    *size = sizeof a->key + length;
    return (x >> 12) % 5 == 0 ? map_drop : map_put;
}

static psm_t *open_machine(const char *dir, const char *medium)
{
    psm_t *m;
    struct psm_options o = { .root_size = sizeof(struct map) + 8, .log_bytes = 1 << 20,
                             .medium = strcmp(medium, "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE };
    OK(psm_init(&m, dir, &o));
    return m;
}


static void life(const char *dir, const char *medium)
{
    psm_t *m = open_machine(dir, medium);
    struct arg a;
    size_t size;
    struct psm_statistics s;
    OK(psm_stats(m, &s));
    for (uint64_t n = *acknowledged + 1;; n++) {
        psm_op_fn *op = make_op(n, &a, &size);
        OK(psm_invoke_rw(m, op, &a, size, NULL, 0));
        *acknowledged = n;
    }
}

static struct entry *find(struct map *map, uint64_t key)
{
    struct entry *e = map->bucket[map_hash(key) % MAP_BUCKETS];
    while (e != NULL && e->key != key)
        e = e->next;
    return e;
}

/* What the state must be after n ops, by a model of arrays. */
struct model { uint64_t count, puts; size_t size[KEYS]; unsigned char present[KEYS], bytes[KEYS][300]; };

static void model_run(struct model *model, uint64_t from, uint64_t to)
{
    struct arg a;
    size_t size;
    for (uint64_t n = from; n <= to; n++) {
        psm_op_fn *op = make_op(n, &a, &size);
        unsigned char *present = &model->present[a.key];
        if (op == map_put) {
            model->count += !*present;
            model->puts++;
            *present = 1;
            model->size[a.key] = size - sizeof a.key;
            memcpy(model->bytes[a.key], a.bytes, size - sizeof a.key);
        } else {
            model->count -= *present;
            *present = 0;
        }
    }
}

static int model_equals(const struct model *model, struct map *map)
{
    if (model->count != map->count || model->puts != map->puts)
        return 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        struct entry *e = find(map, key);
        if ((e != NULL) != model->present[key])
            return 0;
        if (e != NULL && (e->size != model->size[key] || memcmp(e->value, model->bytes[key], e->size) != 0))
            return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    int lives = atoi(argv[3]);
    static struct model model;
    uint64_t n = 0, seed = argc > 4 ? strtoull(argv[4], NULL, 0) : (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
    uint64_t long_us = argc > 5 ? strtoull(argv[5], NULL, 0) : 250000, short_us = argc > 5 ? long_us : 20000;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("seed %lu\n", (unsigned long)seed);
    acknowledged = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < lives; i++) {
        seed = hash_fold(seed ^ HASH_1, i + HASH_2);
        pid_t child = fork();
        if (child == 0)
            life(argv[1], argv[2]);
        usleep((useconds_t)((seed >> 7) % (i % 3 == 0 ? short_us : long_us)));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            printf("life %d ended by itself: status %#x\n", i, status);
            return 1;
        }
        uint64_t told = *acknowledged;
        /* A third of the recoveries are killed as well. */
        if (i % 3 != 2 || i == lives - 1) {
            child = fork();
            if (child == 0) {
                psm_t *m = open_machine(argv[1], argv[2]);
                struct psm_statistics s;
                OK(psm_stats(m, &s));
                model_run(&model, n + 1, told);
                int exact = model_equals(&model, psm_root(m));
                if (!exact) {
                    model_run(&model, told + 1, told + 1);
                    if (!model_equals(&model, psm_root(m))) {
                        printf("life %d: the state is not that after %lu ops, nor after one more\n", i,
                               (unsigned long)told);
                        _exit(1);
                    }
                    told++;
                }
                *acknowledged = told;
                OK(psm_verify(m));
                printf("life %d: %lu acknowledged, %s, %lu recovered\n", i, (unsigned long)told,
                       exact ? "exactly" : "and the one under way", (unsigned long)s.ops_recovered);
                OK(psm_close(m));
                _exit(0);
            }
            waitpid(child, &status, 0);
            if (status != 0) {
                printf("check of life %d failed: status %#x\n", i, status);
                return 1;
            }
            model_run(&model, n + 1, *acknowledged);
            n = *acknowledged;
        } else {
            /* Not looked at: the next life must find out by itself where it is. */
            child = fork();
            if (child == 0) {
                psm_t *m = open_machine(argv[1], argv[2]);
                struct map *map = psm_root(m);
                model_run(&model, n + 1, told);
                if (!model_equals(&model, map))
                    ++*acknowledged;
                _exit(0); /* without psm_close */
            }
            waitpid(child, &status, 0);
            if (status != 0)
                return 1;
            model_run(&model, n + 1, *acknowledged);
            n = *acknowledged;
        }
    }
    printf("%d kills, %lu ops\n", lives, (unsigned long)n);
    return n > (strcmp(argv[2], "pm") == 0 ? 1000 : 100) ? 0 : 1; /* a busy disk syncs slowly */
}
