/* wrap_printf.c: formatting into memory, in shadow variants, for char and wchar_t, and
 * asprintf for both variants.
 *
 * %s and its like get twins, %n's integers are announced, %p prints the pointer as it
 * is. libc formats into a private buffer, since only then the length is known; what
 * fits is announced and copied. See wrap.h, wrap_format.h. */
#include "wrap.h"
#include "wrap_format.h"
#include "error.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { INTEGER, POINTER, DOUBLE, LONG_DOUBLE };

struct arguments {
    va_list list;       /* for libc */
    void *room;         /* what list reads, kinds behind it */
    _Alignas(16) char local[1024];
};

/* Note the kind of one argument, numbered or next. */
static void take(unsigned char *kinds, size_t limit, size_t *count, size_t *next,
                 size_t position, enum kind kind)
{
    size_t index = position != SIZE_MAX ? position : (*next)++;
    if (index >= limit)
        psm_fatal("a printf format asks for argument %zu, past what it can use", index + 1);
    kinds[index] = kind;
    if (*count <= index)
        *count = index + 1;
}

/* What the conversions of `format` take, in kinds[0..]; returns how many. Integers that
 * %n writes are not known here yet; their sizes go to kinds as COUNT + size. */
enum { COUNT = 16 };

static size_t classify(const struct format *format, unsigned char *kinds, size_t limit)
{
    size_t count = 0, next = 0, i = 0;
    for (unsigned c; (c = format_at(format, i)) != 0; i++) {
        if (c != '%')
            continue;
        i++;
        size_t position = format_position(format, &i);
        while ((c = format_at(format, i)) && strchr("-+ #0'I", (int)c))
            i++;
        for (int precision = 0; precision < 2; precision++) {
            if (precision) {
                if (format_at(format, i) != '.')
                    break;
                i++;
            }
            if (format_at(format, i) == '*') {
                i++;
                size_t star = format_position(format, &i);
                take(kinds, limit, &count, &next, star, INTEGER);
            } else {
                format_number(format, &i);
            }
        }
        size_t size = format_size(format, &i);
        switch (format_at(format, i)) {
        case 0:
            return count;
        case 'd': case 'i': case 'o': case 'u': case 'x': case 'X': case 'b': case 'B':
        case 'c': case 'C': case 'p':
            take(kinds, limit, &count, &next, position, INTEGER);
            break;
        case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'a': case 'A':
            take(kinds, limit, &count, &next, position,
                 size == sizeof(long double) ? LONG_DOUBLE : DOUBLE);
            break;
        case 's': case 'S':
            take(kinds, limit, &count, &next, position, POINTER);
            break;
        case 'n':
            take(kinds, limit, &count, &next, position,
                 COUNT + (size < sizeof(long) ? size : sizeof(long)));
            break;
        default: /* %%, %m, and what libc prints as it stands: no argument */
            break;
        }
    }
    return count;
}

static void arguments_begin(struct arguments *arguments, const struct format *format,
                            va_list from)
{
    size_t limit = 1;
    for (size_t i = 0; format_at(format, i); i++) {
        unsigned c = format_at(format, i);
        limit += c == '%' || c == '*';
        if (c == '$' && limit < NL_ARGMAX)
            limit = NL_ARGMAX; /* there may be gaps between numbered arguments */
    }
    arguments->room = wrap_room(arguments->local, sizeof arguments->local, limit * 17 + 16);
    char *slot = arguments->room;
    unsigned char *kinds = (unsigned char *)slot + limit * 16 + 16;
    memset(kinds, INTEGER, limit);
    size_t count = classify(format, kinds, limit);
    format_list(arguments->list, slot);
    for (size_t i = 0; i < count; i++) {
        if (kinds[i] == LONG_DOUBLE) {
            slot = (char *)(((uintptr_t)slot + 15) & ~(uintptr_t)15);
            *(long double *)slot = va_arg(from, long double);
            slot += 16;
            continue;
        }
        if (kinds[i] == DOUBLE) {
            *(double *)slot = va_arg(from, double);
        } else if (kinds[i] == INTEGER) {
            *(uint64_t *)slot = va_arg(from, uint64_t);
        } else {
            void *twin = wrap_twin(va_arg(from, void *));
            if (kinds[i] >= COUNT)
                wrap_announce(twin, kinds[i] - COUNT);
            *(void **)slot = twin;
        }
        slot += 8;
    }
}

static void arguments_end(struct arguments *arguments)
{
    wrap_room_free(arguments->room, arguments->local);
}

/* --- char -------------------------------------------------------------------------- */

/* As vsnprintf; `text`, of `*text_size` bytes, is exchanged for a larger one from libc's
 * heap if need be, and holds the whole output. A failed conversion gives -1 and what
 * came before it. */
static int format_all(char **text, size_t text_size, const char *format, va_list list)
{
    char *local = *text;
    for (;;) {
        va_list copy;
        va_copy(copy, list);
#pragma clang diagnostic ignored "-Wformat-nonliteral"
        int length = vsnprintf(*text, text_size, format, copy);
        va_end(copy);
        if (length >= 0 ? (size_t)length < text_size : strlen(*text) + 1 < text_size)
            return length;
        wrap_room_free(*text, local);
        text_size = length >= 0 ? (size_t)length + 1 : text_size * 2;
        *text = wrap_room(NULL, 0, text_size);
    }
}

int psm_w_vsnprintf(char *to, size_t size, const char *format, va_list list)
{
    struct arguments arguments;
    arguments_begin(&arguments, &(struct format){wrap_twin(format), 0}, list);
    char local[1024], *text = local;
    int length = format_all(&text, sizeof local, wrap_twin(format), arguments.list);
    size_t count = length >= 0 ? (size_t)length : strlen(text);
    if (size) {
        if (count >= size)
            text[count = size - 1] = 0;
        wrap_write(wrap_twin(to), text, count + 1);
    }
    wrap_room_free(text, local);
    arguments_end(&arguments);
    return length;
}

