// An op that goes wrong in replay only: the machine fails at once, says which op and why,
// and acknowledges nothing more; the next opening refuses the entry by name, without
// trying it again, drops it when asked if nobody was told of it, or replays it by the plain
// code. The process lives through it all.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir pm
// RUN: %t %filedir file
#include "hand.h"
#include "limits.h"

#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(limits_program_ops)

static char said[4096], dir[512];
static void log_line(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static struct psm_options options = { .root_size = sizeof(struct limits), .log_bytes = 1 << 16, .log = log_line };

#define CHECK_SAID(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            printf("line %d: %s [%s] said: %s\n", __LINE__, #condition, psm_error_detail(), said); \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

static psm_t *open_with(uint32_t flags, int expected)
{
    psm_t *m = NULL;
    options.flags = flags;
    int status = psm_init(&m, dir, &options);
    CHECK_SAID(status == expected);
    return m;
}

static const char *const message[] = {
    "null pointer", "0x5500001000", "divides by zero", "abort", "writes to its argument", "its out",
    "beyond the end of the heap", "cannot be replayed: a construct", "is freed, but", "stack", "no global is",
};

static void goes_wrong(uint64_t how, const char *base)
{
    uint64_t arg[2] = { how }, one = 1, out[4];
    snprintf(dir, sizeof dir, "%s/%lu", base, (unsigned long)how);
    said[0] = '\0';
    psm_t *m = open_with(0, 0);
    CHECK_SAID(psm_invoke_rw(m, add, &one, sizeof one, NULL, 0) == 1);
    OK(psm_drain(m));
    /* Replay is a step behind: this is acknowledged, and it is in the log. */
    CHECK_SAID(psm_invoke_rw(m, go_wrong, arg, sizeof arg, out, sizeof out) == 0);
    CHECK_SAID(psm_drain(m) == PSM_EFAILED);
    CHECK_SAID(strstr(said, "go_wrong") != NULL && strstr(said, message[how]) != NULL);
    CHECK_SAID(psm_invoke_rw(m, add, &one, sizeof one, NULL, 0) == PSM_EFAILED);
    CHECK_SAID(strstr(psm_error_detail(), "go_wrong") != NULL);
    CHECK_SAID(psm_invoke_ro(m, add, &one, sizeof one, NULL, 0) == PSM_EFAILED);
    CHECK_SAID(psm_begin(m) == PSM_EFAILED && psm_verify(m) == PSM_EFAILED);
    struct psm_statistics s;
    CHECK_SAID(psm_stats(m, &s) == 0 && s.failed == 1 && s.ops_behind == 1);
    CHECK_SAID(psm_close(m) == PSM_EFAILED);

    /* Recovery finds out by itself, then knows. */
    open_with(0, PSM_EPOISON);
    CHECK_SAID(strstr(psm_error_detail(), "go_wrong") != NULL && strstr(psm_error_detail(), message[how]) != NULL);
    for (int i = 0; i < 2; i++) {
        open_with(0, PSM_EPOISON);
        CHECK_SAID(strstr(psm_error_detail(), "go_wrong") != NULL);
    }
    if (how % 2 == 0) {
        m = open_with(PSM_DROP_POISON, 0);
        CHECK_SAID(((struct limits *)psm_root(m))->ops == 1);
    } else {
        m = open_with(PSM_REPLAY_NATIVE, 0);
        CHECK_SAID(((struct limits *)psm_root(m))->ops == 2);
    }
    CHECK_SAID(psm_invoke_rw(m, add, &one, sizeof one, NULL, 0) == 2);
    OK(psm_verify(m));
    OK(psm_close(m));
    m = open_with(0, 0);
    CHECK_SAID(((struct limits *)psm_root(m))->sum == 2);
    OK(psm_close(m));
}

/* The entry that goes wrong has others behind it: its caller was told that it is durable. */
static void witness(const char *base)
{
    uint64_t arg[2] = { 0 }, one = 1;
    snprintf(dir, sizeof dir, "%s/witness", base);
    psm_t *m = open_with(0, 0);
    OK(psm_begin(m)); /* keeps replay from it until the others are there */
    struct limits *l = psm_root(m);
    l->ops += 3, l->sum += 2;
    OK(psm_append(m, go_wrong, arg, sizeof arg));
    OK(psm_commit(m));
    if (psm_invoke_rw(m, add, &one, sizeof one, NULL, 0) == PSM_EFAILED) {
        printf("replay was faster than the next op; nothing to test\n");
        CHECK_SAID(psm_close(m) == PSM_EFAILED);
        return;
    }
    psm_drain(m);
    CHECK_SAID(psm_close(m) == PSM_EFAILED);
    open_with(0, PSM_EPOISON);
    open_with(PSM_DROP_POISON, PSM_EPOISON);
    CHECK_SAID(strstr(psm_error_detail(), "cannot be dropped") != NULL);
    m = open_with(PSM_REPLAY_NATIVE, 0);
    OK(psm_verify(m));
    OK(psm_close(m));
}

/* A process that dies without a fault, always in the same entry, is stopped too. */
static void silent_death(const char *base)
{
    int status, deaths = 0;
    snprintf(dir, sizeof dir, "%s/silent", base);
    for (;; deaths++) {
        pid_t child = fork();
        if (child == 0) {
            uint64_t arg[2] = { 100 };
            psm_t *m;
            options.flags = 0;
            status = psm_init(&m, dir, &options);
            if (status != 0) {
                CHECK_SAID(status == PSM_EPOISON && strstr(psm_error_detail(), "go_wrong") != NULL);
                _exit(0);
            }
            CHECK_SAID(deaths == 0);
            OK(psm_invoke_rw(m, go_wrong, arg, sizeof arg, NULL, 0));
            for (;;)
                pause();
        }
        waitpid(child, &status, 0);
        if (status == 0)
            break;
        if (status != 7 << 8)
            printf("death %d: status %#x\n", deaths, status);
        CHECK_SAID(status == 7 << 8);
    }
    CHECK_SAID(deaths == 1 + REPLAY_ATTEMPTS_MAX);
    psm_t *m = open_with(PSM_DROP_POISON, 0);
    CHECK_SAID(((struct limits *)psm_root(m))->ops == 0);
    OK(psm_close(m));
}

int main(int argc, char **argv)
{
    (void)argc;
    options.medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (uint64_t how = 0; how < sizeof message / sizeof message[0]; how++)
        goes_wrong(how, argv[1]);
    witness(argv[1]);
    silent_death(argv[1]);
    return 0;
}
