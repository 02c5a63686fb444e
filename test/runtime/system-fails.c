// What the system refuses for a while, while a machine is created, recovered or grows, costs no
// acknowledged op: psm_init says so, and later gives all of them.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir
#include "hand.h"
#include "limits.h"
#include "stall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(limits_program_ops)

#define LARGE (12 << 20)
static _Alignas(16) unsigned char bytes[LARGE];
static const char *base;
static char directory[300];
static _Atomic int full, slow_replay, replay_grows, no_files, dies_at_parent;
static int parent_syncs;

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    if (slow_replay && psm_replaying != NULL) {
        replay_grows = 1;
        usleep(200000);
    }
    if (full) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int openat(int directory_fd, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    if (no_files && strncmp(name, "extent-", 7) == 0) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_openat, directory_fd, name, flags, mode);
}

int fsync(int fd)
{
    struct stat s, parent;
    if (fstat(fd, &s) != 0 || stat(base, &parent) != 0)
        abort();
    if (s.st_ino == parent.st_ino) {
        if (dies_at_parent)
            _exit(9);
        parent_syncs++;
    }
    return (int)syscall(SYS_fsync, fd);
}

static void quiet(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

static int open_machine(psm_t **m, enum psm_medium medium, uint32_t flags)
{
    struct psm_options o = { .root_size = sizeof(struct limits), .medium = medium, .flags = flags,
                             .log_bytes = 16 << 20, .log = quiet };
    return psm_init(m, directory, &o);
}

static void in_child(void (*what)(enum psm_medium), enum psm_medium medium)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        what(medium);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && (status == 0 || status == 9 << 8));
}

static void create(enum psm_medium medium)
{
    psm_t *m;
    OK(open_machine(&m, medium, 0));
    OK(psm_close(m));
}

static void keep_and_die(enum psm_medium medium)
{
    psm_t *m;
    OK(open_machine(&m, medium, 0));
    stall_replay(m);
    CHECK(psm_invoke_rw(m, keep, bytes, sizeof bytes, NULL, 0) == sizeof bytes);
}

static void dirty_and_die(enum psm_medium medium)
{
    psm_t *m;
    OK(open_machine(&m, medium, 0));
    CHECK(psm_invoke_rw(m, keep, bytes, 3 << 20, NULL, 0) == 3 << 20);
    OK(psm_drain(m));
    stall_replay(m);
    OK(psm_invoke_rw(m, dirty, NULL, 0, NULL, 0));
}

/* The image's new length was not durable yet, and the disk is full when it grows again. */
static void grows_again(void)
{
    char path[400];
    struct stat before;
    psm_t *m;
    in_child(create, PSM_MEDIUM_FILE);
    snprintf(path, sizeof path, "%s/image", directory);
    CHECK(stat(path, &before) == 0);
    in_child(keep_and_die, PSM_MEDIUM_FILE);
    CHECK(truncate(path, before.st_size) == 0);
    full = 1;
    CHECK(open_machine(&m, PSM_MEDIUM_FILE, PSM_REPLAY_NATIVE) == PSM_ENOSPC);
    CHECK(open_machine(&m, PSM_MEDIUM_FILE, 0) == PSM_EFAILED);
    full = 0;
    OK(open_machine(&m, PSM_MEDIUM_FILE, 0));
    CHECK(((struct limits *)psm_root(m))->size == sizeof bytes && ((struct limits *)psm_root(m))->refused == 0);
    OK(psm_close(m));
}

/* Recovery needs more undo log, and there is no room: not the op's fault. */
static void undo_log_cannot_grow(void)
{
    psm_t *m;
    in_child(dirty_and_die, PSM_MEDIUM_PM);
    full = 1;
    CHECK(open_machine(&m, PSM_MEDIUM_PM, 0) == PSM_EFAILED);
    CHECK(open_machine(&m, PSM_MEDIUM_PM, PSM_REPLAY_NATIVE) == PSM_EFAILED);
    full = 0;
    OK(open_machine(&m, PSM_MEDIUM_PM, 0));
    CHECK(((struct limits *)psm_root(m))->ops == 2);
    OK(psm_verify(m));
    OK(psm_close(m));
}

/* The argument's file is there; only, no more files can be opened. */
static void argument_cannot_be_opened(void)
{
    psm_t *m;
    in_child(keep_and_die, PSM_MEDIUM_FILE);
    no_files = 1;
    CHECK(open_machine(&m, PSM_MEDIUM_FILE, 0) == PSM_EIO);
    CHECK(open_machine(&m, PSM_MEDIUM_FILE, PSM_ACCEPT_LOSS) == PSM_EIO);
    no_files = 0;
    OK(open_machine(&m, PSM_MEDIUM_FILE, 0));
    CHECK(((struct limits *)psm_root(m))->ops == 1);
    OK(psm_close(m));
}

/* The creator dies before the machine's name is durable: the next opening sees to it. */
static void name_not_durable(void)
{
    psm_t *m;
    dies_at_parent = 1;
    in_child(create, PSM_MEDIUM_FILE);
    dies_at_parent = parent_syncs = 0;
    OK(open_machine(&m, PSM_MEDIUM_FILE, 0));
    CHECK(parent_syncs == 1);
    OK(psm_close(m));
    OK(open_machine(&m, PSM_MEDIUM_FILE, 0));
    CHECK(parent_syncs == 1);
    OK(psm_close(m));
}

/* A program that logs after executing: replay needs room that memory did not, at the moment
 * when memory grows. */
static void both_grow(void)
{
    psm_t *m;
    OK(open_machine(&m, PSM_MEDIUM_FILE, 0));
    struct limits *l = psm_root(m);
    uint64_t n = 200000;
    slow_replay = 1;
    OK(psm_begin(m));
    OK(psm_append(m, list, &n, sizeof n));
    OK(psm_commit(m));
    while (!replay_grows)
        usleep(100);
    OK(psm_begin(m));
    unsigned char *p = psm_malloc(6 << 20);
    memset(p, 0x55, 6 << 20);
    l->kept = p;
    l->size = 6 << 20;
    OK(psm_commit(m));
    slow_replay = 0;
    OK(psm_drain(m));
    for (size_t i = 0; i < 6 << 20; i++)
        CHECK(p[i] == 0x55);
    OK(psm_close(m));
}

int main(int argc, char **argv)
{
    void (*const tests[])(void) = { grows_again, undo_log_cannot_grow, argument_cannot_be_opened, name_not_durable,
                                    both_grow };
    (void)argc;
    base = argv[1];
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        snprintf(directory, sizeof directory, "%s/m%zu", base, i);
        tests[i]();
    }
    return 0;
}
