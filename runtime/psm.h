/* psm.h: persistent state machines for C.
 *
 * A machine is a piece of ordinary in-memory state, plain structs and malloc,
 * that survives a crash of the process or of the computer. The functions that
 * change the state are marked psm_op and called through psm_invoke_rw; a call
 * that has returned has been made durable. Nothing else about the program
 * changes: ops run as plain native code on plain memory.
 *
 *     struct counter { long value; };
 *
 *     __attribute__((psm_op))
 *     int64_t add(void *root, const void *arg, size_t size, void *out)
 *     {
 *         struct counter *c = root;
 *         return c->value += *(const long *)arg;
 *     }
 *
 *     psm_t *machine;
 *     struct psm_options options = { .root_size = sizeof(struct counter) };
 *     if (psm_init(&machine, "counter.psm", &options) != 0)
 *         errx(1, "%s", psm_error_detail());
 *     long one = 1;
 *     psm_invoke_rw(machine, add, &one, sizeof one, NULL, 0);
 *     psm_close(machine);
 *
 * The idea is that of Zhang, Shenker, Zhang, "Persistent State Machines for
 * Recoverable In-memory Storage Systems with NVRam", OSDI 2020 (Persimmon):
 * log the ops, not the stores; run them natively; replay them behind the
 * caller's back on a persistent image (their section 3). Here a compiler pass,
 * not a binary instrumenter, makes the code that does the replaying.
 *
 * What an op must be: a deterministic function of the state and of its argument
 * bytes. It may call anything in the program and most of libc; what it may not
 * call is reported by the compiler. Inside an op malloc and its family mean the
 * machine's own heap; outside, also in read-only ops, libc's.
 *
 * Errors: functions return 0 or a PSM_E code, negative; psm_strerror() has one
 * sentence per code, psm_error_detail() the story of the calling thread's last
 * one. A function that fails has changed nothing, unless it says otherwise.
 *
 * Threads: any thread may call any function on an open machine. Rw ops run one
 * at a time in the order of their entries in the op-log; ro ops run in parallel
 * with each other, never beside an rw op. An op may not call psm_ functions
 * other than psm_time, psm_random and psm_root.
 *
 * Forks: a child may go on reading the memory it inherited; psm_invoke_rw in it
 * returns PSM_EFORK. */
#ifndef PSM_H
#define PSM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
#define PSM_ERROR(name, number, text) PSM_##name = -(0x50534d00 + (number)),
#include "psm_errors.def"
#undef PSM_ERROR
};

/* One open machine. Opaque; freed by psm_close. */
typedef struct psm psm_t;

/* An op.
 *
 * root      the machine's root object: root_size bytes, zero at creation.
 * arg       the caller's bytes, 16-aligned (in read-only ops: where the caller has
 *           them); not kept beyond the call: an op that wants them later copies them.
 * arg_size  in bytes.
 * out       write-only room for what the caller wants to know, or NULL. Writes
 *           to it are not part of the state.
 *
 * Returns whatever it likes, but for the values of PSM_E codes. */
typedef int64_t psm_op_fn(void *root, const void *arg, size_t arg_size, void *out);

enum psm_medium {
    PSM_MEDIUM_AUTO = 0, /* what libpmem finds the directory to lie on */
    PSM_MEDIUM_PM   = 1, /* persistent memory, mapped with MAP_SYNC; an error elsewhere */
    PSM_MEDIUM_FILE = 2, /* ordinary file, fdatasync; works everywhere */
};

enum psm_flags {
    PSM_CREATE        = 1 << 0, /* the machine must not exist yet: PSM_EEXIST */
    PSM_OPEN          = 1 << 1, /* the machine must exist: PSM_ENOENT */
    PSM_RO_NOWAIT     = 1 << 2, /* file medium: ro ops may see writes not durable yet */
    PSM_ACCEPT_LOSS   = 1 << 3, /* open in spite of PSM_ELOGDAMAGE, or PSM_ECORRUPT of a
                                   large argument: the state is as before the first
                                   damaged entry, the rest is dropped */
    PSM_DROP_POISON   = 1 << 4, /* drop the entry PSM_EPOISON named and all after it,
                                   unless a later entry shows that its caller was told
                                   that it is durable; that the newest ones' were, none
                                   shows */
    PSM_REPLAY_NATIVE = 1 << 5, /* recover by the plain code on a private copy, written
                                   back whole: slow, takes no shadow code's word */
    PSM_CHECK         = 1 << 6, /* for development and tests: see below */
};

enum psm_log_level { PSM_LOG_ERROR, PSM_LOG_WARNING, PSM_LOG_INFO };

