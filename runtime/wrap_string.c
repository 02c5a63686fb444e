/* wrap_string.c: string.h and strings.h in shadow variants.
 *
 * Functions that only read are not here: they are called as they are, on twins. Each of
 * these finds out how many bytes libc is going to write, announces them, and lets libc
 * write them. The checked spellings (__strcpy_chk, made by _FORTIFY_SOURCE) do without
 * the check: the foreground has passed it. See wrap.h. */
#include "wrap.h"
#include "error.h"
#include <libgen.h>
#include <stdlib.h>

void *wrap_room(void *local, size_t local_size, size_t size)
{
    if (size <= local_size)
        return local;
    void *room = malloc(size);
    if (!room)
        psm_fatal("out of memory for %zu bytes in the replay thread", size);
    return room;
}

void wrap_room_free(void *room, void *local)
{
    if (room != local)
        free(room);
}

/* --- memory --------------------------------------------------------------------- */

void *psm_w_memcpy(void *to, const void *from, size_t size)
{
    wrap_announce(wrap_twin(to), size);
    /* memmove: overlapping arguments then give what they most often give. */
    memmove(wrap_twin(to), wrap_twin(from), size);
    return to;
}

void *psm_w_memmove(void *to, const void *from, size_t size)
{
    return psm_w_memcpy(to, from, size);
}

void *psm_w_mempcpy(void *to, const void *from, size_t size)
{
    psm_w_memcpy(to, from, size);
    return (char *)to + size;
}

void *psm_w___mempcpy(void *to, const void *from, size_t size)
{
    return psm_w_mempcpy(to, from, size);
}

void *psm_w_memset(void *to, int byte, size_t size)
{
    wrap_announce(wrap_twin(to), size);
    memset(wrap_twin(to), byte, size);
    return to;
}

void *psm_w_memset_explicit(void *to, int byte, size_t size)
{
    return psm_w_memset(to, byte, size);
}

void *psm_w_memccpy(void *to, const void *from, int byte, size_t size)
{
    const char *source = wrap_twin(from);
    const char *end = memchr(source, byte, size);
    size_t count = end ? (size_t)(end - source) + 1 : size;
    psm_w_memcpy(to, from, count);
    return end ? (char *)to + count : NULL;
}

void psm_w_bcopy(const void *from, void *to, size_t size)
{
    psm_w_memcpy(to, from, size);
}

void psm_w_bzero(void *to, size_t size)
{
    psm_w_memset(to, 0, size);
}

void psm_w_explicit_bzero(void *to, size_t size)
{
    psm_w_memset(to, 0, size);
}

void *psm_w_memfrob(void *to, size_t size)
{
    wrap_announce(wrap_twin(to), size);
    memfrob(wrap_twin(to), size);
    return to;
}

/* --- copies of strings -------------------------------------------------------------- */

char *psm_w_stpcpy(char *to, const char *from)
{
    size_t length = strlen(wrap_twin(from));
    psm_w_memcpy(to, from, length + 1);
    return to + length;
}

char *psm_w___stpcpy(char *to, const char *from)
{
    return psm_w_stpcpy(to, from);
}

char *psm_w_strcpy(char *to, const char *from)
{
    psm_w_stpcpy(to, from);
    return to;
}

char *psm_w_stpncpy(char *to, const char *from, size_t size)
{
    size_t length = strnlen(wrap_twin(from), size);
    wrap_announce(wrap_twin(to), size);
    memmove(wrap_twin(to), wrap_twin(from), length);
    memset((char *)wrap_twin(to) + length, 0, size - length);
    return to + length;
}

char *psm_w___stpncpy(char *to, const char *from, size_t size)
{
    return psm_w_stpncpy(to, from, size);
}

char *psm_w_strncpy(char *to, const char *from, size_t size)
{
    psm_w_stpncpy(to, from, size);
    return to;
}

char *psm_w_strcat(char *to, const char *from)
{
    psm_w_strcpy(to + strlen(wrap_twin(to)), from);
    return to;
}

char *psm_w_strncat(char *to, const char *from, size_t size)
{
    char *end = to + strlen(wrap_twin(to));
    size_t length = strnlen(wrap_twin(from), size);
    wrap_announce(wrap_twin(end), length + 1);
    memmove(wrap_twin(end), wrap_twin(from), length);
    *((char *)wrap_twin(end) + length) = 0;
    return to;
}

size_t psm_w_strlcpy(char *to, const char *from, size_t size)
{
    size_t length = strlen(wrap_twin(from));
    if (size) {
        size_t count = length < size ? length : size - 1;
        wrap_announce(wrap_twin(to), count + 1);
        memmove(wrap_twin(to), wrap_twin(from), count);
        *((char *)wrap_twin(to) + count) = 0;
    }
    return length;
}

size_t psm_w_strlcat(char *to, const char *from, size_t size)
{
    size_t length = strnlen(wrap_twin(to), size);
    return length + psm_w_strlcpy(to + length, from, size - length);
}

size_t psm_w_strxfrm(char *to, const char *from, size_t size)
{
    size_t length = strxfrm(NULL, wrap_twin(from), 0);
    wrap_announce(wrap_twin(to), length < size ? length + 1 : size);
    return strxfrm(wrap_twin(to), wrap_twin(from), size);
}

/* --- checked spellings ----------------------------------------------------------------- */

#define CHECKED(returns, name, parameters, arguments)                                     \
    returns psm_w___##name##_chk parameters { (void)room; return psm_w_##name arguments; }

