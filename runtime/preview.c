/* preview.c: the last step of V1: the heap as it will be, looked at before anything is written.
 *
 * The image has no checksums, so its heap has to be looked at itself. But what lies there
 * is the heap in the middle of an epoch, or torn; recovery makes it whole by undo records or
 * the journal. So P is mapped privately, and those pieces of them that concern the heap's
 * metadata, few of many, are applied to that: first the header, which says where the rest
 * is. Recovery proper maps P anew. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "heap_layout.h"
#include "machine.h"

struct preview {
    struct psm *m;
    uint64_t *own; /* bit per unit of the arena: is the heap's own; NULL: only its header */
};

static void note_own(void *context, uint64_t offset, uint64_t size, int metadata)
{
    struct preview *v = context;
    (void)metadata;
    for (uint64_t unit = offset / HEAP_UNIT; unit < (offset + size) / HEAP_UNIT; unit++)
        v->own[unit / 64] |= UINT64_C(1) << unit % 64;
}

static void apply(void *context, uint64_t offset, const void *bytes, uint64_t size)
{
    struct preview *v = context;
    struct psm *m = v->m;
    const unsigned char *from = bytes;
    uint64_t globals = m->space.globals_bytes, end = globals + atomic_load(&m->space.arena_bytes);
    if (end > offset + size)
        end = offset + size;
    if (offset < globals) {
        from += globals - offset;
        offset = globals;
    }
    while (offset < end) {
        uint64_t at = offset - globals, unit = at / HEAP_UNIT;
        uint64_t part = HEAP_UNIT - at % HEAP_UNIT < end - offset ? HEAP_UNIT - at % HEAP_UNIT : end - offset;
        if (v->own == NULL ? unit == 0 : v->own[unit / 64] >> unit % 64 & 1)
            memcpy(m->space.p + at, from, part);
        from += part;
        offset += part;
    }
}

/* The root is a block, and as large as the superblock says. */
static bool root_is_there(struct psm *m)
{
    int class;
    uint64_t size = 0;
    if (m->root_offset == 0)
        return m->options.root_size == 0;
    enum heap_kind kind = heap_lookup(&m->heap_p, m->root_offset, &class);
    if (kind == KIND_EXTENT)
        size = heap_node(&m->heap_p, (uint32_t)(m->root_offset / HEAP_UNIT))->units * HEAP_UNIT;
    else if (kind == KIND_SLAB)
        size = heap_shape[class].size;
    return size != 0 && m->options.root_size <= size;
}

struct virgin {
    uint64_t from; /* offset in the image from which on the heap has never been */
    bool zero;     /* as it should be */
};

static void look_at_virgin(void *context, uint64_t offset, const void *bytes, uint64_t size)
{
    struct virgin *v = context;
    const unsigned char *byte = bytes;
    for (uint64_t i = offset < v->from ? v->from - offset : 0; i < size; i++)
        v->zero &= byte[i] == 0;
}

/* On an ordinary file nothing that is not committed is written, so memory that the heap has
 * never used is zero, or damaged, in the journal as well. (On persistent memory recovery
 * clears it.) */
static bool virgin_is_zero(struct psm *m)
{
    struct virgin v = { m->space.globals_bytes + heap_virgin(&m->heap_p), true };
    m->epoch.store->pieces(m, look_at_virgin, &v);
    return v.zero && space_nonzero_page(m, v.from) == UINT64_MAX;
}

int preview_heap(struct psm *m)
{
    struct space *s = &m->space;
    struct preview v = { .m = m };
    uint64_t bytes = atomic_load(&s->arena_bytes);
    const char *why;
    if (mmap(s->p, s->arena_max, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, m->image_fd,
             (off_t)s->globals_bytes) == MAP_FAILED)
        return psm_fail_system("cannot map the image of", m->directory);
    machine_heap_p(m);
    if (bytes < HEAP_UNIT)
        return psm_fail(PSM_ECORRUPT, "%s/image does not hold a heap: it is too short", m->directory);
    m->epoch.store->pieces(m, apply, &v);
    v.own = calloc(PSM_ARENA_SIZE / HEAP_UNIT / 64, sizeof *v.own);
    if (v.own == NULL)
        return psm_fail(PSM_ENOMEM, "no memory to look at the heap with");
    heap_metadata(&m->heap_p, bytes, note_own, &v);
    m->epoch.store->pieces(m, apply, &v);
    free(v.own);
    if (heap_open(&m->heap_p, bytes, &why) != 0)
        return psm_fail(PSM_ECORRUPT, "%s/image does not hold a sound heap: %s", m->directory, why);
    if (m->medium.kind == PSM_MEDIUM_FILE && !virgin_is_zero(m))
        return psm_fail(PSM_ECORRUPT, "%s/image holds bytes where the heap has never been", m->directory);
    if (!root_is_there(m))
        return psm_fail(PSM_ECORRUPT, "%s/image does not hold the root that the superblock tells of", m->directory);
    return 0;
}
