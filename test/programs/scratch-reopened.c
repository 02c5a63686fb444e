// A machine opened anew in the same process: the shadow's scratch globals begin as the
// program's are then, not as the machine before has left them.
//
// RUN: %psmcc -O2 -g -std=gnu11 -Wall -Wextra -Werror %s -o %t
// RUN: %t %pmdir/machine
//
// Mutant that it has caught: scratch reset only for machines that own globals.
#include <stdio.h>
#include <stdlib.h>

#include "psm.h"

struct state { long sum; };
__attribute__((psm_scratch)) static long seen;

__attribute__((psm_op)) static int64_t add(void *root, const void *arg, size_t size, void *out)
{
    struct state *state = root;
    (void)arg, (void)size, (void)out;
    return state->sum += seen++;
}

int main(int argc, char **argv)
{
    struct psm_options options = { .root_size = sizeof(struct state) };
    (void)argc;
    for (int life = 0; life < 3; life++) {
        psm_t *m;
        seen = 10 * life;
        if (psm_init(&m, argv[1], &options) != 0) {
            puts(psm_error_detail());
            return 1;
        }
        for (int i = 0; i < 3; i++)
            psm_invoke_rw(m, add, NULL, 0, NULL, 0);
        if (psm_verify(m) != 0) {
            printf("life %d: %s\n", life, psm_error_detail());
            return 1;
        }
        if (psm_close(m) != 0)
            return 1;
    }
    return 0;
}
