/* malloc.c: malloc and its family as ops mean it.
 *
 * The pass renames malloc to psm_malloc in the foreground and to psm_w_malloc in
 * shadow variants. psm_malloc serves the machine whose op runs on this thread, and is
 * libc's otherwise; what takes a pointer goes by the address. psm_w_malloc serves the
 * replay thread's machine; pointers in and out are canonical.
 *
 * Memory of libc's that an op has got hold of may be freed in it (the shadow variant
 * ignores that), but not resized: the image could not have the result. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include "error.h"
#include "heap_fast.h"
#include "machine.h"

#define PAGE 4096

/* Every malloc of the program passes here, ops or not. */
static inline struct psm *foreground(void)
{
    return psm_current;
}

static inline bool in_arenas(const void *p)
{
    return (uintptr_t)p - PSM_ARENA_LOW < PSM_ARENA_HIGH - PSM_ARENA_LOW;
}

static inline void *given(uint64_t base, uint64_t offset)
{
    if (offset)
        return (void *)(base + offset);
    errno = ENOMEM;
    return NULL;
}

static inline uint64_t base_d(const struct psm *m)
{
    return (uint64_t)(uintptr_t)m->heap_d.base;
}

static inline uint64_t base_p(const struct psm *m) /* canonical */
{
    return (uint64_t)(uintptr_t)m->heap_p.base - PSM_DELTA;
}

static _Noreturn __attribute__((noinline)) void stray(const void *p, const char *function)
{
    if (!psm_current)
        psm_fatal("%s(%p): the memory belongs to a machine, and no rw op of it is running",
                  function, p);
    if (in_arenas(p))
        psm_fatal("%s(%p): the memory belongs to another machine than the op", function, p);
    psm_fatal("%s(%p): an op cannot resize memory that was not allocated in an op",
              function, p);
}

/* The arena offset of p, which lies in some arena. */
static inline uint64_t offset_d(const struct psm *m, const void *p, const char *function)
{
    if (__builtin_expect(!m || (uintptr_t)p - base_d(m) >= PSM_ARENA_SIZE, 0))
        stray(p, function);
    return (uintptr_t)p - base_d(m);
}

static bool power_of_two(size_t n)
{
    return n && !(n & (n - 1));
}

/* ---- in the foreground ---- */

void *psm_malloc(size_t size)
{
    struct psm *m = foreground();
    if (__builtin_expect(!m, 0))
        return malloc(size);
    return given(base_d(m), heap_fast_malloc(&m->heap_d, size));
}

/* A function of its own, for frees of libc's memory to save no registers. */
static __attribute__((noinline)) void free_in_arena(void *p)
{
    struct psm *m = foreground();
    heap_fast_free(&m->heap_d, offset_d(m, p, "free"));
}

void psm_free(void *p)
{
    if (__builtin_expect(!in_arenas(p), 0))
        free(p);
    else
        free_in_arena(p);
}

void psm_cfree(void *p)
{
    psm_free(p);
}

void *psm_calloc(size_t count, size_t size)
{
    struct psm *m = foreground();
    size_t bytes;
    if (!m)
        return calloc(count, size);
    if (__builtin_mul_overflow(count, size, &bytes))
        return given(0, 0);
    return given(base_d(m), heap_calloc(&m->heap_d, bytes));
}

/* As glibc does, realloc(p, 0) frees and gives NULL. */
void *psm_realloc(void *p, size_t size)
{
    struct psm *m = foreground();
    if (!p)
        return psm_malloc(size);
    if (!in_arenas(p)) {
        if (m)
            stray(p, "realloc");
        return realloc(p, size);
    }
    uint64_t offset = offset_d(m, p, "realloc");
    if (size)
        return given(base_d(m), heap_realloc(&m->heap_d, offset, size));
    heap_free(&m->heap_d, offset);
    return NULL;
}

void *psm_reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return given(0, 0);
    return psm_realloc(p, bytes);
}

