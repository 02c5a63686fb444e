// The printf wrappers leave in P what libc leaves in D, for any format and arguments.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -Wno-format -fno-builtin -I%runtime -iquote %S/Inputs \
// RUN:   %s %runtime/wrap_printf.c %runtime/wrap_string.c -o %t && %t | FileCheck %s
// CHECK-NOT: FAIL
// CHECK: all the same
#include "mirror.h"
#include <stddef.h>
#include <locale.h>
#include <wchar.h>

int psm_w_snprintf(char *, size_t, const char *, ...);
int psm_w_sprintf(char *, const char *, ...);
int psm_w___snprintf_chk(char *, size_t, int, size_t, const char *, ...);
int psm_w___sprintf_chk(char *, int, size_t, const char *, ...);
int psm_w_vsnprintf(char *, size_t, const char *, va_list);
int psm_w_swprintf(wchar_t *, size_t, const wchar_t *, ...);
int psm_w_asprintf(char **, const char *, ...);
int psm_asprintf(char **, const char *, ...);

static char *format;

static double random_double(void)
{
    switch (random_below(6)) {
    case 0: return 0.0;
    case 1: return -1.0 / 0.0;
    case 2: return (double)(int64_t)random_bits() * 1e-9;
    case 3: return (double)random_below(1000) / 8;
    default: {
        union { uint64_t bits; double value; } any = {random_bits()};
        return any.value;
    }
    }
}

/* One conversion of a given class, with random flags, width and precision. */
static void add_conversion(char *to, const char *letters, const char *const *lengths, size_t count)
{
    strcat(to, "%");
    for (const char *flag = "-+ #0'"; *flag; flag++)
        if (random_below(5) == 0)
            strncat(to, flag, 1);
    char number[32];
    if (random_below(3) == 0)
        sprintf(number, "%d", (int)random_below(30)), strcat(to, number);
    if (random_below(3) == 0)
        sprintf(number, ".%d", (int)random_below(12)), strcat(to, number);
    strcat(to, lengths[random_below(count)]);
    strncat(to, letters + random_below(strlen(letters)), 1);
    strncat(to, &" :,x"[random_below(4)], 1);
}

/* Integer, text, double, long double, integer, text: more than the registers hold. */
static void mixed(void)
{
    static const char *const integer[] = {"", "hh", "h", "l", "ll", "j", "z", "t"};
    static const char *const none[] = {""}, *const real[] = {"", "l"}, *const long_real[] = {"L"};
    char text[512] = "";
    for (int i = 0; i < 2; i++) {
        add_conversion(text, "diouxXcp", integer, i ? 8 : 1);
        add_conversion(text, "s", none, 1);
        add_conversion(text, "eEfFgGaA", real, 2);
        add_conversion(text, "eEfFgGaA", long_real, 1);
        add_conversion(text, "duxi", integer + 3, 5);
        add_conversion(text, "s", none, 1);
    }
    format = put(0, text, strlen(text) + 1);
    char *a = put_string(600, 40, "abc%dxyz"), *b = put_string(700, 10, "klm");
    uint64_t i = random_bits() >> random_below(64), j = random_bits();
    double d = random_double(), e = random_double();
    long double l = random_double() * 1.25L;
    size_t size = random_below(200);
    char *to = room(random_below(64));
    int c = (int)(i & 0x7f);
    TRY(int, snprintf(to, size, format, c, a, d, l, i, b, j, b, e, l, j, a),
        psm_w_snprintf(to, size, format, c, a, d, l, i, b, j, b, e, l, j, a));
    if (snprintf(NULL, 0, format, c, a, d, l, i, b, j, b, e, l, j, a) > 3000)
        return;
    TRY(int, sprintf(to, format, c, a, d, l, i, b, j, b, e, l, j, a),
        psm_w_sprintf(to, format, c, a, d, l, i, b, j, b, e, l, j, a));
    TRY(int, sprintf(to, format, c, a, d, l, i, b, j, b, e, l, j, a),
        psm_w___sprintf_chk(to, 1, 1 << 16, format, c, a, d, l, i, b, j, b, e, l, j, a));
    char **out = room(0);
    TRY(int, psm_asprintf(out, format, c, a, d, l, i, b, j, b, e, l, j, a),
        psm_w_asprintf(out, format, c, a, d, l, i, b, j, b, e, l, j, a));
    wchar_t wide[512];
    mbstowcs(wide, text, 512);
    wchar_t *wide_format = put(1024, wide, (wcslen(wide) + 1) * sizeof *wide);
    mirror_fill();
    wchar_t *wide_to = room(64);
    /* Without room it fails, and how far it comes then is libc's own business. */
    int fits = swprintf(wide, size, wide_format, c, a, d, l, i, b, j, b, e, l, j, a) >= 0;
    TRY_(int, fits, swprintf(wide_to, size, wide_format, c, a, d, l, i, b, j, b, e, l, j, a),
         psm_w_swprintf(wide_to, size, wide_format, c, a, d, l, i, b, j, b, e, l, j, a));
}

