// A limit on the length of files (RLIMIT_FSIZE) does not kill the process: creation is refused
// with its own message and leaves nothing, a heap that cannot grow refuses malloc, and the
// machine goes on.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir/m pm
// RUN: %t %filedir/m file
//
// Mutants that it has caught: medium_limit_begin blocks nothing; medium_limit_end leaves the
// signal pending; EFBIG without a message of its own.
#include "hand.h"
#include "limits.h"

#include <sys/resource.h>
#include <unistd.h>

HAND_PROGRAM(limits_program_ops)

static void limit(rlim_t bytes)
{
    struct rlimit l = { bytes, RLIM_INFINITY };
    if (setrlimit(RLIMIT_FSIZE, &l) != 0)
        exit(2);
}

int main(int argc, char **argv)
{
    psm_t *m;
    char unfinished[600];
    struct psm_options o = { .root_size = sizeof(struct limits), .log_bytes = 1 << 16,
                             .medium = argc > 2 && strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE };
    snprintf(unfinished, sizeof unfinished, "%s.new", argv[1]);
    /* Less than the probe, than the log, than the image, than the replay thread's stack. */
    for (rlim_t bytes = 1024; bytes <= 32 << 20; bytes *= 4) {
        limit(bytes);
        int status = psm_init(&m, argv[1], &o);
        CHECK(status == PSM_ENOSPC);
        CHECK(strstr(psm_error_detail(), "RLIMIT_FSIZE") != NULL);
        CHECK(strstr(psm_error_detail(), "journal") == NULL);
        CHECK(access(argv[1], F_OK) != 0 && access(unfinished, F_OK) != 0);
    }
    limit(128 << 20);
    OK(psm_init(&m, argv[1], &o));
    struct limits *l = psm_root(m);
    limit(3 << 20);
    uint64_t count = 400000;
    OK(psm_invoke_rw(m, list, &count, sizeof count, NULL, 0));
    CHECK(l->refused == 1);
    count = 100;
    OK(psm_invoke_rw(m, list, &count, sizeof count, NULL, 0));
    uint64_t refused = l->refused;
    limit(RLIM_INFINITY);
    count = 400000;
    OK(psm_invoke_rw(m, list, &count, sizeof count, NULL, 0));
    CHECK(l->refused == refused);
    OK(psm_verify(m));
    OK(psm_close(m));
    return 0;
}
