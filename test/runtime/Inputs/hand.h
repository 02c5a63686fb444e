/* hand.h: a program whose shadow variants are written by hand, for tests of the runtime
 * that shall not depend on the pass.
 *
 * The test defines its ops once, as OP(name) { … } in a header of its own that is included
 * twice through hand_ops.h: as plain code, and as shadow code. In it, pointers are followed by
 * AT(p)-> and stored to by PUT(place, value), malloc and free are MALLOC and FREE. Then
 *
 *     static const struct program_op ops[] = { HAND_OP(0, add), … };
 *     HAND_PROGRAM(ops)
 *
 * takes the place of program.c. */
#ifndef HAND_H
#define HAND_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "hooks.h"
#include "machine.h"
#include "program.h"

void *psm_malloc(size_t), *psm_w_malloc(size_t), *psm_realloc(void *, size_t), *psm_w_realloc(void *, size_t);
void psm_free(void *), psm_w_free(void *);

#define HAND_OP(number, op) { #op, op, op##_shadow, number }

extern char __executable_start, __data_start, _end, __etext;

static struct program hand_program;
static struct program_global *hand_globals;
static unsigned hand_global_count;

static inline void hand_setup(const struct program_op *ops, unsigned count)
{
    static struct notes_segment segment[2];
    uint64_t data = (uint64_t)&__data_start & ~UINT64_C(4095);
    /* Text, constants and data without gaps is what the linker makes of a small program;
     * the first two are mirrored read-only. */
    segment[0] = (struct notes_segment){ (uint64_t)&__executable_start, data, 0, 1 };
    segment[1] = (struct notes_segment){ data, (uint64_t)&_end, 1, 0 };
    hand_program.path = hand_program.name = getenv("HAND_NAME") ? getenv("HAND_NAME") : "hand";
    memcpy(hand_program.build_id, getenv("HAND_BUILD") ? getenv("HAND_BUILD") : "0123456789abcdefghij", 20);
    hand_program.op = ops;
    hand_program.op_count = count;
    hand_program.segment = segment + 1;
    hand_program.segment_count = 1;
    hand_program.data_low = data;
    hand_program.data_high = (uint64_t)&_end;
    hand_program.global = hand_globals;
    hand_program.global_count = hand_global_count;
    for (unsigned i = 0; i < hand_global_count; i++)
        hand_program.ops_write_globals |= hand_globals[i].kind == PROGRAM_STATE;
}

#define HAND_PROGRAM(ops)                                                   \
    int program_load(const struct program **program)                        \
    {                                                                       \
        if (hand_program.op == NULL)                                        \
            hand_setup(ops, sizeof ops / sizeof ops[0]);                    \
        *program = &hand_program;                                           \
        return 0;                                                           \
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
    for (unsigned i = 0; i < p->global_count; i++)
        if (address - p->global[i].address < p->global[i].size)
            return &p->global[i];
    return NULL;
}

const char *program_function_name(const struct program *p, uint64_t address)
{
    for (unsigned i = 0; i < p->op_count; i++)
        if ((uint64_t)p->op[i].foreground == address || (uint64_t)p->op[i].shadow == address)
            return p->op[i].name;
    return NULL;
}

static struct psm *hand_verified;
static int hand_differences;
static void hand_compare(void *context, uint64_t offset, uint64_t size, int metadata)
{
    struct psm *m = context;
    (void)metadata;
    for (uint64_t i = 0; i < size; i++)
        if (m->space.d[offset + i] != m->space.p[offset + i]) {
            if (hand_differences++ < 5)
                fprintf(stderr, "differs at %#lx: %02x %02x\n", (unsigned long)(offset + i), m->space.d[offset + i],
                        m->space.p[offset + i]);
            return;
        }
}

int verify_machine(struct psm *m)
{
    const char *why = "";
    hand_verified = m;
    hand_differences = 0;
    heap_each_live(&m->heap_d, hand_compare, m);
    if (!heap_check(&m->heap_d, &why) || !heap_check(&m->heap_p, &why))
        return psm_fail(PSM_EVERIFY, "heap: %s", why);
    for (unsigned i = 0; m->owns_globals && i < m->program->global_count; i++) {
        const struct program_global *g = &m->program->global[i];
        if (g->kind == PROGRAM_STATE && memcmp((void *)g->address, (void *)(g->address + PSM_DELTA), g->size) != 0)
            return psm_fail(PSM_EVERIFY, "global %s differs", g->name);
    }
    return hand_differences == 0 ? 0 : psm_fail(PSM_EVERIFY, "%d blocks differ", hand_differences);
}

/* What shadow code does to follow a pointer and before it stores. */
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

/* What has to hold, or the process ends at once, a forked child as well, and tells the line. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            printf("line %d: %s [%s]\n", __LINE__, #condition, psm_error_detail());   \
            fflush(stdout);                                                           \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

/* Stop with the story if a call fails. */
#define OK(call)                                                                                  \
    do {                                                                                          \
        int64_t status_ = (call);                                                                 \
        if (psm_is_error(status_)) {                                                              \
            printf("%s: %s: %s\n", #call, psm_strerror(status_), psm_error_detail());             \
            exit(3);                                                                              \
        }                                                                                         \
    } while (0)
#endif
