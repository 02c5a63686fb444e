/* watch.c: see watch.h. */
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"
#include "layout.h"

#define SINGLE_PAGES 8192
#define RUN_PAGES    512

static void *reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, bytes, MADV_DONTDUMP);
    return p;
}

static void give_back(void *p, uint64_t bytes)
{
    if (p != NULL)
        munmap(p, bytes);
}

int watch_make(struct watch *w, void *low, uint64_t bytes, const _Atomic uint64_t *mapped)
{
    uint64_t pages = bytes / LAYOUT_PAGE;
    *w = (struct watch){ .low = low, .bytes = bytes, .mapped = mapped, .ahead = 1, .busy = ATOMIC_FLAG_INIT };
    if (bytes == 0)
        return 0;
    w->page = reserve(2 * pages * sizeof *w->page);
    w->place = reserve(pages * sizeof *w->place);
    w->copies = reserve(2 * bytes);
    if (w->page != NULL && w->place != NULL && w->copies != NULL)
        return 0;
    watch_destroy(w);
    return psm_fail(PSM_ENOMEM, "no address space to watch %lu MiB with", (unsigned long)(bytes >> 20));
}

void watch_destroy(struct watch *w)
{
    uint64_t pages = w->bytes / LAYOUT_PAGE;
    give_back(w->page, 2 * pages * sizeof *w->page);
    give_back(w->place, pages * sizeof *w->place);
    give_back(w->copies, 2 * w->bytes);
    *w = (struct watch){ .busy = ATOMIC_FLAG_INIT };
}

static void lock(struct watch *w)
{
    while (atomic_flag_test_and_set_explicit(&w->busy, memory_order_acquire))
        ;
}

static void unlock(struct watch *w)
{
    atomic_flag_clear_explicit(&w->busy, memory_order_release);
}

/* Everything writable: that merges mappings, and so never fails for want of them. */
static void give_up(struct watch *w)
{
    mprotect(w->low, watch_size(w), PROT_READ | PROT_WRITE);
    atomic_store(&w->lost, true);
}

int watch_arm(struct watch *w)
{
    if (w->bytes == 0)
        return 0;
    watch_close(w);
    if (mprotect(w->low, watch_size(w), PROT_READ) != 0)
        return psm_fail_system("cannot protect", "the state");
    atomic_store(&w->armed, true);
    return 0;
}

void watch_disarm(struct watch *w)
{
    if (!atomic_load(&w->armed))
        return;
    lock(w);
    atomic_store(&w->armed, false);
    atomic_store(&w->released, true);
    mprotect(w->low, watch_size(w), PROT_READ | PROT_WRITE);
    unlock(w);
}

void watch_mapped(struct watch *w, const void *at, uint64_t bytes)
{
    if (atomic_load(&w->armed) && mprotect((void *)at, bytes, PROT_READ) != 0)
        give_up(w);
}

static void protect(struct watch *w)
{
    uint32_t count = atomic_load(&w->count);
    for (uint32_t i = w->closed; i < count; i++) {
        /* Neighbours go together. */
        uint32_t first = w->page[i], next = first + 1;
        w->place[first] = 0;
        while (i + 1 < count && w->page[i + 1] == next) {
            w->place[next++] = 0;
            i++;
        }
        if (mprotect(w->low + (uint64_t)first * LAYOUT_PAGE, (uint64_t)(next - first) * LAYOUT_PAGE,
                     PROT_READ) != 0)
            give_up(w);
    }
    w->closed = count;
}

void watch_protect(struct watch *w)
{
    lock(w);
    protect(w);
    unlock(w);
}

void watch_close(struct watch *w)
{
    lock(w);
    protect(w);
    w->closed = 0;
    atomic_store(&w->count, 0);
    unlock(w);
}

static void keep(struct watch *w, uint64_t page)
{
    uint32_t at = atomic_load_explicit(&w->count, memory_order_relaxed);
    memcpy(w->copies + (uint64_t)at * LAYOUT_PAGE, w->low + page * LAYOUT_PAGE, LAYOUT_PAGE);
    w->page[at] = (uint32_t)page;
    w->place[page] = at + 1;
    atomic_store_explicit(&w->count, at + 1, memory_order_release);
}

void watch_fault(struct watch *w, const void *at)
{
    uint64_t page = (uint64_t)((const unsigned char *)at - w->low) / LAYOUT_PAGE, end;
    int reason = errno;
    lock(w);
    w->ahead = page != w->next ? 1 : w->ahead < RUN_PAGES ? 2 * w->ahead : RUN_PAGES;
    if (atomic_load(&w->count) >= SINGLE_PAGES)
        w->ahead = RUN_PAGES;
    end = watch_size(w) / LAYOUT_PAGE;
    w->next = page + w->ahead < end ? page + w->ahead : end;
    if (atomic_load(&w->armed)) {
        for (uint64_t i = page; i < w->next; i++)
            if (w->place[i] == 0)
                keep(w, i);
        if (mprotect(w->low + page * LAYOUT_PAGE, (w->next - page) * LAYOUT_PAGE, PROT_READ | PROT_WRITE) != 0)
            give_up(w);
    }
    unlock(w);
    errno = reason;
}

const unsigned char *watch_open_before(const struct watch *w, uint64_t page)
{
    return w->place[page] == 0 ? NULL : w->copies + (uint64_t)(w->place[page] - 1) * LAYOUT_PAGE;
}

const unsigned char *watch_before(const struct watch *w, uint64_t page)
{
    uint32_t count = atomic_load(&w->count);
    for (uint32_t i = 0; i < count; i++)
        if (w->page[i] == page)
            return w->copies + (uint64_t)i * LAYOUT_PAGE;
    return NULL;
}
