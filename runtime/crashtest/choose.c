/* choose.c: images made up at a point of a trace. See cursor.h. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../hash.h"
#include "cursor.h"
#include "psm_crashtest.h"

enum way {
    WAY_NOTHING,    /* more than what is durable */
    WAY_EVERYTHING,
    WAY_COUNTED,    /* one of all there are, by whole lines */
    WAY_ONE,        /* line, of those open */
    WAY_ALL_BUT_ONE,
    WAY_FILES,      /* all or nothing for each file, one combination after the other */
    WAY_SOME_FILES, /* at random */
    WAY_LINES,      /* the oldest, the newest or any value, for each line */
    WAY_TORN,       /* for each word of some */
    WAY_ALL_TORN,
    WAY_FEW,        /* lines are not the newest, and torn */
};
static const char *const way_words[] = { "nothing", "everything", "one of few", "one line", "all but one line", "all of some files", "all of some files",
                                         "some lines", "torn lines", "all lines torn", "all but a few torn lines" };

/* choice.kinds, three bits for a file: some line is old, some is new, a new one was
 * written after an old one. */
#define KINDS_FILES 8
enum { KIND_OLD = 1, KIND_NEW = 2, KIND_GAP = 4 };

static uint64_t dice(uint64_t *random, uint64_t sides)
{
    return (psm_crashtest_random(random) >> 11) % sides;
}

static const unsigned char *value_bytes(const struct cursor *c, const struct open_line *l, uint32_t value)
{
    return value == 0 ? l->first : c->trace->content[l->value[value]];
}

/* Word w of line l is that of `value`, or of what is durable if that is newer. */
static void put_word(const struct cursor *c, const struct open_line *l, unsigned w, uint32_t value,
                     unsigned char *to)
{
    memcpy(to + 8 * w, value_bytes(c, l, value < l->durable[w] ? l->durable[w] : value) + 8 * w, 8);
}

static void fill_line(const struct cursor *c, const struct open_line *l, enum way way, bool chosen, uint32_t *number,
                      uint64_t *random, unsigned char *to)
{
    uint32_t last = l->count - 1, value = 0;
    bool torn = false;
    switch (way) {
    case WAY_NOTHING:
        break;
    case WAY_EVERYTHING:
        value = last;
        break;
    case WAY_COUNTED:
        value = *number % l->count;
        *number /= l->count;
        break;
    case WAY_ONE:
    case WAY_FILES:
    case WAY_SOME_FILES:
        value = chosen ? last : 0;
        break;
    case WAY_ALL_BUT_ONE:
        value = chosen ? 0 : last;
        break;
    case WAY_LINES: {
        uint64_t roll = dice(random, 5);
        value = roll < 2 ? 0 : roll < 4 ? last : (uint32_t)dice(random, l->count);
        break;
    }
    case WAY_TORN:
        torn = dice(random, 3) == 0;
        value = dice(random, 2) ? last : 0;
        break;
    case WAY_ALL_TORN:
        torn = true;
        break;
    case WAY_FEW:
        torn = dice(random, c->open_count) < 2;
        value = last;
        break;
    }
    for (unsigned w = 0; w < 8; w++)
        put_word(c, l, w, torn ? (uint32_t)dice(random, l->count) : value, to);
}

static void add_override(struct choice *choice, const struct open_line *l, const unsigned char *bytes)
{
    if (choice->count == choice->room)
        errx(2, "an image differs in more than %u lines from what is durable", choice->room);
    struct override *o = &choice->override[choice->count++];
    o->file = l->file;
    o->line = l->line;
    memcpy(o->bytes, bytes, LINE);
}

static uint64_t part(const struct override *o, const unsigned char *bytes)
{
    static const unsigned char zero[LINE];
    if (memcmp(bytes, zero, LINE) == 0)
        return 0;
    return hash_bytes(bytes, LINE, hash_fold((uint64_t)o->line ^ HASH_1, o->file + HASH_2));
}

static void choose_files(const struct cursor *c, enum way way, uint64_t *random, struct choice *choice)
{
    for (unsigned i = 0; i < FILES_MAX; i++) {
        bool newest = way == WAY_EVERYTHING || way == WAY_ALL_BUT_ONE || way == WAY_FEW
                      || (way != WAY_NOTHING && way != WAY_ONE && dice(random, 2));
        choice->present[i] = newest ? c->present[i] : c->present_durable[i];
        choice->size[i] = (newest ? c->present[i] : dice(random, 2)) ? c->size[i] : c->size_durable[i];
        if (choice->present[i])
            choice->hash += hash_fold(choice->size[i] ^ HASH_3, i + HASH_1);
    }
}

/* The way of the n-th image: first the extremes, then the systematic ones in turn with
 * random ones. *one: the line, or the number, that it is about. */
