// On a file, the k-th fdatasync or write of the log, the journal or the image fails, for
// many k: the machine fails at once, every later op says so, and reopening finds every op
// that was acknowledged and of the others a prefix, wholly.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t.exe %libpsm
// RUN: %t.exe %filedir/m
//
// Mutants seen to fail: a failed sync of the log answered as a success; a failed commit that
// leaves the machine open.
#define MAP_BUCKETS 64
#include "hand.h"
#include "map.h"

#include <errno.h>
#include <unistd.h>

HAND_PROGRAM(map_program_ops)

static const struct medium_table *real;
static _Atomic long fail_at; /* calls left before the one that fails; 0: none does */
static _Atomic int failed;

static int due(void)
{
    if (fail_at == 0 || --fail_at != 0)
        return 0;
    failed = 1;
    errno = EIO;
    return 1;
}

static int write_at(struct medium *m, int fd, const void *p, size_t size, uint64_t offset)
{
    if (!due())
        return real->write_at(m, fd, p, size, offset);
    /* Half of it has been written. */
    real->write_at(m, fd, p, size / 2, offset);
    errno = EIO;
    return -1;
}

static int sync_file(struct medium *m, int fd)
{
    return due() ? -1 : real->sync(m, fd);
}

static const struct medium_table *failing(struct medium *m, const struct medium_table *table)
{
    static struct medium_table mine;
    (void)m;
    real = table;
    mine = *table;
    mine.write_at = write_at;
    mine.sync = sync_file;
    return &mine;
}

static void quiet(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

struct arg { uint64_t key; unsigned char bytes[1500]; };

static int64_t put(psm_t *m, uint64_t n)
{
    struct arg a = { .key = n };
    memset(a.bytes, (int)n, sizeof a.bytes);
    return psm_invoke_rw(m, map_put, &a, sizeof a, NULL, 0);
}

/* Keys 0 .. n-1 are there, all with their bytes; n. */
static uint64_t count(psm_t *m)
{
    struct map *map = psm_root(m);
    for (uint64_t key = 0; key < map->count; key++) {
        struct entry *e = map->bucket[map_hash(key) % MAP_BUCKETS];
        while (e != NULL && e->key != key)
            e = e->next;
        if (e == NULL || ((unsigned char *)e->value)[700] != (unsigned char)key) {
            printf("of %lu keys, %lu is wrong\n", (unsigned long)map->count, (unsigned long)key);
            exit(1);
        }
    }
    return map->count;
}

int main(int argc, char **argv)
{
    struct psm_options o = { .root_size = sizeof(struct map), .log_bytes = 1 << 16, .medium = PSM_MEDIUM_FILE,
                             .epoch_ops_max = 7, .log = quiet };
    uint64_t acknowledged = 0, failures = 0;
    psm_t *m;
    if (argc != 2)
        return 2;
    OK(psm_init(&m, argv[1], &o));
    OK(psm_close(m));
    medium_override = failing;
    for (long k = 1; k < 150; k += 1 + k / 12) {
        OK(psm_init(&m, argv[1], &o));
        uint64_t n = count(m);
        if (n < acknowledged || n > acknowledged + 1) {
            printf("k = %ld: %lu acknowledged, %lu found\n", k, (unsigned long)acknowledged, (unsigned long)n);
            return 1;
        }
        if (psm_verify(m) != 0) {
            printf("k = %ld: verify: %s\n", k, psm_error_detail());
            return 1;
        }
        acknowledged = n;
        failed = 0;
        fail_at = k;
        int64_t result = 0;
        for (int i = 0; i < 400 && !psm_is_error(result); i++) {
            result = put(m, acknowledged);
            acknowledged += !psm_is_error(result);
        }
        fail_at = 0;
        if (failed && result != PSM_EFAILED) {
            /* Replay's commit has failed, perhaps after the last op was answered. */
            for (int i = 0; i < 1000 && !psm_is_error(result); i++) {
                usleep(1000);
                result = put(m, acknowledged);
                acknowledged += !psm_is_error(result);
            }
        }
        if (!failed || result != PSM_EFAILED || put(m, acknowledged) != PSM_EFAILED) {
            printf("k = %ld: failed %d, yet an op gave %ld\n", k, failed, (long)result);
            return 1;
        }
        failures++;
        if (psm_close(m) != PSM_EFAILED) {
            printf("k = %ld: close calls it well\n", k);
            return 1;
        }
    }
    printf("%lu failures, %lu ops\n", (unsigned long)failures, (unsigned long)acknowledged);
    return acknowledged < 500;
}
