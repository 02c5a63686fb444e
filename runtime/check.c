/* check.c: reach of the ops; see check.h.
 *
 * All lookups are binary searches in sorted arrays, and every function is entered
 * once for each kind of reach, so the cost is that of sorting the notes: 5 ms for a
 * program of 5,000 functions, which psm_init can afford at every start.
 *
 * Messages have the form of those that the pass gives within a module
 * (llvm-pass/Chains.cpp). */
#include "check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct check *c, size_t function)
{
    return notes_string(c->notes, c->function[function].note->name);
}

/*-- looking things up --------------------------------------------------------*/

static int by_shadow(const void *a, const void *b)
{
    const struct check_function *x = a, *y = b;

    if (x->note->shadow != y->note->shadow)
        return x->note->shadow < y->note->shadow ? -1 : 1;
    return (x->note > y->note) - (x->note < y->note);
}

ptrdiff_t check_find_shadow(const struct check *c, uint64_t shadow)
{
    size_t low = 0, high = c->function_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->function[middle].note->shadow < shadow)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->function_count && c->function[low].note->shadow == shadow ? (ptrdiff_t)low : -1;
}

static int index_by_name(const void *a, const void *b, void *check)
{
    const struct check *c = check;

    return strcmp(name_of(c, *(const size_t *)a), name_of(c, *(const size_t *)b));
}

/* An external function of the program by that name, or -1. */
static ptrdiff_t find_name(const struct check *c, const char *name)
{
    size_t low = 0, high = c->by_name_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name_of(c, c->by_name[middle]), name);
        if (order == 0)
            return (ptrdiff_t)c->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

struct check_walk check_walk(const struct check *c, size_t index)
{
    return (struct check_walk){ index, c->function[index].note };
}

const struct psm_note *check_next(const struct check *c, struct check_walk *walk)
{
    const struct check_function *f = &c->function[walk->function];

    while (++walk->note >= f->end) {
        size_t next = walk->function + 1;
        if (next == c->function_count || c->function[next].note->shadow != f->note->shadow) {
            --walk->note;
            return NULL;
        }
        walk->function = next;
        f = &c->function[next];
        walk->note = f->note;
    }
    return walk->note;
}

/*-- what there is --------------------------------------------------------------*/

static int make_functions(struct check *c)
{
    const struct notes *n = c->notes;
    size_t count = 0;

    for (size_t i = 0; i < n->count; i++)
        count += n->note[i].kind == PSM_NOTE_FUNCTION;
    c->function = calloc(count + 1, sizeof *c->function);
    c->by_name = calloc(count + 1, sizeof *c->by_name);
    if (c->function == NULL || c->by_name == NULL)
        return -1;
    for (size_t i = 0; i < n->count; i++) {
        size_t end = i + 1;
        /* A function whose section the linker has dropped has no address. */
        if (n->note[i].kind != PSM_NOTE_FUNCTION || n->note[i].shadow == 0)
            continue;
        while (end < n->count && n->note[end].kind != PSM_NOTE_FUNCTION &&
               n->note[end].kind != PSM_NOTE_UNIT)
            end++;
        c->function[c->function_count++] = (struct check_function){
            .note = &n->note[i], .end = &n->note[end], .reach = CHECK_NEVER,
        };
    }
    qsort(c->function, c->function_count, sizeof *c->function, by_shadow);
    for (size_t i = 0; i < c->function_count; i++)
        if (c->function[i].note->detail & PSM_FUNCTION_EXTERNAL)
            c->by_name[c->by_name_count++] = i;
    qsort_r(c->by_name, c->by_name_count, sizeof *c->by_name, index_by_name, c);
    return 0;
}

/*-- messages --------------------------------------------------------------------*/

/* Append "put -> stamp (kv.c:9)": how the ops get to `function`. */
static void print_chain(const struct check *c, size_t function, FILE *to)
{
    const struct check_function *f = &c->function[function];

    if (f->call == NULL) {
        fprintf(to, "%s", name_of(c, function));
        return;
    }
    print_chain(c, f->caller, to);
    fprintf(to, " -> %s%s%s", notes_string(c->notes, f->call->size),
            f->call->kind == PSM_NOTE_INDIRECT ? "*" : "", name_of(c, function));
    if (f->call->line != 0)
        fprintf(to, " (%s:%u)", notes_string(c->notes, f->call->file), f->call->line);
}

static size_t op_of(const struct check *c, size_t function)
{
    while (c->function[function].call != NULL)
        function = c->function[function].caller;
    return function;
}

/* Keep the text written to `to`, which it closes, as a message about `at`. */
static int keep_message(struct check *c, int is_error, const struct psm_note *at, FILE *to,
                        char **text)
{
    struct check_message *all =
        realloc(c->message, (c->message_count + 1) * sizeof *c->message);

    if (all != NULL)
        c->message = all;
    if (fclose(to) != 0 || all == NULL) {
        free(*text);
        return -1;
    }
    c->message[c->message_count++] = (struct check_message){
        .is_error = is_error, .file = notes_string(c->notes, at->file), .line = at->line,
        .text = *text,
    };
    c->error_count += is_error != 0;
    return 0;
}

