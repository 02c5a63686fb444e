/* journal.c: the epoch store for ordinary files: committing an epoch. See journal.h for
 * what is written in which order and why that is enough.
 *
 * A block is dirty if and only if it is marked (epoch.c keeps it so), hence an epoch's
 * ranges are read off the marks of its dirty pages, in order of address, with no sorting.
 * Of a large extent, announced as a whole but hardly written, only the pages that replay
 * has made private count: what is not private is what the file has. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"

#define BLOCKS_PER_PAGE (LAYOUT_PAGE / PSM_BLOCK)
#define SIFT_PAGES_MIN  64   /* runs of dirty pages from which on it pays to ask the kernel */
#define SINGLE_DROPS_MAX 1024

/* ---- dirty pages ---- */

static bool is_dirty(const struct journal *j, uint64_t page)
{
    return j->dirty[page / 64] >> page % 64 & 1;
}

static void set_dirty(struct journal *j, uint64_t page)
{
    uint64_t bit = UINT64_C(1) << page % 64;
    j->dirty_pages += !(j->dirty[page / 64] & bit);
    j->dirty[page / 64] |= bit;
}

static uint64_t image_pages(const struct psm *m)
{
    return (m->space.globals_bytes + atomic_load(&m->space.arena_bytes) + LAYOUT_PAGE - 1) / LAYOUT_PAGE;
}

/* The next run of dirty pages from *page on: its length, and where it begins in *page; 0
 * at the end. The globals area and the arena are not neighbours in memory. */
static uint64_t next_run(const struct psm *m, uint64_t *page)
{
    const struct journal *j = m->epoch.state;
    uint64_t at = *page, pages = image_pages(m);
    while (at < pages && !is_dirty(j, at))
        at = j->dirty[at / 64] >> at % 64 ? at + 1 : (at / 64 + 1) * 64;
    uint64_t border = m->space.globals_bytes / LAYOUT_PAGE, end = at;
    while (end < pages && is_dirty(j, end) && (end == at || end != border))
        end++;
    *page = at;
    return end - at;
}

/* Clear the bits of pages that replay has not touched. The pagemap says of each page
 * whether it is there or swapped out, and whether it is the file's. */
static void sift_run(struct psm *m, uint64_t page, uint64_t count)
{
    struct journal *j = m->epoch.state;
    uint64_t entry[512];
    uintptr_t twin = (uintptr_t)space_twin(m, page * LAYOUT_PAGE);
    for (uint64_t done = 0; done < count;) {
        uint64_t want = count - done < 512 ? count - done : 512;
        ssize_t got = pread(j->pagemap_fd, entry, want * 8, (off_t)((twin / LAYOUT_PAGE + done) * 8));
        if (got < 8)
            return;
        for (ssize_t i = 0; i < got / 8; i++, done++) {
            bool there = entry[i] >> 62, of_file = entry[i] >> 61 & 1;
            if (!there || of_file)
                j->dirty[(page + done) / 64] &= ~(UINT64_C(1) << (page + done) % 64);
        }
    }
}

/* What was announced as fresh counts from here on. */
static void gather(struct psm *m)
{
    struct journal *j = m->epoch.state;
    for (size_t i = 0; i < m->epoch.fresh_count; i++) {
        const struct fresh_range *f = &m->epoch.fresh[i];
        for (uint64_t page = f->offset / LAYOUT_PAGE; page * LAYOUT_PAGE < f->offset + f->size; page++)
            set_dirty(j, page);
    }
    if (j->pagemap_fd < 0)
        return;
    for (uint64_t page = 0, count; (count = next_run(m, &page)) != 0; page += count)
        if (count >= SIFT_PAGES_MIN)
            sift_run(m, page, count);
}

/* ---- the stream of a half ---- */

struct stream {
    struct psm *m;
    uint64_t area, chunk, used; /* used: bytes of the current chunk */
    uint64_t bytes, body;
    int status;
};

