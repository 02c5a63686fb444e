// Group commit on a file: a caller is answered only when its entry is on the disk, many
// callers share one fdatasync, replay is given nothing that is not durable, and after a
// failed write or sync nobody is answered any more.
// RUN: %clang -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fno-strict-aliasing -I%runtime %s %runtime/logfile.c %runtime/error.c -lpthread -o %t.exe
// RUN: %t.exe %filedir
// RUN: %clang -std=gnu11 -O1 -g -fsanitize=thread -D_GNU_SOURCE -fno-strict-aliasing -I%runtime %s %runtime/logfile.c %runtime/error.c -lpthread -o %t.tsan
// RUN: %t.tsan %filedir
//
// Mutants seen to fail: publishing before the sync; durable moved to head instead of what
// was written; an op published while it runs; the part behind the ring's end not written;
// a waiter answered after a failure; the leader going on after one; no sync.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "machine.h"

#define BYTES   (64u << 10)
#define THREADS 8
#define OPS     2000
#define ENTRY   64

static struct psm m = { .directory = "machine" };
static unsigned char ring[BYTES], disk[BYTES], cache[BYTES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;      /* the machine's */
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER; /* ours, in the medium */
static _Atomic long syncs, fail_sync_at, fail_write_at;
static _Atomic uint64_t answered;
static uint64_t tail;

__thread struct psm *psm_replaying TLS_INITIAL;

void psm_replay_trap(const char *format, ...)
{
    fputs(format, stderr);
    abort();
}

void machine_fail(struct psm *machine, const char *why)
{
    int open = 0;
    assert(strstr(why, "machine/log"));
    atomic_compare_exchange_strong(&machine->state, &open, PSM_EFAILED);
}

static int write_at(struct medium *medium, int fd, const void *p, size_t size, uint64_t offset)
{
    (void)medium, (void)fd;
    assert(offset + size <= BYTES);
    if (fail_write_at && --fail_write_at == 0) {
        errno = ENOSPC;
        return -1;
    }
    pthread_mutex_lock(&disk_lock);
    memcpy(cache + offset, p, size);
    pthread_mutex_unlock(&disk_lock);
    return 0;
}

static int sync_file(struct medium *medium, int fd)
{
    (void)medium, (void)fd;
    syncs++;
    usleep(100); /* others gather */
    if (fail_sync_at && --fail_sync_at == 0) {
        errno = EIO;
        return -1;
    }
    pthread_mutex_lock(&disk_lock);
    memcpy(disk, cache, BYTES);
    pthread_mutex_unlock(&disk_lock);
    return 0;
}

static const struct medium_table table = { .write_at = write_at, .sync = sync_file };

static void on_disk(uint64_t position, uint64_t value, const char *who)
{
    uint64_t found[2];
    pthread_mutex_lock(&disk_lock);
    memcpy(found, disk + position % BYTES, sizeof found);
    pthread_mutex_unlock(&disk_lock);
    if (found[0] != position || found[1] != value) {
        fprintf(stderr, "%s: the entry at %lu is not on the disk\n", who, position);
        abort();
    }
}

/* As psm_invoke_rw: append and publish under the lock, wait without it. */
static void *caller(void *argument)
{
    uint64_t self = (uintptr_t)argument;
    for (uint64_t i = 0; i < OPS; i++) {
        uint64_t value = self << 32 | i, entry[2];
        pthread_mutex_lock(&lock);
        /* A log that is full: replay takes what was published, and that must be durable. */
        while (m.log.head + ENTRY > tail + BYTES) {
            uint64_t executed = atomic_load(&m.log.executed);
            if (executed == tail) {
                int status = m.log.store->wait(&m, m.log.head);
                if (status != 0) {
                    pthread_mutex_unlock(&lock);
                    return NULL;
                }
                continue;
            }
            for (; tail < executed; tail += ENTRY) {
                uint64_t found;
                memcpy(&found, ring + tail % BYTES + 8, 8);
                on_disk(tail, found, "replay");
            }
        }
        uint64_t position = m.log.head;
        entry[0] = position, entry[1] = value;
        memcpy(ring + position % BYTES, entry, sizeof entry);
        m.log.head += ENTRY;
        m.log.sequence++;
        /* A refusal is waited for under the lock while its op runs: not to be published. */
        if (i % 64 == 3 && m.log.store->wait(&m, m.log.head) == 0) {
            on_disk(position, value, "refusal");
            assert(atomic_load(&m.log.executed) <= position);
        }
        m.log.store->appended(&m);
        assert(m.log.durable < m.log.sequence && m.log.durable * ENTRY <= atomic_load(&m.log.executed));
        pthread_mutex_unlock(&lock);
        if (m.log.store->wait(&m, position + ENTRY) != 0) {
            assert(atomic_load(&m.state) == PSM_EFAILED);
            return NULL;
        }
        /* Overwritten by now only if replay has had it, which has checked. */
        pthread_mutex_lock(&lock);
        if (position >= tail)
            on_disk(position, value, "caller");
        pthread_mutex_unlock(&lock);
        answered++;
    }
    return NULL;
}

static void run(const char *what, int threads, long sync_fails, long write_fails)
{
    pthread_t thread[THREADS];
    m.log = (struct oplog){ .ring = ring, .bytes = BYTES, .mask = BYTES - 1, .sequence = 1,
                            .store = &journal_log_store, .executed = 0, .executed_sequence = 1 };
    m.medium.table = &table;
    atomic_store(&m.state, 0);
    tail = answered = syncs = 0;
    fail_sync_at = sync_fails;
    fail_write_at = write_fails;
    assert(m.log.store->open(&m) == 0);
    memset(ring, 0, BYTES), memset(cache, 0, BYTES), memset(disk, 0, BYTES);
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, caller, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    bool fails = sync_fails || write_fails;
    printf("%s: %lu answered, %ld syncs\n", what, (unsigned long)answered, (long)syncs);
    assert(fails || answered == (uint64_t)threads * OPS);
    assert(!fails || answered < (uint64_t)threads * OPS);
    assert(fails || atomic_load(&m.log.executed) == m.log.head);
    assert(!sync_fails || syncs == sync_fails); /* none after the failed one */
    assert(threads == 1 || fails || (long)answered > 2 * syncs); /* shared */
    assert(!fails || m.log.store->wait(&m, m.log.head) == PSM_EFAILED);
    m.log.store->close(&m);
}

int main(int argc, char **argv)
{
    char path[4096];
    assert(argc == 2);
    snprintf(path, sizeof path, "%s/log", argv[1]);
    m.log_fd = open(path, O_RDWR | O_CREAT, 0600);
    assert(m.log_fd >= 0 && ftruncate(m.log_fd, BYTES) == 0);

    run("one caller", 1, 0, 0);
    run("eight callers", THREADS, 0, 0);
    run("the 50th sync fails", THREADS, 50, 0);
    run("the first sync fails", 2, 1, 0);
    run("the 30th write fails", THREADS, 0, 30);
    return 0;
}
