/* notes.h: what the pass tells the checker and the runtime about a program.
 *
 * Each translation unit leaves an array of struct psm_note in ELF section
 * "psm_notes" and the strings it needs in "psm_strings". It begins with a
 * PSM_NOTE_UNIT record; records about one function follow its PSM_NOTE_FUNCTION
 * record, a PSM_NOTE_GLOBAL may stand anywhere. The linker concatenates the arrays (it may put zero padding between
 * them: records of kind 0 are skipped, 8 bytes at a time until the next
 * PSM_NOTE_UNIT magic). Programs are linked non-PIE, so that all addresses are
 * final in the file: psm-cc reads them from the executable after the link,
 * psm_init from its own, by the same code (runtime/notes.c).
 *
 * Both sections are like debug information: in the file, not in memory. A large
 * program's notes are as big as its code, which would count as text, and nothing
 * in them may change what the foreground is. Unlike debug information they survive
 * `strip` (GNU's; `llvm-strip --strip-all` removes them, psm_init then says so),
 * and --gc-sections, being marked as retained. A string is given by its offset in
 * psm_strings; the empty string means none.
 *
 * Functions are known by their shadow variant's address (`shadow`): it is there
 * for every function compiled with the pass, and taking it changes nothing in the
 * foreground. A direct call whose shadow is 0 (a weak symbol nobody defined) goes
 * to a function that was compiled without the pass and is on no list.
 *
 * Globals are known by address, or by name alone (address 0) where the unit only
 * declares them: an address could not be linked if a shared library has them. */
#ifndef PSM_NOTES_H
#define PSM_NOTES_H
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PSM_NOTES_SECTION   "psm_notes"
#define PSM_STRINGS_SECTION "psm_strings"
#define PSM_NOTES_MAGIC     0x324e4d53u /* "SMN2" */

enum psm_note_kind {
    PSM_NOTE_PADDING = 0,
    PSM_NOTE_UNIT,     /* name: source file; detail: PSM_NOTES_MAGIC; other: 0 */
    PSM_NOTE_FUNCTION, /* name, file, line; shadow; other: foreground address if the
                          function is an op, external, or its address is taken, else
                          0; detail: psm_function_flags; type: hash of its type */
    PSM_NOTE_CALL,     /* direct call: name of callee, file, line; shadow of callee;
                          size: via; detail: PSM_CALL_WEAK, and other: the callee's
                          address, if the unit declares it weak and it may be null */
    PSM_NOTE_EXTERNAL, /* call of a listed external: name, file, line; detail: enum
                          psm_rule; other: the reason (forbid), a string; size: via */
    PSM_NOTE_INDIRECT, /* call through a pointer: file, line; type: hash; size: via */
    PSM_NOTE_TRAP,     /* unsupported construct: name: what; file, line; size: via */
    PSM_NOTE_READ,     /* global read, or its address used in a way that leaves open
                          what becomes of it: name, file, line; other: its address */
    PSM_NOTE_WRITE,    /* global written: name, file, line; other: its address */
    PSM_NOTE_GLOBAL,   /* mutable global defined here: name, file, line; other: its
                          address; size: bytes; detail: psm_global_flags */
    PSM_NOTE_TAKEN,    /* function whose address is taken: name, line; other: its
                          foreground (canonical) address; shadow: variant or thunk,
                          0 if it has none; type: hash; detail: PSM_CALL_WEAK, as
                          in a call. After a PSM_NOTE_FUNCTION: in
                          that function, or in the initial value of a global it uses;
                          before any: anywhere in the unit */
    PSM_NOTE_WARNING,  /* name: text; file, line; size: via */
    /* via: the functions inlined around the place, a string "f (x.c:7) -> " that
     * goes before it in a chain. */

