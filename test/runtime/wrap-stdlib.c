// The wrappers of numbers, times and addresses as text, and of math.h's functions that
// write, do to P what libc does to D.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-builtin -Wno-format -I%runtime -iquote %S/Inputs \
// RUN:   %s %runtime/wrap_stdlib.c %runtime/wrap_math.c %runtime/wrap_string.c -lm -o %t && %t | FileCheck %s
// CHECK-NOT: FAIL
// CHECK: all the same
#include "mirror.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <time.h>
#include <wchar.h>

#define NUMBERS(X)                                                                      \
    X(strtol, long) X(strtoul, unsigned long) X(strtoll, long long)                     \
    X(strtoull, unsigned long long) X(strtoimax, intmax_t) X(strtoumax, uintmax_t)
#define REALS(X) X(strtod, double) X(strtof, float) X(strtold, long double)

#define DECLARE_NUMBER(name, type) type psm_w_##name(const char *, char **, int);
#define DECLARE_REAL(name, type) type psm_w_##name(const char *, char **);
NUMBERS(DECLARE_NUMBER)
REALS(DECLARE_REAL)
long psm_w_wcstol(const wchar_t *, wchar_t **, int);
double psm_w_wcstod(const wchar_t *, wchar_t **);
int psm_w_strfromd(char *, size_t, const char *, double);
char *psm_w_gcvt(double, int, char *);
int psm_w_ecvt_r(double, int, int *, int *, char *, size_t);
int psm_w_fcvt_r(double, int, int *, int *, char *, size_t);
size_t psm_w_strftime(char *, size_t, const char *, const struct tm *);
size_t psm_w_wcsftime(wchar_t *, size_t, const wchar_t *, const struct tm *);
char *psm_w_asctime_r(const struct tm *, char *);
int psm_w_inet_pton(int, const char *, void *);
int psm_w_inet_aton(const char *, struct in_addr *);
const char *psm_w_inet_ntop(int, const void *, char *, socklen_t);

static const char *const words[] = {
    "", "0", "12", "-7", "+9", "0x1fG", "0X", "017", " \t42 ", "zz", "1e5x", ".5", "-.e", "inf",
    "nan(7)", "INFINITY", "1e999", "1e-999", "0x1.8p3", "99999999999999999999", "-99999999999999999999",
};

