/* check_report.c: the report of psm-cc --psm-report.
 *
 * Sorted by name and without addresses or line numbers, so that it changes only
 * when what it describes does, and a test can hold a program to it. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* A list of names to be sorted, each once. */
struct names { const char **item; size_t count, room; };

static int add(struct names *l, const char *name)
{
    if (l->count == l->room) {
        size_t room = l->room * 2 + 64;
        const char **item = realloc(l->item, room * sizeof *item);
        if (item == NULL)
            return -1;
        l->item = item;
        l->room = room;
    }
    l->item[l->count++] = name;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_once(struct names *l)
{
    size_t kept = 0;

    if (l->count > 0)
        qsort(l->item, l->count, sizeof *l->item, by_text);
    for (size_t i = 0; i < l->count; i++)
        if (kept == 0 || strcmp(l->item[kept - 1], l->item[i]) != 0)
            l->item[kept++] = l->item[i];
    l->count = kept;
}

static void print_names(FILE *to, const char *heading, struct names *l)
{
    size_t column = 0;

    sort_once(l);
    if (l->count > 0)
        fprintf(to, "  %s %zu:", heading, l->count);
    for (size_t i = 0; i < l->count; i++) {
        size_t length = strlen(l->item[i]);
        if (column == 0 || column + length > 76) {
            fputs("\n   ", to);
            column = 3;
        }
        fprintf(to, " %s", l->item[i]);
        column += length + 1;
    }
    if (l->count > 0)
        fputc('\n', to);
    l->count = 0;
}

/* Everything `op` reaches over direct calls, itself first; marks them in `seen`. */
static size_t reach_of(const struct check *c, size_t op, size_t *queue, unsigned char *seen)
{
    size_t tail = 0;

    memset(seen, 0, c->function_count);
    seen[op] = 1;
    queue[tail++] = op;
    for (size_t head = 0; head < tail; head++) {
        struct check_walk walk = check_walk(c, queue[head]);
        const struct psm_note *n;
        while ((n = check_next(c, &walk)) != NULL) {
            ptrdiff_t next = n->kind == PSM_NOTE_CALL ? check_find_shadow(c, n->shadow) : -1;
            if (next >= 0 && !seen[next]) {
                seen[next] = 1;
                queue[tail++] = (size_t)next;
            }
        }
    }
    return tail;
}

static const char *const rule_names[] = {
    [PSM_RULE_PURE] = "pure externals", [PSM_RULE_WRAP] = "wrapped externals",
    [PSM_RULE_ALLOC] = "allocation", [PSM_RULE_OWN] = "libpsm's own",
    [PSM_RULE_SKIP] = "skipped", [PSM_RULE_REPLACE] = "replaced",
    [PSM_RULE_FORBID] = "forbidden",
};
#define RULE_COUNT (sizeof rule_names / sizeof *rule_names)

static int print_op(const struct check *c, size_t op, size_t *queue, unsigned char *seen, FILE *to)
{
    struct names functions = { 0 }, external[RULE_COUNT] = { 0 };
    size_t count = reach_of(c, op, queue, seen), indirect = 0;
    int result = -1;

    for (size_t i = 0; i < count; i++) {
        struct check_walk walk = check_walk(c, queue[i]);
        const struct psm_note *n;
        if (add(&functions, notes_string(c->notes, c->function[queue[i]].note->name)) != 0)
            goto done;
        while ((n = check_next(c, &walk)) != NULL) {
            indirect += n->kind == PSM_NOTE_INDIRECT;
            if (n->kind == PSM_NOTE_EXTERNAL && n->detail < RULE_COUNT && n->detail > 0 &&
                add(&external[n->detail], notes_string(c->notes, n->name)) != 0)
                goto done;
        }
    }
    fprintf(to, "op %s\n", notes_string(c->notes, c->function[op].note->name));
    print_names(to, "functions", &functions);
    for (size_t rule = 1; rule < RULE_COUNT; rule++)
        print_names(to, rule_names[rule], &external[rule]);
    if (indirect > 0)
        fprintf(to, "  functions that call through pointers %zu\n", indirect);
    result = 0;
done:
    free(functions.item);
    for (size_t rule = 1; rule < RULE_COUNT; rule++)
        free(external[rule].item);
    return result;
}

static int print_pointers(const struct check *c, enum check_reach how, const char *heading, FILE *to)
{
    struct names functions = { 0 }, forbidden = { 0 };
    int result = -1;

    for (size_t i = 0; i < c->function_count; i++) {
        struct check_walk walk = check_walk(c, i);
        const struct psm_note *n;
        if (c->function[i].reach != how)
            continue;
        if (add(&functions, notes_string(c->notes, c->function[i].note->name)) != 0)
            goto done;
        while ((n = check_next(c, &walk)) != NULL)
            if (((n->kind == PSM_NOTE_EXTERNAL && n->detail == PSM_RULE_FORBID) ||
                 (n->kind == PSM_NOTE_CALL && n->shadow == 0) || n->kind == PSM_NOTE_TRAP) &&
                add(&forbidden, notes_string(c->notes, n->name)) != 0)
                goto done;
    }
    if (functions.count > 0)
        fprintf(to, "%s\n", heading);
    print_names(to, "functions", &functions);
    print_names(to, "of these do what ops must not, and stop the program if an op gets there",
                &forbidden);
    result = 0;
done:
    free(functions.item);
    free(forbidden.item);
    return result;
}

static int by_name(const void *a, const void *b, void *check)
{
    const struct check *c = check;
    const struct check_global *x = *(struct check_global *const *)a;
    const struct check_global *y = *(struct check_global *const *)b;
    int order = strcmp(notes_string(c->notes, x->note->name), notes_string(c->notes, y->note->name));

    return order != 0 ? order : (x > y) - (x < y);
}

static int print_globals(const struct check *c, FILE *to)
{
    const struct check_global **sorted = calloc(c->global_count + 1, sizeof *sorted);

    if (sorted == NULL)
        return -1;
    for (size_t i = 0; i < c->global_count; i++)
        sorted[i] = &c->global[i];
    qsort_r(sorted, c->global_count, sizeof *sorted, by_name, (void *)c);
    for (size_t i = 0; i < c->global_count; i++) {
        const struct check_global *g = sorted[i];
        const char *name = notes_string(c->notes, g->note->name);
        uint32_t flags = g->note->detail;
        unsigned long long size = g->note->size;
        if (flags & PSM_GLOBAL_SCRATCH)
            fprintf(to, "scratch %s %llu bytes\n", name, size);
        else if (g->written)
            fprintf(to, "state %s %llu bytes, written by %s\n", name, size,
                    notes_string(c->notes, c->function[g->writer].note->name));
        else if (flags & PSM_GLOBAL_STATE)
            fprintf(to, "state %s %llu bytes, marked\n", name, size);
        else if (g->read)
            fprintf(to, "frozen %s %llu bytes, read by %s\n", name, size,
                    notes_string(c->notes, c->function[g->reader].note->name));
    }
    free(sorted);
    return 0;
}

int check_report(const struct check *c, FILE *to)
{
    size_t *queue = calloc(2 * c->function_count + 1, sizeof *queue);
    const char **name = calloc(c->function_count + 1, sizeof *name);
    unsigned char *seen = calloc(c->function_count + 1, 1);
    size_t op_count = 0;
    int result = -1;

    if (queue == NULL || name == NULL || seen == NULL)
        goto done;
    /* Ops by name: insertion into the second half of `queue`, they are few. */
    size_t *op = queue + c->function_count;
    for (size_t i = 0; i < c->function_count; i++)
        if (c->function[i].reach == CHECK_DIRECT && c->function[i].call == NULL) {
            const char *new = notes_string(c->notes, c->function[i].note->name);
            size_t at = op_count++;
            for (; at > 0 && strcmp(name[at - 1], new) > 0; at--) {
                name[at] = name[at - 1];
                op[at] = op[at - 1];
            }
            name[at] = new;
            op[at] = i;
        }
    for (size_t i = 0; i < op_count; i++)
        if (print_op(c, op[i], queue, seen, to) != 0)
            goto done;
    if (print_pointers(c, CHECK_POINTER, "through pointers that op code makes", to) != 0 ||
        print_pointers(c, CHECK_TYPE, "through pointers, going by type alone", to) != 0 ||
        print_globals(c, to) != 0)
        goto done;
    result = 0;
done:
    free(queue);
    free(name);
    free(seen);
    return result;
}
