/* wrap_stdlib.c: numbers, times and internet addresses to text and back (stdlib.h,
 * inttypes.h, time.h, arpa/inet.h), in shadow variants. See wrap.h. */
#include "wrap.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

/* --- numbers from text: *end becomes canonical ------------------------------------- */

#define INTEGER_AS(name, call, type, character)                                     \
    type psm_w_##name(const character *text, character **end, int base)             \
    {                                                                               \
        character *stop = NULL;                                                     \
        type value = call(wrap_twin(text), &stop, base);                            \
        if (stop != NULL) /* else there is no such base, and *end stays as it is */ \
            wrap_write_pointer(end, wrap_canonical(stop));                          \
        return value;                                                               \
    }

/* libc's by symbol: newer headers call C23's by these names. */
#define INTEGER(name, type, character)                                              \
    type plain_##name(const character *, character **, int) __asm__(#name);         \
    INTEGER_AS(name, plain_##name, type, character)

INTEGER(strtol, long, char)
INTEGER(strtoul, unsigned long, char)
INTEGER(strtoll, long long, char)
INTEGER(strtoull, unsigned long long, char)
INTEGER(strtoq, long long, char)
INTEGER(strtouq, unsigned long long, char)
INTEGER(strtoimax, intmax_t, char)
INTEGER(strtoumax, uintmax_t, char)
INTEGER(wcstol, long, wchar_t)
INTEGER(wcstoul, unsigned long, wchar_t)
INTEGER(wcstoll, long long, wchar_t)
INTEGER(wcstoull, unsigned long long, wchar_t)
INTEGER(wcstoq, long long, wchar_t)
INTEGER(wcstouq, unsigned long long, wchar_t)
INTEGER(wcstoimax, intmax_t, wchar_t)
INTEGER(wcstoumax, uintmax_t, wchar_t)

/* glibc 2.38's C23 spellings, which also read 0b101. A program that calls them was
 * linked with a libc that has them; libpsm must link with older ones too. */
#define INTEGER_C23(name, type, character)                                          \
    type __isoc23_##name(const character *, character **, int) __attribute__((weak)); \
    INTEGER_AS(__isoc23_##name, __isoc23_##name, type, character)

INTEGER_C23(strtol, long, char)
INTEGER_C23(strtoul, unsigned long, char)
INTEGER_C23(strtoll, long long, char)
INTEGER_C23(strtoull, unsigned long long, char)
INTEGER_C23(strtoimax, intmax_t, char)
INTEGER_C23(strtoumax, uintmax_t, char)
INTEGER_C23(wcstol, long, wchar_t)
INTEGER_C23(wcstoul, unsigned long, wchar_t)
INTEGER_C23(wcstoll, long long, wchar_t)
INTEGER_C23(wcstoull, unsigned long long, wchar_t)
INTEGER_C23(wcstoimax, intmax_t, wchar_t)
INTEGER_C23(wcstoumax, uintmax_t, wchar_t)

/* What glibc's inline strtol of old headers calls. */
#define INTEGER_INTERNAL(name, type)                                                \
    type psm_w___##name##_internal(const char *text, char **end, int base, int group) \
    {                                                                               \
        (void)group;                                                                \
        return psm_w_##name(text, end, base);                                       \
    }

INTEGER_INTERNAL(strtol, long)
INTEGER_INTERNAL(strtoul, unsigned long)
INTEGER_INTERNAL(strtoll, long long)
INTEGER_INTERNAL(strtoull, unsigned long long)

#define REAL(name, type, character)                                                 \
    type psm_w_##name(const character *text, character **end)                       \
    {                                                                               \
        character *stop;                                                            \
        type value = name(wrap_twin(text), &stop);                                  \
        wrap_write_pointer(end, wrap_canonical(stop));                              \
        return value;                                                               \
    }

REAL(strtod, double, char)
REAL(strtof, float, char)
REAL(strtold, long double, char)
REAL(strtof32, _Float32, char)
REAL(strtof64, _Float64, char)
REAL(strtof32x, _Float32x, char)
REAL(strtof64x, _Float64x, char)
REAL(wcstod, double, wchar_t)
REAL(wcstof, float, wchar_t)
REAL(wcstold, long double, wchar_t)
REAL(wcstof32, _Float32, wchar_t)
REAL(wcstof64, _Float64, wchar_t)
REAL(wcstof32x, _Float32x, wchar_t)
REAL(wcstof64x, _Float64x, wchar_t)

#define REAL_INTERNAL(name, type)                                                   \
    type psm_w___##name##_internal(const char *text, char **end, int group)         \
    {                                                                               \
        (void)group;                                                                \
        return psm_w_##name(text, end);                                             \
    }

REAL_INTERNAL(strtod, double)
REAL_INTERNAL(strtof, float)
REAL_INTERNAL(strtold, long double)

/* --- text from numbers ---------------------------------------------------------------- */

enum { DIGITS_MAX = 5200 }; /* more than a long double's longest plain form */

#define FROM(name, type)                                                            \
    int psm_w_##name(char *to, size_t size, const char *format, type value)         \
    {                                                                               \
        char local[DIGITS_MAX];                                                     \
        int length = name(local, sizeof local, wrap_twin(format), value);           \
        size_t count = (size_t)length + 1 < size ? (size_t)length + 1 : size;       \
        wrap_announce(wrap_twin(to), count);                                        \
        return name(wrap_twin(to), size, wrap_twin(format), value);                 \
    }

FROM(strfromd, double)
FROM(strfromf, float)
FROM(strfroml, long double)
FROM(strfromf32, _Float32)
FROM(strfromf64, _Float64)
FROM(strfromf32x, _Float32x)
FROM(strfromf64x, _Float64x)

char *psm_w_gcvt(double value, int digits, char *to)
{
    char local[DIGITS_MAX];
    gcvt(value, digits, local);
    wrap_write(wrap_twin(to), local, strlen(local) + 1);
    return to;
}

char *psm_w_qgcvt(long double value, int digits, char *to)
{
    char local[DIGITS_MAX];
    qgcvt(value, digits, local);
    wrap_write(wrap_twin(to), local, strlen(local) + 1);
    return to;
}

/* These shift digits about in the buffer and leave some behind the end. */
#define CVT_R(name, type)                                                           \
    int psm_w_##name(type value, int digits, int *restrict point, int *restrict sign, \
                     char *restrict to, size_t size)                                \
    {                                                                               \
        wrap_announce(wrap_twin(to), size);                                         \
        wrap_announce(wrap_twin(point), sizeof *point);                             \
        wrap_announce(wrap_twin(sign), sizeof *sign);                               \
        return name(value, digits, wrap_twin(point), wrap_twin(sign), wrap_twin(to), size); \
    }

CVT_R(ecvt_r, double)
CVT_R(fcvt_r, double)
CVT_R(qecvt_r, long double)
CVT_R(qfcvt_r, long double)

/* --- times as text -------------------------------------------------------------------------- */

/* struct tm holds a pointer, the zone's name. */
static struct tm twin_of_time(const struct tm *time)
{
    struct tm copy = *(const struct tm *)wrap_twin(time);
    copy.tm_zone = wrap_twin(copy.tm_zone);
    return copy;
}

/* A result of 0 may mean that there was no room: then what libc left is indeterminate,
 * but the foreground has it too. */
#define TIME_TEXT_MAX ((size_t)1 << 20) /* a larger size only says that there is room enough */
#define FORMAT_TIME(name, character)                                                \
    size_t psm_w_##name(character *to, size_t size, const character *format,        \
                        const struct tm *time)                                      \
    {                                                                               \
        character local[1024];                                                      \
        size_t within = size < TIME_TEXT_MAX ? size : TIME_TEXT_MAX;                \
        character *room = wrap_room(local, sizeof local, within * sizeof *to);      \
        struct tm copy = twin_of_time(time);                                        \
        size_t length = name(room, within, wrap_twin(format), &copy);               \
        if (length || within < size) {                                              \
            wrap_write(wrap_twin(to), room, (length + 1) * sizeof *to);             \
        } else {                                                                    \
            wrap_announce(wrap_twin(to), size * sizeof *to);                        \
            name(wrap_twin(to), size, wrap_twin(format), &copy);                    \
        }                                                                           \
        wrap_room_free(room, local);                                                \
        return length;                                                              \
    }

