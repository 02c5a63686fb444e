// The runtime's own qsort, bsearch, tsearch, gmtime and friends give right results, stable
// ones where there is a choice, also when malloc refuses.
//
// RUN: %clang -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Dmalloc=refusing_malloc \
// RUN:   -c %runtime/own.c -o %t.o
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined %s %t.o -o %t && %t | FileCheck %s
// CHECK-NOT: FAIL
// CHECK: all right
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void psm_qsort(void *, size_t, size_t, int (*)(const void *, const void *));
void psm_qsort_r(void *, size_t, size_t, int (*)(const void *, const void *, void *), void *);
void *psm_bsearch(const void *, const void *, size_t, size_t, int (*)(const void *, const void *));
void *psm_lfind(const void *, const void *, size_t *, size_t, int (*)(const void *, const void *));
void *psm_lsearch(const void *, void *, size_t *, size_t, int (*)(const void *, const void *));
void psm_insque(void *, void *);
void psm_remque(void *);
void *psm_tsearch(const void *, void **, int (*)(const void *, const void *));
void *psm_tfind(const void *, void *const *, int (*)(const void *, const void *));
void *psm_tdelete(const void *restrict, void **restrict, int (*)(const void *, const void *));
void psm_twalk(const void *, void (*)(const void *, VISIT, int));
void psm_twalk_r(const void *, void (*)(const void *, VISIT, void *), void *);
void psm_tdestroy(void *, void (*)(void *));
struct tm *psm_gmtime_r(const time_t *, struct tm *);
time_t psm_timegm(struct tm *);

static int refuse, failures;

void *refusing_malloc(size_t size) { return refuse ? NULL : malloc(size); }

#define CHECK(condition) \
    ((condition) ? (void)0 : (void)(failures++, printf("FAIL line %d: %s\n", __LINE__, #condition)))

static uint64_t random_bits(void)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13, state ^= state >> 7;
    return state ^= state << 17;
}

/* --- sorting: by the first byte only, so that many are equal; the rest tells where it was */

static int calls;
static int by_first(const void *a, const void *b)
{
    calls++;
    return *(const unsigned char *)a - *(const unsigned char *)b;
}
static int by_first_with(const void *a, const void *b, void *with)
{
    *(int *)with += 1;
    return by_first(a, b);
}

static void sort(size_t count, size_t size, int keys, int shape)
{
    unsigned char *array = malloc(count * size + 1), *element = array;
    unsigned sums[256] = {0};
    for (size_t i = 0; i < count; i++, element += size) {
        unsigned key = shape == 0 ? random_bits() % keys : shape == 1 ? i * keys / count : (count - i) * keys / (count + 1);
        memset(element, (int)(i >> 8), size); /* where it was: 16 bits of it, if they fit */
        if (size > 1)
            element[1] = (unsigned char)i;
        element[0] = (unsigned char)key;
        sums[key]++;
    }
    int with = 0;
    calls = 0;
    if (size % 2)
        psm_qsort_r(array, count, size, by_first_with, &with);
    else
        psm_qsort(array, count, size, by_first);
    CHECK(size % 2 == 0 || with == calls);
    for (size_t i = 0; i < count; i++) {
        unsigned char *e = array + i * size;
        sums[e[0]]--;
        if (i == 0)
            continue;
        CHECK(e[-(ptrdiff_t)size] <= e[0]);
        if (size >= 3 && !refuse && e[-(ptrdiff_t)size] == e[0]) /* in the order of old */
            CHECK(e[2 - (ptrdiff_t)size] * 256 + e[1 - (ptrdiff_t)size] < e[2] * 256 + e[1]);
    }
    for (int i = 0; i < 256; i++)
        CHECK(sums[i] == 0);
    free(array);
}

static void sorting(void)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 33, 40, 100, 1000};
    for (refuse = 0; refuse < 2; refuse++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int i = 0; i < 30; i++)
                sort(i < 20 ? i : random_bits() % 3000, sizes[s], i % 3 ? 256 : 5, i % 5);
    refuse = 0;
    psm_qsort(NULL, 0, 4, by_first);
    psm_qsort(&(int){1}, 1, 0, by_first);
}

