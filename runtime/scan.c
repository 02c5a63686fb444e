/* scan.c: reading the op-log at an opening (V1). Writes nothing. See layout.h for what is
 * valid and what counts as damage. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"
#include "program.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* Whether a valid entry stands at `position`, with any sequence in [low, high). The
 * checks that cost little come first: most of the log's lines are no headers. */
static bool valid_at(struct psm *m, uint64_t position, uint64_t end, uint64_t low, uint64_t high)
{
    const struct log_entry *e = oplog_at(&m->log, position);
    return e->sequence >= low && e->sequence < high && e->kind >= LOG_OP && e->kind <= LOG_REFUSAL
           && e->length <= m->log.bytes && position + oplog_entry_size(e->length) <= end
           && e->checksum == log_checksum(e, position, m->commit.salt, e + 1);
}

/* A valid entry further on that calls entry `sequence` durable; its position, or 0. */
static uint64_t find_witness(struct psm *m, uint64_t position, uint64_t end, uint64_t sequence)
{
    for (position += LAYOUT_LINE; position < end; position += LAYOUT_LINE) {
        const struct log_entry *e = oplog_at(&m->log, position);
        if (e->sequence > sequence && e->durable >= sequence
            && valid_at(m, position, end, sequence + 1, sequence + m->log.bytes / LAYOUT_LINE))
            return position;
    }
    return 0;
}

bool oplog_has_witness(struct psm *m, uint64_t position, uint64_t sequence)
{
    return find_witness(m, position, m->commit.position + m->log.bytes, sequence) != 0;
}

static int check_entry(struct psm *m, const struct log_entry *e)
{
    uint32_t length = e->kind == LOG_OP_EXTENT ? sizeof(struct log_extent) : sizeof(struct log_refusal);
    if (e->kind != LOG_OP && e->length != length)
        return psm_fail(PSM_ECORRUPT, "%s/log: entry %" PRIu64 " has %u bytes, which its kind never has",
                        m->directory, e->sequence, e->length);
    if (e->kind == LOG_REFUSAL)
        return 0;
    if (e->op >= m->program->op_count)
        return psm_fail(PSM_ECORRUPT, "%s/log: entry %" PRIu64 " is of op number %u, and the program has %u",
                        m->directory, e->sequence, e->op, m->program->op_count);
    if (e->kind == LOG_OP_EXTENT)
        return extent_check(m, e->sequence, (const struct log_extent *)(e + 1), m->commit.salt);
    return 0;
}

void oplog_seal(struct psm *m)
{
    struct seal seal = { .epoch = m->commit.epoch };
    seal.checksum = hash_bytes(&seal.epoch, sizeof seal - sizeof seal.checksum, m->machine_salt);
    memcpy(m->super + LAYOUT_SEAL_OFFSET, &seal, sizeof seal);
}

static bool is_sealed(struct psm *m)
{
    struct seal seal;
    memcpy(&seal, m->super + LAYOUT_SEAL_OFFSET, sizeof seal);
    return seal.epoch == m->commit.epoch
           && seal.checksum == hash_bytes(&seal.epoch, sizeof seal - sizeof seal.checksum, m->machine_salt);
}

/* All of the log will be looked at, by way of its mapping. What a disk cannot read shall be
 * an error, not a signal. */
static int make_readable(struct psm *m)
{
    char buffer[1 << 14];
    int status;
    if (m->medium.kind == PSM_MEDIUM_PM)
        return 0;
    do
        status = madvise(m->log.ring, m->log.bytes, MADV_POPULATE_READ);
    while (status != 0 && (errno == EINTR || errno == EAGAIN));
    if (status == 0)
        return 0;
    /* The kernel does not know that, or something was in the way: read, to see. */
    for (uint64_t at = 0; at < m->log.bytes;) {
        ssize_t done = pread(m->log_fd, buffer, sizeof buffer, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return psm_fail_system("cannot read the log of", m->directory);
        if (done == 0)
            return psm_fail(PSM_ETRUNCATED, "%s/log has %" PRIu64 " bytes, and had %" PRIu64, m->directory, at,
                            m->log.bytes);
        at += (uint64_t)done;
    }
    return 0;
}

int oplog_scan(struct psm *m, bool accept_loss)
{
    struct oplog *log = &m->log;
    uint64_t position = m->commit.position, sequence = m->commit.sequence;
    uint64_t end = position + log->bytes;
    int64_t time = m->commit.time;
    log->extents = 0;
    bool sealed = is_sealed(m); /* then there is nothing to look for, and most of the time is spared */
    int readable = sealed ? 0 : make_readable(m);
    if (readable != 0)
        return readable;
    while (!sealed && valid_at(m, position, end, sequence, sequence + 1)) {
        const struct log_entry *e = oplog_at(log, position);
        int status = check_entry(m, e);
        if (status != 0) {
            if (!accept_loss || e->kind != LOG_OP_EXTENT || status != PSM_ECORRUPT)
                return status;
            psm_say(m, PSM_LOG_WARNING, "%s: ops from entry %" PRIu64 " on are dropped, as asked", psm_error_detail(),
                    sequence);
            break; /* the extent is lost, and this entry and the rest with it */
        }
        if (e->kind == LOG_OP_EXTENT)
            log->extents = e->sequence + 1;
        time = e->time;
        sequence++;
        position += oplog_entry_size(e->length);
    }
    uint64_t witness = sealed ? 0 : find_witness(m, position, end, sequence);
    if (witness != 0 && !accept_loss)
        return psm_fail(PSM_ELOGDAMAGE,
                        "%s/log: entry %" PRIu64 " at offset %#" PRIx64 " is damaged or missing, yet entry %" PRIu64
                        " at offset %#" PRIx64 " says that it was durable; ops from %" PRIu64 " on are lost. Nothing "
                        "has been changed; PSM_ACCEPT_LOSS opens the machine as it was before them",
                        m->directory, sequence, position & log->mask, oplog_at(log, witness)->sequence,
                        witness & log->mask, sequence);
    if (witness != 0)
        psm_say(m, PSM_LOG_WARNING, "log damaged: ops from entry %" PRIu64 " on are dropped, as asked", sequence);
    log->head = log->tail_seen = position;
    log->sequence = sequence;
    log->durable = sequence - 1;
    log->time = time;
    return 0;
}
