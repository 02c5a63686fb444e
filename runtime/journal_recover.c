/* journal_recover.c: what an opening finds in the journal, and how the image gets it. See
 * journal.h for what is valid. Nothing is written before journal_recover. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "journal.h"
#include "machine.h"

/* All of it or an error; a file that ends before is an error. */
static int read_at(int fd, void *p, size_t size, uint64_t offset)
{
    char *to = p;
    while (size > 0) {
        ssize_t done = pread(fd, to, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        to += done, size -= (size_t)done, offset += (uint64_t)done;
    }
    return 0;
}

/* The stream of a half, in memory of its own: head.bytes; NULL if it is not valid. */
static unsigned char *read_half(struct psm *m, const struct journal_head *head)
{
    struct journal *j = m->epoch.state;
    uint64_t chunks = (head->bytes + JOURNAL_CHUNK - 1) / JOURNAL_CHUNK, body = m->machine_salt;
    /* The image's blocks, a range each, and no more: a damaged file may be of any length. */
    if (head->bytes < sizeof *head || chunks > j->bytes / JOURNAL_CHUNK
        || head->bytes - sizeof *head
               > head->image_bytes / PSM_BLOCK * (sizeof(struct journal_range) + PSM_BLOCK))
        return NULL;
    unsigned char *stream = mmap(NULL, head->bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stream == MAP_FAILED)
        return NULL;
    for (uint64_t i = 0; i < chunks; i++) {
        uint64_t begin = i * JOURNAL_CHUNK, skip = i == 0 ? sizeof *head : 0;
        uint64_t size = head->bytes - begin < JOURNAL_CHUNK ? head->bytes - begin : JOURNAL_CHUNK;
        if (read_at(m->journal_fd, stream + begin, size, journal_offset(head->epoch & 1, i)) != 0) {
            munmap(stream, head->bytes);
            return NULL;
        }
        body = hash_bytes(stream + begin + skip, size - skip, body);
    }
    if (body != head->body) {
        munmap(stream, head->bytes);
        return NULL;
    }
    return stream;
}

/* Step through a stream's ranges; true if all of them can be. */
static bool each_range(const unsigned char *stream, const struct journal_head *head, epoch_piece_fn *visit,
                       void *context)
{
    uint64_t at = sizeof *head;
    while (at < head->bytes) {
        struct journal_range r;
        uint64_t left = head->bytes - at, offset, size;
        if (left < sizeof r)
            return false;
        memcpy(&r, stream + at, sizeof r);
        at += sizeof r;
        offset = (uint64_t)r.block * PSM_BLOCK;
        size = (uint64_t)r.count * PSM_BLOCK;
        if (size == 0 || size > left - sizeof r || offset + size > head->image_bytes)
            return false;
        visit(context, offset, stream + at, size);
        at += size;
    }
    return true;
}

static void look_only(void *context, uint64_t offset, const void *bytes, uint64_t size)
{
    (void)context, (void)offset, (void)bytes, (void)size;
}

static void read_seals(struct psm *m)
{
    struct journal *j = m->epoch.state;
    for (unsigned parity = 0; parity < 2; parity++) {
        struct journal_seal seal;
        if (read_at(m->journal_fd, &seal, sizeof seal, JOURNAL_SEAL(parity)) != 0
            || seal.checksum != hash_bytes(&seal.committed, sizeof seal - sizeof seal.checksum, m->machine_salt))
            continue;
        if (seal.committed > j->sealed)
            j->sealed = seal.committed;
        if (seal.applied > j->applied)
            j->applied = seal.applied;
    }
}

/* The area's head: true if it is one. */
static bool read_head(struct psm *m, unsigned area, struct journal_head *head)
{
    return read_at(m->journal_fd, head, sizeof *head, journal_offset(area, 0)) == 0
           && head->checksum == hash_bytes(&head->epoch, sizeof *head - sizeof head->checksum, m->machine_salt)
           && (head->epoch & 1) == area;
}

/* Find the newest valid half. One that has been applied has to say where the log goes on,
 * no more. */
static int find_half(struct psm *m)
{
    struct journal *j = m->epoch.state;
    struct journal_head head[2];
    bool valid[2] = { read_head(m, 0, &head[0]), read_head(m, 1, &head[1]) };
    unsigned area = valid[1] && (!valid[0] || head[1].epoch > head[0].epoch);
    for (int i = 0; i < 2; i++, area ^= 1) {
        if (!valid[area])
            continue;
        if (head[area].epoch > j->applied && (j->stream = read_half(m, &head[area])) == NULL)
            continue;
        j->half = head[area];
        if (j->stream != NULL && !each_range(j->stream, &j->half, look_only, NULL))
            return psm_fail(PSM_ECORRUPT, "%s/journal: epoch %" PRIu64 " has a range that cannot be", m->directory,
                            j->half.epoch);
        return 0;
    }
    return psm_fail(PSM_ECORRUPT, "%s/journal: neither half is valid", m->directory);
}

int journal_open(struct psm *m)
{
    struct stat journal, image;
    int status = journal_make(m);
    if (status != 0)
        return status;
    struct journal *j = m->epoch.state;
    if (fstat(m->journal_fd, &journal) != 0 || fstat(m->image_fd, &image) != 0)
        return psm_fail_system("cannot stat the files of", m->directory);
    j->bytes = (uint64_t)journal.st_size;
    if (j->bytes < JOURNAL_BYTES_MIN)
        return psm_fail(PSM_ETRUNCATED, "%s/journal has %" PRIu64 " bytes, and had at least %" PRIu64,
                        m->directory, j->bytes, (uint64_t)JOURNAL_BYTES_MIN);
    read_seals(m);
    status = find_half(m);
    if (status != 0)
        return status;
    const struct journal_head *newest = &j->half;
    if (newest->epoch < j->sealed)
        return psm_fail(PSM_ECORRUPT, "%s/journal: the half of epoch %" PRIu64 ", which was committed, is damaged",
                        m->directory, j->sealed);
    if ((uint64_t)image.st_size < newest->image_bytes || j->bytes < newest->journal_bytes)
        return psm_fail(PSM_ETRUNCATED, "%s/%s is shorter than the %" PRIu64 " bytes it had", m->directory,
                        j->bytes < newest->journal_bytes ? "journal" : "image",
                        j->bytes < newest->journal_bytes ? newest->journal_bytes : newest->image_bytes);
    /* A file cut off within a chunk grows from the chunk's beginning. */
    j->bytes = JOURNAL_AREAS + (j->bytes - JOURNAL_AREAS) / (2 * JOURNAL_CHUNK) * (2 * JOURNAL_CHUNK);
    j->image_synced = newest->image_bytes;
    m->commit = (struct commit){ .epoch = newest->epoch, .position = newest->position,
                                 .sequence = newest->sequence, .salt = newest->salt, .time = newest->time,
                                 .image_bytes = newest->image_bytes, .journal_bytes = newest->journal_bytes };
    return 0;
}

/* The newest half was seen to be valid, perhaps only in the page cache: its writer may
 * have died before its fdatasync, or the fdatasync may have failed, which leaves pages
 * that are marked clean and not on the disk. Written again, they are; its seal likewise. */
static int write_again(struct psm *m, const struct journal_head *head, const unsigned char *stream)
{
    for (uint64_t i = 0, done = 0; done < head->bytes; i++, done += JOURNAL_CHUNK) {
        uint64_t size = head->bytes - done < JOURNAL_CHUNK ? head->bytes - done : JOURNAL_CHUNK;
        if (medium_write_at(&m->medium, m->journal_fd, stream + done, size,
                            journal_offset(head->epoch & 1, i)) != 0)
            return psm_fail_system("cannot write", "the journal");
    }
    return 0;
}

static int sync_journal(struct psm *m)
{
    return medium_sync(&m->medium, m->journal_fd) == 0 ? 0 : psm_fail_system("cannot sync", "the journal");
}

static int make_durable(struct psm *m, const struct journal *j)
{
    int status = 0;
    if (j->half.epoch > j->sealed && (status = write_again(m, &j->half, j->stream)) == 0)
        status = sync_journal(m);
    if (status == 0)
        status = journal_write_seal(m, j->half.epoch, 0);
    return status != 0 ? status : sync_journal(m);
}

void journal_forget_half(struct journal *j)
{
    if (j->stream != NULL)
        munmap(j->stream, j->half.bytes);
    j->stream = NULL;
}

void journal_pieces(struct psm *m, epoch_piece_fn *visit, void *context)
{
    struct journal *j = m->epoch.state;
    if (j->stream != NULL)
        each_range(j->stream, &j->half, visit, context);
}

struct write_back {
    struct psm *m;
    int status;
};

static void write_back(void *context, uint64_t offset, const void *bytes, uint64_t size)
{
    struct write_back *w = context;
    if (w->status == 0 && medium_write_at(&w->m->medium, w->m->image_fd, bytes, size, offset) != 0)
        w->status = psm_fail_system("cannot write", "the image");
}

int journal_recover(struct psm *m)
{
    struct journal *j = m->epoch.state;
    if (j->stream == NULL)
        return 0;
    j->broken = true; /* until the image is whole */
    struct write_back w = { .m = m, .status = make_durable(m, j) };
    journal_pieces(m, write_back, &w);
    journal_forget_half(j);
    j->image_dirty = true; /* the next commit syncs it before it overwrites a half */
    j->broken = w.status != 0;
    return w.status;
}
