/* own.c: functions of libc whose result, or order of calls back, the standard leaves
 * open or the host decides: qsort, bsearch, tsearch, gmtime and their like.
 *
 * An op and its replay, today or after a restart on another machine, must do the same,
 * and libc does not promise that: glibc's qsort chose its algorithm by the amount of
 * memory in the computer, and newer ones choose another. So programs compiled with the
 * pass call psm_NAME instead (rules `own`), and this file goes through the pass like the
 * program itself: in a shadow variant psm_NAME.psm runs, with the shadow variants of the
 * program's comparison functions. It is therefore ordinary C with an op's restrictions,
 * malloc included: in an op that is the machine's heap.
 *
 * qsort is stable, as glibc's nearly always was: programs have come to rely on it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- qsort ----------------------------------------------------------------------------
 *
 * Merge sort: the fewest comparisons, which are calls, and so most of the time; few
 * writes, each of which is announced in P. The left half is moved to a buffer of half
 * the array's size and merged back with the right one, so that nothing moves if the
 * halves are in order. Runs of up to 5 are sorted by insertion. Elements of more than 32
 * bytes are sorted by way of pointers and moved once.
 *
 * The buffer is on the stack if it is small, else malloc'd; without memory, heap sort
 * does without (it is not stable, but the same in both copies, as malloc's refusals
 * are). */

struct order {
    int (*compare)(const void *, const void *);
    int (*compare_with)(const void *, const void *, void *); /* if compare is NULL */
    void *with;
    size_t size;
    char *buffer; /* for half of the elements, or for one */
};

static inline int compare(const struct order *order, const void *a, const void *b)
{
    return order->compare ? order->compare(a, b) : order->compare_with(a, b, order->with);
}

/* What an element of the array is: itself, or a pointer to what to compare. */
#define DIRECT(p)   (p)
#define INDIRECT(p) (*(void **)(p))

/* How an element of SIZE bytes is moved: a call of memcpy for each would cost more than
 * moving them. */
#define AS_ONE(to, from, size) memcpy(to, from, size)
#define BY_WORD(to, from, size)                                                         \
    do {                                                                                \
        size_t at_ = 0;                                                                 \
        for (; at_ + 8 <= (size); at_ += 8)                                             \
            memcpy((to) + at_, (from) + at_, 8);                                        \
        for (; at_ < (size); at_++)                                                     \
            (to)[at_] = (from)[at_];                                                    \
    } while (0)

/* Keeps the compiler from selecting without a branch: on a branch foretold the processor
 * goes on to load the next elements, which for a large array are cache misses, while the
 * comparison is under way (1M elements of 64 bytes: 2.5x). */
#define BRANCH(condition) __builtin_expect(condition, 0)

/* One copy of the algorithm for elements of SIZE bytes. */
#define MERGE_SORT(name, SIZE, ELEMENT, MOVE)                                                \
    static void name##_insertion(const struct order *order, char *base, size_t count)   \
    {                                                                                   \
        char *end = base + count * (SIZE);                                              \
        for (char *next = base + (SIZE); next < end; next += (SIZE)) {                  \
            char *to = next;                                                            \
            while (to > base && compare(order, ELEMENT(to - (SIZE)), ELEMENT(next)) > 0) \
                to -= (SIZE);                                                           \
            if (to == next)                                                             \
                continue;                                                               \
            MOVE(order->buffer, next, (SIZE));                                          \
            memmove(to + (SIZE), to, (size_t)(next - to));                              \
            MOVE(to, order->buffer, (SIZE));                                            \
        }                                                                               \
    }                                                                                   \
    static void name(const struct order *order, char *base, size_t count)               \
    {                                                                                   \
        if (count <= 5) {                                                               \
            name##_insertion(order, base, count);                                       \
            return;                                                                     \
        }                                                                               \
        size_t half = count / 2;                                                        \
        char *right = base + half * (SIZE), *end = base + count * (SIZE);               \
        name(order, base, half);                                                        \
        name(order, right, count - half);                                               \
        if (compare(order, ELEMENT(right - (SIZE)), ELEMENT(right)) <= 0)               \
            return;                                                                     \
        memcpy(order->buffer, base, half * (SIZE));                                     \
        char *left = order->buffer, *left_end = left + half * (SIZE), *to = base;       \
        while (left < left_end && right < end) {                                        \
            if (BRANCH(compare(order, ELEMENT(left), ELEMENT(right)) > 0)) {            \
                MOVE(to, right, (SIZE));                                                \
                right += (SIZE);                                                        \
            } else {                                                                    \
                MOVE(to, left, (SIZE));                                                 \
                left += (SIZE);                                                         \
            }                                                                           \
            to += (SIZE);                                                               \
        }                                                                               \
        memcpy(to, left, (size_t)(left_end - left));                                    \
    }