/* The journal has no room. Waits for space rather than lose the epoch; only a machine
 * that is being closed, or opened, gives up. */
static int journal_grow(struct psm *m, uint64_t wanted)
{
    struct journal *j = m->epoch.state;
    uint64_t bytes = j->bytes + j->bytes / 4 / (2 * JOURNAL_CHUNK) * (2 * JOURNAL_CHUNK);
    if (bytes < wanted)
        bytes = wanted;
    for (int tries = 0; medium_allocate(&m->medium, m->journal_fd, j->bytes, bytes - j->bytes) != 0; tries++) {
        bytes = wanted;
        if (errno != ENOSPC && errno != EDQUOT)
            return psm_fail_system("cannot enlarge", "the journal");
        if (tries == 0)
            psm_say(m, PSM_LOG_WARNING, "replay waits: the journal cannot grow to %lu MiB: %s",
                    (unsigned long)(bytes >> 20), strerror(errno));
        if (atomic_load(&m->replay.phase) != REPLAY_SERVES && tries > 100)
            return psm_fail(PSM_ENOSPC, "the journal cannot grow to %lu MiB: no space",
                            (unsigned long)(bytes >> 20));
        nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
    }
    j->bytes = bytes;
    return 0;
}

static unsigned char *chunk_buffer(const struct stream *s)
{
    const struct journal *j = s->m->epoch.state;
    return s->chunk == 0 ? j->first : j->chunk;
}

static void write_chunk(struct stream *s)
{
    if (s->status == 0
        && medium_write_at(&s->m->medium, s->m->journal_fd, chunk_buffer(s), s->used,
                           journal_offset(s->area, s->chunk)) != 0)
        s->status = psm_fail_system("cannot write", "the journal");
}

/* The current chunk is full, or the last. The first one waits for its head. */
static void finish_chunk(struct stream *s)
{
    struct journal *j = s->m->epoch.state;
    uint64_t skip = s->chunk == 0 ? sizeof(struct journal_head) : 0;
    s->body = hash_bytes(chunk_buffer(s) + skip, s->used - skip, s->body);
    s->bytes += s->used;
    if (s->chunk > 0) {
        uint64_t end = journal_offset(1, s->chunk) + JOURNAL_CHUNK;
        if (s->status == 0 && end > j->bytes)
            s->status = journal_grow(s->m, end);
        write_chunk(s);
    }
}

static void put(struct stream *s, const void *bytes, size_t size)
{
    while (size > 0) {
        if (s->used == JOURNAL_CHUNK) {
            finish_chunk(s);
            s->chunk++;
            s->used = 0;
        }
        size_t part = JOURNAL_CHUNK - s->used < size ? JOURNAL_CHUNK - s->used : size;
        memcpy(chunk_buffer(s) + s->used, bytes, part);
        s->used += part;
        bytes = (const char *)bytes + part;
        size -= part;
    }
}

static void put_range(struct stream *s, uint32_t block, uint32_t count)
{
    struct journal_range range = { block, count };
    put(s, &range, sizeof range);
    put(s, space_twin(s->m, (uint64_t)block * PSM_BLOCK), (size_t)count * PSM_BLOCK);
}

/* The marked blocks of a run of pages. */
static void put_run(struct stream *s, uint64_t page, uint64_t count)
{
    uint64_t block = page * BLOCKS_PER_PAGE, end = (page + count) * BLOCKS_PER_PAGE;
    const unsigned char *marks = space_marks(space_twin(s->m, page * LAYOUT_PAGE));
    uint64_t from = end; /* of the range at hand; end: none */
    for (; block < end; block += 64, marks += 8) {
        uint64_t bits;
        memcpy(&bits, marks, sizeof bits);
        if (from == end && bits == 0)
            continue;
        if (from != end && bits == UINT64_MAX)
            continue;
        for (unsigned i = 0; i < 64; i++) {
            bool marked = bits >> i & 1;
            if (marked && from == end)
                from = block + i;
            if (!marked && from != end) {
                put_range(s, (uint32_t)from, (uint32_t)(block + i - from));
                from = end;
            }
        }
    }
    if (from != end)
        put_range(s, (uint32_t)from, (uint32_t)(end - from));
}

