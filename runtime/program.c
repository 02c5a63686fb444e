/* program.c: what the runtime knows about the program it is part of; see program.h.
 *
 * Guarantees: a program that is not fit to be a machine is refused before any file
 * of a machine is looked at, and the reason is told as the driver would have told
 * it. Everything here is written once, under a lock, and only read afterwards.
 *
 * Relies on the program being linked non-PIE, so that addresses in its file are
 * addresses in memory; and on __psm_resolve being reached only through ops, so
 * after program_load. */
#include "program.h"

#include "check.h"
#include "error.h"
#include "hooks.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Functions by the address that pointers to them hold: open addressing, at most
 * half full. */
struct function_slot {
    uint64_t canonical; /* 0: empty */
    uint64_t shadow;
    int op;             /* index in program.op, -1 for others */
};

static struct {
    struct program program;
    struct notes notes;
    struct check *check; /* kept for names */
    char path[PATH_MAX];
    struct program_op *op;
    struct program_global *global;
    struct function_slot *slot;
    size_t slot_count; /* a power of two */
    int code;          /* result of the one try */
    char detail[2048]; /* what to tell every caller if it failed */
} the;

/*-- function pointers ------------------------------------------------------------*/

/* Functions are mostly 16-aligned; multiplication spreads the bits above. */
static size_t slot_of(uint64_t canonical)
{
    return (canonical >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

/* The slot of a function, or the empty one where it would be. */
static struct function_slot *find_slot(uint64_t canonical)
{
    size_t at = slot_of(canonical);

    for (;; at++) {
        struct function_slot *s = &the.slot[at & (the.slot_count - 1)];
        if (s->canonical == canonical || s->canonical == 0)
            return s;
    }
}

/* The program's own functions first: where a unit also knows one as an external,
 * the variant made from its body counts. */
static int make_functions(void)
{
    static const uint32_t kinds[] = { PSM_NOTE_FUNCTION, PSM_NOTE_TAKEN };
    const struct notes *n = &the.notes;
    size_t count = 0;

    for (size_t i = 0; i < n->count; i++)
        count += n->note[i].kind == kinds[0] || n->note[i].kind == kinds[1];
    for (the.slot_count = 64; the.slot_count < 2 * count; the.slot_count *= 2)
        ;
    the.slot = calloc(the.slot_count, sizeof *the.slot);
    if (the.slot == NULL)
        return -1;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (size_t i = 0; i < n->count; i++) {
            const struct psm_note *f = &n->note[i];
            if (f->kind != kinds[kind] || f->other == 0 || f->shadow == 0)
                continue;
            struct function_slot *s = find_slot(f->other);
            if (s->canonical == 0)
                *s = (struct function_slot){ f->other, f->shadow, -1 };
        }
    for (uint32_t i = 0; i < the.program.op_count; i++)
        find_slot((uint64_t)(uintptr_t)the.op[i].foreground)->op = (int)i;
    return 0;
}

void *__psm_resolve(void *function)
{
    static __thread char text[160];
    const struct function_slot *s = NULL;

    if (function != NULL && the.slot != NULL)
        s = find_slot((uint64_t)(uintptr_t)function);
    if (s != NULL && s->canonical != 0)
        return (void *)(uintptr_t)s->shadow;
    snprintf(text, sizeof text, "a call through function pointer %p, which is no function "
             "compiled with the pass and on no list", function);
    __psm_trap(text);
}

/*-- what the checker found -------------------------------------------------------*/

static int op_order(const void *a, const void *b)
{
    const struct program_op *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    uintptr_t p = (uintptr_t)x->foreground, q = (uintptr_t)y->foreground;

    return order != 0 ? order : (p > q) - (p < q);
}

static int make_ops(void)
{
    const struct check *c = the.check;
    uint32_t kept = 0;

    the.op = calloc(c->function_count + 1, sizeof *the.op);
    if (the.op == NULL)
        return -1;
    for (size_t i = 0; i < c->function_count; i++) {
        const struct psm_note *n = c->function[i].note;
        if ((n->detail & PSM_FUNCTION_OP) == 0 || n->other == 0)
            continue;
        the.op[kept++] = (struct program_op){
            .name = notes_string(&the.notes, n->name),
            .foreground = (psm_op_fn *)(uintptr_t)n->other,
            .shadow = (psm_op_fn *)(uintptr_t)n->shadow,
        };
    }
    qsort(the.op, kept, sizeof *the.op, op_order);
    for (uint32_t i = 0; i < kept; i++)
        if (the.program.op_count == 0 ||
            the.op[i].foreground != the.op[the.program.op_count - 1].foreground) {
            the.op[the.program.op_count] = the.op[i];
            the.op[the.program.op_count].id = the.program.op_count;
            the.program.op_count++;
        }
    the.program.op = the.op;
    return 0;
}

static enum program_global_kind kind_of(const struct check_global *g)
{
    if (g->note->detail & PSM_GLOBAL_SCRATCH)
        return PROGRAM_SCRATCH;
    if (g->written || (g->note->detail & PSM_GLOBAL_STATE))
        return PROGRAM_STATE;
    return g->read ? PROGRAM_FROZEN : PROGRAM_OTHER;
}

static int make_globals(void)
{
    const struct check *c = the.check;

    the.global = calloc(c->global_count + 1, sizeof *the.global);
    if (the.global == NULL)
        return -1;
    for (size_t i = 0; i < c->global_count; i++) {
        const struct psm_note *n = c->global[i].note;
        the.global[i] = (struct program_global){
            .name = notes_string(&the.notes, n->name),
            .address = n->other, .size = n->size, .kind = kind_of(&c->global[i]),
        };
        if (the.global[i].kind == PROGRAM_STATE)
            the.program.ops_write_globals = 1;
    }
    the.program.global = the.global;
    the.program.global_count = (uint32_t)c->global_count;
    return 0;
}

static void find_data(void)
{
    const struct notes *n = &the.notes;

    the.program.segment = n->segment;
    the.program.segment_count = (uint32_t)n->segment_count;
    for (size_t i = 0; i < n->segment_count; i++) {
        const struct notes_segment *s = &n->segment[i];
        if (!s->writable)
            continue;
        /* lld gives the part that becomes read-only a segment of its own; GNU ld
         * puts it first in a common one. */
        uint64_t low = s->low;
        if (n->relro_low <= low && low < n->relro_high)
            low = n->relro_high;
        if (low >= s->high)
            continue;
        if (the.program.data_low == 0)
            the.program.data_low = low;
        the.program.data_high = s->high;
    }
}

/*-- loading -----------------------------------------------------------------------*/

__attribute__((format(printf, 2, 3)))
static int refuse(int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(the.detail, sizeof the.detail, format, arguments);
    va_end(arguments);
    return code;
}

static int load(void)
{
    char problem[256];
    ssize_t length = readlink("/proc/self/exe", the.path, sizeof the.path - 1);

    if (length <= 0)
        return refuse(PSM_EIO, "cannot tell which program this is: /proc/self/exe: %m");
    the.path[length] = '\0';
    const char *slash = strrchr(the.path, '/');
    the.program.path = the.path;
    the.program.name = slash != NULL ? slash + 1 : the.path;

    if (notes_open(&the.notes, "/proc/self/exe", problem, sizeof problem) != 0)
        return refuse(PSM_EPROGRAMBAD, "%s: %s", the.path, problem);
    if (!the.notes.fixed)
        return refuse(PSM_EPROGRAMBAD, "%s is linked as a position-independent program, so "
                      "pointers in the state would not be true in the next run: compile with "
                      "-fno-pie and link with -no-pie, or use psm-cc", the.path);
    if (the.notes.build_id_size == 0)
        return refuse(PSM_EPROGRAMBAD, "%s has no build id, by which a machine knows its "
                      "program again: link with -Wl,--build-id=sha1, or use psm-cc", the.path);
    memcpy(the.program.build_id, the.notes.build_id, sizeof the.program.build_id);
    the.check = check_program(&the.notes, CHECK_POINTER);
    if (the.check == NULL)
        return refuse(PSM_ENOMEM, "%s: not enough memory to check it", the.path);
    for (size_t i = 0; i < the.check->message_count; i++) {
        const struct check_message *m = &the.check->message[i];
        if (m->is_error)
            return refuse(PSM_EPROGRAMBAD, "%s: %s:%u: %s (%zu such)", the.path,
                          *m->file ? m->file : "?", m->line, m->text, the.check->error_count);
    }
    if (the.check->op_count == 0)
        return refuse(PSM_EPROGRAMBAD, "%s has no ops: no function is marked psm_op, or its "
                      "file was compiled without the pass, or the program was stripped of its "
                      "section " PSM_NOTES_SECTION " (GNU strip keeps it)", the.path);
    if (make_ops() != 0 || make_globals() != 0 || make_functions() != 0)
        return refuse(PSM_ENOMEM, "%s: not enough memory for its tables", the.path);
    find_data();
    return 0;
}

static void load_once(void)
{
    the.code = load();
}

int program_load(const struct program **program)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load_once);
    if (the.code != 0)
        return psm_fail(the.code, "%s", the.detail);
    *program = &the.program;
    return 0;
}

/*-- questions ---------------------------------------------------------------------*/

int program_op_by_function(const struct program *program, psm_op_fn *function)
{
    const struct function_slot *s;

    (void)program;
    if (function == NULL)
        return -1;
    s = find_slot((uint64_t)(uintptr_t)function);
    return s->canonical != 0 ? s->op : -1;
}

const struct program_global *program_global_at(const struct program *program, uint64_t address)
{
    uint32_t low = 0, high = program->global_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (program->global[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - program->global[low - 1].address >= program->global[low - 1].size)
        return NULL;
    return &program->global[low - 1];
}

const char *program_function_name(const struct program *program, uint64_t address)
{
    const struct check *c = the.check;

    (void)program;
    for (size_t i = 0; address != 0 && i < c->function_count; i++) {
        const struct psm_note *n = c->function[i].note;
        if (n->shadow == address || n->other == address)
            return notes_string(&the.notes, n->name);
    }
    return NULL;
}
