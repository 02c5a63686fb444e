// PSM_CHECK holds with callers in several threads, reads in parallel, growth of the heap,
// large arguments and a full log; after a fork the child may change its copy, and the
// parent's goes on being checked; a program that logs after executing is checked in the
// image only. Nothing is found where nothing is wrong.
//
// RUN: %psmcc -O2 %s -o %t -lpthread
// RUN: %t %pmdir/m && %t %filedir/m
//
// Mutants seen to fail: memory still compared after psm_begin, or changes of it from outside
// still noted; replay not waited for.
#include <psm.h>
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 64 };
struct state {
    long ops, sums[THREADS];
    char *slot[SLOTS];
    char far[20000];
};
static psm_t *machine;
static long per_thread;
static _Atomic int reading;

static int64_t change(struct state *s, const unsigned char *arg, size_t size)
{
    unsigned slot = arg[1] % SLOTS;
    s->ops++;
    s->sums[arg[0] % THREADS] += arg[1];
    free(s->slot[slot]);
    size_t room = (size_t)arg[1] * arg[1] * 100 + size;
    s->slot[slot] = malloc(room);
    memcpy(s->slot[slot], arg, size);
    s->slot[slot][room - 1] = (char)arg[2];
    return s->ops;
}

__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    if (out)
        memcpy(out, arg, 3);
    return change(root, arg, size);
}

__attribute__((psm_ro)) int64_t total(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    long sum = 0;
    (void)arg, (void)size, (void)out;
    for (int i = 0; i < THREADS; i++)
        sum += s->sums[i];
    void *own = malloc(100);
    free(own);
    return sum;
}

static void expect(const char *what, int64_t result)
{
    if (psm_is_error(result))
        errx(1, "%s: %s", what, psm_error_detail());
}

static void *write_some(void *number)
{
    static unsigned char large[20000];
    unsigned char small[64] = { 0 };
    for (long i = 0; i < per_thread; i++) {
        unsigned char out[3], *arg = i % 50 == 49 ? large : small;
        size_t size = arg == large ? sizeof large : 3 + (size_t)i % 60;
        unsigned char head[3] = { (unsigned char)(long)number, (unsigned char)(i * 7), (unsigned char)i };
        if (arg == small)
            memcpy(arg, head, 3);
        expect("put", psm_invoke_rw(machine, put, arg, size, i % 3 ? out : NULL, i % 3 ? 3 : 0));
    }
    return NULL;
}

static void *read_some(void *unused)
{
    (void)unused;
    while (atomic_load(&reading))
        expect("total", psm_invoke_ro(machine, total, NULL, 0, NULL, 0));
    return NULL;
}

static void try_fork(void)
{
    struct state *s = psm_root(machine);
    int status;
    pid_t child = fork();
    if (child == 0) {
        s->ops = -1;
        _exit(s->ops == -1 ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        errx(1, "the child: %d", status);
    write_some((void *)1);
}

static void open_machine(const char *dir)
{
    struct psm_options options = { .root_size = sizeof(struct state), .log_bytes = 65536, .flags = PSM_CHECK };
    expect("psm_init", psm_init(&machine, dir, &options));
}

int main(int argc, char **argv)
{
    pthread_t writer[THREADS], reader[2];
    if (argc != 2)
        return 2;
    per_thread = strstr(argv[1], "shm") ? 300 : 60;
    open_machine(argv[1]);
    reading = 1;
    for (long i = 0; i < 2; i++)
        pthread_create(&reader[i], NULL, read_some, NULL);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&writer[i], NULL, write_some, (void *)i);
    for (long i = 0; i < THREADS; i++)
        pthread_join(writer[i], NULL);
    reading = 0;
    for (long i = 0; i < 2; i++)
        pthread_join(reader[i], NULL);
    try_fork();
    expect("psm_verify", psm_verify(machine));
    expect("psm_close", psm_close(machine));

    /* Executed first: another address in memory than in the image, rightly. */
    open_machine(argv[1]);
    per_thread = 20;
    write_some((void *)2);
    expect("psm_begin", psm_begin(machine));
    void *aside = malloc(5000);
    unsigned char arg[3] = { 3, 200, 1 };
    expect("psm_append", psm_append(machine, put, arg, sizeof arg));
    change(psm_root(machine), arg, sizeof arg);
    free(aside);
    expect("psm_commit", psm_commit(machine));
    ((struct state *)psm_root(machine))->far[10000] = 1; /* its own business from now on */
    write_some((void *)3);
    expect("psm_drain", psm_drain(machine));
    expect("psm_close", psm_close(machine));
    return 0;
}
