/* epoch.h: which blocks of the image an epoch has changed, and how it is committed.
 *
 * The hooks and the heap say what is about to be stored (epoch_note, epoch_fresh); each
 * block is listed once an epoch and marked, so that compiled code stops asking. What is
 * done with a block before it changes, and how a commit is made durable, is the epoch
 * store's business: undo.c on persistent memory (DESIGN R1-R6), journal.c on files
 * (F1-F5). All of it runs on the replay thread, or on psm_init's before that starts. */
#ifndef PSM_EPOCH_H
#define PSM_EPOCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "count.h"

struct psm;
struct commit;

/* offset in the image file, which holds all of the piece. */
typedef void epoch_piece_fn(void *context, uint64_t offset, const void *bytes, uint64_t size);

/* How one kind of medium keeps the image. Those that return int return a PSM_E code. */
struct epoch_store {
    /* Create the files of a new machine (journal_fd; slots in super). The image file holds
     * what it shall hold. Nothing needs to be durable: creation syncs all files at the end. */
    int (*format)(struct psm *m);
    /* Read the newest commit into m->commit; check sizes, and all that recover will use.
     * Changes nothing. */
    int (*open)(struct psm *m);
    /* What recover is going to change, in that order: `visit` is called for pieces of the
     * image, with the bytes that they will have. */
    void (*pieces)(struct psm *m, epoch_piece_fn *visit, void *context);
    /* Bring the image to the state of m->commit, durably (V2, V3), and be ready for
     * epoch_begin. */
    int (*recover)(struct psm *m);
    /* Epoch m->epoch.number begins: on return the commit before is durable, and stores to
     * dead blocks may begin (R2 and R3 for what is foreseen). */
    void (*begin)(struct psm *m);
    /* These blocks of the image (offset / 32), listed and marked already, are about to be
     * changed; on return they may be. */
    void (*record)(struct psm *m, const uint32_t *block, size_t count);
    /* Make what the epoch's blocks hold now durable and commit it: m->commit is the new one.
     * It counts, but may yet be lost until settle or the next begin. */
    int (*commit)(struct psm *m, const struct commit *next);
    /* On return the newest commit is durable. */
    int (*settle)(struct psm *m);
    void (*close)(struct psm *m);
    /* Whether the epoch should be committed soon, by what the store has to hold for it. */
    bool (*is_full)(struct psm *m);
    /* 0: an epoch is committed as soon as there is nothing left to replay. Else it is left
     * open, for later entries to join, until it is full, somebody waits for the tail, or
     * nothing has come for so long. */
    int64_t linger_ns;
    /* An epoch so old is committed after the op at hand: what a restart has to replay is
     * bounded in time, too, and a recovery that is killed has got on. */
    int64_t age_ns_max;
    /* A commit is durable when commit() returns: settle does nothing. */
    bool commit_is_durable;
};

#define EPOCH_UNTOUCHED 16
struct fresh_range {
    uint64_t offset; /* in the image (untouched: in the arena), multiple of 32 */
    uint64_t size;
};

struct epoch {
    const struct epoch_store *store;
    void     *state;            /* the store's own: struct undo, struct journal */
    uint64_t  number;           /* of the epoch that is being made */
    bool      open;             /* between epoch_begin and epoch_commit */
    uint32_t *logged;           /* blocks that were live: offset in the image / 32 */
    size_t    logged_count, logged_room;
    struct fresh_range *fresh;  /* ranges that were dead */
    size_t    fresh_count, fresh_room;
    uint64_t  fresh_bytes;      /* of them, in this epoch */
    struct fresh_range untouched[EPOCH_UNTOUCHED]; /* of the arena, page-aligned */
    unsigned  untouched_count;
    /* since psm_init */
    count_t   epochs, blocks_logged, blocks_fresh, fences, bytes_written;
};

extern const struct epoch_store undo_store;    /* persistent memory */
extern const struct epoch_store journal_store; /* file */

int  epoch_make(struct psm *m);
void epoch_destroy(struct psm *m);

/* A new epoch: number = commit.epoch + 1. */
void epoch_begin(struct psm *m);
/* Before a store to [twin, twin + size) in P: list and record its blocks that are not
 * marked. Traps (psm_replay_trap) if any of it is not state. */
void epoch_note(struct psm *m, void *twin, uint64_t size);
/* The same for several stores that follow, under one fence. */
struct epoch_range {
    void    *twin;
    uint64_t size;
};
void epoch_note_many(struct psm *m, const struct epoch_range *range, size_t count);
/* Likewise for whole blocks that were dead when the epoch began. */
void epoch_fresh(struct psm *m, void *twin, uint64_t size);
/* Whole pages that read as zero, and were dead when the epoch began, are live from here on:
 * each that is noted before the epoch ends is fresh, the rest stay as they are. */
void epoch_untouched(struct psm *m, void *twin, uint64_t size);
/* Commit, and unmark all blocks. */
int  epoch_commit(struct psm *m, const struct commit *next);
/* Forget the epoch's lists without committing (the machine has failed or closes). */
void epoch_drop(struct psm *m);
#endif