/* All zero means: the defaults. */
struct psm_options {
    size_t   root_size;      /* bytes of the root object; fixed at creation; 0 for a
                                program whose ops keep their state in globals */
    uint64_t capacity_bytes; /* the most the heap may grow to; default 32 GiB, at most
                                60 GiB; may be raised at a later open */
    uint64_t log_bytes;      /* size of the op-log; fixed at creation; rounded up to a
                                power of two; default 64 MiB, 64 KiB to 4 GiB */
    uint64_t private_bytes;  /* file medium: bound on the pages that replay keeps back
                                until an epoch is committed; default 256 MiB */
    uint32_t epoch_ops_max;  /* ops in one epoch at most; default 0: as many as fit */
    enum psm_medium medium;  /* fixed at creation; AUTO at a later open */
    uint32_t flags;          /* of enum psm_flags */
    uint32_t address_slot;   /* which of 32 address ranges the state shall have, from 1;
                                fixed at creation; default 0: see psm_init */
    /* Called, from any thread, with one line of text without newline; default:
     * errors and warnings go to stderr. It may not call psm_ functions. */
    void   (*log)(void *log_context, enum psm_log_level level, const char *line);
    void    *log_context;
};

/* PSM_CHECK: every op is checked when it happens, rather than at the next psm_verify.
 *
 *  1. An rw op is replayed on the image as soon as it has run in memory, before it
 *     returns, and what either run wrote is compared, byte by byte, free blocks left out;
 *     persisted globals as well. An op that depends on more than its state and its
 *     argument makes its psm_invoke_rw return PSM_EVERIFY; the log callback and
 *     psm_error_detail() name the op, its entry, the first address that differs, the
 *     block or global it lies in, and the values on both sides. The machine has failed then.
 *  2. A change of the state by a read-only op, or by code outside of any op, is named, with
 *     its code address: by that psm_invoke_ro, if it was a read-only op's, else by the next
 *     call that runs an op; PSM_EVERIFY, the machine has failed. A change of a global
 *     that ops only read gives PSM_EFROZEN, the op has not run, and nothing has failed.
 *  3. Every byte of the image that an op has changed has to lie in a block whose old bytes
 *     are in the undo log or journal, or which was free; else PSM_EFAILED, naming the op
 *     and the address. That would be a fault of the compiler pass or of libpsm.
 *
 * What it cannot see: a difference that the two runs of this day happen not to show, such
 * as a dependence on uninitialised memory that held the same both times; what an op
 * returns or writes to `out`; changes through system calls (read(2) into the state fails
 * with EFAULT); writes of other threads to pages that an op is just changing are put down
 * to the op.
 *
 * For programs that execute first and log after: from the first psm_begin on memory and
 * image need not be alike, so 1 and 2 are not checked, but 3 is, and each op is replayed
 * twice from the same state, with other bytes on the stack: it must come to the same. The
 * next call on the machine after that returns PSM_EFAILED, with the op's name. Whether
 * what was executed comes to the same as what was appended, the caller's digest tells.
 *
 * Costs: 30 microseconds an op and 25 for each page it changes, on a busy machine with two
 * cores; on the file medium a fdatasync an op; when opened, a copy of all of the state. No
 * handler of the program's own for SIGSEGV may be installed after psm_init,
 * nor the signal be blocked. Without the flag it costs nothing. */

/* Open or create the machine in directory `dir`, and recover it.
 *
 * machine   set last, on success only; to be given to psm_close.
 * dir       made, mode 0700, if missing (its parent must exist), under the name
 *           `dir`.new first; holds the files super, log, image and undo or
 *           journal, mode 0600, and extent-N while the log has large arguments.
 * options   may be NULL when the machine exists or ops keep state in globals.
 *
 * On return 0 the state is that of all acknowledged ops, perhaps followed by ops
 * that were under way at the crash, in order and each exactly once. Takes time in
 * proportion to the ops not yet replayed, not to the size of the state: pages of
 * the image are mapped and read as they are touched.
 *
 * Recovery fails closed: a file it does not understand wholly is left untouched.
 * A machine has one of 32 address ranges, and a process can open two machines only if
 * theirs differ: else opening the second gives PSM_EADDRESS. At creation one is taken
 * that no machine has which is open in the process or lies beside the new one, in the
 * same parent directory; or that which options.address_slot names, for machines made
 * elsewhere. When all are taken, machines begin to share them.
 *
 * Returns 0 or any PSM_E code but PSM_EOP, PSM_EARGSIZE. */
