/* oplog.c: appending to the op-log, and making appends durable. See oplog.h. */
#include "oplog.h"

#include <immintrin.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "machine.h"

/* Room that is kept for a refusal behind every op: it cannot wait for replay, which is
 * not let past the op that is refused. */
#define REFUSAL_SIZE 64
static_assert(sizeof(struct log_entry) + sizeof(struct log_refusal) == REFUSAL_SIZE, "one line");

static int64_t real_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t (*oplog_clock)(void) = real_time;

void oplog_publish(struct psm *m)
{
    struct oplog *log = &m->log;
    if (log->store != NULL) {
        log->store->appended(m);
        return;
    }
    /* Entries durable, before replay or anybody else is told of them; and replay shall
     * see what they made of D's pages, which is why it is a release. */
    medium_fence(&m->medium);
    count_add(&m->fences_foreground, 1);
    log->durable = log->sequence - 1;
    atomic_store_explicit(&log->executed_sequence, log->sequence, memory_order_relaxed);
    atomic_store_explicit(&log->executed, log->head, memory_order_release);
}

/* Wait until an entry of `size` fits. What came before has to be durable for replay to
 * make room. */
static int wait_for_room(struct psm *m, uint64_t size)
{
    struct oplog *log = &m->log;
    if (atomic_load_explicit(&log->executed, memory_order_relaxed) != log->head) {
        oplog_publish(m);
        if (log->store != NULL) {
            int status = log->store->wait(m, log->head);
            if (status != 0)
                return status;
        }
    }
    int status = replay_wait(m, log->head + size - log->bytes);
    if (status == 0 && !oplog_has_room(log, size))
        psm_fatal("the op-log has no room though its tail has moved");
    return status;
}

/* Stream the entry: header and the first bytes of the payload share a line. */
static void put_entry(struct psm *m, struct log_entry *e, const void *payload)
{
    struct oplog *log = &m->log;
    unsigned char *at = (unsigned char *)oplog_at(log, log->head);
    _Alignas(LAYOUT_LINE) unsigned char line[LAYOUT_LINE];
    const unsigned char *from = payload;
    size_t left = e->length, head = sizeof line - sizeof *e;
    e->checksum = log_checksum(e, log->head, log->salt, payload);
    memcpy(line, e, sizeof *e);
    if (left <= head) {
        memset(line + sizeof *e, 0, head);
        if (left != 0)
            memcpy(line + sizeof *e, from, left);
        medium_copy(&m->medium, at, line, sizeof line);
        left = 0;
    } else {
        memcpy(line + sizeof *e, from, head);
        medium_copy(&m->medium, at, line, sizeof line);
        from += head, left -= head, at += sizeof line;
    }
    size_t whole = left & ~(size_t)(LAYOUT_LINE - 1);
    if (whole != 0)
        medium_copy(&m->medium, at, from, whole);
    if (left != whole) {
        memset(line, 0, sizeof line);
        memcpy(line, from + whole, left - whole);
        medium_copy(&m->medium, at + whole, line, sizeof line);
    }
    uint64_t size = oplog_entry_size(e->length);
    log->head += size;
    log->sequence++;
    log->time = e->time;
    count_add(&m->bytes_foreground, size);
}

int oplog_append(struct psm *m, uint32_t op, const void *arg, size_t arg_size, bool out_given, size_t out_size)
{
    struct oplog *log = &m->log;
    bool fits = arg_size <= oplog_inline_max(log);
    struct log_extent extent;
    uint32_t length = fits ? (uint32_t)arg_size : sizeof extent;
    uint64_t size = oplog_entry_size(length) + REFUSAL_SIZE;
    if (__builtin_expect(!oplog_has_room(log, size), 0)) {
        int status = wait_for_room(m, size);
        if (status != 0)
            return status;
    }
    if (__builtin_expect(!fits, 0)) {
        extent = (struct log_extent){ arg_size, hash_bytes(arg, arg_size, log->salt) };
        int status = extent_write(m, log->sequence, arg, arg_size);
        if (status != 0)
            return status;
        log->extents = log->sequence + 1;
    }
    if (log->store != NULL) {
        /* The group commit has gone on since; the newest word makes the best witness. */
        uint64_t next = atomic_load_explicit(&log->executed_sequence, memory_order_acquire);
        if (next > log->durable)
            log->durable = next - 1;
    }
    int64_t time = oplog_clock();
    struct log_entry e = {
        .sequence = log->sequence,
        .durable = log->durable,
        .time = time > log->time ? time : log->time,
        .length = length,
        .op = op,
        .out_bytes = (uint32_t)out_size,
        .kind = fits ? LOG_OP : LOG_OP_EXTENT,
        .flags = out_given ? LOG_OUT : 0,
    };
    m->op_sequence = e.sequence;
    m->op_time = e.time;
    m->op_draws = 0;
    put_entry(m, &e, fits ? arg : (const void *)&extent);
    /* Replay naps for milliseconds when idle. Half a log ahead, look after it. */
    if (__builtin_expect(log->head - log->tail_seen > log->bytes / 2, 0)) {
        log->tail_seen = atomic_load_explicit(&log->tail, memory_order_acquire);
        if (log->head - log->tail_seen > log->bytes / 2)
            replay_wake(m);
    }
    return 0;
}

void oplog_append_refusal(struct psm *m, uint64_t growth)
{
    struct oplog *log = &m->log;
    struct log_refusal refusal = { m->op_sequence, growth };
    struct log_entry e = {
        .sequence = log->sequence,
        .durable = log->durable,
        .time = log->time,
        .length = sizeof refusal,
        .kind = LOG_REFUSAL,
    };
    put_entry(m, &e, &refusal);
    /* Durable before malloc returns NULL, but replay may not have it: the op still runs. */
    if (log->store == NULL) {
        medium_fence(&m->medium);
        count_add(&m->fences_foreground, 1);
    } else if (log->store->wait(m, log->head) != 0) {
        psm_fatal("%s: an op was refused memory, and the log could not be made to say so", m->directory);
    }
}
