/* main.c: loads a corpus into a word index, from wherever an earlier run stopped.
 *
 *     wordindex CORPUS DIRECTORY pm|file
 *
 * CORPUS, made by corpus.py, is a sequence of {uint32 name size, uint32 text size,
 * name, text}. The ops follow from it alone: documents are added in order; after
 * each tenth add one of the documents so far is removed, or added again if an
 * earlier turn removed it. So a run that finds n ops done goes on with op n.
 *
 * Says on standard output, a line each and at once, what crash.py reads:
 *     ready OPS RECOVERED MICROSECONDS   state is there and has answered a read
 *     total OPS                          that the corpus comes to
 *     done OPS                           that many are durable
 *     verify CODE   digest HEX   words N   top TEXT COUNT ...   peak BYTES */
#include "index.h"
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct corpus {
    const char *bytes;
    size_t size;
    const uint32_t **documents; /* each at its two sizes */
    uint32_t count;
};

/* Where in the sequence of ops a run is. */
struct plan {
    const struct corpus *corpus;
    uint32_t added;  /* documents added so far, not counting again */
    bool *present;   /* by document */
    uint64_t op;     /* number of the next op */
};

struct step {
    uint32_t document;
    bool add;
};

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void corpus_open(struct corpus *corpus, const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        err(1, "%s", path);
    corpus->size = (size_t)status.st_size;
    corpus->bytes = mmap(NULL, corpus->size, PROT_READ, MAP_PRIVATE, file, 0);
    if (corpus->bytes == MAP_FAILED)
        err(1, "%s", path);
    close(file);
    corpus->documents = calloc(corpus->size / 8 + 1, sizeof *corpus->documents);
    if (!corpus->documents)
        err(1, "corpus");
    for (size_t at = 0; at + 8 <= corpus->size;) {
        const uint32_t *sizes = (const void *)(corpus->bytes + at);
        corpus->documents[corpus->count++] = sizes;
        at += 8 + (((size_t)sizes[0] + sizes[1] + 3) & ~(size_t)3);
    }
    if (!corpus->count)
        errx(1, "%s: no documents", path);
}

/* Moves to the next op; returns false when all have been. */
static bool plan_next(struct plan *plan, struct step *step)
{
    if (plan->op % 11 == 10) {
        uint64_t bits = (plan->op + 1) * UINT64_C(0x9e3779b97f4a7c15);
        step->document = (uint32_t)((bits >> 32) % plan->added);
        step->add = !plan->present[step->document];
    } else if (plan->added < plan->corpus->count) {
        step->document = plan->added++;
        step->add = true;
    } else {
        return false;
    }
    plan->present[step->document] = step->add;
    plan->op++;
    return true;
}

static uint64_t plan_total(const struct corpus *corpus)
{
    return corpus->count + (corpus->count - 1) / 10 + (corpus->count % 10 == 0);
}

static void run_step(psm_t *machine, const struct corpus *corpus, const struct step *step)
{
    int64_t result;
    if (step->add) {
        const uint32_t *sizes = corpus->documents[step->document];
        size_t size = sizeof(struct add_argument) + sizes[0] + sizes[1];
        struct add_argument *argument = malloc(size);
        if (!argument)
            err(1, "argument");
        *argument = (struct add_argument){step->document, sizes[0], sizes[1]};
        memcpy(argument + 1, sizes + 2, (size_t)sizes[0] + sizes[1]);
        result = psm_invoke_rw(machine, index_add, argument, size, NULL, 0);
        free(argument);
    } else {
        result = psm_invoke_rw(machine, index_remove, &step->document, sizeof step->document,
                               NULL, 0);
    }
    if (psm_is_error(result))
        errx(1, "%s", psm_error_detail());
    if (result < 0)
        errx(1, "document %" PRIu32 " could not be %s", step->document,
             step->add ? "added" : "removed");
}

static void print_result(psm_t *machine)
{
    enum { TOP = 5 };
    struct top_word top[TOP];
    struct psm_statistics statistics;
    uint32_t wanted = TOP;
    uint64_t digest = 0;
    int verified = psm_verify(machine);
    printf("verify %d %s\n", verified, verified ? psm_error_detail() : "");
    psm_invoke_ro(machine, index_digest, NULL, 0, &digest, sizeof digest);
    printf("digest %016" PRIx64 "\n", digest);
    int64_t given = psm_invoke_ro(machine, index_top, &wanted, sizeof wanted, top, sizeof top);
    printf("top");
    for (int64_t i = 0; i < given; i++)
        printf(" %s %" PRIu64, top[i].text, top[i].occurrences);
    psm_stats(machine, &statistics);
    printf("\nheap %" PRIu64 "\n", statistics.heap_bytes);
}

int main(int count, char **words)
{
    uint64_t began = microseconds();
    if (count != 4 || (strcmp(words[3], "pm") && strcmp(words[3], "file")))
        errx(2, "usage: wordindex CORPUS DIRECTORY pm|file");
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct psm_options options = {
        .root_size = sizeof(struct index),
        .medium = strcmp(words[3], "pm") ? PSM_MEDIUM_FILE : PSM_MEDIUM_PM,
    };
    psm_t *machine;
    if (psm_init(&machine, words[2], &options) != 0)
        errx(1, "%s", psm_error_detail());
    struct find_result found;
    psm_invoke_ro(machine, index_find, "the", 3, &found, sizeof found);
    uint64_t ready = microseconds() - began;
    uint64_t done = (uint64_t)psm_invoke_ro(machine, index_ops, NULL, 0, NULL, 0);
    struct psm_statistics statistics;
    psm_stats(machine, &statistics);
    printf("ready %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", done, statistics.ops_recovered, ready);

    struct corpus corpus = {0};
    corpus_open(&corpus, words[1]);
    struct plan plan = {.corpus = &corpus, .present = calloc(corpus.count, sizeof(bool))};
    if (!plan.present)
        err(1, "plan");
    printf("total %" PRIu64 "\n", plan_total(&corpus));
    struct step step;
    while (plan.op < done && plan_next(&plan, &step))
        ;
    while (plan_next(&plan, &step)) {
        run_step(machine, &corpus, &step);
        printf("done %" PRIu64 "\n", plan.op);
    }
    print_result(machine);
    if (psm_close(machine) != 0)
        errx(1, "%s", psm_error_detail());
    return 0;
}