MERGE_SORT(sort_4, 4, DIRECT, AS_ONE)
MERGE_SORT(sort_8, 8, DIRECT, AS_ONE)
MERGE_SORT(sort_16, 16, DIRECT, AS_ONE)
MERGE_SORT(sort_any, order->size, DIRECT, BY_WORD)
MERGE_SORT(sort_pointers, sizeof(void *), INDIRECT, AS_ONE)

static void swap(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
}

static void heap_sort(const struct order *order, char *base, size_t count)
{
    size_t size = order->size;
    for (size_t heap = count, next = count / 2; heap > 1;) {
        if (next > 0)
            next--;
        else
            swap(base, base + --heap * size, size);
        for (size_t parent = next, child; (child = 2 * parent + 1) < heap; parent = child) {
            if (child + 1 < heap && compare(order, base + child * size, base + (child + 1) * size) < 0)
                child++;
            if (compare(order, base + parent * size, base + child * size) >= 0)
                break;
            swap(base + parent * size, base + child * size, size);
        }
    }
}

enum { SORT_STACK = 4096, SORT_DIRECT = 32 };

/* Elements too large to be moved at each step. 0: no memory. */
static int sort_large(struct order *order, char *base, size_t count)
{
    size_t size = order->size;
    /* Pointers, the merge's buffer, one element. */
    if (count > SIZE_MAX / 2 / sizeof(void *) - size)
        return 0;
    char *room = malloc((count + count / 2 + 1) * sizeof(void *) + size);
    if (!room)
        return 0;
    char **pointers = (char **)room;
    order->buffer = room + count * sizeof(void *);
    char *spare = order->buffer + (count / 2 + 1) * sizeof(void *);
    for (size_t i = 0; i < count; i++)
        pointers[i] = base + i * size;
    sort_pointers(order, room, count);
    /* Follow each cycle of the permutation. */
    for (size_t i = 0; i < count; i++) {
        if (pointers[i] == base + i * size)
            continue;
        memcpy(spare, base + i * size, size);
        size_t to = i;
        for (;;) {
            size_t from = (size_t)(pointers[to] - base) / size;
            pointers[to] = base + to * size;
            if (from == i)
                break;
            memcpy(base + to * size, base + from * size, size);
            to = from;
        }
        memcpy(base + to * size, spare, size);
    }
    free(room);
    return 1;
}

static void sort(struct order *order, char *base, size_t count)
{
    size_t size = order->size;
    if (count < 2 || size == 0)
        return;
    if (size > SORT_DIRECT) {
        if (!sort_large(order, base, count))
            heap_sort(order, base, count);
        return;
    }
    char local[SORT_STACK];
    size_t buffer_size = (count / 2 + 1) * size;
    order->buffer = buffer_size <= sizeof local ? local : malloc(buffer_size);
    if (!order->buffer)
        heap_sort(order, base, count);
    else if (size == 4)
        sort_4(order, base, count);
    else if (size == 8)
        sort_8(order, base, count);
    else if (size == 16)
        sort_16(order, base, count);
    else
        sort_any(order, base, count);
    if (order->buffer != local)
        free(order->buffer);
}

void psm_qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    struct order order = {.compare = compare, .size = size};
    sort(&order, base, count);
}

void psm_qsort_r(void *base, size_t count, size_t size,
                 int (*compare)(const void *, const void *, void *), void *with)
{
    struct order order = {.compare_with = compare, .with = with, .size = size};
    sort(&order, base, count);
}

/* --- bsearch, lfind, lsearch: which of several equal elements is found --------------------- */

