/* plain.c: the part of psm.h that the demo and the tests use, without persistence.
 *
 * Linked instead of libpsm, with the same sources compiled by plain clang, it makes the
 * reference: what the program would be without this project. */
#include "psm.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct psm {
    struct psm_gate gate; /* never open: psm_invoke_ro always takes the call */
    void *root;
    uint64_t ops;
};

int psm_init(psm_t **machine, const char *dir, const struct psm_options *options)
{
    (void)dir;
    struct psm *plain = calloc(1, sizeof *plain);
    if (!plain)
        return PSM_ENOMEM;
    plain->root = calloc(1, options->root_size);
    *machine = plain;
    return plain->root ? 0 : PSM_ENOMEM;
}

int psm_close(psm_t *machine)
{
    free(machine->root);
    free(machine);
    return 0;
}

int64_t psm_invoke_rw(psm_t *machine, psm_op_fn *op, const void *arg, size_t arg_size, void *out,
                      size_t out_size)
{
    (void)out_size;
    machine->ops++;
    return op(machine->root, arg, arg_size, out);
}

int64_t psm_invoke_ro_slowly(psm_t *machine, psm_op_fn *op, const void *arg, size_t arg_size, void *out,
                      size_t out_size)
{
    (void)out_size;
    return op(machine->root, arg, arg_size, out);
}

int64_t psm_invoke_ro(psm_t *machine, psm_op_fn *op, const void *arg, size_t arg_size, void *out,
                      size_t out_size)
{
    return psm_invoke_ro_slowly(machine, op, arg, arg_size, out, out_size);
}

int64_t psm_time(void)
{
    return (int64_t)time(NULL) * 1000000000;
}

int psm_verify(psm_t *machine)
{
    (void)machine;
    return 0;
}

int psm_stats(psm_t *machine, struct psm_statistics *statistics)
{
    memset(statistics, 0, sizeof *statistics);
    statistics->ops = machine->ops;
    return 0;
}

const char *psm_error_detail(void)
{
    return "no persistence in this build";
}
