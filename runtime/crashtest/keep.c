/* keep.c: failures, kept and recovered again. See explore.h.
 *
 * A kept failure is a directory: machine/ is the image as it was before the recovery that
 * failed, `life` what is demanded of it, report.txt what there is to read. */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"
#include "places.h"

#define KEPT_MAGIC UINT64_C(0x6c696665206f6e65)

struct kept {
    uint64_t magic;
    uint64_t low, high, number;
    uint64_t first; /* no crash before it: the sequence's first life */
    struct sequence sequence;
    struct states states;
};

static void print_command(FILE *to, const char *format, const char *value)
{
    fprintf(to, "  %s ", settings.program);
    fprintf(to, format, value);
    fputc('\n', to);
}

static void report(FILE *to, const struct slot *slot, const char *what, const char *directory, bool first)
{
    char text[300];
    fprintf(to, "VIOLATION: %s\n", what);
    sequence_print(&slot->sequence, settings.test, to);
    if (first) {
        fprintf(to, "in the first run, without a crash\n");
    } else {
        fprintf(to, "crash %u in a row, right before event %u of %u: %s\n", slot->level + 1, slot->event,
                slot->events, place_words(slot->place, text, sizeof text));
        fprintf(to, "%lu ops acknowledged, %lu begun\n", (unsigned long)slot->low, (unsigned long)slot->high);
        fprintf(to, "persisted: %s; %s\n", slot->choice.words, slot->lines);
    }
    fprintf(to, "the image is kept in %s; to recover it again:\n", directory);
    print_command(to, "--image %s", directory);
    snprintf(text, sizeof text, "%lu --sequence %lu", (unsigned long)settings.seed,
             (unsigned long)slot->sequence.number);
    fprintf(to, "to explore its sequence again:\n");
    print_command(to, "--seed %s", text);
}

static FILE *open_in(const char *directory, const char *name, const char *mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, mode);
    if (f == NULL)
        err(2, "%s", path);
    return f;
}

void keep_failure(struct slot *slot, const char *what)
{
    struct directory from, to;
    char directory[256], path[300];
    bool first = slot->phase == PHASE_RECORDS || (slot->phase == PHASE_FAILED && slot->level == 0 && slot->event == 0);
    for (unsigned i = 1;; i++) {
        snprintf(directory, sizeof directory, "%s/crash-%u", settings.keep, i);
        if (mkdir(directory, 0700) == 0)
            break;
        if (i > 10000)
            err(2, "cannot make %s", directory);
    }
    file_names_in(&slot->names);
    if (first)
        snprintf(path, sizeof path, "%s/template", settings.directory);
    else
        snprintf(path, sizeof path, "%s/solid%u", settings.directory,
                 (unsigned)(slot - shared->slot) * LEVELS + slot->level);
    directory_open(&from, path);
    snprintf(path, sizeof path, "%s/machine", directory);
    directory_open(&to, path);
    if (first)
        directory_copy(&to, &from);
    else
        directory_make(&to, &from, &slot->choice);

    struct kept kept = { .magic = KEPT_MAGIC, .low = slot->low, .high = slot->high,
                         .number = first ? 0 : slot->level + 1, .first = first,
                         .sequence = slot->sequence, .states = slot->states };
    FILE *f = open_in(directory, "life", "w");
    if (fwrite(&kept, sizeof kept, 1, f) != 1 || fclose(f) != 0)
        err(2, "%s/life", directory);
    f = open_in(directory, "report.txt", "w");
    report(f, slot, what, directory, first);
    fclose(f);
    report(stdout, slot, what, directory, first);
    fflush(stdout);
}

static void too_long(int number)
{
    static const char text[] = "VIOLATION: it takes too long\n";
    (void)number;
    _exit(write(1, text, sizeof text - 1) < 0 ? 2 : 1);
}

int keep_recover(const char *directory)
{
    static struct file_names names;
    struct directory from, to;
    struct kept kept;
    char path[600];
    FILE *f = open_in(directory, "life", "r");
    if (fread(&kept, sizeof kept, 1, f) != 1 || kept.magic != KEPT_MAGIC)
        errx(2, "%s/life is not what this program has written", directory);
    fclose(f);
    file_names_in(&names);
    snprintf(path, sizeof path, "%s/machine", directory);
    directory_open(&from, path);
    snprintf(path, sizeof path, "%s/machine", settings.directory);
    directory_open(&to, path);
    directory_copy(&to, &from);
    struct life life = { .test = settings.test, .sequence = &kept.sequence, .directory = path,
                         .states = &kept.states, .first = kept.first, .low = kept.low, .high = kept.high,
                         .number = kept.number,
                         .verify_after = true, .reopen = true };
    sequence_print(&kept.sequence, settings.test, stdout);
    printf("%lu ops acknowledged, %lu begun\n", (unsigned long)kept.low, (unsigned long)kept.high);
    fflush(stdout);
    signal(SIGALRM, too_long);
    alarm(settings.timeout);
    if (life_run(&life)) {
        printf("recovered, with %lu ops; went on to the end: no violation\n", (unsigned long)life.begins);
        return 0;
    }
    printf("VIOLATION: %s\n", life.trouble);
    return 1;
}
