/* space.c: reserving a slot and mapping a machine's files into it. See space.h. */
#include "space.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit.h"
#include "error.h"
#include "machine.h"

#define CHUNK_MIN (UINT64_C(2) << 20)
#define CHUNK_MAX (UINT64_C(64) << 20)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static void give_back(unsigned slot)
{
    uint64_t d = PSM_ARENA_LOW + slot * PSM_ARENA_SIZE, w = PSM_WINDOW_LOW + slot * PSM_WINDOW_SIZE;
    munmap((void *)d, PSM_ARENA_SIZE);
    munmap((void *)(d + PSM_DELTA), PSM_ARENA_SIZE);
    munmap((void *)w, PSM_WINDOW_SIZE);
    munmap((void *)(w + PSM_DELTA), PSM_WINDOW_SIZE);
}

static int take_slot(unsigned slot)
{
    uint64_t d = PSM_ARENA_LOW + slot * PSM_ARENA_SIZE, w = PSM_WINDOW_LOW + slot * PSM_WINDOW_SIZE;
    const struct { uint64_t address, size; } range[4] = {
        { d, PSM_ARENA_SIZE }, { d + PSM_DELTA, PSM_ARENA_SIZE },
        { w, PSM_WINDOW_SIZE }, { w + PSM_DELTA, PSM_WINDOW_SIZE },
    };
    for (int i = 0; i < 4; i++) {
        int status = space_take(range[i].address, range[i].size, PROT_NONE, "the machine");
        if (status != 0) {
            while (i-- > 0)
                munmap((void *)range[i].address, range[i].size);
            return status;
        }
    }
    return 0;
}

static int map_stack(struct space *s)
{
    unsigned char *low = s->window + PSM_WINDOW_STACK;
    int fd = memfd_create("psm-stack", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)PSM_STACK_SIZE) != 0) {
        if (fd >= 0)
            close(fd);
        return psm_fail_system("cannot make", "the replay thread's stack");
    }
    int status = 0;
    for (int i = 0; i < 2; i++, low += PSM_DELTA)
        if (mmap(low, PSM_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0)
            == MAP_FAILED)
            status = psm_fail_system("cannot map", "the replay thread's stack");
        else if (mprotect(low, LAYOUT_PAGE, PROT_NONE) != 0 /* guard */
                 || madvise(low, PSM_STACK_SIZE, MADV_DONTFORK) != 0)
            status = psm_fail_system("cannot protect", "the replay thread's stack");
    close(fd);
    return status;
}

int space_choose(struct psm *m, unsigned wanted, uint64_t hint, uint32_t avoid)
{
    int status = PSM_EADDRESS;
    if (wanted != 0)
        return space_reserve(m, wanted - 1);
    for (unsigned i = 0; i < 2 * PSM_SLOT_COUNT && status == PSM_EADDRESS; i++) {
        unsigned slot = (unsigned)((hint + i) % PSM_SLOT_COUNT);
        if (i >= PSM_SLOT_COUNT || !(avoid >> slot & 1))
            status = space_reserve(m, slot);
    }
    return status;
}

int space_reserve(struct psm *m, unsigned slot)
{
    struct space *s = &m->space;
    int status = take_slot(slot);
    if (status != 0)
        return status;
    s->slot = slot;
    pthread_mutex_init(&s->grows, NULL);
    s->reserved = true;
    s->d = (unsigned char *)(PSM_ARENA_LOW + slot * PSM_ARENA_SIZE);
    s->p = s->d + PSM_DELTA;
    s->window = (unsigned char *)(PSM_WINDOW_LOW + slot * PSM_WINDOW_SIZE);
    status = map_stack(s);
    if (status != 0) {
        space_release(m);
        return status;
    }
    /* The marks of an earlier machine in this slot are of no meaning now. */
    space_mark(s->window + PSM_WINDOW_STACK + PSM_DELTA, PSM_STACK_SIZE, true);
    return 0;
}

void space_release(struct psm *m)
{
    struct space *s = &m->space;
    if (!s->reserved)
        return;
    if (m->owns_globals)
        mirror_globals(m, false);
    give_back(s->slot);
    s->reserved = false;
}

int space_map_image(struct psm *m)
{
    struct space *s = &m->space;
    void *got;
    if (m->medium.kind == PSM_MEDIUM_PM)
        got = medium_map(&m->medium, s->p, s->arena_max, m->image_fd, s->globals_bytes);
    else
        got = mmap(s->p, s->arena_max, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, m->image_fd, (off_t)s->globals_bytes);
    if (got == MAP_FAILED)
        return psm_fail_system("cannot map the image of", m->directory);
    madvise(s->p, s->arena_max, MADV_DONTFORK);
    madvise(s->p, s->arena_max, MADV_DONTDUMP);
    return m->owns_globals ? mirror_globals(m, true) : 0;
}