int check_say(struct check *c, int is_error, size_t function, const struct psm_note *at,
              const char *format, ...)
{
    const char *via = "";
    char *text = NULL;
    size_t text_size;
    va_list arguments;
    FILE *to = open_memstream(&text, &text_size);

    if (to == NULL)
        return -1;
    if (at->kind == PSM_NOTE_CALL || at->kind == PSM_NOTE_EXTERNAL || at->kind == PSM_NOTE_TRAP ||
        at->kind == PSM_NOTE_WARNING)
        via = notes_string(c->notes, at->size);
    int direct = c->function[function].call == NULL && *via == '\0';
    fprintf(to, "op '%s' %s ", name_of(c, op_of(c, function)), direct ? "has" : "reaches");
    va_start(arguments, format);
    vfprintf(to, format, arguments);
    va_end(arguments);
    if (!direct) {
        fputs("; chain: ", to);
        print_chain(c, function, to);
        if (strlen(via) > 4) /* ends with an arrow to what is named above */
            fprintf(to, " -> %.*s", (int)strlen(via) - 4, via);
    }
    return keep_message(c, is_error, at, to, &text);
}

/* An op whose code is not in the program, though its unit is: a linker that removes
 * unused sections and does not know SHF_GNU_RETAIN. */
static int check_dropped(struct check *c)
{
    for (size_t i = 0; i < c->notes->count; i++) {
        const struct psm_note *n = &c->notes->note[i];
        if (n->kind != PSM_NOTE_FUNCTION || !(n->detail & PSM_FUNCTION_OP) ||
            (n->shadow != 0 && n->other != 0))
            continue;
        char *text = NULL;
        size_t text_size;
        FILE *to = open_memstream(&text, &text_size);
        if (to == NULL)
            return -1;
        fprintf(to, "op '%s' was removed by the linker: leave out --gc-sections, or use GNU ld "
                "or lld", notes_string(c->notes, n->name));
        if (keep_message(c, 1, n, to, &text) != 0)
            return -1;
    }
    return 0;
}

/* What is wrong with what function `index` does, an error if reached by name. */
static int check_function(struct check *c, size_t index)
{
    struct check_walk walk = check_walk(c, index);
    const struct psm_note *n;
    ptrdiff_t own;

    while ((n = check_next(c, &walk)) != NULL) {
        const char *name = notes_string(c->notes, n->name);
        int failed = 0;
        switch (n->kind) {
        case PSM_NOTE_CALL:
            if ((n->detail & PSM_CALL_WEAK) && n->shadow == 0 && n->other == 0)
                break; /* nobody defines it, so it is called nowhere: `if (f) f();` */
            if (n->shadow == 0 || check_find_shadow(c, n->shadow) < 0)
                failed = check_say(c, 1, index, n, "a call of '%s', which is neither compiled "
                                   "with the pass nor on the list of external functions", name);
            break;
        case PSM_NOTE_EXTERNAL:
            own = find_name(c, name);
            if (n->detail == PSM_RULE_FORBID)
                failed = check_say(c, 1, index, n, "a call of '%s', which %s", name,
                                   notes_string(c->notes, n->other));
            else if (own >= 0)
                failed = check_say(c, 1, index, n, "a call of '%s', which the program defines "
                                   "itself, but which this unit took for the library's: "
                                   "rename it", name);
            break;
        case PSM_NOTE_TRAP:
            failed = check_say(c, 1, index, n, "%s, which ops cannot have", name);
            break;
        case PSM_NOTE_WARNING:
            failed = check_say(c, 0, index, n, "code that %s", name);
            break;
        case PSM_NOTE_TAKEN:
            if (n->other == 0 && !(n->detail & PSM_CALL_WEAK) && find_name(c, name) < 0
                && strcmp(name, "__cxa_pure_virtual") != 0)
                failed = check_say(c, 1, index, n, "the address of '%s' in position-independent "
                                   "code, where it differs from run to run: compile with "
                                   "-fno-pie", name);
            break;
        }
        if (failed != 0)
            return -1;
    }
    return 0;
}

/*-- the walk --------------------------------------------------------------------*/

/* Functions reached and not yet followed. */
struct queue { size_t *index, head, tail; };

static void reach(struct check *c, struct queue *q, size_t index, enum check_reach how,
                  size_t caller, const struct psm_note *call)
{
    struct check_function *f = &c->function[index];

    if (f->reach <= how)
        return;
    f->reach = how;
    f->caller = caller;
    f->call = call;
    q->index[q->tail++] = index;
}

/* A call through a pointer, or a function that may be in one. */
struct pointer { uint32_t type; size_t function; const struct psm_note *note; };
struct pointers { struct pointer *item; size_t count, room; };

