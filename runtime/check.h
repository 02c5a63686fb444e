/* check.h: what a linked program's ops reach, and whether they may.
 *
 * Walks the notes (notes.h) from the ops. Over direct calls what is reached must be
 * allowed: a forbidden function, one that is neither compiled with the pass nor
 * listed, or an unsupported construct is an error that shows the chain of calls.
 * What no op reaches cannot fail a build.
 *
 * Calls through pointers are followed by type, in two steps: to functions of the
 * type whose address is taken in code that is reached itself, or in globals it
 * uses, which is close to the truth; and, for the report only, to all functions of
 * the type whose address anybody takes. What is forbidden behind a pointer is no
 * error: the foreground is guarded there.
 *
 * psm-cc runs this after the link, psm_init at start, for the same answer. */
#ifndef PSM_CHECK_H
#define PSM_CHECK_H
#include "notes.h"

#include <stdio.h>

enum check_reach { /* how the nearest op gets there; smaller is nearer */
    CHECK_DIRECT,  /* over calls by name */
    CHECK_POINTER, /* through a pointer to a function that op code knows */
    CHECK_TYPE,    /* through a pointer, if it can hold any function of its type */
    CHECK_NEVER,
};

struct check_function {
    const struct psm_note *note; /* its PSM_NOTE_FUNCTION; what follows is about it, */
    const struct psm_note *end;  /* up to here */
    enum check_reach reach;
    size_t caller;               /* index of the function that reaches it; its own
                                    for an op */
    const struct psm_note *call; /* how: PSM_NOTE_CALL or PSM_NOTE_INDIRECT; NULL: op */
};

struct check_global {
    const struct psm_note *note; /* its PSM_NOTE_GLOBAL */
    int read, written;           /* by code reached with CHECK_DIRECT or _POINTER */
    size_t reader, writer;       /* such a function, if read, written */
};

struct check_message {
    int is_error;     /* else a warning */
    const char *file; /* "" if not known */
    uint32_t line;
    char *text;
};

struct check {
    const struct notes *notes;
    /* By shadow address; several may share one: copies of a function that the
     * linker has merged. The first of them carries reach and so on. */
    struct check_function *function;
    size_t function_count;
    size_t *by_name;              /* indexes of the external ones, by name */
    size_t by_name_count;
    struct check_global *global;  /* by address, thread-local ones left out */
    size_t global_count;
    size_t *global_by_name;       /* indexes of the external ones, by name */
    size_t global_by_name_count;
    struct check_message *message;
    size_t message_count;
    size_t error_count;           /* of the messages */
    size_t op_count;
};

/* Check a program.
 *
 * notes     must stay open as long as the result is used.
 * farthest  CHECK_POINTER, or CHECK_TYPE for a report: what is reached that way
 *           takes time to find, and changes neither errors nor globals.
 *
 * Returns NULL if there is not enough memory. */
struct check *check_program(const struct notes *notes, enum check_reach farthest);
void check_free(struct check *check);

/* Index of the function with shadow address `shadow`, the first of several; -1. */
ptrdiff_t check_find_shadow(const struct check *check, uint64_t shadow);

/* Print what each op reaches, which globals are state, frozen or scratch, and what
 * lies behind function pointers: sorted, without addresses and line numbers, so
 * that a test can pin it. Returns 0, or -1 if there is not enough memory. */
int check_report(const struct check *check, FILE *to);

/* Between the parts of the checker. */
int check_say(struct check *check, int is_error, size_t function, const struct psm_note *at,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
int check_globals(struct check *check);

/* The notes about function `index` and, one after the other, its merged copies. */
struct check_walk { size_t function; const struct psm_note *note; };
struct check_walk check_walk(const struct check *check, size_t index);
const struct psm_note *check_next(const struct check *check, struct check_walk *walk);
#endif