static int by_int(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void searching(void)
{
    int array[100];
    for (int n = 0; n < 100; n++) {
        for (int i = 0; i < n; i++)
            array[i] = 2 * i;
        for (int key = -1; key < 2 * n + 1; key++) {
            int *found = psm_bsearch(&key, array, n, sizeof *array, by_int);
            CHECK(found == bsearch(&key, array, n, sizeof *array, by_int));
            size_t count = n;
            CHECK(psm_lfind(&key, array, &count, sizeof *array, by_int) == found);
        }
    }
    size_t count = 50;
    int key = 98;
    CHECK(psm_lsearch(&key, array, &count, sizeof *array, by_int) == &array[49] && count == 50);
    key = 99;
    CHECK(psm_lsearch(&key, array, &count, sizeof *array, by_int) == &array[50] && count == 51);
    CHECK(array[50] == 99);
}

static void queues(void)
{
    struct { void *next, *previous; } a, b, c;
    psm_insque(&a, NULL);
    psm_insque(&c, &a);
    psm_insque(&b, &a);
    CHECK(a.next == &b && b.next == &c && c.next == NULL && c.previous == &b && b.previous == &a);
    psm_remque(&b);
    CHECK(a.next == &c && c.previous == &a);
    psm_remque(&c);
    CHECK(a.next == NULL);
}

/* --- trees ------------------------------------------------------------------------------- */

enum { KEYS = 300 };
static int keys[KEYS], present[KEYS], next_key, count, depth_max;

static void in_order(const void *node, VISIT visit, int depth)
{
    if (depth > depth_max)
        depth_max = depth;
    if (visit != postorder && visit != leaf)
        return;
    int key = **(int **)node;
    CHECK(key >= next_key && present[key]);
    next_key = key + 1;
    count++;
}

static void counting(const void *node, VISIT visit, void *with)
{
    if (visit == postorder || visit == leaf)
        *(int *)with += **(int **)node;
}

static void trees(void)
{
    void *root = NULL;
    int size = 0, freed_sum = 0;
    for (int i = 0; i < KEYS; i++)
        keys[i] = i;
    for (int i = 0; i < 6000; i++) {
        int key = (int)(random_bits() % KEYS), grow = i / 1000 % 2 == 0;
        if (i < 400)
            key = i % KEYS; /* in ascending order, the worst */
        if (grow) {
            refuse = i % 7 == 6;
            void *node = psm_tsearch(&keys[key], &root, by_int);
            CHECK(refuse && !present[key] ? !node : node && *(int **)node == &keys[key]);
            if (node && !present[key])
                present[key] = 1, size++;
            refuse = 0;
        } else {
            void *node = psm_tdelete(&key, &root, by_int);
            CHECK(!node == !present[key]);
            size -= present[key];
            present[key] = 0;
        }
        void *found = psm_tfind(&key, &root, by_int);
        CHECK(!found == !present[key]);
        next_key = count = depth_max = 0;
        psm_twalk(root, in_order);
        CHECK(count == size);
        /* An AVL tree is at most 1.45 times as deep as can be. */
        int bits = 0;
        while (size >> bits)
            bits++;
        CHECK(depth_max <= 1.45 * bits + 1);
    }
    int sum = 0;
    psm_twalk_r(root, counting, &sum);
    for (int i = 0; i < KEYS; i++)
        freed_sum += present[i] ? i : 0;
    CHECK(sum == freed_sum);
    void destroy(void *key);
    psm_tdestroy(root, destroy);
    CHECK(psm_tfind(&keys[0], &(void *){NULL}, by_int) == NULL);
}

void destroy(void *key) { present[*(int *)key] = 0; }

/* --- times: libc knows, UTC being its zone ----------------------------------------------------- */

static void times(void)
{
    setenv("TZ", "UTC", 1);
    for (int i = 0; i < 50000; i++) {
        time_t t = (time_t)random_bits() >> (random_bits() % 64);
        if (i < 3000)
            t = (i - 1500) * (time_t)86400 + i % 3 - 1;
        struct tm ours, libcs;
        errno = 0;
        struct tm *result = psm_gmtime_r(&t, &ours);
        int error = errno;
        errno = 0;
        CHECK(!result == !gmtime_r(&t, &libcs) && error == errno);
        if (!result)
            continue;
        CHECK(ours.tm_sec == libcs.tm_sec && ours.tm_min == libcs.tm_min && ours.tm_hour == libcs.tm_hour);
        CHECK(ours.tm_mday == libcs.tm_mday && ours.tm_mon == libcs.tm_mon && ours.tm_year == libcs.tm_year);
        CHECK(ours.tm_wday == libcs.tm_wday && ours.tm_yday == libcs.tm_yday && ours.tm_isdst == 0);
        CHECK(ours.tm_gmtoff == 0 && strcmp(ours.tm_zone, "GMT") == 0);
        CHECK(psm_timegm(&ours) == t);
        ours.tm_mon = libcs.tm_mon = (int)(random_bits() % 100) - 50;
        ours.tm_mday = libcs.tm_mday = (int)(random_bits() % 1000) - 500;
        ours.tm_hour = libcs.tm_hour = (int)(random_bits() % 1000) - 500;
        ours.tm_sec = libcs.tm_sec = (int)random_bits();
        time_t in_libc = timegm(&libcs);
        CHECK(psm_timegm(&ours) == in_libc);
        CHECK(in_libc == -1 || (ours.tm_year == libcs.tm_year && ours.tm_yday == libcs.tm_yday &&
                                ours.tm_sec == libcs.tm_sec));
    }
}

int main(void)
{
    sorting();
    searching();
    queues();
    trees();
    times();
    if (!failures)
        puts("all right");
    return failures != 0;
}
