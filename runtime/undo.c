/* undo.c: the epoch store for persistent memory: the image in place, under an undo log.
 *
 * DESIGN R1-R6, V2, V3. Per epoch two fences, and one more for every time that the epoch
 * changes a block which was not foreseen:
 *
 *   begin    non-temporal stores of records of the blocks foreseen; fence. It orders them,
 *            and the commit before, before the first store of the epoch. What an epoch
 *            that committed has freed may be written over unlogged only from here on.
 *   record   records of blocks not foreseen; fence: a dirty line may be evicted at once.
 *   commit   flush what was changed; fence; store the commit slot, twice, no fence.
 *
 * Foreseen are blocks changed in each of the last two epochs (`struct recent`, direct
 * mapped). Their records are written whether or not this epoch changes them; the mark is
 * set, and the block flushed, only when it does. Without this a hot block, such as the
 * heap's queues or a counter in the root, costs a fence an epoch each.
 *
 * A record's `first` tells recovery which records were fenced before it (layout.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"

#define RECENT_COUNT 16384 /* 384 KiB of them */
#define HOT_MAX      8192  /* blocks foreseen, at most */
#define RECORDS_PER_CHUNK (LAYOUT_UNDO_CHUNK / LAYOUT_LINE)
/* Records an epoch may have before it is committed, if ops end in time. */
#define RECORDS_SOON (UINT64_C(1) << 16)
#define FRESH_SOON   (UINT64_C(64) << 20)

struct recent {
    uint64_t changed;  /* newest epoch that changed it */
    uint64_t recorded; /* newest epoch that foresaw it, and so has its record */
    uint32_t block;    /* number in the image */
    uint32_t streak;   /* epochs in a row that changed it, up to `changed` */
};

struct undo {
    unsigned char *map;     /* the undo file */
    uint64_t bytes;         /* of it */
    uint64_t count;         /* records in the area of the epoch */
    uint64_t first;         /* of them, the first not yet fenced */
    unsigned slot;          /* that holds the newest commit */
    bool     settled;       /* which is durable */
    uint64_t image_synced;  /* length of the image file that is durable */
    struct recent *recent;  /* RECENT_COUNT */
    uint32_t *hot, *hot_next; /* blocks foreseen for this epoch, and for the next */
    size_t   hot_count, hot_next_count;
};

static struct undo_record *record_at(const struct undo *u, uint64_t epoch, uint64_t index)
{
    uint64_t chunk = 2 * (index / RECORDS_PER_CHUNK) + (epoch & 1);
    return (struct undo_record *)(u->map + chunk * LAYOUT_UNDO_CHUNK + index % RECORDS_PER_CHUNK * LAYOUT_LINE);
}

static size_t recent_index(uint32_t block)
{
    return (size_t)(block * UINT32_C(0x9e3779b1) >> 18);
}
static_assert(RECENT_COUNT == 1 << 14, "recent_index gives 14 bits");

static int undo_resize(struct psm *m, struct undo *u, uint64_t bytes)
{
    if (medium_allocate(&m->medium, m->journal_fd, u->bytes, bytes - u->bytes) != 0)
        return -1;
    /* The new length is metadata, which the fences do not order. */
    if (medium_sync(&m->medium, m->journal_fd) != 0)
        psm_replay_fail("cannot sync the undo log: %s", strerror(errno));
    void *got = medium_map(&m->medium, NULL, bytes, m->journal_fd, 0);
    if (got == MAP_FAILED)
        return -1;
    if (u->map != NULL)
        munmap(u->map, u->bytes);
    madvise(got, bytes, MADV_DONTFORK);
    u->map = got;
    u->bytes = bytes;
    return 0;
}

/* The area is full. Waits for space on the medium rather than lose the epoch; only a
 * machine that is being closed gives up. */
static void undo_grow(struct psm *m, struct undo *u)
{
    uint64_t bytes = u->bytes + 2 * LAYOUT_UNDO_CHUNK;
    if (bytes < u->bytes / 4 * 5)
        bytes = u->bytes / 4 * 5 / (2 * LAYOUT_UNDO_CHUNK) * (2 * LAYOUT_UNDO_CHUNK);
    for (int tries = 0; undo_resize(m, u, bytes) != 0; tries++) {
        bytes = u->bytes + 2 * LAYOUT_UNDO_CHUNK;
        if (tries == 0)
            psm_say(m, PSM_LOG_WARNING, "replay waits: the undo log cannot grow to %lu MiB: %s",
                    (unsigned long)(bytes >> 20), strerror(errno));
        if (atomic_load(&m->replay.phase) != REPLAY_SERVES && tries > 100)
            psm_replay_fail("the undo log cannot grow to %lu MiB: no space", (unsigned long)(bytes >> 20));
        nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
    }
}

