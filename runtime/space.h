/* space.h: a machine's addresses: what is mapped where, and when D's pages part from
 * the image's.
 *
 * D is a private mapping of the image file as it was when the machine was opened, and
 * anonymous memory from there on. A page of a private mapping that has not been copied
 * yet shows every later write to the file. So a page is *detached*, that is copied by a
 * write that changes nothing, before the image's page changes for the first time; a
 * sweeper thread detaches the rest, after which D owes the image nothing.
 *
 * P, at D + PSM_DELTA, is the image file, mapped once for the whole slot: it grows by
 * growing the file. Also at +delta: the op-log (twice in a row) and extents, the op's out,
 * the replay thread's stack (the same pages as the canonical stack), and the mirror of
 * the executable, whose data part is the image's globals area if ops write globals. */
#ifndef PSM_SPACE_H
#define PSM_SPACE_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addresses.h"

struct psm;

struct space {
    unsigned       slot;
    bool           reserved;         /* this process has the slot */
    unsigned char *d;                /* the arena in D */
    unsigned char *p;                /* the arena in P */
    unsigned char *window;           /* canonical; only the stack is mapped there */
    uint64_t       globals_low;      /* address of the globals area, canonical */
    uint64_t       globals_bytes;    /* its length; 0 if the program has no data */
    uint64_t       arena_max;        /* the arena may grow to this, in bytes */
    _Atomic uint64_t arena_bytes;    /* what the image file holds of the arena */
    pthread_mutex_t grows;           /* guards changes of it: D's heap and P's both ask */
    bool           d_mapped;
    uint64_t       private_bytes;    /* D below this is a mapping of the file */
    uint64_t       out_marked;       /* bytes of the out buffer that are marked */
    /* Detaching: a bit per page of D below private_bytes. The replay thread's. */
    uint64_t      *detached;
    _Atomic bool   all_detached;     /* by the sweeper */
    _Atomic uint64_t pages_detached;
    pthread_t      sweeper;
    bool           sweeper_runs;
    _Atomic uint32_t sweeper_word;   /* futex: waits, sweeps, stops */
};

/* The part of the address space that all machines share: the marks table and the mirror
 * of the executable's segments. Done once; later calls return the same.
 * Returns 0; PSM_EADDRESS, PSM_ENOMEM, PSM_EPROGRAMBAD. */
int space_setup(void);

/* Take address slot `slot` for m: reserve D, P and windows, map the stack. */
int space_reserve(struct psm *m, unsigned slot);
/* For a new machine: slot `wanted` - 1, or if `wanted` is 0 any that this process has free,
 * from one that depends on `hint` on, and if it can be none of the bits `avoid`. */
int space_choose(struct psm *m, unsigned wanted, uint64_t hint, uint32_t avoid);
/* Unmap everything and give the slot back. */
void space_release(struct psm *m);

/* Map P, and the globals area if the machine owns the globals, from image_fd, shared or
 * private as the medium wants it. */
int space_map_image(struct psm *m);
/* Map D from image_fd: the arena as it is now. */
int space_map_d(struct psm *m);
/* Map the log, `bytes` long, from fd, twice in a row, at window + delta. */
int space_map_log(struct psm *m, int fd, uint64_t bytes, bool through_medium);
/* Make room for an op's out of `bytes` in the window; the canonical address, or NULL. */
void *space_out(struct psm *m, uint64_t bytes);
/* Map an extent file at its place in the window; the canonical address, or NULL. */
const void *space_map_extent(struct psm *m, int fd, uint64_t bytes);
void space_unmap_extent(struct psm *m);

/* The arena grows in D and in the image, to at least `bytes`: 0, or -1 with errno if the
 * medium has no room. Any thread. */
int space_grow(struct psm *m, uint64_t bytes);
/* Callbacks of D's heap: memory of a freed extent goes back; an extent is to read zero. */
void space_drop_d(struct psm *m, uint64_t offset, uint64_t size);

/* P's address range to offsets in the image file, and back. Returns UINT64_MAX for what
 * lies neither in the arena nor in the globals area of m. */
uint64_t space_image_offset(const struct psm *m, const void *twin);
void *space_twin(const struct psm *m, uint64_t image_offset);
/* The image's first page at or after image_offset, as P shows it, that is not all zero;
 * UINT64_MAX if there is none. Of a sparse image only what is there is looked at. */
uint64_t space_nonzero_page(struct psm *m, uint64_t image_offset);

/* Detach D's page that image bytes [offset, offset + size) lie in, before P changes. */
void space_detach_slow(struct psm *m, uint64_t arena_offset, uint64_t size);
static inline void space_detach(struct psm *m, struct space *s, uint64_t arena_offset, uint64_t size)
{
    if (!atomic_load_explicit(&s->all_detached, memory_order_relaxed) && arena_offset < s->private_bytes)
        space_detach_slow(m, arena_offset, size);
}
int space_sweeper_start(struct psm *m);
/* Returns when all of D is detached (finish) or the sweeper has stopped where it was. */
void space_sweeper_end(struct psm *m, bool finish);
/* Detach all that is left, here and now; the machine's lock is held. */
void space_detach_rest(struct psm *m);

/* Reserve or map anonymous memory at exactly `address`: 0, PSM_EADDRESS, PSM_ENOMEM. */
int space_take(uint64_t address, uint64_t size, int protection, const char *what);
/* The data part of the mirror: the globals area of m, or a private copy again. */
int mirror_globals(struct psm *m, bool owned);

/* memcpy of a piece of the executable as it lies there, variables and what is between them:
 * the redzones that AddressSanitizer puts there are none of its business here. */
static inline void space_copy_raw(void *to, const void *from, uint64_t size)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

/* The table of marked blocks: see hooks.def. */
static inline unsigned char *space_marks(const void *twin)
{
    return (unsigned char *)(PSM_MARKS + ((uintptr_t)twin >> 8));
}
static inline bool space_marked(const void *twin)
{
    return *space_marks(twin) >> ((uintptr_t)twin >> 5 & 7) & 1;
}
/* Set or clear the bits of all blocks that [twin, twin + size) touches. */
void space_mark(const void *twin, uint64_t size, bool on);
#endif
