/* globals.c: the program's globals that are state, and those that have to stay as they are.
 *
 * The image begins with a copy of the executable's .data and .bss (the globals area). Of it
 * count: what ops write (state), which recovery copies back into the executable; and what
 * ops only read (frozen), which is compared with the value kept from the creation, since
 * replay with another value would take other branches. */
#include <string.h>

#include "error.h"
#include "machine.h"
#include "program.h"

void globals_place(struct psm *m)
{
    const struct program *p = m->program;
    if (p->data_high == p->data_low)
        return;
    m->space.globals_low = p->data_low & ~(uint64_t)(LAYOUT_PAGE - 1);
    m->space.globals_bytes = ((p->data_high + LAYOUT_PAGE - 1) & ~(uint64_t)(LAYOUT_PAGE - 1)) - m->space.globals_low;
}

static unsigned char *in_image(const struct psm *m, const unsigned char *globals, const struct program_global *g)
{
    return (unsigned char *)globals + (g->address - m->space.globals_low);
}

void globals_restore(struct psm *m)
{
    const struct program *p = m->program;
    const unsigned char *area = (unsigned char *)(m->space.globals_low + PSM_DELTA);
    for (uint32_t i = 0; m->owns_globals && i < p->global_count; i++) {
        const struct program_global *g = &p->global[i];
        if (g->kind == PROGRAM_STATE && g->address >= m->space.globals_low)
            memcpy((void *)g->address, in_image(m, area, g), g->size);
    }
}

static bool is_alone(const struct psm *m)
{
    machine_list_lock();
    bool alone = machine_first() == m && m->next == NULL;
    machine_list_unlock();
    return alone;
}

/* Scratch is not kept: the shadow's begins each run as the foreground's does. Machines that do
 * not own the globals share it in the mirror, where the first of them resets it. */
void globals_reset_scratch(struct psm *m)
{
    const struct program *p = m->program;
    unsigned char *area = (unsigned char *)(m->space.globals_low + PSM_DELTA);
    bool resets = m->owns_globals || is_alone(m);
    for (uint32_t i = 0; resets && i < p->global_count; i++) {
        const struct program_global *g = &p->global[i];
        if (g->kind == PROGRAM_SCRATCH && g->address >= m->space.globals_low)
            memcpy(in_image(m, area, g), (void *)g->address, g->size);
    }
}

bool globals_is_scratch(const struct psm *m, uint64_t address)
{
    const struct program_global *g = program_global_at(m->program, address);
    return g != NULL && g->kind == PROGRAM_SCRATCH;
}

int globals_check_frozen(struct psm *m, const unsigned char *area)
{
    const struct program *p = m->program;
    for (uint32_t i = 0; i < p->global_count; i++) {
        const struct program_global *g = &p->global[i];
        if (g->kind != PROGRAM_FROZEN || g->address < m->space.globals_low
            || g->address + g->size > m->space.globals_low + m->space.globals_bytes)
            continue;
        if (memcmp((void *)g->address, in_image(m, area, g), g->size) != 0)
            return psm_fail(PSM_EFROZEN, "%s: the global '%s', which ops only read, differs from what it was when "
                            "the machine was created: set it to the same before psm_init, mark it psm_state, or "
                            "psm_scratch if ops do not depend on it", m->directory, g->name);
    }
    return 0;
}
