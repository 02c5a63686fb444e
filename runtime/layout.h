/* layout.h: everything libpsm writes to a medium, in one place.
 *
 * A machine is a directory of files, all mode 0600:
 *
 *   super     page 0: struct super, written once at creation
 *             page 1: pm: four struct slot lines, two commit slots of two copies each
 *             page 2: one struct attempt: which entry recovery was at; one struct seal
 *   log       the op-log: a ring of struct log_entry, `log_bytes` long
 *   image     [globals area][arena], as the shadow sees them, both page-aligned; only grows
 *   undo      pm: struct undo_record lines, two areas by parity of the epoch, in
 *             alternating chunks of LAYOUT_UNDO_CHUNK bytes: area 0, area 1, area 0, …
 *   journal   file: two halves by parity of the epoch, see journal.h
 *   extent-N  the argument of the log entry with sequence N (hexadecimal), when it is
 *             longer than a quarter of the log
 *   unfinished  empty; the directory is a machine in the making (or was, at a crash)
 *
 * Integers are little-endian and of fixed width. A checksum covers everything of its
 * struct but itself, seeded as its struct says. A crash can leave any line of 64 bytes
 * torn in units of 8 bytes, and any written but not yet fenced line old or new. The order of
 * stores and fences that makes this enough is modelled in protocol.pml. */
#ifndef PSM_LAYOUT_H
#define PSM_LAYOUT_H
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "addresses.h"
#include "hash.h"

#define LAYOUT_MAGIC   UINT64_C(0x314d53502e6d7370) /* "psm.PSM1" */
#define LAYOUT_VERSION 2
#define LAYOUT_PAGE    4096
#define LAYOUT_LINE    64

/* The superblock: what never changes after creation.
 *
 * Valid if and only if magic is LAYOUT_MAGIC, checksum is that of the page's bytes from
 * `version` on (seed: magic, see super_checksum), and version is LAYOUT_VERSION. Where magic, checksum and
 * version stand, and how the checksum is computed, is the same in every version. */
struct super {
    uint64_t magic;
    uint64_t checksum;
    uint32_t version;
    uint32_t medium;        /* enum psm_medium: PM or FILE */
    uint64_t salt;          /* of this machine's commit slots and undo records */
    uint64_t slot;          /* address slot, 0..PSM_SLOT_COUNT-1 */
    uint64_t delta;         /* PSM_DELTA: stacks and windows lie by it */
    uint64_t root_offset;   /* in the arena; 0: no root */
    uint64_t root_size;     /* bytes */
    uint64_t log_bytes;     /* a power of two */
    uint64_t globals_bytes; /* length of the globals area in the image */
    uint64_t globals_low;   /* address of its first byte in the executable */
    uint64_t created;       /* nanoseconds since 1970 */
    uint8_t  build_id[24];  /* zero-padded */
    char     program[128];  /* name, NUL-terminated */
    uint8_t  reserved[LAYOUT_PAGE - 248]; /* zero */
};
static_assert(offsetof(struct super, checksum) == 8, "the same in every version");
static_assert(offsetof(struct super, version) == 16, "the same in every version");
static_assert(sizeof(struct super) == LAYOUT_PAGE, "one page");

static inline uint64_t super_checksum(const struct super *s)
{
    return hash_bytes(&s->version, sizeof *s - offsetof(struct super, version), s->magic ^ HASH_1);
}

/* A commit slot, on persistent memory: the image is what the entries before `position`
 * make, when the undo records of later epochs have been applied.
 *
 * A line is valid if and only if its checksum (seed: super.salt) is right. Slot s is kept
 * in two lines, written one after the other, so that one damaged line loses nothing; it is
 * valid if one of them is. The newest valid slot (larger epoch) counts; the other one is
 * always the next to be written. Both copies torn: that commit has not taken place. */
struct slot {
    uint64_t checksum;
    uint64_t epoch;
    uint64_t position;      /* log position of the first entry not in the image */
    uint64_t sequence;      /* sequence of that entry */
    uint64_t salt;          /* of log entries from there on */
    uint64_t time;          /* of the last entry before */
    uint64_t image_bytes;   /* the image file is at least so long */
    uint64_t undo_bytes;    /* the undo file is at least so long */
};
static_assert(sizeof(struct slot) == LAYOUT_LINE, "one line");
#define LAYOUT_SLOT_OFFSET(slot, copy) (LAYOUT_PAGE + ((slot) * 2 + (copy)) * 512)

/* Where replay was when recovery last ran, if it did not end: names an entry that stops
 * the process. All zero when it did.
 * Not ordered with anything: it serves after the death of a process, not of the machine.
 *
 * Valid if and only if its checksum (seed: super.salt) is right. */
