/* shapes.h: ops that do little but what the pass changes; compiled per VARIANT. */
#ifndef MAP_SHAPES_H
#define MAP_SHAPES_H
#include "psm.h"

#define SHAPES_DECLARE(variant)                                                   \
    __attribute__((psm_op)) psm_op_fn variant##_format; /* a key into a buffer */ \
    __attribute__((psm_op)) psm_op_fn variant##_sort    /* 64 numbers */

SHAPES_DECLARE(plain);
SHAPES_DECLARE(persistent);
#endif