int space_map_log(struct psm *m, int fd, uint64_t bytes, bool through_medium)
{
    struct space *s = &m->space;
    unsigned char *ring = s->window + PSM_WINDOW_LOG + PSM_DELTA;
    for (int i = 0; i < 2; i++, ring += bytes) {
        void *got = through_medium
                        ? medium_map(&m->medium, ring, bytes, fd, 0)
                        : mmap(ring, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        if (got == MAP_FAILED)
            return psm_fail_system("cannot map the log of", m->directory);
        madvise(got, bytes, MADV_DONTFORK);
    }
    return 0;
}

void *space_out(struct psm *m, uint64_t bytes)
{
    struct space *s = &m->space;
    unsigned char *out = s->window + PSM_WINDOW_OUT;
    uint64_t size = round_up(bytes + 1, LAYOUT_PAGE);
    if (size > s->out_marked) {
        if (mmap(out + PSM_DELTA, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
            return NULL;
        space_mark(out + PSM_DELTA, size, true);
        s->out_marked = size;
    }
    return out;
}

const void *space_map_extent(struct psm *m, int fd, uint64_t bytes)
{
    unsigned char *at = m->space.window + PSM_WINDOW_EXTENT;
    if (mmap(at + PSM_DELTA, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, 0)
        == MAP_FAILED)
        return NULL;
    return at;
}

void space_unmap_extent(struct psm *m)
{
    mmap(m->space.window + PSM_WINDOW_EXTENT + PSM_DELTA, PSM_WINDOW_OUT - PSM_WINDOW_EXTENT, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

/* Chunks, so that few mallocs pay for the system call; small while the heap is. */
static uint64_t grown_size(const struct space *s, uint64_t bytes)
{
    uint64_t chunk = bytes / 16;
    if (chunk < CHUNK_MIN)
        chunk = CHUNK_MIN;
    if (chunk > CHUNK_MAX)
        chunk = CHUNK_MAX;
    uint64_t size = round_up(bytes + chunk / 2, CHUNK_MIN);
    return size < s->arena_max ? size : s->arena_max;
}

static int grow(struct psm *m, uint64_t bytes)
{
    struct space *s = &m->space;
    uint64_t old = atomic_load_explicit(&s->arena_bytes, memory_order_relaxed);
    if (bytes <= old)
        return 0;
    if (bytes > s->arena_max) {
        errno = ENOSPC;
        return -1;
    }
    uint64_t size = grown_size(s, bytes);
    if (medium_allocate(&m->medium, m->image_fd, s->globals_bytes + old, size - old) != 0) {
        size = round_up(bytes, LAYOUT_PAGE); /* the medium is nearly full: just what is needed */
        if (medium_allocate(&m->medium, m->image_fd, s->globals_bytes + old, size - old) != 0)
            return -1;
    }
    if (s->d_mapped
        && mmap(s->d + old, size - old, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
        return -1;
    if (s->d_mapped)
        madvise(s->d + old, size - old, MADV_HUGEPAGE); /* ops miss the TLB less; only a wish */
    if (m->audit != NULL)
        audit_mapped(m, s->d + old, size - old);
    atomic_store_explicit(&s->arena_bytes, size, memory_order_release); /* mapped, before used */
    return 0;
}

int space_grow(struct psm *m, uint64_t bytes)
{
    struct space *s = &m->space;
    if (bytes <= atomic_load_explicit(&s->arena_bytes, memory_order_acquire))
        return 0;
    int before = errno;
    pthread_mutex_lock(&s->grows);
    int status = grow(m, bytes);
    pthread_mutex_unlock(&s->grows);
    if (status == 0)
        errno = before; /* an op's malloc that succeeds leaves it as it was, in both copies */
    return status;
}

void space_drop_d(struct psm *m, uint64_t offset, uint64_t size)
{
    /* Not MADV_DONTNEED: on the private mapping of the file it would bring old bytes back. */
    if (mmap(m->space.d + offset, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
        memset(m->space.d + offset, 0, size); /* too many mappings: the memory stays */
    else if (m->audit != NULL)
        audit_mapped(m, m->space.d + offset, size);
}

uint64_t space_image_offset(const struct psm *m, const void *twin)
{
    const struct space *s = &m->space;
    uint64_t offset = (uint64_t)((const unsigned char *)twin - s->p);
    if (offset < atomic_load_explicit(&s->arena_bytes, memory_order_relaxed))
        return offset + s->globals_bytes;
    offset = (uintptr_t)twin - PSM_DELTA - s->globals_low;
    return m->owns_globals && offset < s->globals_bytes ? offset : UINT64_MAX;
}

void *space_twin(const struct psm *m, uint64_t image_offset)
{
    const struct space *s = &m->space;
    if (image_offset >= s->globals_bytes)
        return s->p + (image_offset - s->globals_bytes);
    return (void *)(s->globals_low + PSM_DELTA + image_offset);
}

uint64_t space_nonzero_page(struct psm *m, uint64_t image_offset)
{
    static const unsigned char zeros[LAYOUT_PAGE];
    uint64_t end = m->space.globals_bytes + atomic_load(&m->space.arena_bytes);
    off_t at = (off_t)image_offset;
    while ((uint64_t)at < end && (at = lseek(m->image_fd, at, SEEK_DATA)) >= 0) {
        off_t hole = lseek(m->image_fd, at, SEEK_HOLE);
        uint64_t stop = hole > at && (uint64_t)hole < end ? (uint64_t)hole : end;
        for (uint64_t page = (uint64_t)at & -(uint64_t)LAYOUT_PAGE; page < stop; page += LAYOUT_PAGE)
            if (memcmp(space_twin(m, page), zeros, sizeof zeros) != 0)
                return page;
        at = (off_t)stop;
    }
    return UINT64_MAX;
}
