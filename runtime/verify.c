/* verify.c: D against P, bit for bit.
 *
 * Equal op code on equal bytes leaves equal bytes, so every difference is a mistake: an
 * op that depends on something besides the state and its argument, a change of the state
 * outside an op, a store that the pass or a wrapper missed. Free blocks are dead in both
 * copies and are left out; what lies behind a block's last byte up to the next multiple
 * of its class is compared, since equal ops leave it equal too. The heap's metadata comes
 * first in address order, and so does a difference in what was allocated.
 *
 * A program that logs after executing (psm_begin) has no equal copies; then only the
 * pointers are checked. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "machine.h"
#include "program.h"
#include "verify.h"

struct comparison {
    struct psm *m;
    const unsigned char *first; /* first byte of D that differs; NULL: none yet */
    uint64_t places;            /* blocks and globals with differences */
};

static void compare(struct comparison *c, const unsigned char *d, uint64_t size)
{
    const unsigned char *p = d + PSM_DELTA;
    if (memcmp(d, p, size) == 0)
        return;
    c->places++;
    for (uint64_t i = 0; !c->first && i < size; i++)
        if (d[i] != p[i])
            c->first = d + i;
}

static void compare_block(void *context, uint64_t offset, uint64_t size, int metadata)
{
    struct comparison *c = context;
    (void)metadata;
    compare(c, c->m->space.d + offset, size);
}

int verify_copies(struct psm *m)
{
    struct comparison c = { .m = m };
    const char *why;
    if (!heap_check(&m->heap_d, &why))
        return psm_fail(PSM_EVERIFY, "%s: the heap in memory is damaged: %s", m->directory, why);
    for (uint32_t i = 0; m->owns_globals && i < m->program->global_count; i++) {
        const struct program_global *global = &m->program->global[i];
        if (global->kind == PROGRAM_STATE)
            compare(&c, (const unsigned char *)global->address, global->size);
    }
    if (heap_each_live(&m->heap_d, compare_block, &c) != 0)
        return psm_fail(PSM_ENOMEM, "%s: no memory to walk the heap with", m->directory);
    if (!c.first)
        return 0;

    char place[160];
    uint64_t in_d, in_p;
    const unsigned char *word = (const unsigned char *)((uintptr_t)c.first & ~(uintptr_t)7);
    memcpy(&in_d, word, sizeof in_d);
    memcpy(&in_p, word + PSM_DELTA, sizeof in_p);
    verify_place(m, &m->heap_d, (uintptr_t)word, place, sizeof place);
    return psm_fail(PSM_EVERIFY, "%s: the image differs from memory in %lu place%s, first in %s: "
                    "0x%016lx in memory, 0x%016lx in the image: an op that depends on more than the "
                    "state and its argument, or a change of the state outside an op", m->directory,
                    (unsigned long)c.places, c.places == 1 ? "" : "s", place, (unsigned long)in_d,
                    (unsigned long)in_p);
}

int verify_machine(struct psm *m)
{
    char story[1024];
    int copies = m->logs_after ? 0 : verify_copies(m);
    if (copies != 0) {
        snprintf(story, sizeof story, "%s", psm_error_detail());
        psm_say(m, PSM_LOG_ERROR, "%s", story);
    }
    int pointers = verify_pointers(m);
    /* The first check's story is the one to tell: wild pointers often follow from it. */
    return copies != 0 ? psm_fail(copies, "%s", story) : pointers;
}