int psm_init(psm_t **machine, const char *dir, const struct psm_options *options);

/* Wait for all ops to reach the image, commit it, close the files, unmap the
 * state. No other thread may be in a call on the machine, nor use its state
 * afterwards. Frees `machine` whatever it returns, but for PSM_EINVAL and
 * PSM_ENESTED, which change nothing.
 *
 * Returns 0, or PSM_EFAILED or PSM_EIO when the image could not be brought up to
 * date; the op-log still has every acknowledged op then. */
int psm_close(psm_t *machine);

/* Run one op durably.
 *
 * op        a function marked psm_op in this program.
 * arg       copied to the log; may be NULL when arg_size is 0.
 * arg_size  in bytes, up to PSM_ARG_SIZE_MAX; more than a quarter of the log
 *           costs a file of its own, synced before the op runs.
 * out       handed to the op; out_size is what it may write, in bytes, or 0.
 *
 * When it returns an op's result, the op is durable: it survives a crash and is
 * applied exactly once. Persistent memory: the entry is fenced. File: fdatasync
 * has returned, shared with the other threads waiting (group commit). Waits for
 * the replay thread while the log is full.
 *
 * When it returns a PSM_E code (psm_is_error), the op has not run, except for
 * PSM_EFAILED, and PSM_EVERIFY, which comes with PSM_CHECK only: then it may have run,
 * and reopening decides whether it survived.
 * Returns the op's result; PSM_EINVAL, PSM_EOP, PSM_EARGSIZE, PSM_ENOMEM, PSM_ENOSPC,
 * PSM_EIO, PSM_EREADONLY (the last three: a large argument's file), PSM_EFORK,
 * PSM_ENESTED, PSM_EFAILED; with PSM_CHECK also PSM_EVERIFY, PSM_EFROZEN. */
int64_t psm_invoke_rw(psm_t *machine, psm_op_fn *op, const void *arg,
                      size_t arg_size, void *out, size_t out_size);

/* Run one op that only reads.
 *
 * It runs natively, once, and never on the image, so it may print, allocate from
 * libc, and keep what it likes; it may not change the state (psm_verify would
 * find that). Returns when every write it can have seen is durable, unless the
 * machine was opened with PSM_RO_NOWAIT.
 *
 * Returns the op's result; PSM_EINVAL, PSM_ENESTED, PSM_EFAILED; with PSM_CHECK also
 * PSM_EVERIFY. */
int64_t psm_invoke_ro(psm_t *machine, psm_op_fn *op, const void *arg,
                      size_t arg_size, void *out, size_t out_size);

/* For programs that execute first and log after, such as servers that know what
 * a command comes to only when it has run.
 *
 * psm_begin takes the machine's lock for this thread and makes malloc and its
 * family mean the machine's heap, until psm_commit. In between the caller changes
 * the state as it likes and says by psm_append which ops come to the same.
 * psm_commit makes all of them durable with one fence or fdatasync, and lets go.
 *
 * The image is what the appended ops make of it, so memory and image need not be
 * alike bit for bit, and psm_verify compares the caller's digest instead of
 * bytes: see psm_verify. After a restart the state is the image's.
 *
 * psm_append returns 0, or PSM_EINVAL, PSM_EOP, PSM_EARGSIZE, PSM_ENOSPC, PSM_EIO,
 * PSM_EREADONLY with nothing appended, or PSM_EFAILED. When the log is full it commits what came
 * before and waits. psm_commit returns 0 or PSM_EFAILED. */
int psm_begin(psm_t *machine);
int psm_append(psm_t *machine, psm_op_fn *op, const void *arg, size_t arg_size);
int psm_commit(psm_t *machine);

/* The machine's root object, the same address in every run; NULL if it has none. */
void *psm_root(psm_t *machine);

/* Inside an op: the entry's time, nanoseconds since 1970, never running backwards
 * from one op to the next; and random bits, the same in replay. In read-only ops
 * and outside ops: the real time, and unpredictable bits. */
int64_t  psm_time(void);
uint64_t psm_random(void);

/* Wait until the image holds every op acknowledged before the call. */
int psm_drain(psm_t *machine);

/* Check the machine: wait for all ops to reach the image, then
 *  1. compare the state in memory with the image, bit for bit, free blocks left
 *     out, unless psm_begin was ever used on this machine;
 *  2. look in live blocks and persisted globals for pointers to what will not be
 *     there after a restart: libc's heap, stacks, shared libraries;
 *  3. compare the globals that ops only read with their values at creation.
 * What differs is reported through the log callback, with the block it lies in.
 *
 * Rw ops wait meanwhile. Returns 0, PSM_EVERIFY, PSM_EFROZEN, PSM_EFAILED. */
