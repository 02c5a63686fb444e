/* wrap_alloc.c: functions that allocate for their caller: strdup and friends, and C++'s
 * new and delete, both variants.
 *
 * psm_NAME is what programs compiled with the pass call in the foreground: inside an rw
 * op memory comes from the machine's heap, elsewhere from libc. psm_w_NAME is the same
 * on P. Both ask malloc.c for the same sizes in the same order, which is what keeps the
 * addresses in both copies alike. asprintf and sscanf's %ms are with their families. */
#include "wrap.h"
#include "addresses.h"
#include "error.h"
#include "machine.h"
#include <stdlib.h>
#include <wchar.h>

void psm_free(void *block);
void psm_w_free(void *block);
void *psm_aligned_alloc(size_t alignment, size_t size);
void *psm_w_aligned_alloc(size_t alignment, size_t size);

/* --- strings ------------------------------------------------------------------------- */

char *psm_strndup(const char *from, size_t limit)
{
    size_t length = strnlen(from, limit);
    char *block = psm_malloc(length + 1);
    if (block) {
        memcpy(block, from, length);
        block[length] = 0;
    }
    return block;
}

char *psm_w_strndup(const char *from, size_t limit)
{
    size_t length = strnlen(wrap_twin(from), limit);
    char *block = psm_w_malloc(length + 1);
    if (block) {
        char *twin = wrap_twin(block);
        wrap_announce(twin, length + 1);
        memcpy(twin, wrap_twin(from), length);
        twin[length] = 0;
    }
    return block;
}

wchar_t *psm_wcsdup(const wchar_t *from)
{
    size_t size = (wcslen(from) + 1) * sizeof *from;
    wchar_t *block = psm_malloc(size);
    return block ? memcpy(block, from, size) : NULL;
}

wchar_t *psm_w_wcsdup(const wchar_t *from)
{
    size_t size = (wcslen(wrap_twin(from)) + 1) * sizeof *from;
    wchar_t *block = psm_w_malloc(size);
    if (block)
        wrap_write(wrap_twin(block), wrap_twin(from), size);
    return block;
}

char *psm_strdup(const char *from) { return psm_strndup(from, SIZE_MAX); }
char *psm_w_strdup(const char *from) { return psm_w_strndup(from, SIZE_MAX); }
char *psm___strdup(const char *from) { return psm_strdup(from); }
char *psm_w___strdup(const char *from) { return psm_w_strdup(from); }
char *psm___strndup(const char *from, size_t limit) { return psm_strndup(from, limit); }
char *psm_w___strndup(const char *from, size_t limit) { return psm_w_strndup(from, limit); }

/* --- new ------------------------------------------------------------------------------- */

/* Outside ops these are the program's own operators, which it may have replaced, and
 * which throw. In an op nothing may throw: a new that fails ends the process, before the
 * op is acknowledged. */
static void *must(void *block, size_t size)
{
    if (!block)
        psm_fatal("operator new: no room for %zu bytes in the machine's heap", size);
    return block;
}

#define NEW(name, block, shadow_block, refusal, arguments, ...)                     \
    void *name(__VA_ARGS__) __attribute__((weak));                                  \
    void *psm_##name(__VA_ARGS__)                                                   \
    {                                                                               \
        return psm_current ? refusal(block) : name arguments;                       \
    }                                                                               \
    void *psm_w_##name(__VA_ARGS__)                                                 \
    {                                                                               \
        return refusal(shadow_block);                                               \
    }
#define MUST(block) must(block, size)
#define MAY(block)  ((void)nothrow, block)

NEW(_Znwm, psm_malloc(size), psm_w_malloc(size), MUST, (size), size_t size)
NEW(_Znam, psm_malloc(size), psm_w_malloc(size), MUST, (size), size_t size)
NEW(_ZnwmRKSt9nothrow_t, psm_malloc(size), psm_w_malloc(size), MAY, (size, nothrow),
    size_t size, const void *nothrow)
NEW(_ZnamRKSt9nothrow_t, psm_malloc(size), psm_w_malloc(size), MAY, (size, nothrow),
    size_t size, const void *nothrow)
NEW(_ZnwmSt11align_val_t, psm_aligned_alloc(alignment, size), psm_w_aligned_alloc(alignment, size),
    MUST, (size, alignment), size_t size, size_t alignment)
NEW(_ZnamSt11align_val_t, psm_aligned_alloc(alignment, size), psm_w_aligned_alloc(alignment, size),
    MUST, (size, alignment), size_t size, size_t alignment)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, psm_aligned_alloc(alignment, size),
    psm_w_aligned_alloc(alignment, size), MAY, (size, alignment, nothrow),
    size_t size, size_t alignment, const void *nothrow)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, psm_aligned_alloc(alignment, size),
    psm_w_aligned_alloc(alignment, size), MAY, (size, alignment, nothrow),
    size_t size, size_t alignment, const void *nothrow)

/* --- delete ------------------------------------------------------------------------------ */

static int in_arena(const void *block)
{
    return (uintptr_t)block - PSM_ARENA_LOW < PSM_ARENA_HIGH - PSM_ARENA_LOW;
}

#pragma clang diagnostic ignored "-Wunused-parameter"
#define DELETE(name, arguments, ...)                                                \
    void name(__VA_ARGS__) __attribute__((weak));                                   \
    void psm_##name(__VA_ARGS__)                                                    \
    {                                                                               \
        if (psm_current || in_arena(block))                                         \
            psm_free(block);                                                        \
        else                                                                        \
            name arguments;                                                         \
    }                                                                               \
    void psm_w_##name(__VA_ARGS__)                                                  \
    {                                                                               \
        psm_w_free(block);                                                          \
    }

DELETE(_ZdlPv, (block), void *block)
DELETE(_ZdaPv, (block), void *block)
DELETE(_ZdlPvm, (block, size), void *block, size_t size)
DELETE(_ZdaPvm, (block, size), void *block, size_t size)
DELETE(_ZdlPvSt11align_val_t, (block, alignment), void *block, size_t alignment)
DELETE(_ZdaPvSt11align_val_t, (block, alignment), void *block, size_t alignment)
DELETE(_ZdlPvmSt11align_val_t, (block, size, alignment), void *block, size_t size, size_t alignment)
DELETE(_ZdaPvmSt11align_val_t, (block, size, alignment), void *block, size_t size, size_t alignment)
DELETE(_ZdlPvRKSt9nothrow_t, (block, nothrow), void *block, const void *nothrow)
DELETE(_ZdaPvRKSt9nothrow_t, (block, nothrow), void *block, const void *nothrow)