static int write_half(struct psm *m, const struct commit *next)
{
    struct journal *j = m->epoch.state;
    struct stream s = { .m = m, .area = next->epoch & 1, .used = sizeof(struct journal_head),
                        .body = m->machine_salt };
    for (uint64_t page = 0, count; (count = next_run(m, &page)) != 0; page += count)
        put_run(&s, page, count);
    finish_chunk(&s);
    struct journal_head head = {
        .epoch = next->epoch, .position = next->position, .sequence = next->sequence,
        .salt = next->salt, .time = next->time, .image_bytes = next->image_bytes,
        .journal_bytes = j->bytes, .bytes = s.bytes, .body = s.body,
    };
    head.checksum = hash_bytes(&head.epoch, sizeof head - sizeof head.checksum, m->machine_salt);
    memcpy(j->first, &head, sizeof head);
    if (s.chunk > 0)
        s.used = JOURNAL_CHUNK;
    s.chunk = 0;
    write_chunk(&s);
    m->epoch.bytes_written += s.bytes;
    return s.status;
}

int journal_write_seal(struct psm *m, uint64_t committed, uint64_t applied)
{
    struct journal_seal seal = { .committed = committed, .applied = applied };
    seal.checksum = hash_bytes(&seal.committed, sizeof seal - sizeof seal.checksum, m->machine_salt);
    if (medium_write_at(&m->medium, m->journal_fd, &seal, sizeof seal, JOURNAL_SEAL(committed)) != 0)
        return psm_fail_system("cannot write", "the journal");
    return 0;
}

/* ---- the image ---- */

static int write_pages(struct psm *m)
{
    struct journal *j = m->epoch.state;
    for (uint64_t page = 0, count; (count = next_run(m, &page)) != 0; page += count) {
        j->image_dirty = true;
        if (medium_write_at(&m->medium, m->image_fd, space_twin(m, page * LAYOUT_PAGE),
                            count * LAYOUT_PAGE, page * LAYOUT_PAGE) != 0)
            return psm_fail_system("cannot write", "the image");
        m->epoch.bytes_written += count * LAYOUT_PAGE;
    }
    return 0;
}

/* Many small ranges cost an interruption of all processors each; then it is cheaper to
 * map all of P anew. Should the kernel refuse, the pages stay private, and right. */
static void drop_pages(struct psm *m)
{
    struct journal *j = m->epoch.state;
    uint64_t globals = m->space.globals_bytes, runs = 0;
    for (uint64_t page = 0, count; (count = next_run(m, &page)) != 0; page += count)
        if (runs++ < SINGLE_DROPS_MAX)
            madvise(space_twin(m, page * LAYOUT_PAGE), count * LAYOUT_PAGE, MADV_DONTNEED);
    if (runs > SINGLE_DROPS_MAX) {
        madvise(m->space.p, atomic_load(&m->space.arena_bytes), MADV_DONTNEED);
        if (m->owns_globals && globals != 0)
            madvise(space_twin(m, 0), globals, MADV_DONTNEED);
    }
    memset(j->dirty, 0, (image_pages(m) + 63) / 64 * sizeof *j->dirty);
    j->dirty_pages = 0;
}

static int sync_file(struct psm *m, int fd, const char *name)
{
    m->epoch.fences++;
    return medium_sync(&m->medium, fd) == 0 ? 0 : psm_fail_system("cannot sync", name);
}

