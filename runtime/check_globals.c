/* check_globals.c: which globals the reached code reads and writes.
 *
 * Direct accesses are in the notes. Beyond them a global's address may travel: as
 * an argument, as a result. Each parameter and each result of a function is a node;
 * what is done with a pointer that has got there is the node's `access`:
 *
 *     access(f, i)  ⊇  what f does through its parameter i
 *     access(f, i)  ⊇  access(g, j)       if f passes it on as g's parameter j
 *     access(f, i)  ⊇  access(f, result)  if f returns it
 *
 * and the same with the result of a function h in place of f's parameter i. A
 * global passed to (g, j), or returned by f, gets access(g, j), access(f, result).
 * A call through a pointer passes to every reached function of its type: for that
 * there is a node for each parameter of each type. Access is two bits that only
 * grow, so repeating until nothing changes ends soon. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

struct node {
    size_t function; /* index of the first with its shadow; or of_type() */
    uint64_t index;  /* of a parameter, or PSM_SOURCE_RESULT */
    uint32_t access;
};

struct nodes {
    struct node *slot; /* open addressing; access is 0 until something is known */
    unsigned char *used;
    size_t size;       /* a power of two */
    size_t count;
};

static int nodes_grow(struct nodes *t);

static struct node *node_at(struct nodes *t, size_t function, uint64_t index)
{
    size_t at = (function * 31 + index) * UINT64_C(0x9e3779b97f4a7c15) >> 20;

    if (t->count * 2 >= t->size && nodes_grow(t) != 0)
        return NULL;
    for (;; at++) {
        at &= t->size - 1;
        if (!t->used[at]) {
            t->used[at] = 1;
            t->count++;
            t->slot[at] = (struct node){ function, index, 0 };
            return &t->slot[at];
        }
        if (t->slot[at].function == function && t->slot[at].index == index)
            return &t->slot[at];
    }
}

static int nodes_grow(struct nodes *t)
{
    struct nodes new = { .size = t->size ? t->size * 2 : 1024 };

    new.slot = calloc(new.size, sizeof *new.slot);
    new.used = calloc(new.size, 1);
    if (new.slot == NULL || new.used == NULL) {
        free(new.slot);
        free(new.used);
        return -1;
    }
    for (size_t i = 0; i < t->size; i++)
        if (t->used[i])
            *node_at(&new, t->slot[i].function, t->slot[i].index) = t->slot[i];
    free(t->slot);
    free(t->used);
    *t = new;
    return 0;
}

/*-- the globals there are --------------------------------------------------------*/

static int by_address(const void *a, const void *b)
{
    const struct check_global *x = a, *y = b;

    if (x->note->other != y->note->other)
        return x->note->other < y->note->other ? -1 : 1;
    return (x->note > y->note) - (x->note < y->note);
}

static const char *name_of(const struct check *c, size_t global)
{
    return notes_string(c->notes, c->global[global].note->name);
}

static int index_by_name(const void *a, const void *b, void *check)
{
    return strcmp(name_of(check, *(const size_t *)a), name_of(check, *(const size_t *)b));
}

static int make_globals(struct check *c)
{
    const struct notes *n = c->notes;
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < n->count; i++)
        count += n->note[i].kind == PSM_NOTE_GLOBAL;
    c->global = calloc(count + 1, sizeof *c->global);
    c->global_by_name = calloc(count + 1, sizeof *c->global_by_name);
    if (c->global == NULL || c->global_by_name == NULL)
        return -1;
    for (size_t i = 0; i < n->count; i++)
        if (n->note[i].kind == PSM_NOTE_GLOBAL && n->note[i].other != 0 && n->note[i].size != 0)
            c->global[c->global_count++].note = &n->note[i];
    qsort(c->global, c->global_count, sizeof *c->global, by_address);
    /* Weak and merged definitions: one address, so one global, of the first's size,
     * and nothing in a damaged file may make two of them overlap. */
    for (size_t i = 0; i < c->global_count; i++) {
        const struct psm_note *last = kept ? c->global[kept - 1].note : NULL;
        if (last == NULL || c->global[i].note->other - last->other >= last->size)
            c->global[kept++] = c->global[i];
    }
    c->global_count = kept;
    for (size_t i = 0; i < kept; i++)
        if (c->global[i].note->detail & PSM_GLOBAL_EXTERNAL)
            c->global_by_name[c->global_by_name_count++] = i;
    qsort_r(c->global_by_name, c->global_by_name_count, sizeof *c->global_by_name,
            index_by_name, c);
    return 0;
}

static struct check_global *find_address(const struct check *c, uint64_t address)
{
    size_t low = 0, high = c->global_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->global[middle].note->other <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - c->global[low - 1].note->other >= c->global[low - 1].note->size)
        return NULL;
    return &c->global[low - 1];
}

/* The global that a record is about, or NULL if no unit that was compiled with the
 * pass defines it. */
static struct check_global *find_global(const struct check *c, const struct psm_note *n)
{
    const char *name = notes_string(c->notes, n->name);
    size_t low = 0, high = c->global_by_name_count;