#define FORMAT(text) (format = put(0, text, sizeof(text)))
#define SAME(...) TRY(int, snprintf(to, 80, format, __VA_ARGS__), psm_w_snprintf(to, 80, format, __VA_ARGS__))

static void particular(void)
{
    char *to = room(16);
    char *text = put(600, "some text", 10);
    wchar_t *wide = put(700, L"w\u00e9\u20ac", 16);
    char *unended = room(2000); /* %.*s of bytes that no zero ends */
    FORMAT("plain, 100%%");
    SAME(0);
    FORMAT("%s|%.3s|%10.4s|%-7s|");
    SAME(text, text, text, (char *)NULL);
    FORMAT("%.*s|%*d|%-*.*f|");
    SAME(6, text, 5, 42, 9, 2, 3.14159);
    SAME(-6, text, -5, 42, -9, -2, 3.14159);
    FORMAT("%.0s%.*s|");
    SAME(unended, 0, unended);
    FORMAT("%ls|%S|%lc|%.4ls|");
    SAME(wide, wide, 0x20ac, wide);
    FORMAT("%2$s %1$d %2$.3s %3$*1$d %4$Lg");
    SAME(7, text, 9, 1.5L);
    FORMAT("%p %p");
    SAME(text, (void *)NULL);
    FORMAT("%m %d");
    TRY(int, (errno = 2, snprintf(to, 80, format, 3)), (errno = 2, psm_w_snprintf(to, 80, format, 3)));
    FORMAT("ab%ncd%hhn%hnxy%lnz%lln%jn%zn%tn");
    SAME((int *)room(200), (char *)room(216), (short *)room(232), (long *)room(248),
         (long long *)room(264), (intmax_t *)room(280), (size_t *)room(296), (ptrdiff_t *)room(312));
    FORMAT("%1$s%2$n%1$s");
    SAME(text, (int *)room(200));
    FORMAT("%y %d"); /* not a conversion: printed as it stands */
    SAME(5, 6);
    FORMAT("%lc after"); /* cannot be converted: fails in the middle */
    TRY(int, snprintf(to, 80, format, 0x7fffffff), psm_w_snprintf(to, 80, format, 0x7fffffff));
    FORMAT("12345%lc");
    TRY(int, sprintf(to, format, 0x7fffffff), psm_w_sprintf(to, format, 0x7fffffff));
    /* Longer than the wrapper's own buffer; asks for nothing; fits to the byte. */
    FORMAT("%2500d|");
    TRY(int, sprintf(to, format, 1), psm_w_sprintf(to, format, 1));
    TRY(int, snprintf(NULL, 0, format, 1), psm_w_snprintf(NULL, 0, format, 1));
    TRY(int, snprintf(to, 2501, format, 1), psm_w_snprintf(to, 2501, format, 1));
    TRY(int, snprintf(to, 2502, format, 1), psm_w_snprintf(to, 2502, format, 1));
    TRY(int, snprintf(to, 1, format, 1), psm_w_snprintf(to, 1, format, 1));
    /* What comes out is appended to what goes in: overlapping, yet common. */
    char *self = put_string(2000, 20, "abc");
    FORMAT("%s+%d");
    TRY(int, sprintf(self, format, self, 1), psm_w_sprintf(self, format, self, 1));
}

int main(void)
{
    mirror_open();
    const char *const locales[] = {"C", "C.UTF-8"};
    for (int l = 0; l < 2; l++) {
        setlocale(LC_ALL, locales[l]);
        for (int i = 0; i < 80; i++)
            mixed();
        particular();
    }
    return mirror_close();
}
