/* program.h: what the runtime knows about the program it is part of.
 *
 * Read once per process from /proc/self/exe (notes.h), checked again as psm-cc
 * checked it (check.h), since a program may have been linked without psm-cc: its
 * ops, its globals sorted into state, frozen and scratch, where its segments lie,
 * and which shadow variant belongs to a function pointer. */
#ifndef PSM_PROGRAM_H
#define PSM_PROGRAM_H
#include "notes.h"
#include "psm.h"

struct program_op {
    const char *name;
    psm_op_fn *foreground; /* what psm_invoke_* is given */
    psm_op_fn *shadow;     /* what the replay thread calls */
    uint32_t id;           /* index in program.op; stands in log entries, so the same
                              in every run of one build */
};

enum program_global_kind {
    PROGRAM_STATE,   /* op code may write it, or it is marked psm_state: persisted */
    PROGRAM_FROZEN,  /* op code only reads it: must not change while machines exist */
    PROGRAM_SCRATCH, /* op code may use it, nobody persists or compares it */
    PROGRAM_OTHER,   /* no op code is known to use it; here so that it has a name when
                        a write through a pointer hits it */
};

struct program_global {
    const char *name;
    uint64_t address;
    uint64_t size;
    enum program_global_kind kind;
};

struct program {
    const char *path;              /* of the executable, for messages */
    const char *name;              /* its last component */
    uint8_t build_id[20];          /* zero-padded; a rebuilt program has another */
    const struct program_op *op;   /* sorted by name, then address */
    uint32_t op_count;
    const struct program_global *global; /* sorted by address, no two overlap */
    uint32_t global_count;
    int ops_write_globals;         /* any global is PROGRAM_STATE */
    /* What op code may reach of the executable, and so wants a mirror at +delta:
     * its segments, by address, not rounded to pages. */
    const struct notes_segment *segment;
    uint32_t segment_count;
    /* Of these the part that holds .data and .bss: writable when the program runs,
     * [low, high), not rounded; empty (0, 0) if there is none. */
    uint64_t data_low, data_high;
};

/* The program, read and checked at the first call; later calls, from any thread,
 * return the same. A process has one program: it is never freed, and a failure is
 * as final as a success.
 *
 * Returns 0; PSM_EPROGRAMBAD: it is linked as PIE or without build id, has no notes
 * (compiled without the pass, or stripped of them), no ops, or an op reaches what
 * it must not: psm_error_detail() has file, line and chain; PSM_EIO; PSM_ENOMEM. */
int program_load(const struct program **program);

/* Index in program->op of the op whose foreground is `function`, or -1. */
int program_op_by_function(const struct program *program, psm_op_fn *function);

/* The global that holds `address`, or NULL. */
const struct program_global *program_global_at(const struct program *program, uint64_t address);

/* Name of the function whose foreground or shadow address is `address`, or NULL. */
const char *program_function_name(const struct program *program, uint64_t address);
#endif
