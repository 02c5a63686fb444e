/* logfile.c: the op-log on an ordinary file: group commit (DESIGN F1).
 *
 * Entries are made in the ring, which here is memory. Of the callers that wait for an
 * entry to be durable, one leads: it writes all that has been appended, syncs the file,
 * publishes, and wakes the others; meanwhile ops run on and the next group gathers. So
 * callers of all threads share a sync, each is acknowledged in the order of the log, and
 * a single caller waits for no one.
 *
 * A position is durable only if all before it are: the leader writes without gaps. What
 * replay may take (log->executed) are entries that are durable and executed.
 *
 * After a failed write or sync nothing is known about the entries since the last good
 * one, and a repeated sync may succeed without having written them: the machine fails,
 * and no waiter is told anything but that. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"

#define GATHER_YIELDS 16

struct logfile {
    pthread_mutex_t mutex;
    pthread_cond_t  changed;   /* durable, leading, or the machine's state */
    bool            leading;   /* a thread is writing, without the mutex */
    unsigned        waiting;   /* threads in logfile_wait that are not answered */
    unsigned        group;     /* of them, those that the last sync has answered */
    uint64_t        appended;  /* executed up to here, and to be published once durable */
    uint64_t        appended_sequence;
    _Atomic uint64_t durable;  /* beyond log->executed only when a refusal was written */
    _Atomic uint64_t syncs;
    uint64_t        syncs_told; /* of them counted in m->fences_foreground */
};

static uint64_t durable_position(struct psm *m, const struct logfile *f)
{
    uint64_t durable = atomic_load_explicit(&f->durable, memory_order_acquire);
    uint64_t executed = atomic_load_explicit(&m->log.executed, memory_order_acquire);
    return durable > executed ? durable : executed;
}

static int logfile_open(struct psm *m)
{
    struct oplog *log = &m->log;
    struct logfile *f = calloc(1, sizeof *f);
    if (f == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for the op-log");
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    log->state = f;
    return 0;
}

static void logfile_close(struct psm *m)
{
    struct logfile *f = m->log.state;
    if (f == NULL)
        return;
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    free(f);
    m->log.state = NULL;
}

static void logfile_appended(struct psm *m)
{
    struct oplog *log = &m->log;
    struct logfile *f = log->state;
    uint64_t syncs = atomic_load_explicit(&f->syncs, memory_order_relaxed);
    pthread_mutex_lock(&f->mutex);
    f->appended = log->head;
    f->appended_sequence = log->sequence;
    pthread_mutex_unlock(&f->mutex);
    m->fences_foreground += syncs - f->syncs_told;
    f->syncs_told = syncs;
    uint64_t next = atomic_load_explicit(&log->executed_sequence, memory_order_relaxed);
    if (next > log->durable)
        log->durable = next - 1;
}

/* Entries [from, to) of the ring to the file, which they may reach the end of. */
static int write_entries(struct psm *m, uint64_t from, uint64_t to)
{
    struct oplog *log = &m->log;
    while (from < to) {
        uint64_t offset = from & log->mask;
        uint64_t size = to - from < log->bytes - offset ? to - from : log->bytes - offset;
        if (medium_write_at(&m->medium, m->log_fd, log->ring + offset, size, offset) != 0)
            return -1;
        from += size;
    }
    return medium_sync(&m->medium, m->log_fd);
}

/* The callers that the last sync has answered are likely to be back soon. Without this
 * the first to wake leads at once, for itself alone, and groups are a fraction of what
 * they could be. A thread that is alone does not wait. */
static void gather(struct logfile *f)
{
    for (int i = 0; f->waiting < f->group && i < GATHER_YIELDS; i++) {
        pthread_mutex_unlock(&f->mutex);
        sched_yield();
        pthread_mutex_lock(&f->mutex);
    }
}

/* Make the entries before `target` durable, in front of all who wait. The mutex is held,
 * and let go of while the file is written. */
static void lead(struct psm *m, struct logfile *f, uint64_t target)
{
    struct oplog *log = &m->log;
    f->leading = true;
    gather(f);
    uint64_t executed = f->appended, sequence = f->appended_sequence;
    uint64_t from = durable_position(m, f);
    f->group = f->waiting;
    pthread_mutex_unlock(&f->mutex);

    if (target < executed)
        target = executed;
    int status = write_entries(m, from, target), reason = errno;
    if (status != 0) {
        char why[256];
        snprintf(why, sizeof why, "%s/log: cannot make entries durable: %s", m->directory, strerror(reason));
        machine_fail(m, why);
    }

    pthread_mutex_lock(&f->mutex);
    f->leading = false;
    if (status == 0) {
        atomic_fetch_add_explicit(&f->syncs, 1, memory_order_relaxed);
        atomic_store_explicit(&f->durable, target, memory_order_release);
        if (executed > atomic_load_explicit(&log->executed, memory_order_relaxed)) {
            atomic_store_explicit(&log->executed_sequence, sequence, memory_order_relaxed);
            /* Replay shall find the entries, and what their ops made of D's pages: we have
             * that from the mutex. */
            atomic_store_explicit(&log->executed, executed, memory_order_release);
        }
    }
    pthread_cond_broadcast(&f->changed);
}

static int logfile_wait(struct psm *m, uint64_t position)
{
    struct logfile *f = m->log.state;
    if (durable_position(m, f) >= position)
        return 0;
    pthread_mutex_lock(&f->mutex);
    f->waiting++;
    while (durable_position(m, f) < position && atomic_load(&m->state) >= 0) {
        if (f->leading)
            pthread_cond_wait(&f->changed, &f->mutex);
        else
            lead(m, f, position);
    }
    f->waiting--;
    int status = durable_position(m, f) >= position ? 0 : PSM_EFAILED;
    pthread_mutex_unlock(&f->mutex);
    return status == 0 ? 0 : psm_fail(status, "%s: the op was not made durable", m->directory);
}

const struct log_store journal_log_store = {
    .open = logfile_open, .close = logfile_close, .appended = logfile_appended, .wait = logfile_wait,
};