static enum way choose_way(const struct cursor *c, uint32_t n, unsigned files, uint64_t *random, uint32_t *one)
{
    static const enum way at_random[] = { WAY_LINES, WAY_TORN, WAY_SOME_FILES, WAY_FEW, WAY_LINES, WAY_ALL_TORN, WAY_ONE,
                                          WAY_ALL_BUT_ONE };
    uint32_t possible = cursor_possible(c), lines = c->open_count, nth = n / 2 - 1;
    if (n < 2)
        return n == 0 ? WAY_NOTHING : WAY_EVERYTHING;
    uint32_t combinations = files <= 4 ? (1u << files) - 2 : 0; /* without none and all */
    *one = nth + 1;
    if (n % 2 == 0 && files > 1 && nth < combinations)
        return WAY_FILES;
    nth -= n % 2 == 0 && files > 1 ? combinations : 0;
    *one = nth;
    if (n % 2 == 0 && possible <= CURSOR_FEW && nth < possible)
        return WAY_COUNTED;
    *one = nth / 2;
    if (n % 2 == 0 && possible > CURSOR_FEW && lines <= 8 && nth < 2 * lines)
        return nth % 2 == 0 ? WAY_ONE : WAY_ALL_BUT_ONE;
    *one = lines != 0 ? (uint32_t)dice(random, lines) : 0;
    return at_random[dice(random, sizeof at_random / sizeof at_random[0])];
}

/* Number the files that have open lines: how many there are. */
static unsigned number_files(const struct cursor *c, uint8_t *file)
{
    unsigned count = 0;
    memset(file, 0xff, FILES_MAX);
    for (uint32_t i = 0; i < c->open_count; i++)
        if (file[c->open[i]->file] == 0xff)
            file[c->open[i]->file] = (uint8_t)count++;
    return count;
}

void cursor_choose(const struct cursor *c, uint32_t n, uint64_t *random, struct choice *choice)
{
    uint8_t file[FILES_MAX]; /* its number among those with open lines */
    uint32_t one = 0;
    unsigned open_files = number_files(c, file);
    enum way way = choose_way(c, n, open_files, random, &one);
    uint32_t number = one;
    uint64_t files = way == WAY_FILES ? one : dice(random, UINT64_C(1) << 40);
    uint32_t oldest[KINDS_FILES], newest[KINDS_FILES] = { 0 }; /* openings of old lines, of new ones */
    memset(oldest, 0xff, sizeof oldest);
    bool by_file = way == WAY_FILES || way == WAY_SOME_FILES;
    choice->count = 0;
    choice->kinds = 0;
    choice->hash = c->hash;
    snprintf(choice->words, sizeof choice->words, "%s of what was not durable", way_words[way]);
    choose_files(c, way, random, choice);
    for (uint32_t i = 0; i < c->open_count; i++) {
        const struct open_line *l = c->open[i];
        const unsigned char *solid = c->solid->file[l->file].bytes + (uint64_t)l->line * LINE;
        unsigned char bytes[LINE];
        fill_line(c, l, way, by_file ? files >> file[l->file] % 40 & 1 : i == one, &number, random, bytes);
        if (!choice->present[l->file] || (uint64_t)l->line * LINE >= choice->size[l->file]
            || memcmp(bytes, solid, LINE) == 0) {
            unsigned f = l->file % KINDS_FILES;
            choice->kinds |= KIND_OLD << 3 * f;
            if (oldest[f] > l->serial)
                oldest[f] = l->serial;
            continue;
        }
        unsigned f = l->file % KINDS_FILES;
        choice->kinds |= KIND_NEW << 3 * f;
        if (newest[f] < l->serial)
            newest[f] = l->serial;
        add_override(choice, l, bytes);
        struct override *o = &choice->override[choice->count - 1];
        choice->hash += part(o, bytes) - part(o, solid);
    }
    for (unsigned f = 0; f < KINDS_FILES; f++)
        if (oldest[f] < newest[f])
            choice->kinds |= KIND_GAP << 3 * f;
}

void choice_lines(const struct cursor *c, const struct choice *choice, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%u of %u open lines are not as durable:", choice->count, c->open_count);
    for (uint32_t i = 0; i < choice->count && used < size; i++) {
        const struct override *o = &choice->override[i];
        const struct open_line *l = c->open[c->index[o->file][o->line] - 1];
        const char *how = "torn";
        char version[32];
        for (uint32_t v = 0; v < l->count; v++)
            if (memcmp(o->bytes, value_bytes(c, l, v), LINE) == 0) {
                snprintf(version, sizeof version, "value %u of %u", v, l->count - 1);
                how = version;
            }
        if (i == 12) {
            snprintf(text + used, size - used, " ...");
            break;
        }
        used += (size_t)snprintf(text + used, size - used, " %s+%#x (%s)", file_name(o->file), o->line * LINE, how);
    }
}
