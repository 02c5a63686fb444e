/* detach.c: parting D's pages from the image's. See space.h.
 *
 * `lock or $0` on a byte copies its page if it was not (2.4 us) and changes nothing
 * (35 ns) otherwise, whatever the foreground does to the page meanwhile. A bit per page
 * spares even that, and belongs to the replay thread alone: the sweeper does not set
 * bits, it says in one word that all is done. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "error.h"
#include "futex.h"
#include "machine.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#define SWEEP_BYTES (UINT64_C(2) << 20)
/* The first reads and ops of a program just started have the memory bus for themselves, and
 * one that ends within this time is spared the copy. */
#define SWEEP_DELAY_NS (20 * 1000 * 1000)
enum { SWEEPER_WAITS, SWEEPER_SWEEPS, SWEEPER_STOPS };

/* A write that changes nothing. Other threads may be writing there: not C's business. */
__attribute__((no_sanitize("thread", "address"))) static void touch(unsigned char *p)
{
    __asm__ volatile("lock orb $0, %0" : "+m"(*p));
}

void space_detach_slow(struct psm *m, uint64_t offset, uint64_t size)
{
    struct space *s = &m->space;
    uint64_t last = offset + size - 1;
    if (last >= s->private_bytes)
        last = s->private_bytes - 1;
    for (uint64_t page = offset / LAYOUT_PAGE; page <= last / LAYOUT_PAGE; page++) {
        uint64_t bit = UINT64_C(1) << (page & 63);
        if (s->detached[page >> 6] & bit)
            continue;
        touch(s->d + page * LAYOUT_PAGE);
        s->detached[page >> 6] |= bit;
        atomic_fetch_add_explicit(&s->pages_detached, 1, memory_order_relaxed);
    }
}

int space_map_d(struct psm *m)
{
    struct space *s = &m->space;
    uint64_t granted = atomic_load(&s->arena_bytes), size = heap_end(&m->heap_p);
    if (size > granted)
        size = granted;
    s->detached = calloc((size / LAYOUT_PAGE + 63) / 64 + 1, sizeof *s->detached);
    if (s->detached == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for %lu bits", (unsigned long)(size / LAYOUT_PAGE));
    if (size != 0
        && mmap(s->d, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, m->image_fd,
                (off_t)s->globals_bytes) == MAP_FAILED)
        return psm_fail_system("cannot map the state of", m->directory);
    /* Nothing behind the heap's end is alive: what the image has there need not be seen. */
    if (granted > size
        && mmap(s->d + size, granted - size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
        return psm_fail_system("cannot map memory for the state of", m->directory);
    s->private_bytes = size;
    s->d_mapped = true;
    atomic_store(&s->all_detached, size == 0);
    return 0;
}

static void *sweep(void *argument)
{
    struct psm *m = argument;
    struct space *s = &m->space;
    futex_wait(&s->sweeper_word, SWEEPER_WAITS, SWEEP_DELAY_NS);
    for (uint64_t at = 0; at < s->private_bytes; at += SWEEP_BYTES) {
        uint64_t size = s->private_bytes - at < SWEEP_BYTES ? s->private_bytes - at : SWEEP_BYTES;
        if (atomic_load_explicit(&s->sweeper_word, memory_order_relaxed) == SWEEPER_STOPS)
            return NULL;
        int status;
        do
            status = madvise(s->d + at, size, MADV_POPULATE_WRITE);
        while (status != 0 && (errno == EINTR || errno == EAGAIN));
        if (status != 0 && errno != EINVAL)
            return NULL; /* no memory: pages go on being detached one by one */
        if (status != 0)
            for (uint64_t page = 0; page < size; page += LAYOUT_PAGE)
                touch(s->d + at + page);
    }
    atomic_store_explicit(&s->all_detached, true, memory_order_release);
    return NULL;
}

int space_sweeper_start(struct psm *m)
{
    struct space *s = &m->space;
    if (atomic_load(&s->all_detached))
        return 0;
    atomic_store(&s->sweeper_word, SWEEPER_WAITS);
    int reason = pthread_create(&s->sweeper, NULL, sweep, m);
    if (reason != 0) {
        errno = reason;
        return psm_fail_system("cannot start", "the sweeper thread");
    }
    s->sweeper_runs = true;
    return 0;
}

void space_sweeper_end(struct psm *m, bool finish)
{
    struct space *s = &m->space;
    if (!s->sweeper_runs)
        return;
    atomic_store(&s->sweeper_word, finish ? SWEEPER_SWEEPS : SWEEPER_STOPS);
    futex_wake(&s->sweeper_word);
    pthread_join(s->sweeper, NULL);
    s->sweeper_runs = false;
}

void space_detach_rest(struct psm *m)
{
    struct space *s = &m->space;
    for (uint64_t at = 0; at < s->private_bytes; at += LAYOUT_PAGE)
        touch(s->d + at);
    atomic_store_explicit(&s->all_detached, true, memory_order_release);
}
