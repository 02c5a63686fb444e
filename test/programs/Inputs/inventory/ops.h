/* ops.h: a warehouse: items by name and by value, and a report of the dearest. */
#ifndef OPS_H
#define OPS_H
#include <stdint.h>
#include "psm.h"
#include "tree.h"

struct warehouse {
    struct tree    by_name;  /* each tree keeps its own comparator */
    struct tree    by_value;
    struct item  **dearest;  /* sorted by qsort, made anew by report */
    uint64_t       dearest_count;
    uint64_t       ops;
    const struct policy *policy; /* functions, chosen at run time, called through the state */
};

struct stock_argument {
    uint32_t number;
    int32_t  change;
    double   price;
};

__attribute__((psm_op)) psm_op_fn stock;   /* argument above; makes and drops items */
__attribute__((psm_op)) psm_op_fn report;  /* argument: uint32_t, how many */
__attribute__((psm_op)) psm_op_fn reprice; /* argument: uint32_t, which policy */
__attribute__((psm_ro)) psm_op_fn count_ops;
__attribute__((psm_ro)) psm_op_fn digest;  /* uint64_t out */
#endif
