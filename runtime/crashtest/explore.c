/* explore.c: record a sequence, crash it everywhere, recover each image; and so on with the
 * recoveries.
 *
 * Crash points of one code location share what is spent on a trace: a location that comes
 * once gets as many images as one that comes a thousand times. */
#include "explore.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../hash.h"
#include "places.h"
#include "psm_crashtest.h"

#define SEEN_BITS 24
/* Of the images of a level, one in so many is recovered under the recorder and crashed
 * again, at so many images. Of those made at a location, of the files then written to some old and
 * some new, in a way that has hardly been tried, more. */
#define DEEPER_ONE_IN 96
#define DEEPER_NEW    8
#define DEEPER_NEW_ONE_IN 4
#define DEEPER_IMAGES 48
#define IMAGES_MIN    6

struct settings settings;
struct shared *shared;

static _Atomic uint64_t *seen;

static struct {
    struct slot *slot;
    struct directory template, machine, solid[LEVELS];
    struct trace trace[LEVELS];
    uint64_t template_hash;
    uint64_t random;
} worker;

void seen_setup(void)
{
    seen = mmap(NULL, sizeof *seen << SEEN_BITS, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (seen == MAP_FAILED)
        err(2, "no memory");
}

bool seen_first(uint64_t hash)
{
    hash |= hash == 0;
    for (uint64_t i = hash >> 7;; i++) {
        uint64_t there = 0;
        _Atomic uint64_t *at = &seen[i & ((UINT64_C(1) << SEEN_BITS) - 1)];
        if (atomic_compare_exchange_strong(at, &there, hash))
            return true;
        if (there == hash)
            return false;
    }
}

static bool is_over(void)
{
    uint64_t images = 0;
    for (int i = 0; i < LEVELS; i++)
        images += shared->images[i];
    return atomic_load(&shared->stop) || (settings.images != 0 && images >= settings.images);
}

/* The worker ends: the watcher keeps what the slot says. */
static _Noreturn void fail(const char *trouble)
{
    struct slot *slot = worker.slot;
    snprintf(slot->trouble, sizeof slot->trouble, "%s", trouble);
    atomic_store(&slot->phase, PHASE_FAILED);
    _exit(1);
}

static void run(struct life *life, enum phase phase)
{
    atomic_store(&worker.slot->phase, phase);
    atomic_fetch_add(&worker.slot->beat, 1);
    bool fine = life_run(life);
    if (!fine)
        fail(life->trouble);
    atomic_store(&worker.slot->phase, PHASE_PREPARES);
}

struct point { uint32_t event, place, images; };

static int by_place(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return x->place != y->place ? (x->place < y->place ? -1 : 1) : x->event < y->event ? -1 : x->event > y->event;
}

static int by_event(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return x->event < y->event ? -1 : x->event > y->event;
}

/* Events right before which a crash is another than before the event before: a flush alone
 * changes nothing of what the medium can hold. */
static struct point *find_points(const struct trace *t, uint32_t *count)
{
    struct point *p = malloc((t->count + 1) * sizeof *p);
    uint32_t found = 0;
    if (p == NULL)
        err(2, "no memory for crash points");
    for (uint32_t i = 0; i <= t->count; i++) {
        uint8_t kind = i < t->count ? t->event[i].kind : EVENT_FENCE;
        if (i == 0 || (kind == EVENT_STORE && t->event[i].value != EVENT_STEPPED) || kind == EVENT_ASIDE || (kind == EVENT_FLUSH && t->event[i - 1].kind == EVENT_FLUSH))
            continue;
        p[found++] = (struct point){ .event = i, .place = i < t->count ? t->event[i].place : 0 };
    }
    *count = found;
    return p;
}

/* Points of one location, points[begin, end). */
struct group { uint32_t begin, end; uint64_t images; };

static int by_images(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->images < y->images ? -1 : x->images > y->images;
}

/* Share out `budget` images: equally among locations, those first that have had the fewest,
 * if it is not enough for all; then among the points of each. A point gets six at
 * least: both extremes, and some between. */
static void share_out(struct point *p, uint32_t count, unsigned level, uint64_t budget)
{
    struct group *group = malloc((count + 1) * sizeof *group);
    uint32_t groups = 0;
    if (group == NULL)
        err(2, "no memory for crash points");
    qsort(p, count, sizeof *p, by_place);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && p[end].place == p[i].place;)
            end++;
        group[groups++] = (struct group){ i, end, places[p[i].place].images[level != 0] };
        atomic_fetch_add(&places[p[i].place].points, end - i);
    }
    qsort(group, groups, sizeof *group, by_images);
    if (groups > budget / IMAGES_MIN)
        groups = (uint32_t)(budget / IMAGES_MIN);
    for (uint32_t g = 0; g < groups; g++) {
        uint64_t share = budget / groups, points = group[g].end - group[g].begin;
        uint64_t each = share / points > IMAGES_MIN ? share / points : IMAGES_MIN;
        for (uint64_t given = 0, n = 0; given + IMAGES_MIN <= share; given += each, n++) {
            uint64_t at = each * points <= share ? n % points : psm_crashtest_random(&worker.random) % points;
            p[group[g].begin + at].images += (uint32_t)each;
        }
    }
    free(group);
    qsort(p, count, sizeof *p, by_event);
}

