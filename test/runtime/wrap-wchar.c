// The wrappers of wchar.h, uchar.h and the multibyte functions do to P what libc does to
// D, in the C locale and in UTF-8, on good text and on broken.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -fno-builtin -I%runtime -iquote %S/Inputs \
// RUN:   %s %runtime/wrap_wchar.c %runtime/wrap_string.c -o %t && %t | FileCheck %s
// CHECK-NOT: FAIL
// CHECK: all the same
#include "mirror.h"
#include <locale.h>
#include <uchar.h>
#include <wchar.h>
#include <wctype.h>

#define DECLARE(type, name, ...) type name(__VA_ARGS__); type psm_w_##name(__VA_ARGS__)
DECLARE(wchar_t *, wmemcpy, wchar_t *, const wchar_t *, size_t);
DECLARE(wchar_t *, wmempcpy, wchar_t *, const wchar_t *, size_t);
DECLARE(wchar_t *, wmemmove, wchar_t *, const wchar_t *, size_t);
DECLARE(wchar_t *, wmemset, wchar_t *, wchar_t, size_t);
DECLARE(wchar_t *, wcscpy, wchar_t *, const wchar_t *);
DECLARE(wchar_t *, wcpcpy, wchar_t *, const wchar_t *);
DECLARE(wchar_t *, wcsncpy, wchar_t *, const wchar_t *, size_t);
DECLARE(wchar_t *, wcpncpy, wchar_t *, const wchar_t *, size_t);
DECLARE(wchar_t *, wcscat, wchar_t *, const wchar_t *);
DECLARE(wchar_t *, wcsncat, wchar_t *, const wchar_t *, size_t);
DECLARE(size_t, wcsxfrm, wchar_t *, const wchar_t *, size_t);
DECLARE(wchar_t *, wcstok, wchar_t *, const wchar_t *, wchar_t **);
DECLARE(size_t, mbrtowc, wchar_t *, const char *, size_t, mbstate_t *);
DECLARE(size_t, mbrtoc16, char16_t *, const char *, size_t, mbstate_t *);
DECLARE(size_t, mbrtoc32, char32_t *, const char *, size_t, mbstate_t *);
DECLARE(size_t, mbrlen, const char *, size_t, mbstate_t *);
DECLARE(size_t, wcrtomb, char *, wchar_t, mbstate_t *);
DECLARE(size_t, c16rtomb, char *, char16_t, mbstate_t *);
DECLARE(size_t, c32rtomb, char *, char32_t, mbstate_t *);
DECLARE(int, mbtowc, wchar_t *, const char *, size_t);
DECLARE(int, mblen, const char *, size_t);
DECLARE(int, wctomb, char *, wchar_t);
DECLARE(size_t, mbsrtowcs, wchar_t *, const char **, size_t, mbstate_t *);
DECLARE(size_t, mbsnrtowcs, wchar_t *, const char **, size_t, size_t, mbstate_t *);
DECLARE(size_t, wcsrtombs, char *, const wchar_t **, size_t, mbstate_t *);
DECLARE(size_t, wcsnrtombs, char *, const wchar_t **, size_t, size_t, mbstate_t *);
DECLARE(size_t, mbstowcs, wchar_t *, const char *, size_t);
DECLARE(size_t, wcstombs, char *, const wchar_t *, size_t);
DECLARE(wint_t, towctrans, wint_t, wctrans_t);

