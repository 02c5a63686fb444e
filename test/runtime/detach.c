// Memory does not follow the image: pages that are still shared with it, in a machine just
// opened, keep what they hold when replay changes the image, in this process and in a
// forked child.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m pm
// RUN: %t %filedir/m file
//
// Mutants that it has caught: no touch() in space_detach_slow; no space_detach_rest in fork.c.
#include "hand.h"
#include "limits.h"

#include <sys/wait.h>

HAND_PROGRAM(limits_program_ops)

#define BYTES (48 << 20)

static struct psm_options options = { .root_size = sizeof(struct limits) };
static const char *dir;

/* Open, with the sweeper stopped while there is much left to it. */
static psm_t *open_undetached(void)
{
    for (int i = 0; i < 100; i++) {
        psm_t *m;
        OK(psm_init(&m, dir, &options));
        space_sweeper_end(m, false);
        if (!atomic_load(&m->space.all_detached))
            return m;
        OK(psm_close(m));
    }
    printf("the sweeper is always faster\n");
    exit(1);
}

/* Change the image and not memory: the section logs what it has not done. */
static void change_image(psm_t *m)
{
    OK(psm_begin(m));
    OK(psm_append(m, dirty, NULL, 0));
    OK(psm_commit(m));
    OK(psm_drain(m));
}

/* Every 32nd byte has been changed so often. */
static void check_kept(psm_t *m, int changes)
{
    struct limits *l = psm_root(m);
    unsigned char *kept = l->kept;
    CHECK(l->size == BYTES);
    for (size_t i = 0; i < BYTES; i++)
        CHECK(kept[i] == 7 + (i % 32 == 0 ? changes : 0));
}

int main(int argc, char **argv)
{
    psm_t *m;
    int status;
    (void)argc;
    dir = argv[1];
    options.medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    unsigned char *bytes = aligned_alloc(16, BYTES);
    memset(bytes, 7, BYTES);
    OK(psm_init(&m, dir, &options));
    OK(psm_invoke_rw(m, keep, bytes, BYTES, NULL, 0));
    OK(psm_close(m));

    m = open_undetached();
    change_image(m);
    check_kept(m, 0);
    OK(psm_close(m));

    m = open_undetached();
    int go[2];
    CHECK(pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        char c;
        CHECK(read(go[0], &c, 1) == 1);
        check_kept(m, 1);
        _exit(0);
    }
    change_image(m);
    CHECK(write(go[1], "x", 1) == 1);
    check_kept(m, 1);
    waitpid(child, &status, 0);
    CHECK(status == 0);
    OK(psm_close(m));

    OK(psm_init(&m, dir, &options));
    check_kept(m, 2);
    OK(psm_close(m));
    return 0;
}
