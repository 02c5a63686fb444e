/* audit.h: PSM_CHECK: every op and every store is checked when it happens.
 *
 * Item by item, and exact for what it names:
 *
 *   bytes        A byte of the image that an op, or anything between two ops, has changed
 *                lies in a block that was announced by then: logged, or fresh. And no block
 *                had changed already when it was announced: its undo record would be wrong.
 *   ops          When an op has run in memory it is replayed at once, with the machine's
 *                lock held. The pages that either run has written to are compared, free
 *                blocks left out, and so are the persisted globals: memory and image were
 *                equal before the op, so they are equal after it if these are.
 *   strays       Nobody but rw ops writes to the state, nobody but the replay thread to
 *                the image.
 *
 * Which pages are written is known from page protection (watch.h). A machine that logs
 * after executing (psm_begin) has no equal copies: for it `bytes` is checked, strays in
 * the image, and that an op replayed twice does the same (audit_twice.c).
 *
 * Without the flag m->audit is NULL, and rw ops do not even look: m->state says it. */
#ifndef PSM_AUDIT_H
#define PSM_AUDIT_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "psm.h"
#include "watch.h"

struct psm;
struct log_entry;

struct audit {
    struct watch d, p, p_globals; /* the arena in both copies; the image's globals area */
    bool         serves;          /* from here on the image is the replay thread's alone */
    /* The replay thread's. */
    uint32_t     looked_at[2];    /* pages of p and p_globals found to be in order */
    _Atomic uint64_t replayed;    /* log position: run on P, and in order */
    _Atomic uint32_t progress;    /* futex: counts changes of `replayed` */
    /* The entry is run a second time: what the pages on the two lists held after the first. */
    bool           again;
    unsigned char *first[2];
    uint32_t       first_count[2];
    /* The first stray store, from the fault handler. */
    _Atomic uint32_t stray;       /* 0: none; 1: being written down; 2: it is */
    uintptr_t    stray_thread;    /* lock_self() */
    const void  *stray_at, *stray_code;
    bool         stray_reading;   /* by an ro op */
};

/* The image has been recovered, replay is about to begin: 0, PSM_ENOMEM. */
int  audit_open(struct psm *m);
/* Memory is there, and the machine about to serve: 0, PSM_ENOMEM. */
int  audit_serve(struct psm *m);
void audit_close(struct psm *m);

/* The caller's thread, which holds the lock. Before an rw op; after it has been run and
 * published; after an ro op: 0 or PSM_EVERIFY, PSM_EFROZEN (before), PSM_EFAILED. */
int  audit_before_op(struct psm *m);
int  audit_after_op(struct psm *m, uint32_t op);
int  audit_after_read(struct psm *m, psm_op_fn *op);
/* psm_begin: memory is no longer compared. */
void audit_release_memory(struct psm *m);
/* Memory has been mapped anew within D. */
void audit_mapped(struct psm *m, const void *at, uint64_t bytes);

/* The replay thread: before and after an entry, and before a commit. Traps. */
void audit_begin_entry(struct psm *m);
void audit_end_entry(struct psm *m, uint64_t position);
/* Between them: whether the entry is to be run once more, the state having been put back;
 * and after that run: whether it came to the same. */
bool audit_again(struct psm *m);
void audit_compare_again(struct psm *m);
void audit_before_commit(struct psm *m);
/* Before [twin, twin + size) is marked. */
void audit_announced(struct psm *m, const void *twin, uint64_t size);

/* The signal handler: whether a write to `at` is the audit's business, and may go on. */
bool audit_fault(const void *at, const void *code);
#endif
