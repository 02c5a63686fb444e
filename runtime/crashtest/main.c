/* main.c: flags, workers, watching them, and the count. See psm_crashtest.h. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"
#include "places.h"
#include "psm_crashtest.h"

static const char help[] =
    "Crashes the program's ops at every point, and checks what recovery makes of it.\n"
    "  --images N        recover about so many distinct images (default 100000)\n"
    "  --seconds S       stop after this time, whatever has been done\n"
    "  --seed X          of all that is random (default: a new one, which is printed)\n"
    "  --jobs J          worker processes (default: processors)\n"
    "  --medium pm       persistent memory, simulated (default), or\n"
    "  --medium file     an ordinary file\n"
    "  --sequence K      only the sequence of ops with this number\n"
    "  --per-sequence N  images of one sequence, about (default 1500)\n"
    "  --timeout S       a recovery may take so long (default 20), the first run of a sequence, which\n"
  "                    goes step by step, ten times as long\n"
    "  --directory DIR   on tmpfs, for images (default /dev/shm)\n"
    "  --keep DIR        where failures are kept (default .)\n"
    "  --image DIR       recover the image of a failure that was kept\n"
    "  --verbose         print the crash points by code location\n";

enum { IMAGES = 1, SECONDS, SEED, JOBS, MEDIUM, SEQUENCE, PER_SEQUENCE, TIMEOUT, DIRECTORY, KEEP, IMAGE, VERBOSE, HELP };
static const struct option flags[] = {
    { "images", 1, NULL, IMAGES }, { "seconds", 1, NULL, SECONDS }, { "seed", 1, NULL, SEED },
    { "jobs", 1, NULL, JOBS }, { "medium", 1, NULL, MEDIUM }, { "sequence", 1, NULL, SEQUENCE },
    { "per-sequence", 1, NULL, PER_SEQUENCE }, { "timeout", 1, NULL, TIMEOUT },
    { "directory", 1, NULL, DIRECTORY }, { "keep", 1, NULL, KEEP }, { "image", 1, NULL, IMAGE },
    { "verbose", 0, NULL, VERBOSE }, { "help", 0, NULL, HELP }, { NULL, 0, NULL, 0 },
};

static struct psm_crashtest checked; /* the test, with defaults filled in */
static const char *image;
static volatile sig_atomic_t interrupted;

static uint64_t number(const char *flag, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-')
        errx(2, "--%s: '%s' is not a number", flag, text);
    return value;
}

static void read_flags(int argc, char **argv)
{
    int flag, index;
    settings.images = 100000;
    settings.per_sequence = 1500;
    settings.sequence = -1;
    settings.timeout = 20;
    settings.medium = PSM_MEDIUM_PM;
    settings.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    settings.program = argv[0];
    snprintf(settings.keep, sizeof settings.keep, ".");
    const char *directory = "/dev/shm";
    if (getrandom(&settings.seed, sizeof settings.seed, 0) != sizeof settings.seed)
        err(2, "getrandom");
    settings.seed >>= 33;
    while ((flag = getopt_long(argc, argv, "", flags, &index)) != -1) {
        const char *name = flag != '?' ? flags[index].name : "";
        switch (flag) {
        case IMAGES: settings.images = number(name, optarg); break;
        case SECONDS: settings.seconds = number(name, optarg); break;
        case SEED: settings.seed = number(name, optarg); break;
        case JOBS: settings.jobs = (unsigned)number(name, optarg); break;
        case SEQUENCE: settings.sequence = (int64_t)number(name, optarg); break;
        case PER_SEQUENCE: settings.per_sequence = number(name, optarg); break;
        case TIMEOUT: settings.timeout = (unsigned)number(name, optarg); break;
        case DIRECTORY: directory = optarg; break;
        case KEEP: snprintf(settings.keep, sizeof settings.keep, "%s", optarg); break;
        case IMAGE: image = optarg; break;
        case VERBOSE: settings.verbose = true; break;
        case MEDIUM:
            if (strcmp(optarg, "pm") != 0 && strcmp(optarg, "file") != 0)
                errx(2, "--medium: pm or file, not '%s'", optarg);
            settings.medium = optarg[0] == 'p' ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
            break;
        case HELP:
            fputs(help, stdout);
            exit(0);
        default:
            fputs(help, stderr);
            exit(2);
        }
    }
    if (optind != argc)
        errx(2, "what is '%s'? --help lists the flags", argv[optind]);
    if (settings.jobs < 1 || settings.jobs > WORKERS_MAX)
        errx(2, "--jobs: 1 to %d", WORKERS_MAX);
    snprintf(settings.directory, sizeof settings.directory, "%s/psm-crashtest-%d", directory, (int)getpid());
}

static void check_test(const struct psm_crashtest *test)
{
    if (test == NULL || test->ops == NULL || test->op_count < 1 || test->op_count > 64 || test->digest == NULL)
        errx(2, "psm_crashtest: ops, 1 to 64, or digest are missing");
    checked = *test;
    for (size_t i = 0; i < test->op_count; i++)
        if (test->ops[i].name == NULL || test->ops[i].op == NULL)
            errx(2, "psm_crashtest: op %zu has no name or no function", i);
    if (checked.options.log_bytes == 0)
        checked.options.log_bytes = 1 << 16;
    if (checked.options.capacity_bytes == 0)
        checked.options.capacity_bytes = 8 << 20;
    checked.options.medium = settings.medium;
    settings.test = &checked;
}