    /* Where pointers to globals go. `size` says where the pointer comes from: a
     * parameter of this function, by index from 0, or one of enum psm_source. */
    PSM_NOTE_PASS,     /* to parameter `detail` of a function: shadow of it, or 0 for
                          a call through a pointer, type: hash; size: source */
    PSM_NOTE_RETURN,   /* to this function's caller; size: source */
    PSM_NOTE_ACCESS,   /* followed; detail: psm_access; size: source */
};

enum psm_source { /* above any parameter's index */
    PSM_SOURCE_PARAMETERS = 0x10000,
    PSM_SOURCE_GLOBAL,  /* a global: name, other: its address */
    PSM_SOURCE_RESULT,  /* what a function returned; other: shadow of it */
};
enum psm_call { PSM_CALL_WEAK = 1 };
enum psm_access { PSM_ACCESS_READ = 1, PSM_ACCESS_WRITE = 2 };

enum psm_function_flags {
    PSM_FUNCTION_OP = 1, PSM_FUNCTION_RO = 2, PSM_FUNCTION_SKIP = 4,
    PSM_FUNCTION_EXTERNAL = 8, /* other units may call it by name */
};
enum psm_global_flags {
    PSM_GLOBAL_STATE = 1,    /* marked psm_state: state even if no write is seen */
    PSM_GLOBAL_SCRATCH = 2,  /* psm_scratch, or a compiler's counter */
    PSM_GLOBAL_THREAD = 4,   /* thread-local: address is 0 */
    PSM_GLOBAL_EXTERNAL = 8, /* other units may know it by name */
};
enum psm_rule {
    PSM_RULE_PURE = 1, PSM_RULE_WRAP, PSM_RULE_ALLOC, PSM_RULE_OWN, PSM_RULE_SKIP,
    PSM_RULE_REPLACE, PSM_RULE_FORBID,
};

struct psm_note {
    uint32_t kind;   /* enum psm_note_kind */
    uint32_t line;   /* source line, 0 if not known */
    uint64_t name;   /* string */
    uint64_t file;   /* string */
    uint64_t shadow; /* address of a shadow variant */
    uint64_t other;  /* see kind */
    uint32_t detail; /* see kind */
    uint32_t type;   /* hash of a function type, as the pass computes it */
    uint64_t size;   /* see kind */
};
static_assert(sizeof(struct psm_note) == 56, "the pass emits this layout");

#ifndef __cplusplus /* the reader; the pass wants only the layout */

/* A loadable segment of the program. */
struct notes_segment {
    uint64_t low, high; /* addresses, [low, high), as in the file: not rounded */
    int writable, executable;
};

/* An ELF file as far as we care, mapped read-only. */
struct notes {
    const struct psm_note *note;     /* all records, padding included (kind 0) */
    size_t count;                    /* 0 if no part was compiled with the pass */
    const char *strings;             /* ends with a NUL */
    size_t strings_size;
    uint8_t build_id[20];            /* zero-padded if shorter */
    size_t build_id_size;            /* 0 if the file has none */
    int fixed;                       /* 1 if linked non-PIE (ET_EXEC) */
    int executable;                  /* 1 if a program, not an object file or library */
    uint64_t relro_low, relro_high;  /* read-only once the program runs; may be empty */
    struct notes_segment *segment;   /* by address */
    size_t segment_count;
    /* private */
    void *map;
    size_t map_size;
    struct psm_note *copy;
};

/* Read the notes of the ELF file `path`.
 *
 * Any bytes are accepted as input: what does not make sense is an error, never a
 * crash. Every string in a record is inside `strings` on return, so that
 * notes_string needs no error path. Records of kinds this version does not know
 * are an error: the pass was of another version.
 *
 * Returns 0, or -1 with one line in `error`. `notes` is to be given to notes_close
 * only after 0. */
int notes_open(struct notes *notes, const char *path, char *error, size_t error_size);
void notes_close(struct notes *notes);

/* The string that a record's field means, "" if it has none. */
const char *notes_string(const struct notes *notes, uint64_t field);

#endif
#endif
