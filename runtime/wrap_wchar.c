/* wrap_wchar.c: wchar.h, wctype.h, uchar.h and the multibyte functions of stdlib.h, in
 * shadow variants. See wrap.h.
 *
 * Functions that keep their conversion state in libc (mbrtowc with a NULL state, mbtowc)
 * have one of the shadow's own here, since libc's belongs to the foreground. */
#include "wrap.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <uchar.h>
#include <wchar.h>
#include <wctype.h>

/* --- memory and strings ------------------------------------------------------------ */

wchar_t *psm_w_wmemcpy(wchar_t *to, const wchar_t *from, size_t count)
{
    wrap_announce(wrap_twin(to), count * sizeof *to);
    wmemmove(wrap_twin(to), wrap_twin(from), count);
    return to;
}

wchar_t *psm_w_wmemmove(wchar_t *to, const wchar_t *from, size_t count)
{
    return psm_w_wmemcpy(to, from, count);
}

wchar_t *psm_w_wmempcpy(wchar_t *to, const wchar_t *from, size_t count)
{
    return psm_w_wmemcpy(to, from, count) + count;
}

wchar_t *psm_w_wmemset(wchar_t *to, wchar_t c, size_t count)
{
    wrap_announce(wrap_twin(to), count * sizeof *to);
    wmemset(wrap_twin(to), c, count);
    return to;
}

wchar_t *psm_w_wcpcpy(wchar_t *to, const wchar_t *from)
{
    size_t length = wcslen(wrap_twin(from));
    psm_w_wmemcpy(to, from, length + 1);
    return to + length;
}

wchar_t *psm_w_wcscpy(wchar_t *to, const wchar_t *from)
{
    psm_w_wcpcpy(to, from);
    return to;
}

wchar_t *psm_w_wcpncpy(wchar_t *to, const wchar_t *from, size_t count)
{
    size_t length = wcsnlen(wrap_twin(from), count);
    psm_w_wmemcpy(to, from, length);
    psm_w_wmemset(to + length, 0, count - length);
    return to + length;
}

wchar_t *psm_w_wcsncpy(wchar_t *to, const wchar_t *from, size_t count)
{
    psm_w_wcpncpy(to, from, count);
    return to;
}

wchar_t *psm_w_wcscat(wchar_t *to, const wchar_t *from)
{
    psm_w_wcscpy(to + wcslen(wrap_twin(to)), from);
    return to;
}

wchar_t *psm_w_wcsncat(wchar_t *to, const wchar_t *from, size_t count)
{
    wchar_t *end = to + wcslen(wrap_twin(to));
    size_t length = wcsnlen(wrap_twin(from), count);
    psm_w_wmemcpy(end, from, length);
    psm_w_wmemset(end + length, 0, 1);
    return to;
}

size_t psm_w_wcslcpy(wchar_t *to, const wchar_t *from, size_t count)
{
    size_t length = wcslen(wrap_twin(from));
    if (count) {
        size_t copied = length < count ? length : count - 1;
        psm_w_wmemcpy(to, from, copied);
        psm_w_wmemset(to + copied, 0, 1);
    }
    return length;
}

size_t psm_w_wcslcat(wchar_t *to, const wchar_t *from, size_t count)
{
    size_t length = wcsnlen(wrap_twin(to), count);
    return length + psm_w_wcslcpy(to + length, from, count - length);
}

size_t psm_w_wcsxfrm(wchar_t *to, const wchar_t *from, size_t count)
{
    size_t length = wcsxfrm(NULL, wrap_twin(from), 0);
    wrap_announce(wrap_twin(to), (length < count ? length + 1 : count) * sizeof *to);
    return wcsxfrm(wrap_twin(to), wrap_twin(from), count);
}

wchar_t *psm_w_wcstok(wchar_t *string, const wchar_t *delimiters, wchar_t **position)
{
    const wchar_t *set = wrap_twin(delimiters);
    wchar_t *p = wrap_twin(string ? string : *(wchar_t **)wrap_twin(position));
    if (!p) { /* all words have been had */
        errno = EINVAL;
        return NULL;
    }
    p += wcsspn(p, set);
    wchar_t *end = p + wcscspn(p, set), *rest = NULL;
    if (*p && *end) {
        wrap_write(end, L"", sizeof *end);
        rest = end + 1;
    }
    wrap_write_pointer(position, wrap_canonical(rest));
    return *p || rest ? wrap_canonical(p) : NULL;
}

#define CHECKED(returns, name, parameters, arguments)                               \
    returns psm_w___##name##_chk parameters { (void)room; return psm_w_##name arguments; }