static void put_record(struct psm *m, struct undo *u, uint32_t block)
{
    if ((u->count / RECORDS_PER_CHUNK + 1) * 2 * LAYOUT_UNDO_CHUNK > u->bytes)
        undo_grow(m, u);
    _Alignas(LAYOUT_LINE) struct undo_record r;
    r.epoch = m->epoch.number;
    r.offset = (uint64_t)block * PSM_BLOCK;
    r.first = u->first;
    memcpy(r.bytes, space_twin(m, r.offset), PSM_BLOCK);
    r.checksum = undo_checksum(&r, m->machine_salt);
    medium_copy(&m->medium, record_at(u, r.epoch, u->count), &r, sizeof r);
    u->count++;
}

static void fence(struct psm *m, struct undo *u)
{
    medium_fence(&m->medium);
    count_add(&m->epoch.fences, 1);
    u->first = u->count;
}

static void undo_begin(struct psm *m)
{
    struct undo *u = m->epoch.state;
    uint32_t *list = u->hot;
    u->count = u->first = 0;
    u->hot = u->hot_next;
    u->hot_count = u->hot_next_count;
    u->hot_next = list;
    u->hot_next_count = 0;
    for (size_t i = 0; i < u->hot_count; i++) {
        struct recent *r = &u->recent[recent_index(u->hot[i])];
        if (r->block != u->hot[i])
            continue; /* pushed out of the table since */
        put_record(m, u, r->block);
        r->recorded = m->epoch.number;
    }
    fence(m, u); /* records, and the commit before, before any store of this epoch */
    u->settled = true;
}

static void undo_record_blocks(struct psm *m, const uint32_t *block, size_t count)
{
    struct undo *u = m->epoch.state;
    uint64_t epoch = m->epoch.number, before = u->count;
    for (size_t i = 0; i < count; i++) {
        struct recent *r = &u->recent[recent_index(block[i])];
        bool known = r->block == block[i];
        if (!known || r->recorded != epoch)
            put_record(m, u, block[i]);
        if (known && r->changed + 1 == epoch)
            r->streak++;
        else if (known || r->changed + 1 < epoch || r->streak < 2)
            *r = (struct recent){ .block = block[i], .streak = 1 };
        else
            continue; /* a hot one lives here */
        r->changed = epoch;
        if (r->streak >= 2 && u->hot_next_count < HOT_MAX)
            u->hot_next[u->hot_next_count++] = block[i];
    }
    if (u->count != before)
        fence(m, u); /* record before store */
}

static void put_slot(struct psm *m, struct undo *u, const struct commit *c)
{
    _Alignas(LAYOUT_LINE) struct slot s = {
        .epoch = c->epoch, .position = c->position, .sequence = c->sequence, .salt = c->salt,
        .time = (uint64_t)c->time, .image_bytes = c->image_bytes, .undo_bytes = u->bytes,
    };
    s.checksum = hash_bytes(&s.epoch, sizeof s - sizeof s.checksum, m->machine_salt);
    u->slot ^= 1;
    for (int copy = 0; copy < 2; copy++)
        medium_copy(&m->medium, m->super + LAYOUT_SLOT_OFFSET(u->slot, copy), &s, sizeof s);
    u->settled = false;
}

static int undo_commit(struct psm *m, const struct commit *next)
{
    struct undo *u = m->epoch.state;
    struct epoch *e = &m->epoch;
    if (next->image_bytes > u->image_synced) {
        /* The file has grown, and its length is not what fences make durable. */
        if (medium_sync(&m->medium, m->image_fd) != 0)
            return psm_fail_system("cannot sync", "the image");
        u->image_synced = next->image_bytes;
    }
    for (size_t i = 0; i < e->logged_count; i++)
        medium_flush(&m->medium, space_twin(m, (uint64_t)e->logged[i] * PSM_BLOCK), PSM_BLOCK);
    for (size_t i = 0; i < e->fresh_count; i++)
        medium_flush(&m->medium, space_twin(m, e->fresh[i].offset), e->fresh[i].size);
    fence(m, u); /* data before the slot that says it is there */
    count_add(&e->bytes_written, u->count * LAYOUT_LINE + e->logged_count * PSM_BLOCK + e->fresh_bytes
                                     + 2 * sizeof(struct slot));
    put_slot(m, u, next);
    return 0;
}