static int commit(struct psm *m, const struct commit *next)
{
    struct journal *j = m->epoch.state;
    int status = 0;
    gather(m);
    if (j->image_dirty || next->image_bytes > j->image_synced)
        status = sync_file(m, m->image_fd, "the image"); /* half E & 1 is free from here on */
    if (status != 0)
        return status;
    j->image_dirty = false;
    j->image_synced = next->image_bytes;
    status = write_half(m, next);
    if (status == 0)
        status = sync_file(m, m->journal_fd, "the journal"); /* committed */
    if (status == 0)
        status = journal_write_seal(m, next->epoch, 0);
    if (status == 0)
        status = sync_file(m, m->journal_fd, "the journal"); /* and known to have been */
    if (status == 0)
        status = write_pages(m);
    if (status == 0)
        drop_pages(m);
    return status;
}

static int journal_commit(struct psm *m, const struct commit *next)
{
    struct journal *j = m->epoch.state;
    int status = j->broken ? psm_fail(PSM_EFAILED, "the journal has failed before") : commit(m, next);
    j->broken = status != 0;
    return status;
}

/* ---- the rest of the interface ---- */

static void journal_begin(struct psm *m)
{
    (void)m; /* the commit before was durable when it returned */
}

static void journal_record(struct psm *m, const uint32_t *block, size_t count)
{
    struct journal *j = m->epoch.state;
    for (size_t i = 0; i < count; i++)
        set_dirty(j, block[i] / BLOCKS_PER_PAGE);
}

static int journal_settle(struct psm *m)
{
    (void)m; /* commits are durable when they return */
    return 0;
}

/* An epoch is made to last: every page and every hot block is written once for it. */
static bool journal_is_full(struct psm *m)
{
    const struct journal *j = m->epoch.state;
    return j->dirty_pages * LAYOUT_PAGE + m->epoch.fresh_bytes >= m->options.private_bytes;
}

int journal_make(struct psm *m)
{
    struct journal *j = calloc(1, sizeof *j);
    m->epoch.state = j;
    if (j != NULL) {
        uint64_t pages = (m->space.globals_bytes + PSM_ARENA_SIZE) / LAYOUT_PAGE;
        j->dirty = calloc(pages / 64 + 1, sizeof *j->dirty);
        j->first = malloc(JOURNAL_CHUNK);
        j->chunk = malloc(JOURNAL_CHUNK);
        j->pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
    if (j == NULL || j->dirty == NULL || j->first == NULL || j->chunk == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for the journal's buffers");
    return 0;
}

static int journal_format(struct psm *m)
{
    int status = journal_make(m);
    if (status != 0)
        return status;
    struct journal *j = m->epoch.state;
    if (medium_allocate(&m->medium, m->journal_fd, 0, JOURNAL_BYTES_MIN) != 0)
        return psm_fail_system("cannot make", "the journal");
    j->bytes = JOURNAL_BYTES_MIN;
    return write_half(m, &m->commit);
}

/* After a clean end the image needs nothing from the journal: a later open is spared
 * applying it. */
static void journal_close(struct psm *m)
{
    struct journal *j = m->epoch.state;
    if (!j->broken && j->image_dirty && atomic_load(&m->state) >= 0
        && medium_sync(&m->medium, m->image_fd) == 0
        && journal_write_seal(m, m->commit.epoch, m->commit.epoch) == 0)
        medium_sync(&m->medium, m->journal_fd);
    if (j->pagemap_fd >= 0)
        close(j->pagemap_fd);
    journal_forget_half(j);
    free(j->dirty);
    free(j->first);
    free(j->chunk);
    free(j);
    m->epoch.state = NULL;
}

const struct epoch_store journal_store = {
    .format = journal_format, .open = journal_open, .pieces = journal_pieces, .recover = journal_recover, .begin = journal_begin,
    .record = journal_record, .commit = journal_commit, .settle = journal_settle, .close = journal_close,
    .is_full = journal_is_full, .linger_ns = 1000000000, .age_ns_max = 2000000000,
    .commit_is_durable = true,
};
