// Four threads of a plain program, compiled with the pass, put, resize and delete blocks
// from 1 byte to megabytes; SIGKILL at random moments, many lives. Every op that a thread
// was told of is there, at most one more of each thread, each exactly once, in its order,
// and the image agrees with memory. On both media.
//
// RUN: %psmcc -O2 %s -lpthread -o %t.exe
// RUN: %t.exe %filedir/m file 10
// RUN: %t.exe %pmdir/m pm 10
#include <psm.h>

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define KEYS    61

struct value {
    uint64_t size, seed;
    unsigned char *bytes;
};
struct root {
    uint64_t done[THREADS]; /* ops of each thread */
    struct value *value[THREADS][KEYS];
};
struct arg {
    uint64_t thread, number;
};

/* Neither hashes nor bytes look like pointers, which psm_verify would ask about. */
static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t x = (a + 1) * 0x9E3779B97F4A7C15 ^ (b + 1) * 0xC2B2AE3D27D4EB4F;
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9;
    return (x ^ x >> 32) | UINT64_C(1) << 63;
}

static unsigned char byte_at(uint64_t seed, uint64_t i)
{
    return (unsigned char)(seed + i * 7) | 0x80;
}

static uint64_t size_of(uint64_t h)
{
    if (h % 97 == 0)
        return (h >> 8) % 3000000;
    return (h >> 8) % (h % 11 ? 200 : 50000);
}

static void fill(struct value *v, uint64_t from)
{
    for (uint64_t i = from; i < v->size; i++)
        v->bytes[i] = byte_at(v->seed, i);
}

/* Op number n of a thread. Returns n if it comes in order, else a negative number. */
__attribute__((psm_op)) int64_t change(void *p, const void *a, size_t arg_size, void *out)
{
    struct root *root = p;
    const struct arg *arg = a;
    if (arg_size != sizeof *arg || root->done[arg->thread] + 1 != arg->number)
        return -(int64_t)root->done[arg->thread] - 1;
    uint64_t h = hash(arg->thread, arg->number), size = size_of(h);
    struct value **slot = &root->value[arg->thread][h % KEYS];
    root->done[arg->thread] = arg->number;
    if (*slot && (h >> 60 & 7) < 2) { /* delete */
        free((*slot)->bytes);
        free(*slot);
        *slot = NULL;
    } else if (*slot) { /* resize: what fits stays */
        uint64_t kept = (*slot)->size < size ? (*slot)->size : size;
        (*slot)->bytes = realloc((*slot)->bytes, size + 1);
        (*slot)->size = size;
        fill(*slot, kept);
    } else {
        *slot = calloc(1, sizeof **slot);
        (*slot)->bytes = h >> 60 & 1 ? malloc(size + 1) : aligned_alloc(64, size + 1);
        (*slot)->size = size;
        (*slot)->seed = h;
        fill(*slot, 0);
    }
    if (out)
        *(uint64_t *)out = size;
    return (int64_t)arg->number;
}

/* What the state must be, worked out from the numbers of ops alone. */
static void expect_state(const struct root *root)
{
    for (uint64_t thread = 0; thread < THREADS; thread++) {
        struct value model[KEYS] = { 0 };
        char there[KEYS] = { 0 };
        for (uint64_t n = 1; n <= root->done[thread]; n++) {
            uint64_t h = hash(thread, n);
            struct value *v = &model[h % KEYS];
            if (there[h % KEYS] && (h >> 60 & 7) < 2) {
                there[h % KEYS] = 0;
            } else {
                if (!there[h % KEYS])
                    v->seed = h;
                there[h % KEYS] = 1;
                v->size = size_of(h);
            }
        }
        for (int key = 0; key < KEYS; key++) {
            const struct value *v = root->value[thread][key];
            assert(!v == !there[key]);
            if (!v)
                continue;
            assert(v->size == model[key].size && v->seed == model[key].seed);
            for (uint64_t i = 0; i < v->size; i++)
                assert(v->bytes[i] == byte_at(v->seed, i));
        }
    }
}

static psm_t *machine;
static struct shared {
    _Atomic uint64_t acknowledged[THREADS];
    _Atomic int open;
} *shared;

static void *run(void *argument)
{
    struct arg arg = { (uintptr_t)argument, shared->acknowledged[(uintptr_t)argument] };
    for (;;) {
        uint64_t out;
        arg.number++;
        int64_t result = psm_invoke_rw(machine, change, &arg, sizeof arg,
                                       arg.number % 2 ? &out : NULL, arg.number % 2 ? sizeof out : 0);
        if (result != (int64_t)arg.number) {
            fprintf(stderr, "op %lu: %ld %s\n", arg.number, result, psm_error_detail());
            abort();
        }
        if (arg.number % 2 && out != size_of(hash(arg.thread, arg.number)))
            abort();
        atomic_store(&shared->acknowledged[arg.thread], arg.number);
    }
}

/* One life; ends by SIGKILL, or, if it is the last, by itself. */
static int live(const char *dir, enum psm_medium medium, int last)
{
    struct psm_options options = { .root_size = sizeof(struct root), .medium = medium,
                                   .log_bytes = 1 << 20, .private_bytes = 8 << 20 };
    pthread_t thread[THREADS];
    if (psm_init(&machine, dir, &options) != 0) {
        fprintf(stderr, "psm_init: %s\n", psm_error_detail());
        return 1;
    }
    const struct root *root = psm_root(machine);
    for (int i = 0; i < THREADS; i++) {
        uint64_t told = shared->acknowledged[i];
        if (root->done[i] < told || root->done[i] > told + 1) {
            fprintf(stderr, "thread %d was told of %lu ops, and %lu are there\n", i, told, root->done[i]);
            return 1;
        }
        shared->acknowledged[i] = root->done[i];
    }
    expect_state(root);
    if (psm_verify(machine) != 0) {
        fprintf(stderr, "psm_verify: %s\n", psm_error_detail());
        return 1;
    }
    if (last)
        return psm_close(machine) != 0;
    shared->open = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, run, (void *)(uintptr_t)i);
    pthread_join(thread[0], NULL);
    return 1;
}

int main(int argc, char **argv)
{
    assert(argc == 4);
    enum psm_medium medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    unsigned seed = (unsigned)time(NULL);
    int lives = atoi(argv[3]);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(shared != MAP_FAILED);
    printf("seed %u\n", seed);
    for (int life = 0; life <= lives; life++) {
        int status, wait_us = 1000 + rand_r(&seed) % 300000;
        shared->open = 0;
        pid_t child = fork();
        if (child == 0)
            _exit(live(argv[1], medium, life == lives));
        /* Sometimes while it is still recovering. */
        if (life < lives) {
            while (!shared->open && rand_r(&seed) % 50 && waitpid(child, NULL, WNOHANG) == 0)
                usleep(1000);
            usleep((useconds_t)wait_us);
            kill(child, SIGKILL);
        }
        if (waitpid(child, &status, 0) != child || (life < lives && !WIFSIGNALED(status))
            || (life < lives && WTERMSIG(status) != SIGKILL) || (life == lives && status != 0)) {
            fprintf(stderr, "life %d: status %#x\n", life, status);
            return 1;
        }
    }
    uint64_t total = 0;
    for (int i = 0; i < THREADS; i++)
        total += shared->acknowledged[i];
    printf("%lu ops\n", total);
    return total > 100 ? 0 : 1;
}