int psm_verify(psm_t *machine);

/* Counters of one machine, since psm_init where not said otherwise. */
struct psm_statistics {
    uint64_t ops;                /* acknowledged */
    uint64_t ops_recovered;      /* found in the log by psm_init and replayed */
    uint64_t ops_behind;         /* replay lag: acknowledged, not in the image yet */
    uint64_t log_bytes;          /* size of the op-log */
    uint64_t log_bytes_used;     /* replay lag in bytes of log */
    uint64_t epochs;             /* committed */
    uint64_t blocks_logged;      /* 32-byte blocks copied to the undo log or journal */
    uint64_t blocks_fresh;       /* blocks written without a record: free when the
                                    epoch began */
    uint64_t medium_bytes;       /* written to the medium by libpsm: log, undo, journal,
                                    image */
    uint64_t fences_foreground;  /* sfence or fdatasync waited for by callers */
    uint64_t fences_replay;      /* the same, by the replay thread */
    uint64_t pages_detached;     /* pages of memory copied just before the image changed */
    uint64_t heap_bytes;         /* arena bytes in use, allocator metadata included */
    uint64_t heap_capacity;      /* what it may grow to */
    uint64_t recovery_us;        /* microseconds psm_init took */
    uint32_t medium;             /* of enum psm_medium */
    uint32_t failed;             /* 1 when nothing more is acknowledged */
};

/* Fill in `statistics`; cheap, takes no lock, each number on its own. */
int psm_stats(psm_t *machine, struct psm_statistics *statistics);

/* One sentence for a code, never NULL; static storage. */
const char *psm_strerror(int64_t code);

/* What the calling thread's last failed psm_ call had to say: file, offset, op,
 * and how to go on. Valid until this thread's next psm_ call. Never NULL. */
const char *psm_error_detail(void);

/* Whether what psm_invoke_* returned is a PSM_E code rather than an op's result. */
static inline int psm_is_error(int64_t result)
{
    return result < -0x50534d00 && result >= -0x50534dff;
}

#define PSM_ARG_SIZE_MAX ((size_t)1 << 30) /* 1 GiB */

/* --- what follows is psm_invoke_ro's fast path, no part of the API ---
 *
 * Inlined, since what such a call costs is its loads: independent reads overlap their
 * cache misses as far as the processor's load queue goes, and each load of ours is one of
 * theirs less. This takes two; a call would take five. Who may read this way is
 * runtime/lock.h's business. A machine begins with its gate. */
struct psm_gate {
    void     *root;   /* the machine's, while a read needs nothing but to be noted; or NULL */
    uintptr_t reader; /* the thread that may come in by the fast path, while it is out; or 0 */
    uint32_t  inside; /* that thread is in a call on the machine */
};

int64_t psm_invoke_ro_slowly(psm_t *machine, psm_op_fn *op, const void *arg, size_t arg_size,
                             void *out, size_t out_size);

extern inline __attribute__((gnu_inline))
int64_t psm_invoke_ro(psm_t *machine, psm_op_fn *op, const void *arg, size_t arg_size,
                      void *out, size_t out_size)
{
    struct psm_gate *gate = (struct psm_gate *)machine;
    uintptr_t self = (uintptr_t)__builtin_thread_pointer();
    if (__builtin_expect(gate != NULL && op != NULL && (arg != NULL || arg_size == 0)
                         && (out != NULL || out_size == 0)
                         && __atomic_load_n(&gate->reader, __ATOMIC_RELAXED) == self, 1)) {
        __atomic_store_n(&gate->reader, 0, __ATOMIC_RELAXED); /* a call inside takes the slow way */
        __atomic_store_n(&gate->inside, 1, __ATOMIC_RELAXED);
        /* Compiler only: the processor's order is the business of who closes the gate. */
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        void *root = __atomic_load_n(&gate->root, __ATOMIC_ACQUIRE);
        if (__builtin_expect(root != NULL, 1)) {
            int64_t result = op(root, arg, arg_size, out);
            __atomic_store_n(&gate->inside, 0, __ATOMIC_RELEASE); /* the read, before this */
            __atomic_store_n(&gate->reader, self, __ATOMIC_RELAXED);
            return result;
        }
        __atomic_store_n(&gate->inside, 0, __ATOMIC_RELEASE);
    }
    return psm_invoke_ro_slowly(machine, op, arg, arg_size, out, out_size);
}

#ifdef __cplusplus
}
#endif
#endif
