/* place.c: where in the state an address lies, in words, for psm_verify and PSM_CHECK. */
#include <stdio.h>

#include "machine.h"
#include "program.h"
#include "verify.h"

const char *verify_place(struct psm *m, struct heap_view *heap, uint64_t address, char *text, uint64_t size)
{
    uint64_t offset = address - (uintptr_t)m->space.d, start, length;
    int live;
    const struct program_global *global = program_global_at(m->program, address);
    if (global)
        snprintf(text, size, "global '%s', offset %lu", global->name,
                 (unsigned long)(address - global->address));
    else if (offset < PSM_ARENA_SIZE && heap_block_of(heap, offset, &start, &length, &live))
        snprintf(text, size, "block %p of %lu bytes, offset %lu", (void *)(m->space.d + start),
                 (unsigned long)length, (unsigned long)(offset - start));
    else
        snprintf(text, size, "address %#lx, the heap's own data", (unsigned long)address);
    return text;
}