static void *share(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        err(2, "no memory");
    return p;
}

static pid_t start(void (*work)(unsigned), unsigned worker)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        err(2, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        work(worker);
    }
    return child;
}

static void make_template(unsigned worker)
{
    (void)worker;
    explore_template();
}

static uint64_t images_made(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < LEVELS; i++)
        sum += atomic_load(&shared->images[i]);
    return sum;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print_count(FILE *to, double seconds)
{
    fprintf(to, "%lu sequences (%lu of %lu of up to 3 ops), %lu crash points, %lu distinct images, of them %lu "
            "second crashes and %lu later ones, %.0f s, %lu violations",
            (unsigned long)shared->sequences, (unsigned long)shared->short_sequences,
            (unsigned long)sequence_short_count(settings.test), (unsigned long)shared->points,
            (unsigned long)images_made(), (unsigned long)shared->images[1],
            (unsigned long)(shared->images[2] + shared->images[3]), seconds, (unsigned long)shared->violations);
}

/* Seconds that a worker may be silent. */
static unsigned patience(uint32_t phase)
{
    return phase == PHASE_RECORDS ? 10 * settings.timeout : settings.timeout;
}

/* A worker is gone, or has to go: whether it was done. */
static bool ended(struct slot *slot, int status, bool hung)
{
    char what[1200];
    uint32_t phase = atomic_load(&slot->phase);
    if (phase == PHASE_DONE && status == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        exit(2); /* it has said why */
    if (phase == PHASE_FAILED)
        snprintf(what, sizeof what, "%s", slot->trouble);
    else if (phase == PHASE_PREPARES)
        errx(2, "a worker ended between two recoveries, with status %#x", (unsigned)status);
    else if (hung)
        snprintf(what, sizeof what, "%s takes more than %u seconds", phase == PHASE_RECORDS ? "the first run" : "recovery",
                 patience(phase));
    else
        snprintf(what, sizeof what, "the process dies %s %d in %s", WIFSIGNALED(status) ? "of signal" : "with status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                 phase == PHASE_RECORDS ? "the first run" : "recovery, or in going on after it");
    atomic_fetch_add(&shared->violations, 1);
    atomic_store(&shared->stop, 1);
    keep_failure(slot, what);
    return false;
}

static void watch(double began)
{
    uint64_t beat[WORKERS_MAX] = { 0 };
    double since[WORKERS_MAX];
    bool alive[WORKERS_MAX], hung[WORKERS_MAX] = { false }, terminal = isatty(2);
    unsigned left = settings.jobs;
    for (unsigned i = 0; i < settings.jobs; i++) {
        shared->slot[i].pid = start(explore, i);
        alive[i] = true;
        since[i] = now();
    }
    for (double told = 0; left > 0;) {
        struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
        nanosleep(&pause, NULL);
        double t = now();
        if (interrupted || (settings.seconds != 0 && t - began >= (double)settings.seconds))
            atomic_store(&shared->stop, 1);
        for (unsigned i = 0; i < settings.jobs; i++) {
            struct slot *slot = &shared->slot[i];
            int status;
            if (!alive[i])
                continue;
            uint64_t now_at = atomic_load(&slot->beat);
            if (now_at != beat[i])
                beat[i] = now_at, since[i] = t;
            if (t - since[i] > patience(atomic_load(&slot->phase)) && !hung[i]) {
                hung[i] = true;
                kill(slot->pid, SIGKILL);
            }
            if (waitpid(slot->pid, &status, WNOHANG) != slot->pid)
                continue;
            alive[i] = false;
            left--;
            ended(slot, status, hung[i]);
        }
        if (terminal && t - told >= 1) {
            told = t;
            fputs("\r\033[K", stderr);
            print_count(stderr, t - began);
        }
    }
    if (terminal)
        fputs("\r\033[K", stderr);
}

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

int psm_crashtest_main(const struct psm_crashtest *test, int argc, char **argv)
{
    int status, code;
    /* libpmem looks at it before main: whether tmpfs may pass for persistent memory. */
    if (getenv("PMEM_IS_PMEM_FORCE") == NULL) {
        setenv("PMEM_IS_PMEM_FORCE", "1", 1);
        execv("/proc/self/exe", argv);
        err(2, "cannot execute /proc/self/exe");
    }
    read_flags(argc, argv);
    check_test(test);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (mkdir(settings.keep, 0700) != 0 && errno != EEXIST)
        err(2, "%s", settings.keep);
    if (mkdir(settings.directory, 0700) != 0)
        err(2, "%s", settings.directory);
    places_setup();
    if (image != NULL) {
        code = keep_recover(image);
        directory_delete(settings.directory);
        return code;
    }
    shared = share(sizeof *shared);
    for (unsigned i = 0; i < settings.jobs; i++)
        shared->slot[i].choice.override = share(OVERRIDES_MAX * sizeof(struct override));
    seen_setup();
    signal(SIGINT, interrupt);
    double began = now();
    printf("seed %lu\n", (unsigned long)settings.seed);
    if (waitpid(start(make_template, 0), &status, 0) < 0 || status != 0)
        code = 2;
    else {
        watch(began);
        if (settings.verbose)
            places_print(stdout);
        print_count(stdout, now() - began);
        putchar('\n');
        code = shared->violations != 0;
    }
    directory_delete(settings.directory);
    return code;
}