static void crash(unsigned level, uint64_t hash, uint64_t budget);

/* Whether the image is recovered under the recorder, and that is crashed. */
static bool goes_deeper(unsigned level)
{
    const struct slot *slot = worker.slot;
    if (level + 1 >= LEVELS)
        return false;
    uint64_t hash = hash_fold(slot->place + HASH_1, slot->choice.kinds + HASH_2);
    _Atomic uint16_t *tried = &shared->tried[hash >> (64 - TRIED_BITS)];
    bool is_new = level == 0 && atomic_load(tried) < DEEPER_NEW;
    if (psm_crashtest_random(&worker.random) % (is_new ? DEEPER_NEW_ONE_IN : DEEPER_ONE_IN) != 0)
        return false;
    atomic_fetch_add(tried, is_new);
    return true;
}

/* The image chosen lies in the machine's directory: recover it, under the recorder and
 * with crashes of its own if it is its turn. */
static void recover(unsigned level)
{
    struct slot *slot = worker.slot;
    uint64_t low = slot->low, high = slot->high;
    bool deeper = goes_deeper(level);
    struct life life = {
        .test = settings.test, .sequence = &slot->sequence, .directory = worker.machine.path, .states = &slot->states,
        .number = level + 1, .low = low, .high = high,
        .verify_after = psm_crashtest_random(&worker.random) % 8 == 0,
        .reopen = psm_crashtest_random(&worker.random) % 16 == 0,
    };
    if (deeper) {
        directory_copy(&worker.solid[level + 1], &worker.machine);
        recorder_begin(&worker.trace[level + 1], &worker.machine);
        life.reopen = false;
        recorder_steps(false);
    } else {
        recorder_attach(&worker.machine);
    }
    run(&life, PHASE_RECOVERS);
    if (deeper) {
        uint32_t event = slot->event, place = slot->place;
        slot->level = level + 1;
        crash(level + 1, slot->choice.hash, DEEPER_IMAGES);
        slot->level = level;
        slot->low = low;
        slot->high = high;
        slot->event = event;
        slot->place = place;
    }
}

/* Crash the run that trace[level] tells of, which began with solid[level]. */
static void crash(unsigned level, uint64_t hash, uint64_t budget)
{
    struct slot *slot = worker.slot;
    struct trace *t = &worker.trace[level];
    struct cursor c;
    uint32_t count;
    struct point *point = find_points(t, &count);
    share_out(point, count, level, budget);
    cursor_begin(&c, t, &worker.solid[level], hash);
    c.acknowledged = slot->low;
    c.begun = slot->high;
    for (uint32_t i = 0; i < count && !is_over(); i++) {
        if (point[i].images == 0)
            continue;
        cursor_forward(&c, point[i].event);
        atomic_fetch_add(&shared->points, 1);
        /* Some turn out to be the same again. */
        uint32_t wanted = point[i].images, tries = cursor_possible(&c) == 1 ? 1 : wanted + wanted / 2 + 2;
        for (uint32_t n = 0; n < tries && wanted != 0; n++) {
            slot->level = level;
            slot->low = c.acknowledged;
            slot->high = c.begun;
            slot->event = point[i].event;
            slot->events = t->count;
            slot->place = point[i].place;
            cursor_choose(&c, n, &worker.random, &slot->choice);
            if (!seen_first(slot->choice.hash)) {
                atomic_fetch_add(&shared->duplicates, 1);
                continue;
            }
            choice_lines(&c, &slot->choice, slot->lines, sizeof slot->lines);
            const char *stray = directory_make(&worker.machine, &worker.solid[level], &slot->choice);
            if (stray != NULL)
                fail(stray);
            wanted--;
            atomic_fetch_add(&shared->images[level], 1);
            atomic_fetch_add(&places[point[i].place].images[level != 0], 1);
            recover(level);
        }
    }
    cursor_end(&c);
    free(point);
}

