/* oplog.h: the op-log: ops by the order in which they took effect.
 *
 * A ring of entries (layout.h) with 64-bit positions that never wrap, mapped twice in a
 * row. The writer, under the machine's lock, appends at `head`; the replay thread takes
 * entries from the tail on up to `executed`; what lies before the tail that has been
 * published by it may be overwritten.
 *
 *   tail (published) <= tail (replay's) <= executed <= head <= tail (published) + bytes
 *
 * An append is not durable by itself: oplog_publish is the fence (A4). On the file medium
 * the ring is a copy in memory, and journal.c writes it to the file. */
#ifndef PSM_OPLOG_H
#define PSM_OPLOG_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

struct psm;

/* How appends become durable where a fence does not do it (the file medium). NULL on
 * persistent memory. */
struct log_store {
    int (*open)(struct psm *m);
    void (*close)(struct psm *m);
    /* Under the machine's lock: the entries up to head have been executed. They are to be
     * made durable and published (executed, executed_sequence) soon. */
    void (*appended)(struct psm *m);
    /* Without the machine's lock, or with it: on return 0 the entries before `position` are
     * durable. PSM_EFAILED otherwise. Does not publish what appended has not been told of. */
    int (*wait)(struct psm *m, uint64_t position);
    /* Around a fork, under the machine's lock; may be NULL. */
    void (*before_fork)(struct psm *m);
    void (*after_fork)(struct psm *m); /* in the parent */
};
extern const struct log_store journal_log_store;

struct oplog {
    const struct log_store *store;
    void *state;              /* the store's own */
    unsigned char *ring;      /* at +delta, bytes long, then itself once more */
    uint64_t bytes, mask;     /* mask: bytes - 1 */
    uint64_t head;            /* position of the next entry */
    uint64_t sequence;        /* of the next entry */
    uint64_t durable;         /* newest sequence known durable */
    uint64_t salt;            /* of entries appended now */
    int64_t  time;            /* of the newest entry */
    uint64_t tail_seen;       /* the published tail as last looked up */
    uint64_t extents;         /* newest sequence that has an extent, + 1; 0: none */
    /* Published by the writer. */
    _Alignas(64) _Atomic uint64_t executed;          /* position up to which replay may go */
    _Atomic uint64_t executed_sequence;              /* of the entry there */
    /* Published by the replay thread: durable in the image. */
    _Alignas(64) _Atomic uint64_t tail;
    _Atomic uint64_t tail_sequence;
};

/* What an entry at a position says, for replay: all checks have been done. */
static inline struct log_entry *oplog_at(const struct oplog *log, uint64_t position)
{
    return (struct log_entry *)(log->ring + (position & log->mask));
}
static inline uint64_t oplog_entry_size(uint32_t length)
{
    return (sizeof(struct log_entry) + (uint64_t)length + 63) & ~UINT64_C(63);
}
/* Arguments up to this stand in the log itself. */
static inline uint64_t oplog_inline_max(const struct oplog *log)
{
    return log->bytes / 4 - sizeof(struct log_entry);
}

/* Whether an entry of this length fits now. Cheap. */
static inline bool oplog_has_room(struct oplog *log, uint64_t size)
{
    if (log->head + size <= log->tail_seen + log->bytes)
        return true;
    log->tail_seen = atomic_load_explicit(&log->tail, memory_order_acquire);
    return log->head + size <= log->tail_seen + log->bytes;
}

/* Where entries' times come from; tests that shall write the same twice put in another. */
extern int64_t (*oplog_clock)(void);

/* A1, A2 for an op: append its entry; m->op_sequence and op_time are set. The machine's
 * lock is held. Waits for space, publishing what came before if this must wait.
 * Returns 0, PSM_EFAILED, or for an argument that needs an extent PSM_ENOSPC, PSM_EIO. */
int oplog_append(struct psm *m, uint32_t op, const void *arg, size_t arg_size,
                 bool out_given, size_t out_size);
/* The op that is running has been refused growth number `growth`: durable on return. */
void oplog_append_refusal(struct psm *m, uint64_t growth);
/* A4 on persistent memory: fence, then let replay have all that was appended. */
void oplog_publish(struct psm *m);

/* V1: find the end of the log from m->commit on; nothing is written. Sets head, sequence,
 * time. Returns 0, PSM_ELOGDAMAGE (detail says what is lost), PSM_ECORRUPT, PSM_ETRUNCATED.
 * accept_loss: take the damage for the end. */
int oplog_scan(struct psm *m, bool accept_loss);
/* The machine closes, all is replayed and committed: the next scan need not look. */
void oplog_seal(struct psm *m);
/* Whether somebody was told that entry `sequence` at `position` is durable. */
bool oplog_has_witness(struct psm *m, uint64_t position, uint64_t sequence);
/* Fill the log's file at creation. */
int oplog_format(struct psm *m, uint64_t bytes);
/* Map the file as the ring, to be looked at. */
int oplog_map(struct psm *m, uint64_t bytes);
/* The scan has been: on an ordinary file the ring is memory from here on, with the entries
 * from m->commit to head; what else is in the file is of no use any more. */
int oplog_take_over(struct psm *m);

/* extent.c: arguments that do not go into the log. */
int  extent_write(struct psm *m, uint64_t sequence, const void *arg, size_t size);
int  extent_open(struct psm *m, uint64_t sequence, uint64_t bytes); /* a descriptor, or -1 */
int  extent_check(struct psm *m, uint64_t sequence, const struct log_extent *e, uint64_t salt);
/* Delete extents of entries before `sequence` (all are known to lie from `from` on). */
void extent_remove(struct psm *m, uint64_t sequence);
#endif