static int undo_settle(struct psm *m)
{
    struct undo *u = m->epoch.state;
    if (!u->settled)
        fence(m, u);
    u->settled = true;
    return 0;
}

static bool undo_is_full(struct psm *m)
{
    return m->epoch.logged_count >= RECORDS_SOON || m->epoch.fresh_bytes >= FRESH_SOON
           || m->replay.position - m->commit.position >= m->log.bytes / 4;
}

static void undo_close(struct psm *m)
{
    struct undo *u = m->epoch.state;
    if (u->map != NULL)
        munmap(u->map, u->bytes);
    free(u->recent);
    free(u->hot);
    free(u->hot_next);
    free(u);
    m->epoch.state = NULL;
}

static int undo_make(struct psm *m)
{
    struct undo *u = calloc(1, sizeof *u);
    m->epoch.state = u;
    if (u != NULL) {
        u->recent = calloc(RECENT_COUNT, sizeof *u->recent);
        u->hot = malloc(HOT_MAX * sizeof *u->hot);
        u->hot_next = malloc(HOT_MAX * sizeof *u->hot);
    }
    if (u == NULL || u->recent == NULL || u->hot == NULL || u->hot_next == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for the undo log's tables");
    return 0;
}

static int undo_format(struct psm *m)
{
    int status = undo_make(m);
    if (status != 0)
        return status;
    struct undo *u = m->epoch.state;
    if (undo_resize(m, u, 2 * LAYOUT_UNDO_CHUNK) != 0)
        return psm_fail_system("cannot make", "the undo log");
    put_slot(m, u, &m->commit); /* slot 1 */
    put_slot(m, u, &m->commit); /* slot 0: from now on never is one of them invalid but by a crash */
    medium_fence(&m->medium);
    return 0;
}

static bool read_slot(struct psm *m, unsigned slot, struct slot *s, int *bad_copies)
{
    bool found = false;
    for (unsigned copy = 0; copy < 2; copy++) {
        struct slot line;
        memcpy(&line, m->super + LAYOUT_SLOT_OFFSET(slot, copy), sizeof line);
        if (line.checksum != hash_bytes(&line.epoch, sizeof line - sizeof line.checksum, m->machine_salt)) {
            (*bad_copies)++;
        } else if (!found || line.epoch > s->epoch) {
            *s = line;
            found = true;
        }
    }
    return found;
}

/* Whether index is a valid record of the epoch. */
static bool record_valid(struct psm *m, struct undo *u, uint64_t epoch, uint64_t index)
{
    const struct undo_record *r = record_at(u, epoch, index);
    return r->epoch == epoch && r->checksum == undo_checksum(r, m->machine_salt);
}

/* Records of `epoch`; or UINT64_MAX if one is missing that was durable once. */
static uint64_t count_records(struct psm *m, struct undo *u, uint64_t epoch, uint64_t *last_first)
{
    uint64_t total = u->bytes / (2 * LAYOUT_UNDO_CHUNK) * RECORDS_PER_CHUNK, count = 0;
    /* An epoch has no more than this, however long a damaged file may be. */
    uint64_t most = (m->space.globals_bytes + atomic_load(&m->space.arena_bytes)) / PSM_BLOCK + HOT_MAX;
    if (total > most)
        total = most;
    *last_first = 0;
    while (count < total && record_valid(m, u, epoch, count))
        *last_first = record_at(u, epoch, count++)->first;
    for (uint64_t i = count; i < total; i++)
        if (record_at(u, epoch, i)->first > count && record_valid(m, u, epoch, i))
            return UINT64_MAX;
    return count;
}

/* Whether a record's block lies in the image, and not among globals of which it has none. */
static bool record_fits(struct psm *m, const struct undo_record *r)
{
    uint64_t globals = m->space.globals_bytes, end = globals + atomic_load(&m->space.arena_bytes);
    return r->offset % PSM_BLOCK == 0 && r->offset < end && (r->offset >= globals || m->owns_globals);
}

static int undo_open(struct psm *m)
{
    struct slot s[2] = { 0 };
    struct stat undo, image;
    int bad = 0, status = undo_make(m);
    if (status != 0)
        return status;
    struct undo *u = m->epoch.state;
    bool valid[2] = { read_slot(m, 0, &s[0], &bad), read_slot(m, 1, &s[1], &bad) };
    if (!valid[0] && !valid[1])
        return psm_fail(PSM_ECORRUPT, "%s/super: both commit slots are damaged", m->directory);
    u->slot = !valid[0] || (valid[1] && s[1].epoch > s[0].epoch);
    const struct slot *c = &s[u->slot];
    if (bad != 0)
        psm_say(m, PSM_LOG_INFO, "%d of 4 commit slot lines are torn or damaged; epoch %lu counts", bad,
                (unsigned long)c->epoch);
    if (fstat(m->journal_fd, &undo) != 0 || fstat(m->image_fd, &image) != 0)
        return psm_fail_system("cannot stat the files of", m->directory);
    if ((uint64_t)undo.st_size < c->undo_bytes || (uint64_t)image.st_size < c->image_bytes)
        return psm_fail(PSM_ETRUNCATED, "%s/%s has %lu bytes, and had %lu", m->directory,
                        (uint64_t)undo.st_size < c->undo_bytes ? "undo" : "image",
                        (unsigned long)((uint64_t)undo.st_size < c->undo_bytes ? undo.st_size : image.st_size),
                        (unsigned long)((uint64_t)undo.st_size < c->undo_bytes ? c->undo_bytes : c->image_bytes));
    u->bytes = (uint64_t)undo.st_size / (2 * LAYOUT_UNDO_CHUNK) * (2 * LAYOUT_UNDO_CHUNK);
    u->map = medium_map(&m->medium, NULL, u->bytes, m->journal_fd, 0);
    if (u->map == MAP_FAILED) {
        u->map = NULL;
        return psm_fail_system("cannot map the undo log of", m->directory);
    }
    madvise(u->map, u->bytes, MADV_DONTFORK);
    m->commit = (struct commit){ .epoch = c->epoch, .position = c->position, .sequence = c->sequence,
                                 .salt = c->salt, .time = (int64_t)c->time, .image_bytes = c->image_bytes,
                                 .journal_bytes = c->undo_bytes };
    u->settled = true;
    u->image_synced = c->image_bytes;
    uint64_t first;
    u->count = count_records(m, u, c->epoch + 1, &first);
    if (u->count == UINT64_MAX)
        return psm_fail(PSM_ECORRUPT, "%s/undo: a record of the open epoch %lu is damaged", m->directory,
                        (unsigned long)c->epoch + 1);
    for (uint64_t i = 0; i < u->count; i++)
        if (!record_fits(m, record_at(u, c->epoch + 1, i)))
            return psm_fail(PSM_ECORRUPT, "%s/undo: record %lu of the open epoch lies outside the image",
                            m->directory, (unsigned long)i);
    /* Records of epoch c+2 that were not its first ones: c+1 had been committed. */
    if (count_records(m, u, c->epoch + 2, &first) == UINT64_MAX || first > 0)
        return psm_fail(PSM_ECORRUPT, "%s/super: the commit slot of epoch %lu is damaged", m->directory,
                        (unsigned long)c->epoch + 1);
    return 0;
}

/* Those of the open epoch, which undo_open has counted: last to first. */
static void undo_pieces(struct psm *m, epoch_piece_fn *visit, void *context)
{
    struct undo *u = m->epoch.state;
    for (uint64_t i = u->count; i-- > 0;) {
        const struct undo_record *r = record_at(u, m->commit.epoch + 1, i);
        visit(context, r->offset, r->bytes, PSM_BLOCK);
    }
}

static void roll_back(void *context, uint64_t offset, const void *bytes, uint64_t size)
{
    struct psm *m = context;
    void *twin = space_twin(m, offset);
    memcpy(twin, bytes, size);
    medium_flush(&m->medium, twin, size);
}

/* What the epoch that did not end has written to memory never used before has no records.
 * It has to read as zero again. */
static void clear_virgin(struct psm *m)
{
    uint64_t page = m->space.globals_bytes + heap_virgin(&m->heap_p);
    for (; (page = space_nonzero_page(m, page)) != UINT64_MAX; page += LAYOUT_PAGE) {
        void *twin = space_twin(m, page);
        memset(twin, 0, LAYOUT_PAGE);
        medium_flush(&m->medium, twin, LAYOUT_PAGE);
    }
}

static int undo_recover(struct psm *m)
{
    undo_pieces(m, roll_back, m);
    clear_virgin(m);
    medium_fence(&m->medium); /* V2 before V3: the records are void from then on */
    m->commit.epoch += 2;
    put_slot(m, m->epoch.state, &m->commit);
    return undo_settle(m);
}

const struct epoch_store undo_store = {
    .format = undo_format, .open = undo_open, .pieces = undo_pieces, .recover = undo_recover, .begin = undo_begin,
    .record = undo_record_blocks, .commit = undo_commit, .settle = undo_settle, .close = undo_close,
    .is_full = undo_is_full, .age_ns_max = 20000000,
};
