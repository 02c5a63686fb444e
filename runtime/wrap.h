/* wrap.h: what the wrappers of libc have in common.
 *
 * A shadow variant calls psm_w_NAME where the op calls NAME (llvm-pass/externals.rules
 * says which). Same type, canonical pointers in and out; what the arguments point to is
 * read and written at +delta, in P. Before a wrapper changes bytes in P it announces
 * exactly those bytes to the logger, whatever libc would need to decide how many there
 * are: an announcement that is too small loses data in a crash, one that is too large
 * may reach beyond the caller's object.
 *
 * After that a wrapper leaves in P what libc leaves in D, bit for bit: it calls libc
 * itself rather than imitating it, on P if the length is known beforehand, else on a
 * private buffer. Only calls whose arguments overlap where the standard forbids it may
 * come out differently; psm_verify finds those.
 *
 * Wrappers run on the replay thread only; what is thread-local here is the shadow's
 * copy of what libc keeps for the foreground (strtok's position, conversion states), anew
 * in each op. */
#ifndef PSM_WRAP_H
#define PSM_WRAP_H
#include "hooks.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Ops that this thread has begun to replay; tells one from the next. */
extern __thread uint64_t psm_ops_replayed
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Where p's bytes are in P; NULL stays NULL. */
static inline void *wrap_twin(const void *p)
{
    return p ? (void *)((uintptr_t)p + __psm_delta) : NULL;
}

/* The pointer whose twin is p: for a pointer into an argument this is what the
 * foreground has; for one into libc's own data, an address that ops can follow and
 * other wrappers take, but that means nothing in the foreground. */
static inline void *wrap_canonical(const void *p)
{
    return p ? (void *)((uintptr_t)p - __psm_delta) : NULL;
}

/* The next `size` bytes at twin are about to change. */
static inline void wrap_announce(void *twin, size_t size)
{
    if (size)
        __psm_log_range(twin, size);
}

/* Make the bytes at twin those at `from`, which is not in P. */
static inline void wrap_write(void *twin, const void *from, size_t size)
{
    if (size) {
        __psm_log_range(twin, size);
        memcpy(twin, from, size);
    }
}

/* Store a pointer, canonical, through an out-parameter that may be NULL. */
static inline void wrap_write_pointer(void *out, const void *canonical)
{
    if (out)
        wrap_write(wrap_twin(out), &canonical, sizeof canonical);
}

/* Private room for `size` bytes: `local` if they fit, else libc's heap. */
void *wrap_room(void *local, size_t local_size, size_t size);
void wrap_room_free(void *room, void *local);

/* On the replay thread: the machine's heap, in P. runtime/malloc.c */
void *psm_w_malloc(size_t size);
/* In the foreground: the machine's heap in an rw op, libc's elsewhere. */
void *psm_malloc(size_t size);
#endif