CHECKED(void *, memcpy, (void *to, const void *from, size_t size, size_t room), (to, from, size))
CHECKED(void *, memmove, (void *to, const void *from, size_t size, size_t room), (to, from, size))
CHECKED(void *, mempcpy, (void *to, const void *from, size_t size, size_t room), (to, from, size))
CHECKED(void *, memset, (void *to, int byte, size_t size, size_t room), (to, byte, size))
CHECKED(char *, strcpy, (char *to, const char *from, size_t room), (to, from))
CHECKED(char *, stpcpy, (char *to, const char *from, size_t room), (to, from))
CHECKED(char *, strcat, (char *to, const char *from, size_t room), (to, from))
CHECKED(char *, strncpy, (char *to, const char *from, size_t size, size_t room), (to, from, size))
CHECKED(char *, stpncpy, (char *to, const char *from, size_t size, size_t room), (to, from, size))
CHECKED(char *, strncat, (char *to, const char *from, size_t size, size_t room), (to, from, size))
CHECKED(size_t, strlcpy, (char *to, const char *from, size_t size, size_t room), (to, from, size))
CHECKED(size_t, strlcat, (char *to, const char *from, size_t size, size_t room), (to, from, size))

void psm_w___explicit_bzero_chk(void *to, size_t size, size_t room)
{
    (void)room;
    psm_w_memset(to, 0, size);
}

/* --- words ------------------------------------------------------------------------------- */

/* The word at or after p, both in P, ended as glibc's strtok_r ends it; NULL if there is
 * none. *rest: where to go on. */
static char *next_word(char *p, const char *delimiters, char **rest)
{
    p += strspn(p, delimiters);
    char *end = p + strcspn(p, delimiters);
    char *word = *p ? p : NULL;
    if (*end)
        wrap_write(end++, "", 1);
    *rest = end;
    return word;
}

char *psm_w_strtok_r(char *string, const char *delimiters, char **position)
{
    char *rest = wrap_twin(string ? string : *(char **)wrap_twin(position));
    char *word = next_word(rest, wrap_twin(delimiters), &rest);
    wrap_write_pointer(position, wrap_canonical(rest));
    return wrap_canonical(word);
}

char *psm_w___strtok_r(char *string, const char *delimiters, char **position)
{
    return psm_w_strtok_r(string, delimiters, position);
}

char *psm_w_strtok(char *string, const char *delimiters)
{
    static __thread char *rest; /* in P; of this op's text, never of an earlier one's */
    static __thread uint64_t op;
    if (string || op != psm_ops_replayed)
        rest = wrap_twin(string);
    op = psm_ops_replayed;
    return rest ? wrap_canonical(next_word(rest, wrap_twin(delimiters), &rest)) : NULL;
}

char *psm_w_strsep(char **string, const char *delimiters)
{
    char *word = *(char **)wrap_twin(string);
    if (!word)
        return NULL;
    char *end = wrap_twin(word);
    end += strcspn(end, wrap_twin(delimiters));
    char *rest = NULL;
    if (*end) {
        wrap_write(end, "", 1);
        rest = end + 1;
    }
    wrap_write_pointer(string, wrap_canonical(rest));
    return word;
}

char *psm_w___strsep(char **string, const char *delimiters)
{
    return psm_w_strsep(string, delimiters);
}

/* They cut the path in place, or not at all: a path that may only be read may be theirs too.
 * What they return may be a constant of libc's ("."). */
static char *cut_path(char *path, char *cut(char *))
{
    char *twin = wrap_twin(path), local[256];
    if (!twin)
        return wrap_canonical(cut(NULL));
    size_t size = strlen(twin) + 1;
    char *copy = wrap_room(local, sizeof local, size);
    memcpy(copy, twin, size);
    uintptr_t result = (uintptr_t)cut(copy), at = result - (uintptr_t)copy;
    for (size_t i = 0; i < size; i++)
        if (copy[i] != twin[i])
            wrap_write(twin + i, copy + i, 1);
    wrap_room_free(copy, local);
    return at < size ? path + at : wrap_canonical((char *)result);
}

char *psm_w_dirname(char *path)
{
    return cut_path(path, dirname);
}

char *psm_w___xpg_basename(char *path)
{
    return cut_path(path, __xpg_basename);
}

/* --- texts: libc's own constants, followed at +delta ---------------------------------------- */

#define TEXT(name) \
    const char *psm_w_##name(int number) { return wrap_canonical(name(number)); }

TEXT(strerror)
TEXT(strsignal)
TEXT(strerrorname_np)
TEXT(strerrordesc_np)
TEXT(sigabbrev_np)
TEXT(sigdescr_np)

char *psm_w_strerror_r(int number, char *to, size_t size)
{
    char local[128];
    const char *text = strerror_r(number, local, size < sizeof local ? size : sizeof local);
    if (text != local)
        return wrap_canonical(text);
    if (size)
        wrap_write(wrap_twin(to), local, strnlen(local, size - 1) + 1);
    return to;
}

int __xpg_strerror_r(int number, char *to, size_t size);

int psm_w___xpg_strerror_r(int number, char *to, size_t size)
{
    char local[128];
    int result = __xpg_strerror_r(number, local, size < sizeof local ? size : sizeof local);
    if (size)
        wrap_write(wrap_twin(to), local, strnlen(local, size - 1) + 1);
    return result;
}
