// The wrappers of string.h do to P, announced byte for byte, what libc does to D.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-builtin -U_FORTIFY_SOURCE -I%runtime -iquote %S/Inputs \
// RUN:   %s %runtime/wrap_string.c -o %t && %t | FileCheck %s
// CHECK-NOT: FAIL
// CHECK: all the same
#include "mirror.h"
#include <libgen.h>
#include <string.h>
#undef basename

#define LETTERS "abcdefgh ,;/."

void *psm_w_memcpy(void *, const void *, size_t);
void *psm_w_memmove(void *, const void *, size_t);
void *psm_w_mempcpy(void *, const void *, size_t);
void *psm_w_memset(void *, int, size_t);
void *psm_w_memccpy(void *, const void *, int, size_t);
void psm_w_bcopy(const void *, void *, size_t);
void psm_w_bzero(void *, size_t);
void psm_w_explicit_bzero(void *, size_t);
void *psm_w_memfrob(void *, size_t);
char *psm_w_strcpy(char *, const char *);
char *psm_w_stpcpy(char *, const char *);
char *psm_w_strncpy(char *, const char *, size_t);
char *psm_w_stpncpy(char *, const char *, size_t);
char *psm_w_strcat(char *, const char *);
char *psm_w_strncat(char *, const char *, size_t);
size_t psm_w_strxfrm(char *, const char *, size_t);
char *psm_w___strcpy_chk(char *, const char *, size_t);
char *psm_w___strncat_chk(char *, const char *, size_t, size_t);
char *psm_w_strtok(char *, const char *);
char *psm_w_strtok_r(char *, const char *, char **);
char *psm_w_strsep(char **, const char *);
char *psm_w_dirname(char *);
char *psm_w___xpg_basename(char *);
char *psm_w_strerror_r(int, char *, size_t);
int psm_w___xpg_strerror_r(int, char *, size_t);
int __xpg_strerror_r(int, char *, size_t);
const char *psm_w_strerror(int);
const char *psm_w_strsignal(int);
size_t psm_w_strlcpy(char *, const char *, size_t);
size_t psm_w_strlcat(char *, const char *, size_t);

/* strlcpy as OpenBSD's manual has it: glibc has it only since 2.38. */
static size_t plain_strlcpy(char *to, const char *from, size_t size)
{
    size_t i = 0;
    for (; i + 1 < size && from[i]; i++)
        to[i] = from[i];
    if (size)
        to[i] = 0;
    return strlen(from);
}

static size_t plain_strlcat(char *to, const char *from, size_t size)
{
    size_t length = strnlen(to, size);
    return length + plain_strlcpy(to + length, from, size - length);
}

static void copies(void)
{
    char *to = room(64 + random_below(64));
    char *from = put_string(random_below(64), 100, LETTERS);
    size_t n = random_below(120);
    TRY(void *, memcpy(to, from, n), psm_w_memcpy(to, from, n));
    TRY(void *, mempcpy(to, from, n), psm_w_mempcpy(to, from, n));
    TRY(void *, memmove(to, to - 13, n), psm_w_memmove(to, to - 13, n));
    TRY(void *, memset(to, (int)n, n), psm_w_memset(to, (int)n, n));
    TRY(void *, memccpy(to, from, 'b', n), psm_w_memccpy(to, from, 'b', n));
    TRY_VOID(bcopy(from, to, n), psm_w_bcopy(from, to, n));
    TRY_VOID(bzero(to, n), psm_w_bzero(to, n));
    TRY_VOID(explicit_bzero(to, n), psm_w_explicit_bzero(to, n));
    TRY(void *, memfrob(to, n), psm_w_memfrob(to, n));
    TRY(char *, strcpy(to, from), psm_w_strcpy(to, from));
    TRY(char *, strcpy(to, from), psm_w___strcpy_chk(to, from, 4096));
    TRY(char *, stpcpy(to, from), psm_w_stpcpy(to, from));
    TRY(char *, strncpy(to, from, n), psm_w_strncpy(to, from, n));
    TRY(char *, stpncpy(to, from, n), psm_w_stpncpy(to, from, n));
    TRY(size_t, plain_strlcpy(to, from, n), psm_w_strlcpy(to, from, n));
    TRY(size_t, strxfrm(to, from, n), psm_w_strxfrm(to, from, n));
    char *old = put_string(1000, 50, LETTERS);
    TRY(char *, strcat(old, from), psm_w_strcat(old, from));
    TRY(char *, strncat(old, from, n), psm_w_strncat(old, from, n));
    TRY(char *, strncat(old, from, n), psm_w___strncat_chk(old, from, n, 4096));
    TRY(size_t, plain_strlcat(old, from, n), psm_w_strlcat(old, from, n));
}

