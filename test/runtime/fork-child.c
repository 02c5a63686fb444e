// A forked child reads the state as it was at the fork, however the parent goes on, may not
// write it, holds no lock when the parent has gone, and can open machines of its own.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir pm
// RUN: %t %filedir file
#define MAP_BUCKETS 4096
#include "hand.h"
#include "map.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(map_program_ops)

static enum psm_medium medium;
static char dir[512], other[512];

static psm_t *open_in(const char *where)
{
    psm_t *m;
    struct psm_options o = { .root_size = sizeof(struct map), .log_bytes = 1 << 20, .medium = medium };
    OK(psm_init(&m, where, &o));
    return m;
}

static void put(psm_t *m, uint64_t from, uint64_t to, unsigned char fill)
{
    struct { uint64_t key; unsigned char bytes[100]; } a;
    for (a.key = from; a.key < to; a.key++) {
        memset(a.bytes, fill, sizeof a.bytes);
        OK(psm_invoke_rw(m, map_put, &a, sizeof a.key + sizeof a.bytes, NULL, 0));
    }
}

static void snapshot(psm_t *m)
{
    struct map *map = psm_root(m);
    uint64_t before = map_digest(map), key = 5, out[20];
    int pipes[2], status;
    CHECK(pipe(pipes) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char c;
        CHECK(map_digest(map) == before);
        CHECK(psm_invoke_rw(m, map_put, &key, 8, NULL, 0) == PSM_EFORK);
        CHECK(psm_begin(m) == PSM_EFORK && psm_drain(m) == PSM_EFORK && psm_verify(m) == PSM_EFORK);
        CHECK(psm_invoke_ro(m, map_get, &key, 8, out, sizeof out) == 100);
        CHECK(read(pipes[0], &c, 1) == 1); /* the parent has changed everything, twice */
        CHECK(map_digest(map) == before);
        psm_t *mine = open_in(other);
        put(mine, 0, 100, 9);
        OK(psm_verify(mine));
        OK(psm_close(mine));
        CHECK(map_digest(map) == before);
        OK(psm_close(m));
        _exit(0);
    }
    put(m, 0, 3000, 2);
    put(m, 0, 3000, 3);
    OK(psm_drain(m));
    CHECK(write(pipes[1], "x", 1) == 1);
    waitpid(child, &status, 0);
    CHECK(status == 0);
    close(pipes[0]), close(pipes[1]);
    OK(psm_verify(m));
}

/* The parent dies while its child lives: the machine can be opened at once. */
static void lock_is_free(void)
{
    int pipes[2], status;
    CHECK(pipe(pipes) == 0);
    pid_t parent = fork();
    if (parent == 0) {
        psm_t *m = open_in(dir);
        put(m, 0, 10, 4);
        pid_t child = fork();
        if (child == 0) {
            signal(SIGALRM, SIG_DFL);
            alarm(20);
            CHECK(write(pipes[1], &(pid_t){ getpid() }, sizeof(pid_t)) == sizeof(pid_t));
            pause();
        }
        raise(SIGKILL);
    }
    waitpid(parent, &status, 0);
    pid_t child;
    CHECK(read(pipes[0], &child, sizeof child) == sizeof child);
    psm_t *m = open_in(dir);
    OK(psm_verify(m));
    OK(psm_close(m));
    kill(child, SIGKILL);
}

/* In the middle of a section: the child sees what has been done of it. */
static void in_a_section(void)
{
    psm_t *m = open_in(dir);
    struct map *map = psm_root(m);
    struct { uint64_t key, value; } a = { 77777, 1 };
    int status;
    OK(psm_begin(m));
    map_put(map, &a, sizeof a, NULL);
    pid_t child = fork();
    if (child == 0) {
        uint64_t key = 77777;
        CHECK(map_get(map, &key, 8, NULL) == 8);
        CHECK(psm_append(m, map_put, &a, sizeof a) == PSM_EFORK);
        _exit(0);
    }
    OK(psm_append(m, map_put, &a, sizeof a));
    OK(psm_commit(m));
    waitpid(child, &status, 0);
    CHECK(status == 0);
    OK(psm_close(m));
}

int main(int argc, char **argv)
{
    (void)argc;
    medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    snprintf(dir, sizeof dir, "%s/m", argv[1]);
    snprintf(other, sizeof other, "%s/other", argv[1]);
    setvbuf(stdout, NULL, _IONBF, 0);
    psm_t *m = open_in(dir);
    put(m, 0, 3000, 1);
    snapshot(m); /* memory of its own, all anonymous */
    OK(psm_close(m));
    m = open_in(dir);
    snapshot(m); /* a private mapping of the image, not all of it detached */
    OK(psm_close(m));
    lock_is_free();
    in_a_section();
    return 0;
}