void *psm_memalign(size_t alignment, size_t size)
{
    struct psm *m = foreground();
    if (!m)
        return memalign(alignment, size);
    if (!power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return given(base_d(m), heap_aligned(&m->heap_d, alignment, size));
}

void *psm_aligned_alloc(size_t alignment, size_t size)
{
    return foreground() ? psm_memalign(alignment, size) : aligned_alloc(alignment, size);
}

int psm_posix_memalign(void **out, size_t alignment, size_t size)
{
    struct psm *m = foreground();
    if (!m)
        return posix_memalign(out, alignment, size);
    if (!power_of_two(alignment) || alignment < sizeof(void *))
        return EINVAL;
    uint64_t offset = heap_aligned(&m->heap_d, alignment, size);
    if (!offset)
        return ENOMEM;
    *out = (void *)(base_d(m) + offset);
    return 0;
}

void *psm_valloc(size_t size)
{
    return psm_memalign(PAGE, size);
}

void *psm_pvalloc(size_t size)
{
    if (size > PSM_ARENA_SIZE)
        return given(0, 0);
    return psm_memalign(PAGE, (size + PAGE - 1) & -(size_t)PAGE);
}

size_t psm_malloc_usable_size(void *p)
{
    if (!in_arenas(p))
        return malloc_usable_size(p);
    struct psm *m = machine_of(p); /* also outside ops: it changes nothing */
    if (!m)
        stray(p, "malloc_usable_size");
    return heap_usable(&m->heap_d, offset_d(m, p, "malloc_usable_size"));
}

/* ---- in shadow variants ---- */

static uint64_t offset_p(const struct psm *m, const void *p, const char *function)
{
    uint64_t offset = (uintptr_t)p - base_p(m);
    if (offset >= PSM_ARENA_SIZE)
        psm_replay_trap("%s(%p): not memory of this machine", function, p);
    return offset;
}

void *psm_w_malloc(size_t size)
{
    struct psm *m = psm_replaying;
    return given(base_p(m), heap_malloc(&m->heap_p, size));
}

void psm_w_free(void *p)
{
    struct psm *m = psm_replaying;
    if (in_arenas(p))
        heap_free(&m->heap_p, offset_p(m, p, "free"));
}

void psm_w_cfree(void *p)
{
    psm_w_free(p);
}

void *psm_w_calloc(size_t count, size_t size)
{
    struct psm *m = psm_replaying;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return given(0, 0);
    return given(base_p(m), heap_calloc(&m->heap_p, bytes));
}

void *psm_w_realloc(void *p, size_t size)
{
    struct psm *m = psm_replaying;
    if (!p)
        return psm_w_malloc(size);
    uint64_t offset = offset_p(m, p, "realloc");
    if (size)
        return given(base_p(m), heap_realloc(&m->heap_p, offset, size));
    heap_free(&m->heap_p, offset);
    return NULL;
}

void *psm_w_reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return given(0, 0);
    return psm_w_realloc(p, bytes);
}

void *psm_w_memalign(size_t alignment, size_t size)
{
    struct psm *m = psm_replaying;
    if (!power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return given(base_p(m), heap_aligned(&m->heap_p, alignment, size));
}

void *psm_w_aligned_alloc(size_t alignment, size_t size)
{
    return psm_w_memalign(alignment, size);
}

int psm_w_posix_memalign(void **out, size_t alignment, size_t size)
{
    struct psm *m = psm_replaying;
    if (!power_of_two(alignment) || alignment < sizeof(void *))
        return EINVAL;
    uint64_t offset = heap_aligned(&m->heap_p, alignment, size);
    if (!offset)
        return ENOMEM;
    void **twin = (void **)((uintptr_t)out + PSM_DELTA);
    psm_store_hook(twin, sizeof *twin);
    *twin = (void *)(base_p(m) + offset);
    return 0;
}

void *psm_w_valloc(size_t size)
{
    return psm_w_memalign(PAGE, size);
}

void *psm_w_pvalloc(size_t size)
{
    if (size > PSM_ARENA_SIZE)
        return given(0, 0);
    return psm_w_memalign(PAGE, (size + PAGE - 1) & -(size_t)PAGE);
}

size_t psm_w_malloc_usable_size(void *p)
{
    struct psm *m = psm_replaying;
    return p ? heap_usable(&m->heap_p, offset_p(m, p, "malloc_usable_size")) : 0;
}