void *psm_bsearch(const void *key, const void *base, size_t count, size_t size,
                  int (*compare)(const void *, const void *))
{
    for (size_t low = 0, high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const char *element = (const char *)base + middle * size;
        int order = compare(key, element);
        if (order == 0)
            return (void *)element;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

void *psm_lfind(const void *key, const void *base, size_t *count, size_t size,
                int (*compare)(const void *, const void *))
{
    const char *element = base;
    for (size_t i = 0; i < *count; i++, element += size)
        if (compare(key, element) == 0)
            return (void *)element;
    return NULL;
}

void *psm_lsearch(const void *key, void *base, size_t *count, size_t size,
                  int (*compare)(const void *, const void *))
{
    void *found = psm_lfind(key, base, count, size, compare);
    return found ? found : memcpy((char *)base + size * (*count)++, key, size);
}

/* --- insque, remque --------------------------------------------------------------------------- */

struct queue {
    struct queue *next, *previous;
};

void psm_insque(void *element, void *predecessor)
{
    struct queue *e = element, *p = predecessor;
    if (!p) {
        e->next = e->previous = NULL;
        return;
    }
    e->next = p->next;
    e->previous = p;
    p->next = e;
    if (e->next)
        e->next->previous = e;
}

void psm_remque(void *element)
{
    struct queue *e = element;
    if (e->next)
        e->next->previous = e->previous;
    if (e->previous)
        e->previous->next = e->next;
}

/* --- tsearch and family: an AVL tree -------------------------------------------------------------
 *
 * For every node, the heights of its subtrees differ by at most one. */

struct node {
    const void *key; /* first: callers read it through the node's address */
    struct node *child[2];
    int height; /* a leaf's is 1 */
};

enum { TREE_HEIGHT_MAX = 72 }; /* log_1.618 of 2^48 nodes, and some */

static int height(const struct node *node)
{
    return node ? node->height : 0;
}

static void update_height(struct node *node)
{
    int left = height(node->child[0]), right = height(node->child[1]);
    node->height = (left > right ? left : right) + 1;
}

/* The child on the other side comes up in the node's place. */
static struct node *rotate(struct node *node, int side)
{
    struct node *up = node->child[!side];
    node->child[!side] = up->child[side];
    up->child[side] = node;
    update_height(node);
    update_height(up);
    return up;
}

/* Restore the invariant at *link; returns whether the height there has changed. */
static int rebalance(struct node **link)
{
    struct node *node = *link;
    int before = node->height;
    int tilt = height(node->child[1]) - height(node->child[0]);
    if (tilt < -1 || tilt > 1) {
        int heavy = tilt > 0;
        struct node *child = node->child[heavy];
        if (height(child->child[heavy]) < height(child->child[!heavy]))
            node->child[heavy] = rotate(child, heavy);
        *link = rotate(node, !heavy);
    } else {
        update_height(node);
    }
    return (*link)->height != before;
}

/* The link where key is, or would be. path: all links on the way, *depth of them,
 * without the one returned. */
static struct node **descend(const void *key, struct node **link, struct node ***path, int *depth,
                             int (*compare)(const void *, const void *))
{
    for (*depth = 0; *link;) {
        int order = compare(key, (*link)->key);
        if (order == 0)
            break;
        path[(*depth)++] = link;
        link = &(*link)->child[order > 0];
    }
    return link;
}

void *psm_tsearch(const void *key, void **root, int (*compare)(const void *, const void *))
{
    if (!root)
        return NULL;
    struct node **path[TREE_HEIGHT_MAX];
    int depth;
    struct node **link = descend(key, (struct node **)root, path, &depth, compare);
    struct node *node = *link;
    if (node)
        return node;
    node = malloc(sizeof *node);
    if (!node)
        return NULL;
    *node = (struct node){.key = key, .height = 1};
    *link = node;
    while (depth > 0 && rebalance(path[--depth]))
        continue;
    return node;
}

void *psm_tfind(const void *key, void *const *root, int (*compare)(const void *, const void *))
{
    struct node *node = root ? *root : NULL;
    for (int order; node && (order = compare(key, node->key)) != 0;)
        node = node->child[order > 0];
    return node;
}

void *psm_tdelete(const void *restrict key, void **restrict root,
                  int (*compare)(const void *, const void *))
{
    if (!root)
        return NULL;
    struct node **path[TREE_HEIGHT_MAX];
    int depth;
    struct node **link = descend(key, (struct node **)root, path, &depth, compare);
    struct node *node = *link;
    if (!node)
        return NULL;
    void *parent = depth ? *path[depth - 1] : (void *)root; /* of the root: any but NULL */
    if (node->child[0] && node->child[1]) {
        /* Its place is taken by the next one in order, which has no left child. */
        path[depth++] = link;
        int place = depth;
        struct node **next = &node->child[1];
        while ((*next)->child[0]) {
            path[depth++] = next;
            next = &(*next)->child[0];
        }
        struct node *heir = *next;
        *next = heir->child[1];
        heir->child[0] = node->child[0];
        heir->child[1] = node->child[1];
        heir->height = node->height;
        *link = heir;
        if (place < depth)
            path[place] = &heir->child[1];
    } else {
        *link = node->child[!node->child[0]];
    }
    while (depth > 0 && rebalance(path[--depth]))
        continue;
    free(node);
    return parent;
}

static void walk(const struct node *node, int depth, void (*visit)(const void *, VISIT, int))
{
    if (!node->child[0] && !node->child[1]) {
        visit(node, leaf, depth);
        return;
    }
    visit(node, preorder, depth);
    if (node->child[0])
        walk(node->child[0], depth + 1, visit);
    visit(node, postorder, depth);
    if (node->child[1])
        walk(node->child[1], depth + 1, visit);
    visit(node, endorder, depth);
}

void psm_twalk(const void *root, void (*visit)(const void *, VISIT, int))
{
    if (root && visit)
        walk(root, 0, visit);
}

static void walk_with(const struct node *node, void (*visit)(const void *, VISIT, void *), void *with)
{
    if (!node->child[0] && !node->child[1]) {
        visit(node, leaf, with);
        return;
    }
    visit(node, preorder, with);
    if (node->child[0])
        walk_with(node->child[0], visit, with);
    visit(node, postorder, with);
    if (node->child[1])
        walk_with(node->child[1], visit, with);
    visit(node, endorder, with);
}

void psm_twalk_r(const void *root, void (*visit)(const void *, VISIT, void *), void *with)
{
    if (root && visit)
        walk_with(root, visit, with);
}

void psm_tdestroy(void *root, void (*free_key)(void *))
{
    struct node *node = root;
    if (!node)
        return;
    psm_tdestroy(node->child[0], free_key);
    psm_tdestroy(node->child[1], free_key);
    if (free_key)
        free_key((void *)node->key);
    free(node);
}

/* --- gmtime_r, timegm: the proleptic Gregorian calendar, no leap seconds ----------------------------
 *
 * libc's would leave the address of its own "GMT" in tm_zone. */

enum { DAY = 86400, DAYS_400_YEARS = 146097 };

/* Days from 1970-01-01 to the first day of March of a year, months counted from March. */
static int64_t days_of(int64_t year, int month, int64_t day)
{
    year -= month < 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month < 2 ? 10 : -2)) + 2) / 5;
    return era * DAYS_400_YEARS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year + day - 1 - 719468;
}