struct attempt {
    uint64_t checksum;
    uint64_t sequence; /* of the entry that recovery was replaying */
    uint64_t count;    /* how many recoveries ended there */
    uint64_t reserved[5];
};
static_assert(sizeof(struct attempt) == LAYOUT_LINE, "one line");
#define LAYOUT_ATTEMPT_OFFSET (2 * LAYOUT_PAGE)
/* Says that the machine was closed when the newest commit was that of `epoch`, with all of
 * the log replayed: nothing in the log counts. Written when that commit is durable; void
 * with the next one, since epochs' numbers are never used again.
 *
 * Valid if and only if its checksum (seed: super.salt) is right. */
struct seal {
    uint64_t checksum;
    uint64_t epoch;
    uint64_t reserved[6];
};
static_assert(sizeof(struct seal) == LAYOUT_LINE, "one line");
#define LAYOUT_SEAL_OFFSET    (2 * LAYOUT_PAGE + 512)
#define LAYOUT_SUPER_BYTES    (3 * LAYOUT_PAGE)

/* An entry of the op-log, at a position that is a multiple of 64; position p lies at
 * offset p modulo log_bytes, and an entry may run over the end and on at the start.
 * `length` bytes of payload follow, then zeros to the next multiple of 64.
 *
 * Valid at position p if and only if checksum is that of the header's other bytes, p, the
 * payload and the salt in force, and sequence is one more than that of the entry before.
 * A position that is not a valid entry ends the log, unless a valid entry stands further
 * on whose `durable` is not less than the missing entry's sequence: then the log is
 * damaged. */
struct log_entry {
    uint64_t checksum;
    uint64_t sequence;
    uint64_t durable;   /* newest sequence known to be durable when this was written */
    int64_t  time;      /* nanoseconds since 1970, never less than the entry's before */
    uint32_t length;    /* bytes of payload */
    uint32_t op;        /* program_op.id */
    uint32_t out_bytes; /* size of the caller's out; meaningful with LOG_OUT */
    uint16_t kind;      /* enum log_kind */
    uint16_t flags;     /* enum log_flags */
};
static_assert(sizeof(struct log_entry) == 48, "16 bytes of payload share its line");

enum log_kind {
    LOG_OP = 1,      /* payload: the argument */
    LOG_OP_EXTENT,   /* payload: struct log_extent; the argument is in a file */
    LOG_REFUSAL,     /* payload: struct log_refusal */
};
enum log_flags {
    LOG_OUT = 1,     /* the caller gave an out */
};
struct log_extent {
    uint64_t bytes;    /* length of the argument */
    uint64_t checksum; /* of its bytes, seed: the salt in force */
};
/* The heap was refused room: from its `growth`-th growth on, counted from 0, the op with
 * this sequence has been told that there is none. */
struct log_refusal {
    uint64_t sequence;
    uint64_t growth;
};

static inline uint64_t log_checksum(const struct log_entry *e, uint64_t position, uint64_t salt,
                                    const void *payload)
{
    uint64_t size = (uint64_t)e->op << 32 | e->length;
    uint64_t rest = (uint64_t)e->out_bytes << 32 | (uint64_t)e->kind << 16 | e->flags;
    uint64_t a = hash_fold(e->sequence ^ HASH_1, position ^ salt);
    uint64_t b = hash_fold(e->durable ^ HASH_2, (uint64_t)e->time ^ salt);
    uint64_t c = hash_fold(size ^ HASH_3, rest ^ a);
    return hash_bytes(payload, e->length, hash_fold(b ^ HASH_1, c ^ HASH_2));
}

/* An undo record: what a block of the image held when the epoch began.
 *
 * Valid if and only if checksum (of block, epoch, first and bytes; seed: super.salt) is
 * right. The valid records of epoch E are those at indexes 0, 1, … of area E & 1 up to
 * the first that is not valid or not E's. A valid record of E further on whose `first` is
 * larger than the index of a missing one means damage: every record before `first` was
 * durable before it was written. A record of E with first > 0 also says that the commit of
 * epoch E-1 was durable. */
struct undo_record {
    uint64_t checksum;
    uint64_t epoch;
    uint64_t offset; /* of the block in the image file */
    uint64_t first;  /* index of the first record that was made durable together with this */
    uint8_t  bytes[PSM_BLOCK];
};
static_assert(sizeof(struct undo_record) == LAYOUT_LINE, "one line");
#define LAYOUT_UNDO_CHUNK (UINT64_C(1) << 20)

static inline uint64_t undo_checksum(const struct undo_record *r, uint64_t salt)
{
    return hash_bytes(&r->epoch, sizeof *r - sizeof r->checksum, salt);
}
#endif
