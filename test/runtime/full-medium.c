// The medium has no room for the heap to grow: malloc returns NULL in the op, and in replay
// and recovery as well, at the same call, though there is room by then; an extent that does
// not fit is an error before the op has run; replay waits for room for its undo log.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m pm
// RUN: %t %filedir/m file
#include "hand.h"
#include "limits.h"
#include "stall.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

HAND_PROGRAM(limits_program_ops)

static volatile int full; /* no file grows */
static const struct medium_table *real_table;

static int allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    struct stat s;
    if (full && fstat(fd, &s) == 0 && offset + size > (uint64_t)s.st_size) {
        errno = ENOSPC;
        return -1;
    }
    return real_table->allocate(m, fd, offset, size);
}

static const struct medium_table *small_medium(struct medium *m, const struct medium_table *real)
{
    static struct medium_table table;
    (void)m;
    real_table = real;
    table = *real;
    table.allocate = allocate;
    return &table;
}

static void quiet(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

static const char *dir;
static struct psm_options options = { .root_size = sizeof(struct limits), .log_bytes = 1 << 20, .log = quiet };

static psm_t *open_machine(void)
{
    psm_t *m;
    OK(psm_init(&m, dir, &options));
    return m;
}

static int64_t keep_bytes(psm_t *m, size_t size)
{
    static _Alignas(16) unsigned char bytes[200000];
    memset(bytes, (int)(size & 0xff), size);
    return psm_invoke_rw(m, keep, bytes, size, NULL, 0);
}

static int64_t list_of(psm_t *m, uint64_t count)
{
    return psm_invoke_rw(m, list, &count, sizeof count, NULL, 0);
}

/* Refusals, between ops that succeed, also with the medium free again. */
static uint64_t use(psm_t *m)
{
    struct limits *l = psm_root(m);
    OK(list_of(m, 1000));
    full = 1;
    OK(list_of(m, 200000)); /* refused on the way */
    CHECK(l->refused == 1);
    uint64_t before = l->refused;
    OK(list_of(m, 200000));
    CHECK(l->refused == before + 1);
    OK(list_of(m, 0)); /* freeing needs no room */
    OK(list_of(m, 500));
    full = 0;
    OK(list_of(m, 200000));
    CHECK(l->refused == before + 1);
    full = 1;
    OK(list_of(m, 200000));
    OK(keep_bytes(m, 1000));
    full = 0;
    OK(list_of(m, 10));
    return l->refused;
}

static void at_once(void)
{
    psm_t *m = open_machine();
    uint64_t refused = use(m);
    OK(psm_verify(m));
    OK(psm_close(m));
    m = open_machine();
    OK(psm_verify(m));
    CHECK(((struct limits *)psm_root(m))->refused == refused && refused >= 2);
    OK(psm_close(m));
}

/* The same with all of it still in the log when the process dies. */
static void by_recovery(uint32_t flags)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        psm_t *m = open_machine();
        stall_replay(m);
        struct limits *l = psm_root(m);
        uint64_t refused = l->refused;
        OK(list_of(m, 0));
        full = 1;
        OK(list_of(m, 2000000));
        CHECK(l->refused == refused + 1);
        full = 0;
        OK(keep_bytes(m, 77));
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(status == 0);
    options.flags = flags;
    psm_t *m = open_machine();
    options.flags = 0;
    struct limits *l = psm_root(m);
    struct psm_statistics s;
    psm_stats(m, &s);
    CHECK(s.ops_recovered == 3 && l->size == 77);
    uint64_t n = 0;
    for (struct object *o = l->first; o != NULL; o = o->next)
        n++;
    CHECK(n > 1000 && n < 2000000);
    OK(psm_verify(m));
    OK(psm_close(m));
}

static void extent(void)
{
    psm_t *m = open_machine();
    static _Alignas(16) unsigned char bytes[1 << 20];
    struct limits *l = psm_root(m);
    uint64_t ops = l->ops;
    full = 1;
    CHECK(psm_invoke_rw(m, keep, bytes, sizeof bytes, NULL, 0) == PSM_ENOSPC);
    CHECK(l->ops == ops);
    full = 0;
    CHECK(psm_invoke_rw(m, keep, bytes, sizeof bytes, NULL, 0) == sizeof bytes);
    OK(psm_verify(m));
    OK(psm_close(m));
}

/* Replay of an op that changes 8 MiB needs 16 MiB of undo log. */
static void undo_waits(void)
{
    static _Alignas(16) unsigned char bytes[8 << 20];
    psm_t *m = open_machine();
    OK(psm_invoke_rw(m, keep, bytes, sizeof bytes, NULL, 0));
    OK(psm_drain(m));
    full = 1;
    OK(psm_invoke_rw(m, dirty, NULL, 0, NULL, 0));
    usleep(100000);
    uint64_t one = 1;
    OK(psm_invoke_rw(m, add, &one, sizeof one, NULL, 0)); /* callers go on meanwhile */
    full = 0;
    OK(psm_verify(m));
    OK(psm_close(m));
}

int main(int argc, char **argv)
{
    (void)argc;
    dir = argv[1];
    options.medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    setvbuf(stdout, NULL, _IONBF, 0);
    medium_override = small_medium;
    at_once();
    by_recovery(0);
    by_recovery(PSM_REPLAY_NATIVE);
    extent();
    undo_waits();
    return 0;
}