/* All words of a string, as a sum of their offsets. */
static uintptr_t words_r(char *text, const char *set, char **position,
                         char *(*next)(char *, const char *, char **))
{
    uintptr_t sum = 0;
    for (char *word = next(text, set, position); word; word = next(NULL, set, position))
        sum = sum * 31 + (uintptr_t)word;
    return sum;
}

static uintptr_t words(char *text, const char *set, char *(*next)(char *, const char *))
{
    uintptr_t sum = 0;
    for (char *word = next(text, set); word; word = next(NULL, set))
        sum = sum * 31 + (uintptr_t)word;
    return sum;
}

static uintptr_t fields(char **text, const char *set, char *(*next)(char **, const char *))
{
    uintptr_t sum = 0;
    for (char *word; (word = next(text, set));)
        sum = sum * 31 + (uintptr_t)word;
    return sum;
}

static void separators(void)
{
    char *text = put_string(0, 60, LETTERS);
    char *set = put_string(200, 3, " ,;/.");
    char **position = room(0);
    TRY(uintptr_t, words_r(text, set, position, strtok_r), words_r(text, set, position, psm_w_strtok_r));
    TRY(uintptr_t, words(text, set, strtok), words(text, set, psm_w_strtok));
    char **where = put(304, &text, sizeof text);
    /* strsep stores a pointer for each field: more writes than the last one shows. */
    if (*set) {
        /* D's run leaves *where as it must be for P's: both begin at text. */
        LOOSE(uintptr_t, fields(where, set, strsep),
              (memcpy(mirror_p + 304, &text, 8), fields((char **)where, set, psm_w_strsep)));
    }
}

static char *canonical_or_text(char *result, char *in_p)
{
    /* A path's part is the same address in both; "." is libc's, of the same text. */
    uintptr_t address = (uintptr_t)result;
    if (address >= PSM_ARENA_LOW && address < PSM_ARENA_HIGH)
        return result;
    char *text = in_p ? (char *)(address + PSM_DELTA) : result;
    return strcmp(text, ".") == 0 ? (char *)1 : (char *)(uintptr_t)text[0];
}

static void paths(void)
{
    char *path = put_string(0, 12, "ab//.");
    LOOSE(char *, canonical_or_text(dirname(path), NULL), canonical_or_text(psm_w_dirname(path), path));
    LOOSE(char *, canonical_or_text(__xpg_basename(path), NULL),
          canonical_or_text(psm_w___xpg_basename(path), path));
}

static void texts(void)
{
    int number = (int)random_below(200) - 20;
    char *to = room(random_below(64));
    size_t n = random_below(60);
    TRY(int, __xpg_strerror_r(number, to, n), psm_w___xpg_strerror_r(number, to, n));
    mirror_fill();
    char text[60];
    strcpy(text, strerror(number));
    if (strcmp((char *)((uintptr_t)psm_w_strerror_r(number, to, 60) + PSM_DELTA), text))
        fail("strerror_r(%d)", number);
    if (strcmp((const char *)((uintptr_t)psm_w_strerror(number) + PSM_DELTA), text))
        fail("strerror(%d)", number);
    if (strcmp((const char *)((uintptr_t)psm_w_strsignal(9) + PSM_DELTA), strsignal(9)))
        fail("strsignal");
}

int main(void)
{
    mirror_open();
    for (int i = 0; i < 100; i++) {
        copies();
        separators();
        paths();
        texts();
    }
    return mirror_close();
}
