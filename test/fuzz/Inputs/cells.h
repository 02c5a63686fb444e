/* cells.h: the program that the fuzzer's machines belong to: a table of blocks.
 *
 * libpsm promises to survive any bytes in what is its own. What lies in blocks and globals
 * is the program's: an op that follows a damaged pointer of its own crashes, and that is
 * nobody's mistake but the medium's. So these ops follow none. A cell has a checksum of its
 * own, and is looked at no further if that is wrong; what it points to is not read. */
#ifndef CELLS_H
#define CELLS_H
#include "hash.h"
#include "hooks.h"
#include "machine.h"
#include "program.h"

void *psm_malloc(size_t), *psm_w_malloc(size_t), *psm_realloc(void *, size_t), *psm_w_realloc(void *, size_t);
void psm_free(void *), psm_w_free(void *);

#define CELLS 48
#define TAKE_MAX (3 << 20) /* bytes */
struct cell { void *block; uint64_t size, check; };
struct root { uint64_t ops; struct cell cell[CELLS]; };
struct request { uint32_t cell, size; uint64_t fill[4]; };

/* State in a global, on a page of its own: what else this process has is left out. */
static _Alignas(LAYOUT_PAGE) struct { uint64_t takes, rest[511]; } tally;
static_assert(sizeof tally == LAYOUT_PAGE, "the whole data segment, as far as libpsm knows");

static uint64_t cell_check(const void *block, uint64_t size, uint32_t index)
{
    return hash_fold((uintptr_t)block ^ HASH_1, size ^ HASH_2 ^ index);
}

static inline void *hand_twin(const void *p)
{
    return (void *)((uintptr_t)p + __psm_delta);
}
static inline void hand_hook(void *twin, size_t size)
{
    const unsigned char *marks = (const unsigned char *)__psm_marks;
    uintptr_t first = (uintptr_t)twin, last = first + size - 1;
    if (!(marks[first >> 8] >> (first >> 5 & 7) & 1) || !(marks[last >> 8] >> (last >> 5 & 7) & 1))
        __psm_log(twin, size);
}
#define HAND_OPS "cells_ops.h"
#include "../../runtime/Inputs/hand_ops.h"

#define HAND_OP(number, op) { #op, op, op##_shadow, number }
static const struct program_op cells_ops[] = { HAND_OP(0, take), HAND_OP(1, resize), HAND_OP(2, give) };

int program_load(const struct program **program)
{
    static struct program_global global;
    static struct notes_segment segment;
    static struct program p;
    global = (struct program_global){ "tally", (uint64_t)&tally, sizeof tally, PROGRAM_STATE };
    segment = (struct notes_segment){ (uint64_t)&tally, (uint64_t)(&tally + 1), 1, 0 };
    p.path = p.name = "cells";
    memcpy(p.build_id, "0123456789abcdefghij", 20);
    p.op = cells_ops;
    p.op_count = sizeof cells_ops / sizeof cells_ops[0];
    p.segment = &segment;
    p.segment_count = 1;
    p.data_low = segment.low;
    p.data_high = segment.high;
    p.global = &global;
    p.global_count = 1;
    p.ops_write_globals = true;
    *program = &p;
    return 0;
}

int program_op_by_function(const struct program *p, psm_op_fn *function)
{
    for (unsigned i = 0; i < p->op_count; i++)
        if (p->op[i].foreground == function)
            return (int)i;
    return -1;
}

const struct program_global *program_global_at(const struct program *p, uint64_t address)
{
    return address - p->global->address < p->global->size ? p->global : NULL;
}

const char *program_function_name(const struct program *p, uint64_t address)
{
    (void)p, (void)address;
    return NULL;
}
#endif