FORMAT_TIME(strftime, char)
FORMAT_TIME(wcsftime, wchar_t)

char *psm_w_asctime_r(const struct tm *time, char *to)
{
    if (time == NULL)
        return asctime_r(NULL, wrap_twin(to));
    struct tm copy = twin_of_time(time);
    wrap_announce(wrap_twin(to), 26); /* what callers must provide, and libc keeps to */
    return asctime_r(&copy, wrap_twin(to)) ? to : NULL;
}

char *psm_w___asctime_r(const struct tm *time, char *to)
{
    return psm_w_asctime_r(time, to);
}

/* --- internet addresses as text ------------------------------------------------------------------ */

int psm_w_inet_aton(const char *text, struct in_addr *to)
{
    struct in_addr address;
    int result = inet_aton(wrap_twin(text), &address);
    if (result && to)
        wrap_write(wrap_twin(to), &address, sizeof address);
    return result;
}

int psm_w_inet_pton(int family, const char *text, void *to)
{
    unsigned char address[sizeof(struct in6_addr)];
    int result = inet_pton(family, wrap_twin(text), address);
    if (result == 1)
        wrap_write(wrap_twin(to), address, family == AF_INET ? sizeof(struct in_addr) : sizeof address);
    return result;
}

const char *psm_w_inet_ntop(int family, const void *address, char *to, socklen_t size)
{
    char local[INET6_ADDRSTRLEN];
    if (!inet_ntop(family, wrap_twin(address), local, size < sizeof local ? size : sizeof local))
        return NULL;
    wrap_write(wrap_twin(to), local, strlen(local) + 1);
    return to;
}
