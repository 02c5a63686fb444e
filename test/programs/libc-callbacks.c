// Functions of libc that call the op back, through libpsm's own ones and through pointers
// kept in the state: sorting large and small arrays, trees, lists; the same bytes in the
// image, also where the comparison function itself changes the state.
//
// RUN: %psmcc -O0 -D_GNU_SOURCE %s -o %t.0 && %t.0 %pmdir/0 | FileCheck %s
// RUN: %psmcc -O2 -D_GNU_SOURCE %s -o %t.2 && %t.2 %pmdir/2 | FileCheck %s
// RUN: %t.2 %filedir/2 | FileCheck %s
// CHECK: sorted
// CHECK-NEXT: verify no error
// CHECK-NEXT: reopened, sorted
// CHECK-NEXT: verify no error
#include <psm.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
    unsigned key, rank;
    char text[56];
};

typedef int compare(const void *, const void *);

struct state {
    size_t count;
    unsigned *small;
    struct record *large;
    struct record **pointers;
    compare *compare_record; /* in the state, as a tree keeps its comparator */
    void *(*find)(const void *, const void *, size_t *, size_t, compare *);
    void *tree;
    long comparisons, visits, sum;
};

static long comparisons;

static int by_value(const void *a, const void *b)
{
    comparisons++;
    const unsigned *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_key(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static int by_key_with(const void *a, const void *b, void *with)
{
    struct state *s = with;
    s->comparisons++;
    return s->compare_record(*(struct record *const *)a, *(struct record *const *)b);
}

static void visit(const void *node, VISIT which, void *with)
{
    struct state *s = with;
    if (which == postorder || which == leaf)
        s->sum = s->sum * 31 + **(unsigned *const *)node;
    s->visits++;
}

static void free_key(void *key) { free(key); }

__attribute__((psm_op)) int64_t fill(void *root, const void *arg, size_t size, void *out)
{
    (void)size, (void)out;
    struct state *s = root;
    s->count = *(const unsigned *)arg;
    s->small = malloc(s->count * sizeof *s->small);
    s->large = calloc(s->count, sizeof *s->large);
    s->pointers = malloc(s->count * sizeof *s->pointers);
    s->compare_record = by_key;
    s->find = lfind;
    for (size_t i = 0; i < s->count; i++) {
        s->small[i] = (unsigned)psm_random();
        s->large[i].key = (unsigned)psm_random() % 100;
        s->large[i].rank = (unsigned)i;
        snprintf(s->large[i].text, sizeof s->large[i].text, "record %zu", i);
        s->pointers[i] = &s->large[i];
    }
    return 0;
}

__attribute__((psm_op)) int64_t sort(void *root, const void *arg, size_t size, void *out)
{
    (void)arg, (void)size, (void)out;
    struct state *s = root;
    qsort(s->small, s->count, sizeof *s->small, by_value);
    qsort_r(s->pointers, s->count, sizeof *s->pointers, by_key_with, s);
    qsort(s->large, s->count, sizeof *s->large, s->compare_record);
    for (size_t i = 0; i < s->count; i += 7) {
        unsigned *found = bsearch(&s->small[i], s->small, s->count, sizeof *s->small, by_value);
        s->sum += found - s->small;
        size_t count = s->count;
        struct record *record = s->find(&s->large[i], s->large, &count, sizeof *record, s->compare_record);
        s->sum += record->rank;
    }
    return 0;
}

__attribute__((psm_op)) int64_t grow_tree(void *root, const void *arg, size_t size, void *out)
{
    (void)arg, (void)size, (void)out;
    struct state *s = root;
    for (int i = 0; i < 200; i++) {
        unsigned *key = malloc(sizeof *key);
        *key = (unsigned)psm_random() % 500;
        unsigned **node = tsearch(key, &s->tree, by_value);
        if (*node != key)
            free(key);
    }
    for (unsigned i = 0; i < 500; i += 3) {
        unsigned **node = tfind(&i, &s->tree, by_value);
        if (node) {
            unsigned *key = *node;
            tdelete(&i, &s->tree, by_value);
            free(key);
        }
    }
    twalk_r(s->tree, visit, s);
    if (s->visits > 3000) {
        tdestroy(s->tree, free_key);
        s->tree = NULL;
        s->visits = 0;
    }
    return 0;
}

static int is_sorted(const struct state *s)
{
    for (size_t i = 1; i < s->count; i++)
        if (s->small[i - 1] > s->small[i] || s->large[i - 1].key > s->large[i].key ||
            (s->large[i - 1].key == s->large[i].key && s->large[i - 1].rank > s->large[i].rank))
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct state) };
    if (argc < 2 || psm_init(&machine, argv[1], &options))
        return puts(psm_error_detail()), 1;
    static const unsigned counts[] = { 3, 40, 1000, 30000 };
    for (int i = 0; i < 4; i++) {
        psm_invoke_rw(machine, fill, &counts[i], sizeof counts[i], NULL, 0);
        psm_invoke_rw(machine, sort, NULL, 0, NULL, 0);
        psm_invoke_rw(machine, grow_tree, NULL, 0, NULL, 0);
        if (!is_sorted(psm_root(machine)))
            return puts("not sorted"), 1;
    }
    for (int i = 0; i < 40; i++)
        psm_invoke_rw(machine, grow_tree, NULL, 0, NULL, 0);
    puts("sorted");
    printf("verify %s\n", psm_verify(machine) ? psm_error_detail() : "no error");
    psm_close(machine);
    if (psm_init(&machine, argv[1], &options))
        return puts(psm_error_detail()), 1;
    printf("reopened, %s\n", is_sorted(psm_root(machine)) ? "sorted" : "not sorted");
    psm_invoke_rw(machine, sort, NULL, 0, NULL, 0);
    psm_invoke_rw(machine, grow_tree, NULL, 0, NULL, 0);
    printf("verify %s\n", psm_verify(machine) ? psm_error_detail() : "no error");
    return psm_close(machine) != 0;
}
