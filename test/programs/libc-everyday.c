// An op full of everyday libc calls leaves the same bytes in the image as in memory: at
// -O0, at -O2, where the compiler makes other calls of them, and with _FORTIFY_SOURCE.
//
// RUN: %psmcc -O0 -D_GNU_SOURCE %s -o %t.0 -lm && %t.0 %pmdir/0 | FileCheck %s
// RUN: %psmcc -O2 -D_GNU_SOURCE %s -o %t.2 -lm && %t.2 %pmdir/2 | FileCheck %s
// RUN: %psmcc -O2 -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 %s -o %t.f -lm && %t.f %pmdir/f | FileCheck %s
// RUN: %t.2 %filedir/2 | FileCheck %s
// CHECK-COUNT-500: a line printed by the op
// CHECK-NOT: a line printed
// CHECK: verify 0
// CHECK: same after reopening
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <psm.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

enum { LINES = 64 };

struct line {
    struct line *next;
    char *text, *upper;
    wchar_t *wide;
    long number;
    double real;
    struct tm when;
    char name[24];
};

struct state {
    struct line *lines, *by_number[LINES];
    size_t count;
    void *tree;
    char last[128], word[16], error[32];
    double sums[8];
    long tokens, sign, quotient;
    uint64_t digest;
};

static int by_number(const void *a, const void *b)
{
    const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static int format(char *to, size_t size, const char *text, ...)
{
    va_list list;
    va_start(list, text);
    int length = vsnprintf(to, size, text, list);
    va_end(list);
    return length;
}

static void strings(struct state *s, struct line *line)
{
    char copy[256], *position, *word;
    strcpy(copy, line->text);
    for (word = strtok_r(copy, " ,;", &position); word; word = strtok_r(NULL, " ,;", &position)) {
        s->tokens++;
        strncpy(s->word, word, sizeof s->word - 1);
        if (!tfind(word, &s->tree, by_text))
            tsearch(strdup(word), &s->tree, by_text);
    }
    strcpy(copy, line->text);
    for (word = strtok(copy, ","); word; word = strtok(NULL, ","))
        s->tokens += strlen(word) + strspn(word, "abc");
    line->upper = strndup(line->text, 40);
    for (char *p = line->upper; *p; p++)
        *p = isalpha((unsigned char)*p) ? toupper((unsigned char)*p) : '_';
    strcat(strcpy(s->last, line->upper), "/");
    strncat(s->last, line->text, 20);
    s->digest = s->digest * 31 + (strchr(s->last, '/') - s->last) + strcspn(s->last, "/") +
                (memchr(s->last, 'A', 10) != NULL) + (strstr(line->text, "12") != NULL);
    memmove(s->last + 1, s->last, strlen(s->last));
    s->digest += strcasecmp(line->upper, line->text) > 0;
    if (memcmp(line->upper, line->text, 3) == 0)
        s->digest ^= 1;
}

static void numbers(struct state *s, struct line *line)
{
    char *end, text[64];
    errno = 0;
    line->number = strtol(line->text, &end, 0) + atoi(end);
    if (errno == ERANGE)
        snprintf(s->error, sizeof s->error, "%s", strerror(errno));
    line->real = strtod(end, &end) + atof(line->text);
    s->digest += (uint64_t)(end - line->text);
    int exponent, sign;
    double whole;
    s->sums[0] += sin(line->real) + exp(-fabs(line->real)) + pow(2.0, (double)(line->number % 7));
    s->sums[1] += frexp(line->real, &exponent) + exponent;
    s->sums[2] += modf(line->real, &whole);
    s->sums[3] += whole + lgamma_r(line->number % 9 + 0.5, &sign) + sign;
    sincos(line->real, &s->sums[4], &s->sums[5]);
    s->sums[6] += remquo(line->real, 3.0, (int *)&s->quotient) + lgamma(2.5) + floor(line->real) + sqrt(2.0 + s->count);
    snprintf(text, sizeof text, "%ld %g %s", line->number, line->real, s->word);
    format(line->name, sizeof line->name, "%s|%5.2f|%c%n", text, s->sums[1], 'x', &exponent);
    sprintf(s->last + 60, "%08lx %Lg %*d %p", line->number, (long double)line->real, 7, exponent, (void *)line);
    int a = 0, b = 0;
    char letter, tail[32] = "";
    if (sscanf(line->text, "%d,%d%c%31[a-z ]%n", &a, &b, &letter, tail, &exponent) >= 2)
        s->digest += (uint64_t)(a * b + exponent + tail[0]);
    char *allocated;
    if (sscanf(line->text, "%*[^,],%ms", &allocated) == 1) {
        s->digest += strlen(allocated);
        free(allocated);
    }
    if (asprintf(&allocated, "%s:%d", line->name, exponent) > 0) {
        s->digest = s->digest * 31 + (unsigned char)allocated[strlen(allocated) / 2];
        free(line->upper);
        line->upper = allocated;
    }
}

static void others(struct state *s, struct line *line)
{
    time_t when = psm_time() / 1000000000;
    gmtime_r(&when, &line->when);
    strftime(s->last + 100, 28, "%F %T", &line->when);
    s->digest += (uint64_t)timegm(&line->when);
    size_t length = mbstowcs(NULL, line->text, 0);
    line->wide = malloc((length + 1) * sizeof *line->wide);
    mbstowcs(line->wide, line->text, length + 1);
    wchar_t number[16];
    swprintf(number, 16, L"%03d", (int)s->count);
    wcsncpy(line->wide, number, length < 3 ? length : 3);
    s->digest ^= psm_random();
    qsort(s->by_number, s->count, sizeof *s->by_number, by_number);
    struct line **found = bsearch(&line, s->by_number, s->count, sizeof *found, by_number);
    assert(found && (*found)->number == line->number);
    printf("a line printed by the op\n");
    fprintf(stderr, "once %d\n", 1);
}

/* The argument is one line of text. */
__attribute__((psm_op)) int64_t add(void *root, const void *arg, size_t size, void *out)
{
    struct state *s = root;
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        return -1;
    line->text = malloc(size + 1);
    memcpy(line->text, arg, size);
    line->text[size] = 0;
    strings(s, line);
    numbers(s, line);
    line->next = s->lines;
    s->lines = line;
    if (s->count == LINES) { /* drop the largest */
        struct line *gone = s->by_number[--s->count], **link = &s->lines;
        while (*link != gone)
            link = &(*link)->next;
        *link = gone->next;
        free(gone->text), free(gone->upper), free(gone->wide), free(gone);
    }
    s->by_number[s->count++] = line;
    others(s, line);
    if (out)
        sprintf(out, "%zu", s->count);
    return (int64_t)s->count;
}

static uint64_t digest(const struct state *s)
{
    uint64_t sum = s->digest;
    for (size_t i = 0; i < s->count; i++)
        for (const char *p = s->by_number[i]->upper; *p; p++)
            sum = sum * 1099511628211u + (unsigned char)*p;
    return sum;
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct state) };
    if (argc < 2 || psm_init(&machine, argv[1], &options))
        return fprintf(stderr, "%s\n", psm_error_detail()), 1;
    FILE *quiet = freopen("/dev/null", "w", stderr);
    (void)quiet;
    for (int i = 0; i < 500; i++) {
        char text[100], out[16];
        int length = sprintf(text, "%d,%d some text %d,abc;0x%x %g", i * 7919 % 1000 - 300, i, i * i, i * 31, i / 7.0);
        if (i % 50 == 0)
            length = sprintf(text, "99999999999999999999 %d", i);
        int64_t n = psm_invoke_rw(machine, add, text, (size_t)length, out, sizeof out);
        if (n < 1 || atoi(out) != n)
            return printf("op %d: %lld\n", i, (long long)n), 1;
    }
    int status = psm_verify(machine);
    printf("verify %d %s\n", status, status ? psm_error_detail() : "");
    uint64_t before = digest(psm_root(machine));
    psm_close(machine);
    if (psm_init(&machine, argv[1], &options))
        return printf("%s\n", psm_error_detail()), 1;
    puts(digest(psm_root(machine)) == before ? "same after reopening" : "differs after reopening");
    status = psm_verify(machine);
    printf("verify %d %s\n", status, status ? psm_error_detail() : "");
    return psm_close(machine) != 0;
}
