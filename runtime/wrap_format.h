/* wrap_format.h: what the printf and the scanf wrappers share: reading a format of
 * either width, and making a va_list.
 *
 * Their arguments are pointers to be translated between others to be left alone, so the
 * wrappers walk the format, copy the arguments into an array of their own as they go,
 * and hand that to libc's v-function. A va_list of x86-64 whose register areas are used
 * up takes everything from memory, in order: eight bytes each, a long double in sixteen
 * at a multiple of sixteen. */
#ifndef PSM_WRAP_FORMAT_H
#define PSM_WRAP_FORMAT_H
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* A format of char or wchar_t, where it can be read. */
struct format {
    const void *text;
    int wide;
};

static inline unsigned format_at(const struct format *format, size_t index)
{
    return format->wide ? (unsigned)((const wchar_t *)format->text)[index]
                        : ((const unsigned char *)format->text)[index];
}

static inline size_t format_length(const struct format *format)
{
    return format->wide ? wcslen(format->text) : strlen(format->text);
}

/* A decimal number at *index, which it passes; SIZE_MAX if there is none. */
static inline size_t format_number(const struct format *format, size_t *index)
{
    size_t number = 0, begin = *index;
    for (; format_at(format, *index) - '0' <= 9; ++*index)
        if (number <= INT32_MAX)
            number = number * 10 + (format_at(format, *index) - '0');
    return *index > begin ? number : SIZE_MAX;
}

/* The `N$` of a numbered argument at *index, which it passes; SIZE_MAX if there is none. */
static inline size_t format_position(const struct format *format, size_t *index)
{
    size_t after = *index, number = format_number(format, &after);
    if (number == SIZE_MAX || number == 0 || format_at(format, after) != '$')
        return SIZE_MAX;
    *index = after + 1;
    return number - 1;
}

/* Bytes of the integer that a length modifier stands for, which it passes. A long
 * double's L is 16; none is 4. */
static inline size_t format_size(const struct format *format, size_t *index)
{
    size_t bits;
    switch (format_at(format, *index)) {
    case 'h':
        ++*index;
        return format_at(format, *index) == 'h' ? ++*index, sizeof(char) : sizeof(short);
    case 'l':
        ++*index;
        if (format_at(format, *index) != 'l')
            return sizeof(long);
        ++*index;
        return sizeof(long double);
    case 'j': case 'z': case 'Z': case 't':
        ++*index;
        return sizeof(long);
    case 'L': case 'q': /* libc makes no difference between these and ll */
        ++*index;
        return sizeof(long double);
    case 'w': /* C23: w8, wf32 */
        ++*index;
        if (format_at(format, *index) == 'f')
            ++*index;
        bits = format_number(format, index);
        return bits == 8 || bits == 16 || bits == 64 ? bits / 8 : 4;
    default:
        return sizeof(int);
    }
}

/* Make `list` one that reads `memory`, 16-aligned, from its beginning. */
static inline void format_list(va_list list, void *memory)
{
    struct {
        uint32_t gp_offset, fp_offset; /* past the saved registers: 6 x 8, 8 x 16 */
        void *overflow_arg_area, *reg_save_area;
    } layout = {48, 176, memory, NULL};
    static_assert(sizeof layout == sizeof(va_list), "the x86-64 System V va_list");
    memcpy(list, &layout, sizeof layout);
}
#endif