CHECKED(wchar_t *, wmemcpy, (wchar_t *to, const wchar_t *from, size_t count, size_t room), (to, from, count))
CHECKED(wchar_t *, wmemmove, (wchar_t *to, const wchar_t *from, size_t count, size_t room), (to, from, count))
CHECKED(wchar_t *, wmempcpy, (wchar_t *to, const wchar_t *from, size_t count, size_t room), (to, from, count))
CHECKED(wchar_t *, wmemset, (wchar_t *to, wchar_t c, size_t count, size_t room), (to, c, count))
CHECKED(wchar_t *, wcscpy, (wchar_t *to, const wchar_t *from, size_t room), (to, from))
CHECKED(wchar_t *, wcpcpy, (wchar_t *to, const wchar_t *from, size_t room), (to, from))
CHECKED(wchar_t *, wcscat, (wchar_t *to, const wchar_t *from, size_t room), (to, from))
CHECKED(wchar_t *, wcsncpy, (wchar_t *to, const wchar_t *from, size_t count, size_t room), (to, from, count))
CHECKED(wchar_t *, wcpncpy, (wchar_t *to, const wchar_t *from, size_t count, size_t room), (to, from, count))
CHECKED(wchar_t *, wcsncat, (wchar_t *to, const wchar_t *from, size_t count, size_t room), (to, from, count))

/* --- one character ------------------------------------------------------------------- */

/* The shadow's own state, new in each op: what an earlier op has left in libc's is no
 * input of a later one, and psm_verify finds one that takes it for such. */
struct own_state { mbstate_t state; uint64_t op; };

/* The state to use: the caller's, announced, or the shadow's own. */
static mbstate_t *state_of(mbstate_t *state, struct own_state *own)
{
    if (!state) {
        if (own->op != psm_ops_replayed)
            *own = (struct own_state){ .op = psm_ops_replayed };
        return &own->state;
    }
    wrap_announce(wrap_twin(state), sizeof *state);
    return wrap_twin(state);
}

#define DECODE(name, type)                                                          \
    size_t psm_w_##name(type *to, const char *text, size_t size, mbstate_t *state)  \
    {                                                                               \
        static __thread struct own_state own;                                       \
        if (to && text)                                                             \
            wrap_announce(wrap_twin(to), sizeof *to);                               \
        return name(wrap_twin(to), wrap_twin(text), size, state_of(state, &own));   \
    }

DECODE(mbrtowc, wchar_t)
DECODE(mbrtoc16, char16_t)
DECODE(mbrtoc32, char32_t)

int psm_w_mbsinit(const mbstate_t *state)
{
    return mbsinit(wrap_twin(state)); /* NULL is allowed */
}

size_t psm_w_mbrlen(const char *text, size_t size, mbstate_t *state)
{
    static __thread struct own_state own;
    return mbrlen(wrap_twin(text), size, state_of(state, &own));
}

size_t psm_w___mbrlen(const char *text, size_t size, mbstate_t *state)
{
    return psm_w_mbrlen(text, size, state);
}

#define ENCODE(name, type)                                                          \
    size_t psm_w_##name(char *to, type c, mbstate_t *state)                         \
    {                                                                               \
        static __thread struct own_state own;                                       \
        char local[MB_LEN_MAX];                                                     \
        mbstate_t *used = state_of(state, &own);                                    \
        if (!to)                                                                    \
            return name(NULL, c, used);                                             \
        size_t length = name(local, c, used);                                       \
        if (length != (size_t)-1)                                                   \
            wrap_write(wrap_twin(to), local, length);                               \
        return length;                                                              \
    }

ENCODE(wcrtomb, wchar_t)
ENCODE(c16rtomb, char16_t)
ENCODE(c32rtomb, char32_t)

size_t psm_w___wcrtomb_chk(char *to, wchar_t c, mbstate_t *state, size_t room)
{
    (void)room;
    return psm_w_wcrtomb(to, c, state);
}

/* libc keeps a shift state between these, which no encoding it has today makes use of:
 * begin afresh each time. */
int psm_w_mbtowc(wchar_t *to, const char *text, size_t size)
{
    if (!text)
        return 0;
    wchar_t c = 0;
    size_t length = 0;
    if (*(const char *)wrap_twin(text)) /* an end is one even if size is 0 */
        length = mbrtowc(&c, wrap_twin(text), size, &(mbstate_t){0});
    if (length > MB_LEN_MAX)
        return -1;
    if (to)
        wrap_write(wrap_twin(to), &c, sizeof c);
    return (int)length;
}

int psm_w_mblen(const char *text, size_t size)
{
    return psm_w_mbtowc(NULL, text, size);
}