static int pointers_add(struct pointers *p, struct pointer new)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->item[i].type == new.type && p->item[i].function == new.function)
            return 0;
    if (p->count == p->room) {
        size_t room = p->room * 2 + 64;
        struct pointer *item = realloc(p->item, room * sizeof *item);
        if (item == NULL)
            return -1;
        p->item = item;
        p->room = room;
    }
    p->item[p->count++] = new;
    return 0;
}

/* Functions reached by name from what is in the queue keep the queue's reach, or
 * a farther one: what a function behind a pointer calls is behind that pointer. */
static int follow(struct check *c, struct queue *q, struct pointers *calls,
                  struct pointers *taken)
{
    while (q->head < q->tail) {
        size_t index = q->index[q->head++];
        struct check_walk walk = check_walk(c, index);
        const struct psm_note *n;
        while ((n = check_next(c, &walk)) != NULL) {
            ptrdiff_t to = n->kind == PSM_NOTE_CALL || n->kind == PSM_NOTE_TAKEN
                               ? check_find_shadow(c, n->shadow) : -1;
            if (n->kind == PSM_NOTE_CALL && to >= 0)
                reach(c, q, (size_t)to, c->function[index].reach, index, n);
            if (n->kind == PSM_NOTE_TAKEN && n->shadow == 0 &&
                (to = find_name(c, notes_string(c->notes, n->name))) >= 0)
                to = check_find_shadow(c, c->function[to].note->shadow);
            if (n->kind == PSM_NOTE_TAKEN && to >= 0 &&
                pointers_add(taken, (struct pointer){ n->type, (size_t)to, n }) != 0)
                return -1;
            /* One call of each type is enough: the first, so the nearest. */
            if (n->kind == PSM_NOTE_INDIRECT) {
                size_t i = 0;
                while (i < calls->count && calls->item[i].type != n->type)
                    i++;
                if (i == calls->count &&
                    pointers_add(calls, (struct pointer){ n->type, index, n }) != 0)
                    return -1;
            }
        }
    }
    return 0;
}

/* Bring together calls through pointers and functions that pointers may hold,
 * until nothing new is reached. */
static int follow_pointers(struct check *c, struct queue *q, struct pointers *calls,
                           struct pointers *taken, enum check_reach how)
{
    size_t before;

    do {
        before = q->tail;
        for (size_t i = 0; i < calls->count; i++)
            for (size_t j = 0; j < taken->count; j++)
                if (calls->item[i].type == taken->item[j].type)
                    reach(c, q, taken->item[j].function, how, calls->item[i].function,
                          calls->item[i].note);
        if (follow(c, q, calls, taken) != 0)
            return -1;
    } while (q->tail != before);
    return 0;
}

/* All functions whose address is taken anywhere. */
static int take_everything(struct check *c, struct pointers *taken)
{
    for (size_t i = 0; i < c->notes->count; i++) {
        const struct psm_note *n = &c->notes->note[i];
        ptrdiff_t to = n->kind == PSM_NOTE_TAKEN ? check_find_shadow(c, n->shadow) : -1;
        if (to >= 0 && pointers_add(taken, (struct pointer){ n->type, (size_t)to, n }) != 0)
            return -1;
    }
    return 0;
}

static int walk(struct check *c, enum check_reach farthest)
{
    struct pointers calls = { 0 }, taken = { 0 };
    struct queue q = { 0 };
    int result = -1;

    /* A function is reached at most once for each of the three kinds. */
    q.index = calloc(3 * c->function_count + 1, sizeof *q.index);
    if (q.index == NULL)
        return -1;
    for (size_t i = 0; i < c->function_count; i++)
        if (c->function[i].note->detail & PSM_FUNCTION_OP) {
            size_t first = (size_t)check_find_shadow(c, c->function[i].note->shadow);
            c->op_count += first == i;
            reach(c, &q, first, CHECK_DIRECT, first, NULL);
        }
    if (follow(c, &q, &calls, &taken) != 0)
        goto done;
    for (size_t i = 0; i < q.tail; i++)
        if (check_function(c, q.index[i]) != 0)
            goto done;
    if (follow_pointers(c, &q, &calls, &taken, CHECK_POINTER) != 0 || check_globals(c) != 0)
        goto done;
    if (farthest == CHECK_TYPE &&
        (take_everything(c, &taken) != 0 ||
         follow_pointers(c, &q, &calls, &taken, CHECK_TYPE) != 0))
        goto done;
    result = 0;
done:
    free(calls.item);
    free(taken.item);
    free(q.index);
    return result;
}

struct check *check_program(const struct notes *notes, enum check_reach farthest)
{
    struct check *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->notes = notes;
    if (make_functions(c) != 0 || check_dropped(c) != 0 || walk(c, farthest) != 0) {
        check_free(c);
        return NULL;
    }
    return c;
}

void check_free(struct check *c)
{
    for (size_t i = 0; i < c->message_count; i++)
        free(c->message[i].text);
    free(c->message);
    free(c->function);
    free(c->by_name);
    free(c->global);
    free(c->global_by_name);
    free(c);
}