static wchar_t *put_wide(size_t offset, size_t length_max, const wchar_t *alphabet)
{
    wchar_t text[256];
    size_t length = random_below(length_max + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[random_below(wcslen(alphabet))];
    text[length] = 0;
    return put(offset, text, (length + 1) * sizeof *text);
}

static uintptr_t words(wchar_t *text, const wchar_t *set, wchar_t **position,
                       wchar_t *(*next)(wchar_t *, const wchar_t *, wchar_t **))
{
    uintptr_t sum = 0;
    for (wchar_t *word = next(text, set, position); word; word = next(NULL, set, position))
        sum = sum * 31 + (uintptr_t)word;
    return sum;
}

static void strings(void)
{
    wchar_t *to = room(64 * random_below(4) + 64), *from = put_wide(0, 60, L"abc,. \u00e9");
    size_t n = random_below(80);
    TRY(wchar_t *, wmemcpy(to, from, n), psm_w_wmemcpy(to, from, n));
    TRY(wchar_t *, wmempcpy(to, from, n), psm_w_wmempcpy(to, from, n));
    TRY(wchar_t *, wmemmove(to, to - 3, n), psm_w_wmemmove(to, to - 3, n));
    TRY(wchar_t *, wmemset(to, L'x', n), psm_w_wmemset(to, L'x', n));
    TRY(wchar_t *, wcscpy(to, from), psm_w_wcscpy(to, from));
    TRY(wchar_t *, wcpcpy(to, from), psm_w_wcpcpy(to, from));
    TRY(wchar_t *, wcsncpy(to, from, n), psm_w_wcsncpy(to, from, n));
    TRY(wchar_t *, wcpncpy(to, from, n), psm_w_wcpncpy(to, from, n));
    TRY(size_t, wcsxfrm(to, from, n), psm_w_wcsxfrm(to, from, n));
    wchar_t *old = put_wide(1024, 30, L"xyz"), *set = put_wide(1500, 3, L",. ");
    TRY(wchar_t *, wcscat(old, from), psm_w_wcscat(old, from));
    TRY(wchar_t *, wcsncat(old, from, n), psm_w_wcsncat(old, from, n));
    TRY(uintptr_t, words(from, set, room(0), wcstok), words(from, set, room(0), psm_w_wcstok));
}

/* Text of whole characters, or with broken ones among them. */
static char *put_bytes(size_t offset, size_t length_max, int broken)
{
    static const char *const good[] = {"a", "z", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static const char *const bad[] = {"\xff", "\xc3", "\xe2\x82", "\xa9"};
    char text[512] = "";
    for (size_t i = 0, n = random_below(length_max); i < n; i++)
        strcat(text, broken && random_below(10) == 0 ? bad[random_below(4)] : good[random_below(5)]);
    return put(offset, text, strlen(text) + 1);
}

static void characters(void)
{
    char *text = put_bytes(0, 4, 1);
    size_t n = random_below(5);
    mbstate_t *state = put(100, &(mbstate_t){0}, sizeof(mbstate_t));
    wchar_t *to = room(16);
    /* libc may announce by not writing what we announce: failures leave `to` alone. */
    LOOSE(size_t, mbrtowc(to, text, n, state), psm_w_mbrtowc(to, text, n, state));
    LOOSE(size_t, mbrtowc(NULL, text, n, state), psm_w_mbrtowc(NULL, text, n, state));
    LOOSE(size_t, mbrtoc16(room(16), text, n, state), psm_w_mbrtoc16(room(16), text, n, state));
    LOOSE(size_t, mbrtoc32(room(16), text, n, state), psm_w_mbrtoc32(room(16), text, n, state));
    LOOSE(size_t, mbrlen(text, n, state), psm_w_mbrlen(text, n, state));
    /* libc's own state may hold the beginning of a character from the last call. */
    TRY(int, (mbtowc(NULL, NULL, 0), mbtowc(to, text, n)), psm_w_mbtowc(to, text, n));
    TRY(int, (mblen(NULL, 0), mblen(text, n)), psm_w_mblen(text, n));
    static const wchar_t any[] = {0, 'a', 0xe9, 0x20ac, 0x1f600, 0xd800, 0x7fffffff, -1};
    wchar_t c = any[random_below(8)];
    LOOSE(size_t, wcrtomb(room(0), c, state), psm_w_wcrtomb(room(0), c, state));
    LOOSE(size_t, wcrtomb(NULL, c, state), psm_w_wcrtomb(NULL, c, state));
    LOOSE(size_t, c16rtomb(room(0), (char16_t)c, state), psm_w_c16rtomb(room(0), (char16_t)c, state));
    LOOSE(size_t, c32rtomb(room(0), (char32_t)c, state), psm_w_c32rtomb(room(0), (char32_t)c, state));
    TRY(int, wctomb(room(0), c), psm_w_wctomb(room(0), c));
    wctrans_t upper = wctrans("toupper");
    TRY(wint_t, towctrans((wint_t)c, upper), psm_w_towctrans((wint_t)c, upper));
}

static void conversions(void)
{
    int broken = random_below(2) == 0;
    char *text = put_bytes(0, 40, broken);
    const char **where = put(600, &text, sizeof text);
    mbstate_t *state = put(700, &(mbstate_t){0}, sizeof(mbstate_t));
    size_t limit = random_below(60), size = random_below(120);
    wchar_t *to = room(64);
    TRY(size_t, mbstowcs(to, text, limit), psm_w_mbstowcs(to, text, limit));
    TRY(size_t, mbstowcs(NULL, text, limit), psm_w_mbstowcs(NULL, text, limit));
    TRY(size_t, mbsrtowcs(to, where, limit, state), psm_w_mbsrtowcs(to, where, limit, state));
    TRY(size_t, mbsrtowcs(NULL, where, limit, state), psm_w_mbsrtowcs(NULL, where, limit, state));
    TRY(size_t, mbsnrtowcs(to, where, size, limit, state), psm_w_mbsnrtowcs(to, where, size, limit, state));
    wchar_t *wide = put_wide(1024, 40, broken ? L"ab\u20ac\U0001f600\x7fffffff" : L"ab\u00e9\u20ac\U0001f600");
    const wchar_t **wide_where = put(600, &wide, sizeof wide);
    TRY(size_t, wcstombs(room(0), wide, limit), psm_w_wcstombs(room(0), wide, limit));
    TRY(size_t, wcstombs(NULL, wide, limit), psm_w_wcstombs(NULL, wide, limit));
    TRY(size_t, wcsrtombs(room(0), wide_where, limit, state), psm_w_wcsrtombs(room(0), wide_where, limit, state));
    TRY(size_t, wcsnrtombs(room(0), wide_where, size, limit, state),
        psm_w_wcsnrtombs(room(0), wide_where, size, limit, state));
}

int main(void)
{
    mirror_open();
    const char *const locales[] = {"C", "C.UTF-8"};
    for (int l = 0; l < 2; l++) {
        if (!setlocale(LC_ALL, locales[l]))
            fail("no locale %s", locales[l]);
        for (int i = 0; i < 80; i++) {
            strings();
            characters();
            conversions();
        }
    }
    return mirror_close();
}