int psm_w_wctomb(char *to, wchar_t c)
{
    return to ? (int)psm_w_wcrtomb(to, c, NULL) : 0;
}

int psm_w___wctomb_chk(char *to, wchar_t c, size_t room)
{
    (void)room;
    return psm_w_wctomb(to, c);
}

/* --- strings: converted apart, then as much as was converted is copied ------------------ */

static size_t longest_decoded(const char *text, size_t size)
{
    return strnlen(text, size) + 1;
}

static size_t longest_encoded(const wchar_t *text, size_t size)
{
    return (wcsnlen(text, size) + 1) * MB_LEN_MAX;
}

/* Convert the text at *p, in P, to `to`, canonical, by way of private room. libc does not
 * say how far it came before a character that cannot be converted: what it did not write
 * has all bits set, as no character has. `bounded` is libc's function that takes a size;
 * without one (SIZE_MAX) it is the other, which leaves another state behind an error. */
#define CONVERT(name, restartable, bounded, out, in, longest)                       \
    static size_t name(out *to, const in **p, size_t size, size_t limit, mbstate_t *state) \
    {                                                                               \
        size_t most = longest(*p, size), count;                                     \
        if (most > limit)                                                           \
            most = limit;                                                           \
        out local[512], *room = wrap_room(local, sizeof local, most * sizeof *to);  \
        memset(room, 0xff, most * sizeof *to);                                      \
        size_t result = size == SIZE_MAX ? restartable(room, p, most, state)        \
                                         : bounded(room, p, size, most, state);     \
        if (result != (size_t)-1)                                                   \
            count = result + !*p;                                                   \
        else                                                                        \
            for (count = 0; count < most && room[count] != (out)-1;)                \
                count++;                                                            \
        wrap_write(wrap_twin(to), room, count * sizeof *to);                        \
        wrap_room_free(room, local);                                                \
        return result;                                                              \
    }

CONVERT(decode, mbsrtowcs, mbsnrtowcs, wchar_t, char, longest_decoded)
CONVERT(encode, wcsrtombs, wcsnrtombs, char, wchar_t, longest_encoded)

/* With `to` NULL they only count, and neither text nor state changes. */
#define CONVERSIONS(whole, restartable, bounded, out, in, convert)                  \
    size_t psm_w_##bounded(out *to, const in **text, size_t size, size_t limit, mbstate_t *state) \
    {                                                                               \
        static __thread struct own_state own;                                       \
        const in *p = wrap_twin(*(const in **)wrap_twin(text));                     \
        if (!to) {                                                                  \
            mbstate_t *used = state ? wrap_twin(state) : &own.state;                \
            return size == SIZE_MAX ? restartable(NULL, &p, limit, used)            \
                                    : bounded(NULL, &p, size, limit, used);         \
        }                                                                           \
        size_t result = convert(to, &p, size, limit, state_of(state, &own));        \
        wrap_write_pointer(text, wrap_canonical(p));                                \
        return result;                                                              \
    }                                                                               \
    size_t psm_w_##restartable(out *to, const in **text, size_t limit, mbstate_t *state) \
    {                                                                               \
        return psm_w_##bounded(to, text, SIZE_MAX, limit, state);                   \
    }                                                                               \
    size_t psm_w_##whole(out *to, const in *text, size_t limit)                     \
    {                                                                               \
        const in *p = wrap_twin(text);                                              \
        mbstate_t state = {0};                                                      \
        return to ? convert(to, &p, SIZE_MAX, limit, &state)                        \
                  : restartable(NULL, &p, limit, &state);                           \
    }                                                                               \
    CHECKED(size_t, bounded, (out *to, const in **text, size_t size, size_t limit,  \
            mbstate_t *state, size_t room), (to, text, size, limit, state))         \
    CHECKED(size_t, restartable, (out *to, const in **text, size_t limit,           \
            mbstate_t *state, size_t room), (to, text, limit, state))               \
    CHECKED(size_t, whole, (out *to, const in *text, size_t limit, size_t room), (to, text, limit))

CONVERSIONS(mbstowcs, mbsrtowcs, mbsnrtowcs, wchar_t, char, decode)
CONVERSIONS(wcstombs, wcsrtombs, wcsnrtombs, char, wchar_t, encode)

/* --- mappings: a wctrans_t is an address in libc, the same in both variants -------------- */

wctrans_t psm_w_wctrans(const char *name)
{
    return wctrans(wrap_twin(name));
}

wint_t psm_w_towctrans(wint_t c, wctrans_t mapping)
{
    return towctrans(c, mapping);
}
