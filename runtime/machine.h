/* machine.h: what one open machine consists of, and who may touch which part.
 *
 * Every part of the runtime reaches the others through struct psm. Fields are grouped
 * by who writes them, a group to its own cache lines:
 *
 *   set by psm_init        read by everybody, written by nobody until psm_close
 *   the writer's           written under the machine's lock only
 *   the replay thread's    written by it only; others read what is _Atomic
 *
 * Parts: lock (who may call), oplog (the log), space (addresses, D and P), epoch (the
 * blocks an epoch changes) with one epoch_store per medium (undo, journal), replay (the
 * thread), recover (opening), fault (what to do when an op crashes in replay). */
#ifndef PSM_MACHINE_H
#define PSM_MACHINE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "addresses.h"
#include "count.h"
#include "epoch.h"
#include "heap.h"
#include "lock.h"
#include "medium.h"
#include "oplog.h"
#include "psm.h"
#include "replay.h"
#include "space.h"

struct audit;
struct program;

/* Hidden: linked statically, their offsets are constants then, and need no load of their own. */
#define TLS_INITIAL __attribute__((tls_model("initial-exec"), visibility("hidden")))

/* Foreground: the machine whose rw op, or psm_begin section, this thread runs. Malloc and
 * its family mean that machine's heap while it is set. */
extern __thread struct psm *psm_current TLS_INITIAL;
/* The machine this thread is the replay thread of; NULL on all others. */
extern __thread struct psm *psm_replaying TLS_INITIAL;
/* The machine whose ro op this thread runs. */
extern __thread struct psm *psm_reading TLS_INITIAL;

/* What the newest commit says: the image is the state after all entries before
 * `position`. Kept on the medium by the epoch store, each in its own format. */
struct commit {
    uint64_t epoch;         /* number of the epoch committed */
    uint64_t position;      /* the tail: log position of the first entry not in the image */
    uint64_t sequence;      /* sequence of that entry */
    uint64_t salt;          /* of the log's entries from `position` on */
    int64_t  time;          /* of the last entry before `position` */
    uint64_t image_bytes;   /* length of the image file, at least */
    uint64_t journal_bytes; /* length of the undo or journal file, at least */
};

#define MACHINE_CHECKED  1  /* state: open, and every op is checked (audit.h) */
#define MACHINE_OP_CACHE 16 /* op functions looked up lately, by address */

struct psm {
    struct lock           lock;          /* begins with the gate that psm.h knows of */

    /* --- set by psm_init --- */
    _Alignas(64) void    *root;          /* canonical; NULL if root_size is 0 */
    _Atomic int           state;         /* 0: open; MACHINE_CHECKED: so; < 0: PSM_EFAILED, or
                                            PSM_EFORK in a child */
    const struct program *program;       /* ops, globals */
    struct medium         medium;        /* the door */
    struct space          space;         /* addresses, mappings, detached pages */
    struct psm_options    options;       /* defaults filled in */
    char                 *directory;     /* as given to psm_init */
    int                   directory_fd;
    int                   lock_fd;       /* holds the OFD lock; never mapped */
    int                   super_fd, log_fd, image_fd, journal_fd; /* journal: undo or journal */
    unsigned char        *super;         /* the super file, mapped */
    uint64_t              root_offset;   /* of the root in the arena; 0: none */
    uint64_t              machine_salt;  /* of undo records; fixed at creation */
    uint64_t              recovery_us;   /* how long psm_init took */
    bool                  owns_globals;  /* ops write globals: they are this machine's */
    struct psm           *next;          /* list of open machines */
    bool                  listed;        /* it is on it */
    struct audit         *audit;         /* PSM_CHECK: what it watches; else NULL */
    _Atomic bool          failing;       /* state is about to be PSM_EFAILED */
    char                  trouble[768];  /* why it failed; set before the state */

    /* --- the writer's, under the lock --- */
    enum lock_way         section_way;   /* how psm_begin got in */
    enum lock_way         fork_way;      /* how fork's handler got in */
    bool                  in_section;    /* between psm_begin and psm_commit */
    struct heap_view      heap_d;        /* the heap in D */
    struct oplog          log;
    uint64_t              op_sequence;   /* of the op that runs; psm_random */
    int64_t               op_time;       /* psm_time */
    uint64_t              op_draws;      /* numbers psm_random has given to this op */
    uint32_t              op_growths;    /* growths the heap has asked for in this op */
    bool                  native;        /* native.c replays: growth as the log says */
    uint64_t              native_refused;
    int                   native_failed; /* errno of a growth that fails now and did not then */
    bool                  op_refused;    /* one was refused: so are the rest of this op's */
    bool                  logs_after;    /* psm_begin was used: D and image differ rightly */
    struct { psm_op_fn *function; uint32_t id; } op_cache[MACHINE_OP_CACHE];
    void                 *arg_copy;      /* room for an argument that is not 16-aligned */
    size_t                arg_copy_bytes;
    count_t               ops, fences_foreground, bytes_foreground;
    count_t               heap_bytes;    /* heap_used(&heap_d) after the last op */