int psm_w_vsprintf(char *to, const char *format, va_list list)
{
    return psm_w_vsnprintf(to, SIZE_MAX, format, list);
}

int psm_w_snprintf(char *to, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = psm_w_vsnprintf(to, size, format, list);
    va_end(list);
    return length;
}

int psm_w_sprintf(char *to, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = psm_w_vsnprintf(to, SIZE_MAX, format, list);
    va_end(list);
    return length;
}

/* The checked spellings: the foreground has passed the check. */
int psm_w___vsnprintf_chk(char *to, size_t size, int flag, size_t room, const char *format,
                          va_list list)
{
    (void)flag, (void)room;
    return psm_w_vsnprintf(to, size, format, list);
}

int psm_w___vsprintf_chk(char *to, int flag, size_t room, const char *format, va_list list)
{
    (void)flag, (void)room;
    return psm_w_vsnprintf(to, SIZE_MAX, format, list);
}

int psm_w___snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
    (void)flag, (void)room;
    va_list list;
    va_start(list, format);
    int length = psm_w_vsnprintf(to, size, format, list);
    va_end(list);
    return length;
}

int psm_w___sprintf_chk(char *to, int flag, size_t room, const char *format, ...)
{
    (void)flag, (void)room;
    va_list list;
    va_start(list, format);
    int length = psm_w_vsnprintf(to, SIZE_MAX, format, list);
    va_end(list);
    return length;
}

/* --- wchar_t ------------------------------------------------------------------------------ */

int psm_w_vswprintf(wchar_t *to, size_t size, const wchar_t *format, va_list list)
{
    struct arguments arguments;
    arguments_begin(&arguments, &(struct format){wrap_twin(format), 1}, list);
    /* vswprintf fails if there is no room, and does not say how much it needs; what it
     * leaves then is the foreground's too. */
    wchar_t local[256];
    size_t text_size = size < 1 << 20 ? size : 1 << 20;
    wchar_t *text = wrap_room(local, sizeof local, text_size * sizeof *to);
    va_list copy;
    va_copy(copy, arguments.list);
    int length = vswprintf(text, text_size, wrap_twin(format), copy);
    va_end(copy);
    if (length >= 0) {
        wrap_write(wrap_twin(to), text, ((size_t)length + 1) * sizeof *to);
    } else {
        wrap_announce(wrap_twin(to), size * sizeof *to);
        length = vswprintf(wrap_twin(to), size, wrap_twin(format), arguments.list);
    }
    wrap_room_free(text, local);
    arguments_end(&arguments);
    return length;
}

int psm_w_swprintf(wchar_t *to, size_t size, const wchar_t *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = psm_w_vswprintf(to, size, format, list);
    va_end(list);
    return length;
}

int psm_w___vswprintf_chk(wchar_t *to, size_t size, int flag, size_t room,
                          const wchar_t *format, va_list list)
{
    (void)flag, (void)room;
    return psm_w_vswprintf(to, size, format, list);
}

int psm_w___swprintf_chk(wchar_t *to, size_t size, int flag, size_t room,
                         const wchar_t *format, ...)
{
    (void)flag, (void)room;
    va_list list;
    va_start(list, format);
    int length = psm_w_vswprintf(to, size, format, list);
    va_end(list);
    return length;
}

/* --- asprintf --------------------------------------------------------------------------------- */

/* On failure both variants store NULL. */
int psm_vasprintf(char **to, const char *format, va_list list)
{
    va_list copy;
    va_copy(copy, list);
    int length = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    *to = length >= 0 ? psm_malloc((size_t)length + 1) : NULL;
    return *to ? vsnprintf(*to, (size_t)length + 1, format, list) : -1;
}

int psm_w_vasprintf(char **to, const char *format, va_list list)
{
    struct arguments arguments;
    arguments_begin(&arguments, &(struct format){wrap_twin(format), 0}, list);
    char local[1024], *text = local;
    int length = format_all(&text, sizeof local, wrap_twin(format), arguments.list);
    char *result = length >= 0 ? psm_w_malloc((size_t)length + 1) : NULL;
    if (result)
        wrap_write(wrap_twin(result), text, (size_t)length + 1);
    wrap_write_pointer(to, result);
    wrap_room_free(text, local);
    arguments_end(&arguments);
    return result ? length : -1;
}

#define ASPRINTF(prefix)                                                            \
    int prefix##asprintf(char **to, const char *format, ...)                        \
    {                                                                               \
        va_list list;                                                               \
        va_start(list, format);                                                     \
        int length = prefix##vasprintf(to, format, list);                           \
        va_end(list);                                                               \
        return length;                                                              \
    }                                                                               \
    int prefix##__asprintf(char **to, const char *format, ...)                      \
    {                                                                               \
        va_list list;                                                               \
        va_start(list, format);                                                     \
        int length = prefix##vasprintf(to, format, list);                           \
        va_end(list);                                                               \
        return length;                                                              \
    }                                                                               \
    int prefix##__asprintf_chk(char **to, int flag, const char *format, ...)        \
    {                                                                               \
        (void)flag;                                                                 \
        va_list list;                                                               \
        va_start(list, format);                                                     \
        int length = prefix##vasprintf(to, format, list);                           \
        va_end(list);                                                               \
        return length;                                                              \
    }                                                                               \
    int prefix##__vasprintf_chk(char **to, int flag, const char *format, va_list list) \
    {                                                                               \
        (void)flag;                                                                 \
        return prefix##vasprintf(to, format, list);                                 \
    }

ASPRINTF(psm_)
ASPRINTF(psm_w_)
