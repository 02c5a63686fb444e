/* journal.h: layout of the file medium's journal, and how an image on an ordinary file
 * survives a crash (DESIGN F1-F5; journal.c writes, journal_recover.c reads).
 *
 * P is a private mapping of the image file: what replay stores stays in memory until the
 * epoch is committed. One commit, of epoch E:
 *
 *   1  fdatasync(image): what was written back for E-1 is durable, so half E-1 is not
 *      needed any more, nor E-2, which is overwritten next
 *   2  write half E & 1: the new bytes of every block that E has changed; fdatasync(journal):
 *      E is committed, and its log entries may be overwritten
 *   3  write a seal that says so; fdatasync(journal)
 *   4  write the changed pages to the image, no sync
 *   5  drop P's private pages: the file shows the same bytes
 *
 * After a crash the newest valid half is applied to the image:
 *
 *   before 2 is done   half E is not valid, E has not taken place; E-1 is the newest, and
 *                      mends what the image has of it, which is no more than E-1
 *   after 2            E is the newest; the image has all of E-1, by 1
 *
 * Applying is idempotent, and mends pages torn at sectors: bytes of a torn page that are not
 * in the half are the same before and after. A seal says that a half was valid once; a half
 * older than the newest seal is damaged, not torn. Hence its sync: disks damage what they
 * were writing when the power goes (Zheng et al., FAST 2013), and without it E-1 would be
 * applied to an image that has pages of E.
 *
 * What a dead process has written stands in the page cache and may never reach the disk, so
 * recovery makes the half (unless its seal says that it is) and its seal durable before it
 * applies it.
 *
 * A failed fdatasync says that some page is lost and marked clean: a second one would
 * succeed and mean nothing (seen: 2,130 of 6,144 pages old). So the machine fails at
 * once. */
#ifndef PSM_JOURNAL_H
#define PSM_JOURNAL_H
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "epoch.h"
#include "layout.h"

struct psm;

/* The file: a page with two seals, by parity of `committed`; then two areas by parity of
 * the epoch, in alternating chunks: area 0, area 1, area 0, ...; it only grows.
 *
 * An area is one stream of bytes: a head, then ranges: a struct journal_range and the new
 * bytes of its blocks, one after the other up to head.bytes.
 *
 * A half is valid if and only if its head's checksum is right (of the head's other bytes;
 * seed: super.salt), its epoch has the area's parity, and body is the checksum of all that
 * follows the head: hash_bytes of each chunk's part, seeded with the one before, the first
 * with super.salt. */
struct journal_head {
    uint64_t checksum;
    uint64_t epoch;
    uint64_t position, sequence, salt; /* as in struct commit */
    int64_t  time;
    uint64_t image_bytes;              /* the image file is at least so long */
    uint64_t journal_bytes;            /* and the journal */
    uint64_t bytes;                    /* of the stream, head included */
    uint64_t body;
    uint64_t reserved[6];              /* zero */
};
static_assert(sizeof(struct journal_head) == 128, "two lines");

struct journal_range {
    uint32_t block; /* the first one's number: offset in the image / 32 */
    uint32_t count; /* at least 1 */
};

/* Valid if and only if the checksum (seed: super.salt) is right. */
struct journal_seal {
    uint64_t checksum;
    uint64_t committed; /* half of this epoch is durable */
    uint64_t applied;   /* the image has this epoch, durably; 0: not known */
    uint64_t reserved[5];
};
static_assert(sizeof(struct journal_seal) == 64, "in one sector");

#define JOURNAL_SEAL(epoch)  (((epoch) & 1) * 512)
#define JOURNAL_AREAS        LAYOUT_PAGE
#define JOURNAL_CHUNK        (UINT64_C(1) << 20)
#define JOURNAL_BYTES_MIN    (JOURNAL_AREAS + 2 * JOURNAL_CHUNK)

/* Where in the file chunk `chunk` of area `area` begins. */
static inline uint64_t journal_offset(uint64_t area, uint64_t chunk)
{
    return JOURNAL_AREAS + (2 * chunk + area) * JOURNAL_CHUNK;
}

/* The epoch store's state. */
struct journal {
    uint64_t  bytes;         /* length of the file */
    uint64_t  image_synced;  /* length of the image file that is durable */
    bool      image_dirty;   /* pages were written to it since its last fdatasync */
    bool      broken;        /* an operation has failed: close says nothing of the image */
    uint64_t *dirty;         /* bit per page of the image: has blocks of this epoch */
    uint64_t  dirty_pages;   /* bits set */
    unsigned char *first, *chunk; /* JOURNAL_CHUNK each: the stream's first, and current */
    int       pagemap_fd;    /* -1: not known which pages replay has touched */
    uint64_t  applied, sealed; /* found at open: newest epoch of which the seals say so */
    struct journal_head half; /* the newest valid one at open */
    unsigned char *stream;    /* of it, half.bytes, from open to recover; NULL: is applied */
};

int  journal_make(struct psm *m);
int  journal_write_seal(struct psm *m, uint64_t committed, uint64_t applied);
int  journal_open(struct psm *m);
void journal_pieces(struct psm *m, epoch_piece_fn *visit, void *context);
int  journal_recover(struct psm *m);
void journal_forget_half(struct journal *j);
#endif