    /* --- the replay thread's --- */
    struct heap_view      heap_p;        /* the heap in P */
    struct epoch          epoch;         /* blocks changed since the last commit */
    struct commit         commit;        /* the newest */
    struct replay         replay;
};

/* --- for the code of the runtime that runs in P (wrappers of libc, the heap) --- */

/* Before a store of n bytes at twin, an address in P: as __psm_log_range. */
void psm_store_hook(void *twin, size_t n);
/* Before a store to n bytes that were dead when the epoch began: they are flushed at
 * commit, but need no record. Whole blocks: twin and n are multiples of PSM_BLOCK. */
void psm_fresh(struct psm *m, void *twin, size_t n);
/* The replayed op cannot go on: fail the machine, saying why, and leave the op. */
_Noreturn void psm_replay_trap(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same where the op is not to blame, but the system or the medium: it can be replayed
 * another time. Within fault_catch this comes back there, on any thread. */
_Noreturn void psm_replay_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- machine.c --- */

void machine_add(struct psm *m); /* the list is locked */
void machine_remove(struct psm *m);
void machine_list_lock(void);
void machine_list_unlock(void);
struct psm *machine_first(void); /* of the list, which is locked */
/* All open machines; the list is locked while `visit` runs. */
void machine_each(void (*visit)(struct psm *m, void *context), void *context);
/* The machine that has `address` in its arena (D), or NULL. */
struct psm *machine_of(const void *address);
/* Nothing more is acknowledged from now on; says so through the log callback, once. */
void machine_fail(struct psm *m, const char *why);

/* --- files.c, create.c, open.c, globals.c, views.c, native.c --- */

/* Open a file of the machine in directory_fd for reading and writing, refusing what others
 * may write: 0 and *fd, or PSM_EREADONLY, PSM_EUNSAFE, PSM_ETRUNCATED if it is missing. */
int  file_open(const char *directory, int directory_fd, const char *name, int *fd);
/* Which address slots are those of machines that lie in the same directory as `directory`:
 * bits. What cannot be read is none. */
uint32_t files_slots_beside(const char *directory);
/* Options with defaults filled in and checked. */
int  options_check(struct psm_options *to, const struct psm_options *from);
/* A number that no salt of this machine has been yet; tests that shall write the same twice
 * put in another function. */
extern uint64_t (*machine_new_salt)(void);
/* Make a machine in directory `dir`, under another name first; then it can be opened. */
#define MACHINE_UNFINISHED "unfinished" /* a file that is there meanwhile */
int  machine_create(const char *dir, const struct psm_options *options);
/* What a creation may have left undone: m's name `dir` is durable on return 0. */
int  machine_finish(struct psm *m, const char *dir);
/* Open and recover: fills in *m, a zeroed struct. On failure all is undone. */
int  machine_open(struct psm *m, const char *dir, const struct psm_options *options);
/* Undo machine_open, and free what it holds; m itself is the caller's. */
void machine_release(struct psm *m);
/* preview.c: whether the image will hold a heap when recovery has brought it to its last
 * commit; opens the view of P then. Nothing is written: P is a private mapping after it. */
int  preview_heap(struct psm *m);
/* Callbacks of the two views of the heap. */
void machine_heap_p(struct psm *m);
void machine_heap_d(struct psm *m);
/* Where the globals area lies and how long it is, from the program. */
void globals_place(struct psm *m);
/* Persisted globals: into the executable, from the image; frozen ones compared. */
void globals_restore(struct psm *m);
int  globals_check_frozen(struct psm *m, const unsigned char *area);
void globals_reset_scratch(struct psm *m);
bool globals_is_scratch(const struct psm *m, uint64_t address);
/* Recover by the plain variants (PSM_REPLAY_NATIVE): on return 0 the image is right. */
int  native_replay(struct psm *m, uint64_t until);
/* The entry's op run in D by this thread; the machine's lock is held, or nobody else there. */
int64_t machine_run_op(struct psm *m, psm_op_fn *op, const void *arg, size_t arg_size, void *out);

/* --- fork.c --- */
void fork_setup(void); /* once per process */

/* --- verify.c (psm_verify holds the lock and has drained) --- */
int verify_machine(struct psm *m);
#endif
