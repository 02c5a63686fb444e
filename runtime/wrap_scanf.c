/* wrap_scanf.c: sscanf and its family, both variants.
 *
 * In the foreground libc's, unless an op uses %ms: that allocates, and must do so from
 * the machine's heap. In the shadow, and for %ms in an op:
 *
 *   1. walk the format; give every conversion that stores a private place of its own,
 *      large enough for all of the input, and copy the format without the m of %ms and
 *      with %lln for any %n
 *   2. let libc scan into the private places
 *   3. its result says which conversions were assigned; copy those, in order, to where
 *      the arguments point, allocating for %ms. A %n is not counted in the result: it
 *      was reached if its place is not -1 any more.
 *
 * A string that failed half way (a wide character that cannot be converted) is copied
 * as far as libc got, as in the foreground. See wrap.h, wrap_format.h. */
#include "wrap.h"
#include "wrap_format.h"
#include "error.h"
#include "machine.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* libc's own by symbol: headers may call by these names what was C99's or is C23's. */
int c90_vsscanf(const char *, const char *, va_list) __asm__("vsscanf");
int c90_vswscanf(const wchar_t *, const wchar_t *, va_list) __asm__("vswscanf");
int c99_vsscanf(const char *, const char *, va_list) __asm__("__isoc99_vsscanf");
int c99_vswscanf(const wchar_t *, const wchar_t *, va_list) __asm__("__isoc99_vswscanf");
int c23_vsscanf(const char *, const char *, va_list) __asm__("__isoc23_vsscanf") __attribute__((weak));
int c23_vswscanf(const wchar_t *, const wchar_t *, va_list) __asm__("__isoc23_vswscanf") __attribute__((weak));

enum dialect { C90 /* %as allocates */, C99, C23 /* %i reads 0b */ };

enum kind { NUMBER, STRING, CHARACTERS, COUNT };

struct conversion {
    enum kind kind;
    int allocates;
    size_t size;     /* NUMBER, COUNT: of the integer; else of one character */
    size_t place;    /* offset of its private place */
    size_t narrowed; /* bytes of a place that takes char from wide input, else 0 */
    void *argument;  /* canonical */
    size_t position; /* which argument */
};

struct scan {
    struct format format;
    enum dialect dialect;
    size_t input_length; /* in characters of the format's width */
    struct conversion *conversions;
    size_t count;
    size_t places_size;
    char *copy;          /* the format handed to libc, of the same width */
    size_t copy_length;
};

static void copy_out(struct scan *scan, unsigned c)
{
    if (scan->format.wide)
        ((wchar_t *)scan->copy)[scan->copy_length++] = (wchar_t)c;
    else
        scan->copy[scan->copy_length++] = (char)c;
}

static void copy_range(struct scan *scan, size_t from, size_t to)
{
    for (; from < to; from++)
        copy_out(scan, format_at(&scan->format, from));
}

/* Passes the set of a %[, from behind the bracket to the one that ends it. */
static void pass_set(const struct format *format, size_t *i)
{
    if (format_at(format, *i) == '^')
        ++*i;
    if (format_at(format, *i) == ']')
        ++*i;
    while (format_at(format, *i) && format_at(format, *i) != ']')
        ++*i;
}

static void add(struct scan *scan, struct conversion conversion, size_t width)
{
    size_t place = 16; /* a long double */
    if (conversion.kind == STRING || conversion.kind == CHARACTERS) {
        size_t length = width < scan->input_length ? width : scan->input_length;
        /* Wide input may need several bytes a character. */
        int narrows = scan->format.wide && conversion.size == 1;
        place = (length + 1) * (narrows ? MB_LEN_MAX : conversion.size) + 16;
        conversion.narrowed = narrows ? place : 0;
    }
    conversion.place = scan->places_size;
    scan->places_size += (place + 15) & ~(size_t)15;
    scan->conversions[scan->count++] = conversion;
}