    if (n->other != 0)
        return find_address(c, n->other);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name_of(c, c->global_by_name[middle]), name);
        if (order == 0)
            return &c->global[c->global_by_name[middle]];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/*-- who does what -----------------------------------------------------------------*/

struct flow {
    struct check *check;
    struct nodes nodes;
    int changed;
};

static void touch(struct check_global *g, size_t function, uint32_t access)
{
    if ((access & PSM_ACCESS_READ) && !g->read)
        g->read = 1, g->reader = function;
    if ((access & PSM_ACCESS_WRITE) && !g->written)
        g->written = 1, g->writer = function;
}

/* Stands for all functions of a type. */
static size_t of_type(const struct flow *w, uint32_t type)
{
    return w->check->function_count + type;
}

static int grow(struct flow *w, size_t function, uint64_t index, uint32_t access)
{
    struct node *node = node_at(&w->nodes, function, index);

    if (node == NULL)
        return -1;
    if ((node->access | access) != node->access) {
        node->access |= access;
        w->changed = 1;
    }
    return 0;
}

/* What record `n`, in function `function`, says of its source also holds for what
 * `access` does. */
static int give(struct flow *w, size_t function, const struct psm_note *n, uint32_t access)
{
    ptrdiff_t from = (ptrdiff_t)function;
    uint64_t index = n->size;

    if (n->size == PSM_SOURCE_GLOBAL) {
        struct check_global *g = find_global(w->check, n);
        if (g != NULL)
            touch(g, function, access | PSM_ACCESS_READ);
        return 0;
    }
    if (n->size == PSM_SOURCE_RESULT)
        from = check_find_shadow(w->check, n->other);
    if (from < 0)
        return 0;
    if (grow(w, (size_t)from, index, access) != 0)
        return -1;
    if (index < PSM_SOURCE_PARAMETERS)
        return grow(w, of_type(w, w->check->function[from].note->type), index, access);
    return 0;
}

static int access_of(struct flow *w, size_t function, uint64_t index, uint32_t *access)
{
    struct node *node = node_at(&w->nodes, function, index);

    if (node == NULL)
        return -1;
    *access |= node->access;
    return 0;
}

/* Access of the parameter that PSM_NOTE_PASS `n` passes to. */
static int passed_to(struct flow *w, const struct psm_note *n, uint32_t *access)
{
    ptrdiff_t to;

    if (n->shadow == 0)
        return access_of(w, of_type(w, n->type), n->detail, access);
    to = check_find_shadow(w->check, n->shadow);
    return to < 0 ? 0 : access_of(w, (size_t)to, n->detail, access);
}

static int flow_through(struct flow *w, size_t function)
{
    struct check_walk walk = check_walk(w->check, function);
    const struct psm_note *n;

    while ((n = check_next(w->check, &walk)) != NULL) {
        uint32_t access = 0;
        if (n->kind == PSM_NOTE_ACCESS)
            access = n->detail;
        else if (n->kind == PSM_NOTE_PASS && passed_to(w, n, &access) != 0)
            return -1;
        else if (n->kind == PSM_NOTE_RETURN &&
                 access_of(w, function, PSM_SOURCE_RESULT, &access) != 0)
            return -1;
        else if (n->kind != PSM_NOTE_PASS && n->kind != PSM_NOTE_RETURN)
            continue;
        if (give(w, function, n, access) != 0)
            return -1;
    }
    return 0;
}

/* Accesses to globals by name. What no instrumented unit defines cannot be kept. */
static int note_accesses(struct check *c, size_t function)
{
    struct check_walk walk = check_walk(c, function);
    const struct psm_note *n;

    while ((n = check_next(c, &walk)) != NULL) {
        if (n->kind != PSM_NOTE_READ && n->kind != PSM_NOTE_WRITE)
            continue;
        int writes = n->kind == PSM_NOTE_WRITE;
        struct check_global *g = find_global(c, n);
        if (g != NULL)
            touch(g, function, writes ? PSM_ACCESS_WRITE : PSM_ACCESS_READ);
        else if (c->function[function].reach == CHECK_DIRECT && n->other == 0 &&
                 check_say(c, writes, function, n, "a %s '%s', a variable that no unit compiled "
                           "with the pass defines, so it cannot be part of the state",
                           writes ? "write to" : "read of", notes_string(c->notes, n->name)) != 0)
            return -1;
    }
    return 0;
}

int check_globals(struct check *c)
{
    struct flow w = { .check = c };
    int result = make_globals(c);

    for (size_t i = 0; i < c->function_count && result == 0; i++)
        if (c->function[i].reach <= CHECK_POINTER)
            result = note_accesses(c, i);
    do {
        w.changed = 0;
        for (size_t i = 0; i < c->function_count && result == 0; i++)
            if (c->function[i].reach <= CHECK_POINTER)
                result = flow_through(&w, i);
    } while (w.changed && result == 0);
    free(w.nodes.slot);
    free(w.nodes.used);
    return result;
}
