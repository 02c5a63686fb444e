// The sscanf wrappers store in P what libc stores in D, whatever input and format, and
// with %ms both variants allocate from the machine's heap.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -Wno-format -fno-builtin -I%runtime -iquote %S/Inputs \
// RUN:   %s %runtime/wrap_scanf.c %runtime/wrap_string.c -o %t && %t | FileCheck %s
// CHECK-NOT: FAIL
// CHECK: all the same
#include "mirror.h"
#include <locale.h>
#include <wchar.h>

int c90_sscanf(const char *, const char *, ...) __asm__("sscanf");
int c99_sscanf(const char *, const char *, ...) __asm__("__isoc99_sscanf");
int psm_w_sscanf(const char *, const char *, ...);
int psm_w___isoc99_sscanf(const char *, const char *, ...);
int psm___isoc99_sscanf(const char *, const char *, ...);
int psm_sscanf(const char *, const char *, ...);
int psm_w___isoc99_swscanf(const wchar_t *, const wchar_t *, ...);
int psm___isoc99_swscanf(const wchar_t *, const wchar_t *, ...);

#define ROOMS room(0), room(512), room(1024), room(1536), room(2048), room(2560)

static const char *const pieces[] = {
    "%d", "%i", "%u", "%x", "%o", "%hhd", "%hx", "%ld", "%lli", "%jd", "%zu", "%td", "%Ld", "%p",
    "%f", "%lf", "%Lf", "%g", "%a", "%s", "%5s", "%ls", "%3ls", "%c", "%4c", "%lc", "%[a-z]",
    "%3[^,]", "%[]x]", "%[^]]", "%l[0-9]", "%n", "%hhn", "%hn", "%ln", "%lln", "%*d", "%*s", "%*[a-z]",
    "%%", "%2d", "%'d", "%C", "%S",
};
static const char *const inputs[] = {
    "12", "-7", "0x1f", "017", "4.5e3", "inf", "nan", "word", "abc", "x]", ",", " ", "%", "99999999999999999999",
    "-", "0x", "1e", "\xc3\xa9", "\xff", "   ", "(nil)", "zz9", "]",
};

static void put_both(char **input, char **format)
{
    char text[512] = "";
    for (int i = 0, n = 1 + (int)random_below(6); i < n; i++) {
        strcat(text, pieces[random_below(sizeof pieces / sizeof *pieces)]);
        strncat(text, &" ,x   "[random_below(6)], random_below(2));
    }
    *format = put(0, text, strlen(text) + 1);
    text[0] = 0;
    for (int i = 0, n = (int)random_below(8); i < n; i++) {
        strcat(text, inputs[random_below(sizeof inputs / sizeof *inputs)]);
        strncat(text, &" ,x   "[random_below(6)], random_below(2));
    }
    *input = put(600, text, strlen(text) + 1);
}

static void any(void)
{
    char *input, *format;
    put_both(&input, &format);
    TRY(int, c99_sscanf(input, format, ROOMS), psm_w___isoc99_sscanf(input, format, ROOMS));
    TRY(int, c90_sscanf(input, format, ROOMS), psm_w_sscanf(input, format, ROOMS));
}

static void wide(void)
{
    char *input, *format;
    put_both(&input, &format);
    wchar_t wide[512];
    mirror_fill(); /* to read them back */
    if (mbstowcs(wide, format, 512) >= 512)
        return;
    wchar_t *wide_format = put(1024, wide, (wcslen(wide) + 1) * sizeof *wide);
    if (mbstowcs(wide, input, 512) >= 512)
        return;
    wchar_t *wide_input = put(3000, wide, (wcslen(wide) + 1) * sizeof *wide);
    TRY(int, swscanf(wide_input, wide_format, ROOMS),
        psm_w___isoc99_swscanf(wide_input, wide_format, ROOMS));
    if (failures)
        printf("input \"%s\", format \"%s\"\n", input, format), exit(1);
}

#define INPUT(text) (input = put(600, text, sizeof(text)))
#define FORMAT(text) (format = put(0, text, sizeof(text)))
#define SAME() TRY(int, c99_sscanf(input, format, ROOMS), psm_w___isoc99_sscanf(input, format, ROOMS))

static void particular(void)
{
    char *input, *format;
    INPUT("10 20 30");
    FORMAT("%2$d %1$d %3$n");
    SAME();
    INPUT("");
    FORMAT("%n%d");
    SAME();
    FORMAT("%5c"); /* no zero behind it */
    INPUT("abc");
    SAME();
    INPUT("abcdefgh");
    SAME();
    FORMAT("%*5c%n%s");
    SAME();
    /* %hhn after 255 characters stores -1 */
    char text[300];
    memset(text, 'y', sizeof text), text[255] = ' ', text[256] = '7', text[257] = 0;
    input = put(600, text, 258);
    FORMAT("%s%hhn%d");
    TRY(int, c99_sscanf(input, format, room(0), room(512), room(516)),
        psm_w___isoc99_sscanf(input, format, room(0), room(512), room(516)));
    /* More private room than on the stack. */
    char long_text[3500];
    memset(long_text, 'q', sizeof long_text), long_text[3499] = 0;
    input = put(4096, long_text, sizeof long_text);
    FORMAT("%s");
    SAME();
}

/* Both variants of a %ms, in an op, against each other and against the string wanted. */
static void allocates(void)
{
    psm_current = (void *)1;
    char *input, *format;
    INPUT("key=value, 15 rest");
    FORMAT("%m[^=]=%m[^,], %d%ms%mc");
    TRY(int, psm___isoc99_sscanf(input, format, ROOMS), psm_w___isoc99_sscanf(input, format, ROOMS));
    mirror_fill();
    char **key = room(0), **value = room(512);
    if (psm___isoc99_sscanf(input, format, ROOMS) != 4 || strcmp(*key, "key") || strcmp(*value, "value"))
        fail("%s", "%ms stores something else");
    if ((unsigned char *)*key < mirror_d || (unsigned char *)*key >= mirror_d + MIRROR_SIZE)
        fail("%s", "%ms allocates elsewhere");
    FORMAT("%as");
    TRY(int, psm_sscanf(input, format, ROOMS), psm_w_sscanf(input, format, ROOMS));
    INPUT("\xc3\xa9\xc3\xa9x y");
    FORMAT("%mls%n%mS");
    TRY(int, psm___isoc99_sscanf(input, format, ROOMS), psm_w___isoc99_sscanf(input, format, ROOMS));
    FORMAT("%mz");
    TRY(int, psm___isoc99_sscanf(input, format, ROOMS), psm_w___isoc99_sscanf(input, format, ROOMS));
    psm_current = NULL;
}

int main(void)
{
    mirror_open();
    const char *const locales[] = {"C", "C.UTF-8"};
    for (int l = 0; l < 2; l++) {
        setlocale(LC_ALL, locales[l]);
        for (int i = 0; i < 400; i++) {
            any();
            if (i % 4 == 0)
                wide();
        }
        particular();
        allocates();
    }
    return mirror_close();
}