/* Step 1: one conversion, *i behind its '%'. */
static void walk_conversion(struct scan *scan, size_t *i, size_t *next)
{
    const struct format *format = &scan->format;
    size_t begin = *i;
    size_t position = format_position(format, i);
    int suppressed = 0;
    for (unsigned c; (c = format_at(format, *i)) == '*' || c == '\'' || c == 'I'; ++*i)
        suppressed |= c == '*';
    size_t width = format_number(format, i);
    copy_range(scan, begin, *i);

    struct conversion conversion = {.kind = NUMBER};
    unsigned c = format_at(format, *i), after = c ? format_at(format, *i + 1) : 0;
    int letter = after == 's' || after == 'S' || after == '[';
    if (c == 'm' || (c == 'a' && scan->dialect == C90 && letter)) {
        conversion.allocates = 1;
        ++*i;
    }
    size_t modifier = *i;
    conversion.size = format_size(format, i);
    c = format_at(format, *i);
    if (c)
        ++*i;
    int wide = conversion.size >= sizeof(long);
    switch (c) {
    case 's': case 'S': case '[':
        conversion.kind = STRING;
        break;
    case 'c': case 'C':
        conversion.kind = CHARACTERS;
        if (width == SIZE_MAX)
            width = 1;
        break;
    case 'e': case 'f': case 'g': case 'a': case 'E': case 'F': case 'G': case 'A':
        if (conversion.size == sizeof(long double))
            conversion.size = 10; /* its value */
        break;
    case 'p':
        conversion.size = sizeof(void *);
        break;
    case 'n':
        conversion.kind = COUNT;
        if (conversion.size > sizeof(long))
            conversion.size = sizeof(long); /* %Ln */
        break;
    case 0: case '%':
        suppressed = 1;
        break;
    default:
        if (conversion.size > sizeof(long))
            conversion.size = sizeof(long); /* %Ld */
        break;
    }
    if (conversion.kind == STRING || conversion.kind == CHARACTERS)
        conversion.size = wide || c == 'S' || c == 'C' ? sizeof(wchar_t) : 1;
    if (conversion.kind == COUNT) {
        copy_out(scan, 'l');
        copy_out(scan, 'l');
        modifier = *i - 1;
    }
    if (c == '[')
        pass_set(format, i);
    copy_range(scan, modifier, *i);
    if (!suppressed) {
        conversion.position = position != SIZE_MAX ? position : (*next)++;
        add(scan, conversion, width);
    }
}

static void walk(struct scan *scan)
{
    size_t next = 0, i = 0;
    for (unsigned c; (c = format_at(&scan->format, i)) != 0;) {
        copy_out(scan, c);
        i++;
        if (c == '%')
            walk_conversion(scan, &i, &next);
    }
    copy_out(scan, 0);
}

/* Bytes that libc has stored in a string's place, which was zero before. In one that
 * takes char from wide input, where glibc stores two zeros at the end, all was 0xff,
 * which no character ends with. */
static size_t stored_size(const struct conversion *conversion, const char *place, int assigned)
{
    int ended = assigned && conversion->kind == STRING;
    size_t size = conversion->narrowed;
    if (!size)
        return conversion->size == 1 ? strlen(place) + ended
                                     : (wcslen((const wchar_t *)place) + ended) * sizeof(wchar_t);
    while (size > 0 && place[size - 1] == (char)0xff)
        size--;
    return conversion->allocates && ended ? strlen(place) + 1 : size;
}

/* Step 3 for one conversion. `shadow`: the arguments' twins are meant. */
static void deliver(const struct conversion *conversion, const char *place, int assigned,
                    int shadow)
{
    size_t size = conversion->size;
    void *to = shadow ? wrap_twin(conversion->argument) : conversion->argument;
    if (conversion->kind == STRING || conversion->kind == CHARACTERS) {
        size = stored_size(conversion, place, assigned);
    } else if (conversion->kind == COUNT) {
        assigned = *(const int64_t *)place != -1;
    }
    if (!assigned && conversion->kind != STRING && conversion->kind != CHARACTERS)
        return;
    if (conversion->allocates) {
        if (!assigned)
            return;
        void *block = shadow ? psm_w_malloc(size) : psm_malloc(size);
        if (shadow)
            wrap_write(to, &block, sizeof block);
        else
            *(void **)to = block;
        to = shadow ? wrap_twin(block) : block;
        if (!to)
            return;
    }
    if (shadow)
        wrap_write(to, place, size);
    else
        memcpy(to, place, size);
}

/* Take the arguments, each a pointer, into the conversions that use them, and put the
 * private places where libc will look for them. */
static void bind(struct scan *scan, char *places, void **slots, va_list from)
{
    size_t last = 0;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->conversions[i].position + 1 > last)
            last = scan->conversions[i].position + 1;
    for (size_t n = 0; n < last; n++) {
        void *argument = va_arg(from, void *);
        slots[n] = NULL;
        for (size_t i = 0; i < scan->count; i++)
            if (scan->conversions[i].position == n) {
                scan->conversions[i].argument = argument;
                slots[n] = places + scan->conversions[i].place;
            }
    }
}

