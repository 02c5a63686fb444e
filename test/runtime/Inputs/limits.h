/* limits.h: the state of limits_ops.h. */
struct object { struct object *next; uint64_t number; char bytes[40]; };
struct limits { uint64_t ops, refused, sum; void *kept; size_t size; struct object *first; };
static uint64_t overflow_stack(uint64_t depth)
{
    volatile char room[4096];
    room[depth & 4095] = (char)depth;
    return depth == 0 ? 0 : overflow_stack(depth - 1) + (uint64_t)room[depth & 4095];
}
#include <unistd.h>
#define HAND_OPS "limits_ops.h"
#include "hand_ops.h"
static const struct program_op limits_program_ops[] = {
    HAND_OP(0, add), HAND_OP(1, dirty), HAND_OP(2, go_wrong), HAND_OP(3, keep), HAND_OP(4, list),
};
