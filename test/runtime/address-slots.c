// Machines made by different processes can be open in one: a new one takes an address range
// that none has which lies beside it, or the one that it is told to.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir
//
// Mutants that it has caught: no neighbour looked at; the wanted slot taken for a hint; another
// slot than the machine's let through at a later opening.
#define MAP_BUCKETS 64
#include "hand.h"
#include "map.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(map_program_ops)

#define MACHINES 30
static struct psm_options options(uint32_t slot)
{
    return (struct psm_options){ .root_size = sizeof(struct map), .log_bytes = 1 << 16, .capacity_bytes = 4 << 20,
                                 .address_slot = slot };
}

static void make_elsewhere(const char *dir, uint32_t slot)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        psm_t *m;
        struct psm_options o = options(slot);
        OK(psm_init(&m, dir, &o));
        OK(psm_close(m));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
    static char dir[MACHINES][600];
    char away[600], twin[600], *parent = argv[1];
    psm_t *m[MACHINES], *n;
    if (argc != 2 || chdir(parent) != 0)
        return 2;
    for (int i = 0; i < MACHINES; i++) {
        /* By names of all kinds: what lies beside it is the same. */
        snprintf(dir[i], sizeof dir[i], i % 3 == 0 ? "m%d" : i % 3 == 1 ? "./m%d/" : "%2$s/m%1$d", i, parent);
        make_elsewhere(dir[i], 0);
    }
    for (int i = 0; i < MACHINES; i++) {
        struct psm_options o = options(0);
        OK(psm_init(&m[i], dir[i], &o));
    }
    for (int i = 0; i < MACHINES; i++)
        OK(psm_close(m[i]));

    snprintf(away, sizeof away, "%s/away", parent);
    mkdir(away, 0700);
    for (uint32_t slot = 1; slot <= 3; slot++) {
        snprintf(twin, sizeof twin, "%s/t%u", away, slot);
        make_elsewhere(twin, slot);
        struct psm_options o = options(slot);
        OK(psm_init(&n, twin, &o));
        CHECK(n->space.slot == slot - 1);
        OK(psm_close(n));
        o.address_slot = slot + 1;
        CHECK(psm_init(&n, twin, &o) == PSM_EINVAL);
    }
    /* One that was told a taken one: then only one of the two can be open. */
    struct psm_options o = options(3);
    snprintf(away, sizeof away, "%s/u", parent);
    make_elsewhere(away, 3);
    OK(psm_init(&m[0], away, &o));
    CHECK(psm_init(&n, twin, &o) == PSM_EADDRESS);
    snprintf(away, sizeof away, "%s/v", parent);
    CHECK(psm_init(&n, away, &o) == PSM_EADDRESS && access(away, F_OK) != 0);
    OK(psm_close(m[0]));
    OK(psm_init(&n, twin, &o));
    OK(psm_close(n));
    o.address_slot = PSM_SLOT_COUNT + 1;
    CHECK(psm_init(&n, twin, &o) == PSM_EINVAL);
    return 0;
}
