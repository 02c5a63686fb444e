/* watch.h: which pages of a range have been written to, and what they held before.
 *
 * Between watch_close and watch_open a page is read-only; the first write to it faults,
 * watch_fault keeps a copy of the page, makes it writable, and the write goes on. So it
 * misses no store, however it was compiled, and costs about 2 us a page and round; pages
 * that nobody writes to cost nothing. What it cannot see: stores by the kernel (read(2)
 * into the range fails with EFAULT instead), and in which order the pages were left.
 *
 * Who writes one page after the other finds ever longer runs of them opened ahead, up to
 * 512. The first few thousand pages of a round are opened one by one otherwise, the rest
 * in runs of 512: the kernel allows a process some 65,000 mappings. */
#ifndef PSM_WATCH_H
#define PSM_WATCH_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watch {
    unsigned char *low;      /* first byte; page-aligned */
    uint64_t       bytes;    /* of the range at most; whole pages */
    const _Atomic uint64_t *mapped; /* of it, how many are mapped; may grow. NULL: all */
    _Atomic bool   armed;    /* pages not listed are read-only */
    atomic_flag    busy;     /* threads may fault at once */
    _Atomic bool   released; /* it was armed, and no longer is: all pages are writable */
    _Atomic bool   lost;     /* the system has refused: the range is open, the list not whole */
    uint32_t      *page;     /* those written to since watch_close, in the order of it; a
                                page that was protected meanwhile is there once more */
    _Atomic uint32_t count;  /* of them */
    uint32_t       closed;   /* page[0..closed) are read-only again */
    uint64_t       next, ahead; /* the last fault opened `ahead` pages, up to page `next` */
    uint32_t      *place;    /* by page: if it is writable its index in the list + 1, else 0 */
    unsigned char *copies;   /* what page[i] held, at i * LAYOUT_PAGE */
};

/* Ready to watch the range; not armed. 0, PSM_ENOMEM. */
int  watch_make(struct watch *w, void *low, uint64_t bytes, const _Atomic uint64_t *mapped);
void watch_destroy(struct watch *w);
/* All pages read-only from now on, the list empty: 0, PSM_ENOMEM. */
int  watch_arm(struct watch *w);
/* All pages writable; nothing is noticed any more. */
void watch_disarm(struct watch *w);
/* Pages that have been mapped anew, and are writable: watched as the others are. */
void watch_mapped(struct watch *w, const void *at, uint64_t bytes);
/* The list's pages read-only again; they stay on it. At most once between two watch_close. */
void watch_protect(struct watch *w);
/* The same, and the list is empty. */
void watch_close(struct watch *w);
/* From the signal handler: lets a write to `at`, which the watch covers, be tried again. */
void watch_fault(struct watch *w, const void *at);

static inline uint64_t watch_size(const struct watch *w)
{
    return w->mapped != NULL ? atomic_load_explicit(w->mapped, memory_order_acquire) : w->bytes;
}
static inline bool watch_covers(const struct watch *w, const void *at)
{
    return (uint64_t)((const unsigned char *)at - w->low) < watch_size(w);
}
/* What page number `page` of the range held when it was first listed; NULL if it is not.
 * watch_open_before: the same, for pages that are writable now; fast. */
const unsigned char *watch_before(const struct watch *w, uint64_t page);
const unsigned char *watch_open_before(const struct watch *w, uint64_t page);
#endif