static void text_to_number(void)
{
    const char *word = words[random_below(sizeof words / sizeof *words)];
    char *text = put(0, word, strlen(word) + 1);
    int base = random_below(4) ? 0 : (int)random_below(40) - 2;
    char **end = random_below(4) ? room(8 * random_below(4)) : NULL;
    /* libc leaves *end alone for a base it does not know. */
    int known = base == 0 || (base >= 2 && base <= 36);
#define TRY_NUMBER(name, type) \
    if (known) TRY(type, name(text, end, base), psm_w_##name(text, end, base));
#define TRY_REAL(name, type) TRY(type, name(text, end), psm_w_##name(text, end));
    NUMBERS(TRY_NUMBER)
    REALS(TRY_REAL)
    wchar_t wide[64];
    mbstowcs(wide, word, 64);
    wchar_t *wide_text = put(256, wide, sizeof wide), **wide_end = (wchar_t **)end;
    TRY(double, wcstod(wide_text, wide_end), psm_w_wcstod(wide_text, wide_end));
    if (known)
        TRY(long, wcstol(wide_text, wide_end, base), psm_w_wcstol(wide_text, wide_end, base));
}

static double random_double(void)
{
    union { uint64_t bits; double value; } any = {random_bits()};
    double some[] = {any.value, 0, -0.0, 1, -2.5, NAN, INFINITY, -INFINITY, 1e300, 5e-324, 123456.789, -3};
    return some[random_below(2) ? 0 : random_below(12)];
}

static void number_to_text(void)
{
    double x = random_double();
    size_t size = random_below(30);
    char *to = room(random_below(64));
    char *format = put(0, (char[4][6]){"%.3f", "%.9g", "%.2e", "%.5a"}[random_below(4)], 6);
    size += size == 1; /* into which glibc 2.36 writes all of the text */
    TRY(int, strfromd(to, size, format, x), psm_w_strfromd(to, size, format, x));
    int digits = (int)random_below(20);
    TRY(char *, gcvt(x, digits, to), psm_w_gcvt(x, digits, to));
    LOOSE(int, ecvt_r(x, digits, room(512), room(516), to, 400), psm_w_ecvt_r(x, digits, room(512), room(516), to, 400));
    LOOSE(int, fcvt_r(x, digits, room(512), room(516), to, 400), psm_w_fcvt_r(x, digits, room(512), room(516), to, 400));
}

static void times(void)
{
    time_t t = (time_t)(random_bits() >> (20 + random_below(30)));
    struct tm tm;
    gmtime_r(&t, &tm);
    char *zone = put(512, "XYZ", 4);
    tm.tm_zone = zone;
    struct tm *time = put(0, &tm, sizeof tm);
    size_t size = random_below(50) + 1;
    char *to = room(random_below(64));
    char *format = put(600, (char[4][6]){"%F %T", "%A %d", "%c %j", ""}[random_below(4)], 6);
    wchar_t *wide = put(700, L"%Y %B %H", 9 * sizeof(wchar_t)), *wide_to = room(64);
    mirror_fill(); /* to try what fits */
    int fits = strftime(to, size, format, &tm) > 0;
    TRY_(size_t, fits, strftime(to, size, format, time), psm_w_strftime(to, size, format, time));
    mirror_fill();
    fits = wcsftime(wide_to, size, wide, &tm) > 0;
    TRY_(size_t, fits, wcsftime(wide_to, size, wide, time), psm_w_wcsftime(wide_to, size, wide, time));
    LOOSE(char *, asctime_r(time, to), psm_w_asctime_r(time, to));
    /* A zone kept in the state: its name is read in P. */
    char *zone_format = put(600, "[%Z]", 5);
    TRY(size_t, strftime(to, 40, zone_format, time), psm_w_strftime(to, 40, zone_format, time));
}

static void addresses(void)
{
    static const char *const texts[] = {"127.0.0.1", "::1", "1.2.3", "fe80::1:2", "x", "256.1.1.1"};
    const char *word = texts[random_below(6)];
    char *text = put(0, word, strlen(word) + 1);
    int family = random_below(2) ? AF_INET : AF_INET6;
    TRY(int, inet_pton(family, text, room(0)), psm_w_inet_pton(family, text, room(0)));
    TRY(int, inet_aton(text, room(0)), psm_w_inet_aton(text, room(0)));
    void *bytes = put(64, (uint64_t[]){random_bits(), random_bits()}, 16);
    socklen_t size = (socklen_t)random_below(50);
    TRY(const char *, inet_ntop(family, bytes, room(0), size), psm_w_inet_ntop(family, bytes, room(0), size));
}

#define MATH(type, s)                                                                   \
    type psm_w_frexp##s(type, int *);                                                   \
    type psm_w_modf##s(type, type *);                                                   \
    type psm_w_remquo##s(type, type, int *);                                            \
    type psm_w_lgamma##s##_r(type, int *);                                              \
    type psm_w_lgamma##s(type);                                                         \
    void psm_w_sincos##s(type, type *, type *);                                         \
    int psm_w_canonicalize##s(type *, const type *);                                    \
    static void math##s(void)                                                           \
    {                                                                                   \
        type x = random_double(), y = random_double();                                  \
        TRY(type, frexp##s(x, room(0)), psm_w_frexp##s(x, room(0)));                    \
        TRY(type, modf##s(x, room(16)), psm_w_modf##s(x, room(16)));                    \
        /* neither quotient nor sign of what is not a number */                         \
        LOOSE(type, remquo##s(x, y, room(0)), psm_w_remquo##s(x, y, room(0)));          \
        LOOSE(type, lgamma##s##_r(x, room(0)), psm_w_lgamma##s##_r(x, room(0)));        \
        TRY(type, lgamma##s(x), psm_w_lgamma##s(x));                                    \
        TRY_VOID(sincos##s(x, room(0), room(16)), psm_w_sincos##s(x, room(0), room(16))); \
        type *from = put(0, &x, sizeof x);                                              \
        LOOSE(int, canonicalize##s(room(0), from), psm_w_canonicalize##s(room(0), from)); \
    }

MATH(double, )
MATH(float, f)
MATH(long double, l)

int main(void)
{
    mirror_open();
    for (int i = 0; i < 300; i++) {
        text_to_number();
        number_to_text();
        times();
        addresses();
        math();
        mathf();
        mathl();
    }
    return mirror_close();
}
