#include "names.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *format(const char *pattern, ...)
{
    va_list list;
    va_start(list, pattern);
    int size = vsnprintf(NULL, 0, pattern, list);
    va_end(list);
    char *text = malloc((size_t)size + 1);
    if (!text)
        return NULL;
    va_start(list, pattern);
    vsnprintf(text, (size_t)size + 1, pattern, list);
    va_end(list);
    return text;
}

char *name_make(const char *prefix, unsigned number)
{
    char *name = format("%s-%05u%s", prefix, number, number % 3 ? "kg" : "pcs");
    if (name)
        name[0] = (char)toupper((unsigned char)name[0]);
    return name;
}

static const char *const units[] = {"cm", "kg", "l", "m", "pcs", "t"};

static int compare_unit(const void *text, const void *unit)
{
    return strcmp(text, *(const char *const *)unit);
}

const char *name_unit(const char *text)
{
    const char *end = text + strlen(text);
    while (end > text && isalpha((unsigned char)end[-1]))
        end--;
    const char *const *unit = bsearch(end, units, sizeof units / sizeof *units, sizeof *units,
                                      compare_unit);
    return unit ? *unit : "";
}
