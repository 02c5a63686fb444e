/* notes.h: what the pass tells the checker and the runtime about a program.
 *
 * Each translation unit leaves, in ELF section "psm_notes", an array of struct
 * psm_note. It begins with a PSM_NOTE_UNIT record; records about one function
 * follow its PSM_NOTE_FUNCTION record. The linker concatenates the arrays (it may
 * put zero padding between them: records of kind 0 are skipped, 8 bytes at a
 * time until the next PSM_NOTE_UNIT magic). Programs are linked non-PIE, so that
 * all addresses are final in the file: psm-cc reads them from the executable after
 * the link, psm_init from its own, by the same code (runtime/notes.c).
 *
 * Functions are known by their shadow variant's address (`shadow`): it is there
 * for every function compiled with the pass, and taking it changes nothing in the
 * foreground. A direct call whose shadow is 0 (a weak symbol nobody defined) goes
 * to a function that was compiled without the pass and is on no list. */
#ifndef PSM_NOTES_H
#define PSM_NOTES_H
#include <assert.h>
#include <stdint.h>

#define PSM_NOTES_SECTION "psm_notes"
#define PSM_NOTES_MAGIC   0x314e4d53u /* "SMN1" */

enum psm_note_kind {
    PSM_NOTE_PADDING = 0,
    PSM_NOTE_UNIT,     /* name: source file; detail: PSM_NOTES_MAGIC; other: 0 */
    PSM_NOTE_FUNCTION, /* name, file, line; shadow; other: foreground address if the
                          function is an op, external, or its address is taken, else
                          0; detail: psm_function_flags; type: hash of its type */
    PSM_NOTE_CALL,     /* direct call: name of callee, file, line; shadow of callee */
    PSM_NOTE_EXTERNAL, /* call of a listed external: name, file, line; detail: enum
                          psm_rule; other: text address for forbid (why) or 0 */
    PSM_NOTE_INDIRECT, /* call through a pointer: file, line; type: hash */
    PSM_NOTE_TRAP,     /* unsupported construct: name: what; file, line */
    PSM_NOTE_READ,     /* global read: name; other: its address; detail: bytes known */
    PSM_NOTE_WRITE,    /* global written: likewise */
    PSM_NOTE_GLOBAL,   /* mutable global defined here: name, file, line; other: its
                          address; size: bytes; detail: psm_global_flags */
    PSM_NOTE_TAKEN,    /* function whose address is taken here: name; other: its
                          foreground (canonical) address; shadow: variant or thunk;
                          type: hash */
    PSM_NOTE_WARNING,  /* name: text; file, line */
};

enum psm_function_flags {
    PSM_FUNCTION_OP = 1, PSM_FUNCTION_RO = 2, PSM_FUNCTION_SKIP = 4,
};
enum psm_global_flags {
    PSM_GLOBAL_STATE = 1,   /* marked psm_state: state even if no write is seen */
    PSM_GLOBAL_SCRATCH = 2, /* psm_scratch, or a compiler's counter */
    PSM_GLOBAL_THREAD = 4,  /* thread-local: address is 0 */
};
enum psm_rule {
    PSM_RULE_PURE = 1, PSM_RULE_WRAP, PSM_RULE_ALLOC, PSM_RULE_OWN, PSM_RULE_SKIP,
    PSM_RULE_REPLACE, PSM_RULE_FORBID,
};

struct psm_note {
    uint32_t kind;   /* enum psm_note_kind */
    uint32_t line;   /* source line, 0 if not known */
    uint64_t name;   /* address of a NUL-terminated string, 0 if none */
    uint64_t file;   /* address of a NUL-terminated string, 0 if not known */
    uint64_t shadow; /* address of a shadow variant */
    uint64_t other;  /* see kind */
    uint32_t detail; /* see kind */
    uint32_t type;   /* hash of a function type, as the pass computes it */
    uint64_t size;   /* see kind */
};
static_assert(sizeof(struct psm_note) == 56, "the pass emits this layout");
#endif