struct tm *psm_gmtime_r(const time_t *restrict time, struct tm *restrict to)
{
    int64_t days = *time / DAY, seconds = *time % DAY;
    if (seconds < 0) {
        seconds += DAY;
        days--;
    }
    int64_t since = days + 719468; /* 0000-03-01 */
    int64_t era = (since >= 0 ? since : since - (DAYS_400_YEARS - 1)) / DAYS_400_YEARS;
    int64_t day_of_era = since - era * DAYS_400_YEARS;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int march_month = (int)((5 * day_of_year + 2) / 153);
    int month = march_month < 10 ? march_month + 2 : march_month - 10; /* 0: January */
    int64_t year = year_of_era + era * 400 + (month < 2);
    if (year - 1900 > INT_MAX || year - 1900 < INT_MIN) {
        errno = EOVERFLOW;
        return NULL;
    }
    to->tm_sec = (int)(seconds % 60);
    to->tm_min = (int)(seconds / 60 % 60);
    to->tm_hour = (int)(seconds / 3600);
    to->tm_mday = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    to->tm_mon = month;
    to->tm_year = (int)(year - 1900);
    to->tm_wday = (int)(((days + 4) % 7 + 7) % 7);
    to->tm_yday = (int)(days - days_of(year, 0, 1));
    to->tm_isdst = 0;
    to->tm_gmtoff = 0;
    to->tm_zone = "GMT";
    return to;
}

time_t psm_timegm(struct tm *tm)
{
    int64_t month = tm->tm_mon % 12, year = (int64_t)tm->tm_year + 1900 + tm->tm_mon / 12;
    if (month < 0) {
        month += 12;
        year--;
    }
    time_t time = (days_of(year, (int)month, 1) + tm->tm_mday - 1) * DAY +
                  (int64_t)tm->tm_hour * 3600 + (int64_t)tm->tm_min * 60 + tm->tm_sec;
    struct tm normal;
    if (!psm_gmtime_r(&time, &normal))
        return -1;
    *tm = normal;
    return time;
}