static int scan_apart(const void *input, struct format format, enum dialect dialect,
                      va_list from, int shadow)
{
    struct scan scan = {.format = format, .dialect = dialect};
    size_t length = format_length(&format), percents = 0, positions = 0;
    for (size_t i = 0; i < length; i++) {
        percents += format_at(&format, i) == '%';
        positions |= format_at(&format, i) == '$' ? NL_ARGMAX : 0;
    }
    scan.input_length = format_length(&(struct format){input, format.wide});

    size_t slots_size = (percents + positions + 1) * sizeof(void *);
    size_t conversions_size = (percents + 1) * sizeof *scan.conversions;
    size_t copy_size = (length + 2 * percents + 1) * (format.wide ? sizeof(wchar_t) : 1);
    _Alignas(16) char local[2048], local_places[2048];
    char *room = wrap_room(local, sizeof local, slots_size + conversions_size + copy_size);
    scan.conversions = (void *)(room + slots_size);
    scan.copy = room + slots_size + conversions_size;
    walk(&scan);

    char *places = wrap_room(local_places, sizeof local_places, scan.places_size);
    memset(places, 0, scan.places_size);
    for (size_t i = 0; i < scan.count; i++) {
        if (scan.conversions[i].position >= percents + positions)
            psm_fatal("a scanf format asks for argument %zu, past what it can use",
                      scan.conversions[i].position + 1);
        if (scan.conversions[i].kind == COUNT)
            *(int64_t *)(places + scan.conversions[i].place) = -1;
        memset(places + scan.conversions[i].place, 0xff, scan.conversions[i].narrowed);
    }
    bind(&scan, places, (void **)room, from);

    va_list list;
    format_list(list, room);
    int result;
    if (format.wide)
        result = (dialect == C23 ? c23_vswscanf : c99_vswscanf)(input, (void *)scan.copy, list);
    else
        result = (dialect == C23 ? c23_vsscanf : c99_vsscanf)(input, scan.copy, list);

    int stored = 0;
    for (size_t i = 0; i < scan.count; i++) {
        const struct conversion *conversion = &scan.conversions[i];
        deliver(conversion, places + conversion->place, stored < result, shadow);
        stored += conversion->kind != COUNT;
    }
    wrap_room_free(places, local_places);
    wrap_room_free(room, local);
    return result;
}

/* Whether an op is running here, and a conversion may allocate. */
static int wants_heap(const char *format)
{
    return psm_current && (strchr(format, 'm') || strchr(format, 'a'));
}

static int wants_heap_wide(const wchar_t *format)
{
    return psm_current && (wcschr(format, L'm') || wcschr(format, L'a'));
}

#define SCANF(name, vname, libc, dialect, character, is_wide, wants)                \
    int psm_##vname(const character *input, const character *format, va_list list)  \
    {                                                                               \
        if (!wants(format))                                                         \
            return libc(input, format, list);                                       \
        return scan_apart(input, (struct format){format, is_wide}, dialect, list, 0); \
    }                                                                               \
    int psm_##name(const character *input, const character *format, ...)            \
    {                                                                               \
        va_list list;                                                               \
        va_start(list, format);                                                     \
        int result = psm_##vname(input, format, list);                              \
        va_end(list);                                                               \
        return result;                                                              \
    }                                                                               \
    int psm_w_##vname(const character *input, const character *format, va_list list) \
    {                                                                               \
        return scan_apart(wrap_twin(input),                                         \
                          (struct format){wrap_twin(format), is_wide}, dialect, list, 1); \
    }                                                                               \
    int psm_w_##name(const character *input, const character *format, ...)          \
    {                                                                               \
        va_list list;                                                               \
        va_start(list, format);                                                     \
        int result = psm_w_##vname(input, format, list);                            \
        va_end(list);                                                               \
        return result;                                                              \
    }

SCANF(sscanf, vsscanf, c90_vsscanf, C90, char, 0, wants_heap)
SCANF(__isoc99_sscanf, __isoc99_vsscanf, c99_vsscanf, C99, char, 0, wants_heap)
SCANF(__isoc23_sscanf, __isoc23_vsscanf, c23_vsscanf, C23, char, 0, wants_heap)
SCANF(swscanf, vswscanf, c90_vswscanf, C90, wchar_t, 1, wants_heap_wide)
SCANF(__isoc99_swscanf, __isoc99_vswscanf, c99_vswscanf, C99, wchar_t, 1, wants_heap_wide)
SCANF(__isoc23_swscanf, __isoc23_vswscanf, c23_vswscanf, C23, wchar_t, 1, wants_heap_wide)