/* Several threads have called the ops. In the order of the log they are run once more, one
 * by one, which has to lead to the same, and tells the states between. */
static void run_in_order(struct life *life)
{
    struct slot *slot = worker.slot;
    uint32_t count = slot->sequence.count;
    uint64_t digest = slot->states.digest[count];
    if (!order_steps(&worker.trace[0], &slot->sequence, slot->states.entry[0]))
        fail("the log does not have all ops that several threads have called");
    directory_copy(&worker.machine, &worker.template);
    recorder_attach(&worker.machine);
    life->together = false;
    run(life, PHASE_RECORDS);
    if (slot->states.digest[count] != digest)
        fail("ops by several threads have led to another state than the same ops, in the order of the log, one by one");
}

static void explore_sequence(uint64_t number)
{
    struct slot *slot = worker.slot;
    sequence_make(&slot->sequence, settings.test, settings.seed, number);
    worker.random = slot->sequence.seed;
    slot->level = 0;
    slot->low = slot->high = slot->event = 0;
    slot->choice.count = 0;
    directory_copy(&worker.machine, &worker.template);
    directory_copy(&worker.solid[0], &worker.template);
    struct life life = {
        .test = settings.test, .sequence = &slot->sequence, .directory = worker.machine.path,
        .states = &slot->states, .first = true, .verify_after = worker.random % 2,
    };
    life.together = slot->sequence.threads > 1;
    recorder_steps(slot->sequence.stepped);
    recorder_begin(&worker.trace[0], &worker.machine);
    run(&life, PHASE_RECORDS);
    if (life.together)
        run_in_order(&life);
    slot->low = slot->high = 0;
    crash(0, worker.template_hash, settings.per_sequence);
    atomic_fetch_add(&shared->sequences, 1);
    atomic_fetch_add(&shared->short_sequences, slot->sequence.count <= 3);
}

static void open_directory(struct directory *d, const char *name, unsigned number)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%u", settings.directory, name, number);
    directory_open(d, path);
}

void explore(unsigned number)
{
    char path[256];
    worker.slot = &shared->slot[number];
    struct choice *choice = &worker.slot->choice;
    file_names_in(&worker.slot->names);
    snprintf(path, sizeof path, "%s/template", settings.directory);
    directory_open(&worker.template, path);
    open_directory(&worker.machine, "machine", number);
    for (unsigned i = 0; i < LEVELS; i++)
        open_directory(&worker.solid[i], "solid", number * LEVELS + i);
    worker.template_hash = directory_hash(&worker.template);
    choice->room = OVERRIDES_MAX;
    if (settings.sequence >= 0) {
        explore_sequence((uint64_t)settings.sequence);
    } else {
        while (!is_over())
            explore_sequence(atomic_fetch_add(&shared->next_sequence, 1));
    }
    atomic_store(&worker.slot->phase, PHASE_DONE);
    _exit(0);
}

void explore_template(void)
{
    char path[256];
    psm_t *m;
    snprintf(path, sizeof path, "%s/template", settings.directory);
    struct psm_options o = settings.test->options;
    if (psm_init(&m, path, &o) != 0)
        errx(2, "psm_init of a new machine in %s: %s", path, psm_error_detail());
    if (psm_close(m) != 0)
        errx(2, "psm_close of a new machine in %s: %s", path, psm_error_detail());
    _exit(0);
}
