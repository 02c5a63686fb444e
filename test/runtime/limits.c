// Where the original breaks: arguments larger than the log, batches larger than the log,
// an op that dirties more than any undo log was made for, or frees a hundred thousand
// objects, growth of the state without a restart. All of it survives a kill, and the image
// equals memory.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m pm
// RUN: %t %filedir/m file
#include "hand.h"
#include "limits.h"
#include "stall.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(limits_program_ops)

static const char *dir;
static struct psm_options options = { .root_size = sizeof(struct limits), .log_bytes = 1 << 16 };

static psm_t *open_machine(void)
{
    psm_t *m;
    OK(psm_init(&m, dir, &options));
    return m;
}

/* Run `body` in a process that is then killed, then `after` in one that reopens. */
static void killed_then(void (*body)(psm_t *), void (*after)(psm_t *))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        psm_t *m = open_machine();
        body(m);
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(status == 0);
    if ((child = fork()) == 0) {
        psm_t *m = open_machine();
        after(m);
        OK(psm_verify(m));
        OK(psm_close(m));
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(status == 0);
}

static unsigned char *pattern(size_t size, unsigned seed)
{
    unsigned char *p = aligned_alloc(16, (size + 16) & ~(size_t)15);
    for (size_t i = 0; i < size; i++)
        p[i] = (unsigned char)(i * 7 + (i >> 8) + seed);
    return p;
}

static int equals(psm_t *m, size_t size, unsigned seed)
{
    struct limits *l = psm_root(m);
    unsigned char *p = pattern(size, seed);
    int equal = l->size == size && memcmp(l->kept, p, size) == 0;
    free(p);
    return equal;
}

static void keep_sizes(psm_t *m)
{
    static const size_t size[] = { 0, 1, 15, 16, 17, 63, 64, 16383 - 48, 16384 - 48, 16385 - 48, 16384,
                                   65536 - 48, 65536, 65537, 300000, 9000000 };
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        unsigned char *p = pattern(size[i], (unsigned)i);
        for (int unaligned = 0; unaligned < 2; unaligned++) {
            unsigned char *q = malloc(size[i] + 1);
            memcpy(q + unaligned, p, size[i]);
            CHECK(psm_invoke_rw(m, keep, q + unaligned, size[i], NULL, 0) == (int64_t)size[i]);
            CHECK(equals(m, size[i], (unsigned)i));
            free(q);
        }
        free(p);
    }
}

static void keep_sizes_stalled(psm_t *m)
{
    /* None of these is replayed before the kill: recovery has the extents to read. */
    stall_replay(m);
    unsigned char *p = pattern(5000000, 1), *q = pattern(70000, 2);
    CHECK(psm_invoke_rw(m, keep, p, 5000000, NULL, 0) == 5000000);
    CHECK(psm_invoke_rw(m, keep, q, 70000, NULL, 0) == 70000);
    CHECK(psm_invoke_rw(m, keep, p, 5000000, NULL, 0) == 5000000);
}

static void kept_large(psm_t *m)
{
    CHECK(equals(m, 5000000, 1));
    /* Extents are gone with their entries. */
    char command[600];
    snprintf(command, sizeof command, "test -z \"$(ls %s | grep extent)\"", dir);
    CHECK(system(command) == 0);
}

static void kept_last(psm_t *m)
{
    CHECK(equals(m, 9000000, 15));
}

/* One section whose entries are twenty times the log. */
static void large_batch(psm_t *m)
{
    struct limits *l = psm_root(m);
    OK(psm_begin(m));
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t arg[10] = { 1 };
        l->sum++, l->ops++;
        OK(psm_append(m, add, arg, sizeof arg));
    }
    OK(psm_commit(m));
}

static void sum_is_10000(psm_t *m)
{
    struct limits *l = psm_root(m);
    uint64_t one = 1, out = 0;
    CHECK(l->sum == 10000);
    CHECK(psm_invoke_rw(m, add, &one, sizeof one, &out, sizeof out) == 10001 && out == 10001);
}

static void dirty_much(psm_t *m)
{
    size_t size = 24 << 20;
    unsigned char *p = pattern(size, 3);
    struct psm_statistics s;
    CHECK(psm_invoke_rw(m, keep, p, size, NULL, 0) == (int64_t)size);
    OK(psm_drain(m));
    for (int i = 0; i < 3; i++)
        OK(psm_invoke_rw(m, dirty, NULL, 0, NULL, 0));
    OK(psm_verify(m));
    OK(psm_stats(m, &s));
    /* On a file the three can be one epoch. */
    CHECK(s.blocks_logged >= (options.medium == PSM_MEDIUM_PM ? 3 : 1) * size / 32);
    OK(psm_invoke_rw(m, dirty, NULL, 0, NULL, 0));
}

static void dirtied_four_times(psm_t *m)
{
    struct limits *l = psm_root(m);
    unsigned char *p = pattern(24 << 20, 3), *q = l->kept;
    CHECK(l->size == 24 << 20);
    for (size_t i = 0; i < l->size; i++)
        CHECK(q[i] == (unsigned char)(p[i] + (i % 32 == 0 ? 4 : 0)));
}

static void many_objects(psm_t *m)
{
    uint64_t count = 100000, none = 0;
    OK(psm_invoke_rw(m, list, &count, sizeof count, NULL, 0));
    OK(psm_drain(m));
    OK(psm_invoke_rw(m, list, &none, sizeof none, NULL, 0));
    OK(psm_verify(m));
    count = 5;
    OK(psm_invoke_rw(m, list, &count, sizeof count, NULL, 0));
    count = 200000;
    OK(psm_invoke_rw(m, list, &count, sizeof count, NULL, 0));
}

static void objects_are_there(psm_t *m)
{
    struct limits *l = psm_root(m);
    uint64_t n = 0;
    for (struct object *o = l->first; o != NULL; o = o->next)
        n++;
    CHECK(n == 200005);
    uint64_t none = 0;
    OK(psm_invoke_rw(m, list, &none, sizeof none, NULL, 0));
    CHECK(l->first == NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    dir = argv[1];
    options.medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    setvbuf(stdout, NULL, _IONBF, 0);
    killed_then(keep_sizes, kept_last);
    killed_then(keep_sizes_stalled, kept_large);
    killed_then(large_batch, sum_is_10000);
    killed_then(dirty_much, dirtied_four_times);
    killed_then(many_objects, objects_are_there);
    return 0;
}
