/* cursor.c: see cursor.h. */
#include "cursor.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../hash.h"
#include "psm_crashtest.h"

static void *grown(void *list, uint32_t *room, size_t item)
{
    *room = *room * 2 + 64;
    list = realloc(list, *room * item);
    if (list == NULL)
        err(2, "no memory for a cursor");
    return list;
}

static uint64_t line_hash(unsigned file, uint64_t line, const void *bytes)
{
    return hash_bytes(bytes, LINE, hash_fold(line ^ HASH_1, file + HASH_2));
}

static uint64_t size_hash(unsigned file, bool present, uint64_t size)
{
    return present ? hash_fold(size ^ HASH_3, file + HASH_1) : 0;
}

uint64_t directory_hash(const struct directory *d)
{
    static const unsigned char zero[LINE];
    uint64_t sum = 0;
    for (unsigned i = 0; i < file_count(); i++) {
        const struct file *f = &d->file[i];
        sum += size_hash(i, f->present, f->size);
        for (uint64_t at = 0; f->present && at < f->size; at += LINE)
            if (memcmp(f->bytes + at, zero, LINE) != 0)
                sum += line_hash(i, at / LINE, f->bytes + at);
    }
    return sum;
}

/* A line of zeros counts as one that is not there: files are as long as it takes. */
static uint64_t line_part(unsigned file, uint32_t line, const void *bytes)
{
    static const unsigned char zero[LINE];
    return memcmp(bytes, zero, LINE) == 0 ? 0 : line_hash(file, line, bytes);
}

void cursor_begin(struct cursor *c, const struct trace *trace, struct directory *solid, uint64_t hash)
{
    memset(c, 0, sizeof *c);
    c->trace = trace;
    c->solid = solid;
    c->hash = hash;
    for (unsigned i = 0; i < FILES_MAX; i++) {
        c->present[i] = c->present_durable[i] = solid->file[i].present;
        c->size[i] = c->size_durable[i] = solid->file[i].present ? solid->file[i].size : 0;
        c->hash -= size_hash(i, c->present[i], c->size[i]); /* sizes are added by the choice */
    }
}

void cursor_end(struct cursor *c)
{
    for (uint32_t i = 0; i < c->open_count; i++) {
        free(c->open[i]->value);
        free(c->open[i]);
    }
    for (unsigned i = 0; i < FILES_MAX; i++)
        free(c->index[i]);
    free(c->open);
    free(c->pending);
    free(c->written);
    memset(c, 0, sizeof *c);
}

static const unsigned char *value_bytes(const struct cursor *c, const struct open_line *l, uint32_t value)
{
    return value == 0 ? l->first : c->trace->content[l->value[value]];
}

static unsigned char *solid_line(const struct cursor *c, unsigned file, uint32_t line)
{
    return c->solid->file[file].bytes + (uint64_t)line * LINE;
}

static struct open_line *find_line(struct cursor *c, unsigned file, uint32_t line, bool make)
{
    if (line >= c->index_room[file]) {
        if (!make)
            return NULL;
        uint32_t room = line * 2 + 1024;
        c->index[file] = realloc(c->index[file], room * sizeof **c->index);
        if (c->index[file] == NULL)
            err(2, "no memory for a cursor");
        memset(c->index[file] + c->index_room[file], 0, (room - c->index_room[file]) * sizeof **c->index);
        c->index_room[file] = room;
    }
    uint32_t found = c->index[file][line];
    if (found != 0)
        return c->open[found - 1];
    if (!make)
        return NULL;
    struct open_line *l = calloc(1, sizeof *l);
    if (l == NULL)
        err(2, "no memory for a cursor");
    l->file = file;
    l->line = line;
    l->serial = ++c->openings;
    l->value = grown(NULL, &l->room, sizeof *l->value);
    l->count = 1;
    memcpy(l->first, solid_line(c, file, line), LINE);
    if (c->open_count == c->open_room)
        c->open = grown(c->open, &c->open_room, sizeof *c->open);
    c->open[c->open_count++] = l;
    c->index[file][line] = c->open_count;
    return l;
}

static void close_line(struct cursor *c, struct open_line *l)
{
    uint32_t at = c->index[l->file][l->line] - 1;
    struct open_line *moved = c->open[--c->open_count];
    c->open[at] = moved;
    c->index[moved->file][moved->line] = at + 1;
    c->index[l->file][l->line] = 0;
    free(l->value);
    free(l);
}

/* The value is the newest of the line from now on. */
static struct open_line *add_value(struct cursor *c, const struct event *e)
{
    /* solid has the room for it, whether or not the file's length is durable. */
    uint64_t end = ((uint64_t)e->line + 1) * LINE;
    if (c->solid->file[e->file].size < end)
        directory_set(c->solid, e->file, end > c->size[e->file] ? c->size[e->file] : end);
    struct open_line *l = find_line(c, e->file, e->line, true);
    if (l->count == l->room)
        l->value = grown(l->value, &l->room, sizeof *l->value);
    l->value[l->count++] = e->content;
    return l;
}

static void make_durable(struct cursor *c, const struct pending *p)
{
    struct open_line *l = find_line(c, p->file, p->line, false);
    if (l == NULL || l->serial != p->serial)
        return; /* was durable before, and has closed */
    unsigned char *solid = solid_line(c, p->file, p->line);
    bool closed = true;
    directory_touch(c->solid, p->file, (uint64_t)p->line * LINE, LINE);
    c->hash -= line_part(p->file, p->line, solid);
    for (unsigned w = 0; w < 8; w++) {
        if (p->words >> w & 1 && l->durable[w] < p->value) {
            l->durable[w] = p->value;
            memcpy(solid + 8 * w, value_bytes(c, l, p->value) + 8 * w, 8);
        }
        closed &= l->durable[w] == l->count - 1;
    }
    c->hash += line_part(p->file, p->line, solid);
    if (closed)
        close_line(c, l);
}

static void add_pending(struct pending **list, uint32_t *count, uint32_t *room, const struct event *e,
                        const struct open_line *l)
{
    if (*count == *room)
        *list = grown(*list, room, sizeof **list);
    (*list)[(*count)++] = (struct pending){ .thread = e->thread, .words = e->kind == EVENT_FLUSH ? 0xff : e->words,
                                            .file = e->file, .line = e->line, .serial = l->serial,
                                            .value = l->count - 1 };
}

static void fence(struct cursor *c, uint8_t thread)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->pending_count; i++) {
        struct pending p = c->pending[i];
        if (p.thread == thread)
            make_durable(c, &p);
        else
            c->pending[kept++] = p;
    }
    c->pending_count = kept;
}

static void sync_file(struct cursor *c, unsigned file)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->written_count; i++) {
        struct pending p = c->written[i];
        if (p.file == file)
            make_durable(c, &p);
        else
            c->written[kept++] = p;
    }
    c->written_count = kept;
    c->size_durable[file] = c->size[file];
}

static void step(struct cursor *c, const struct event *e)
{
    struct open_line *l;
    switch ((enum event_kind)e->kind) {
    case EVENT_STORE:
        add_value(c, e);
        break;
    case EVENT_COPY:
        add_pending(&c->pending, &c->pending_count, &c->pending_room, e, add_value(c, e));
        break;
    case EVENT_WRITE:
        add_pending(&c->written, &c->written_count, &c->written_room, e, add_value(c, e));
        break;
    case EVENT_FLUSH:
        if ((l = find_line(c, e->file, e->line, false)) != NULL)
            add_pending(&c->pending, &c->pending_count, &c->pending_room, e, l);
        break;
    case EVENT_FENCE:
        fence(c, e->thread);
        break;
    case EVENT_SIZE:
        c->size[e->file] = e->value;
        if (c->solid->file[e->file].size < e->value)
            directory_set(c->solid, e->file, e->value);
        break;
    case EVENT_SYNC:
        sync_file(c, e->file);
        break;
    case EVENT_CREATE:
        c->present[e->file] = true;
        c->present_durable[e->file] = false;
        c->size[e->file] = c->size_durable[e->file] = 0;
        directory_remove(c->solid, e->file);
        directory_set(c->solid, e->file, 0);
        break;
    case EVENT_REMOVE:
        c->present[e->file] = false;
        break;
    case EVENT_NAMES:
        memcpy(c->present_durable, c->present, sizeof c->present);
        break;
    case EVENT_ASIDE:
        break;
    case EVENT_BEGUN:
        c->begun = e->value;
        break;
    case EVENT_ACKNOWLEDGED:
        c->acknowledged = e->value;
        break;
    }
}

void cursor_forward(struct cursor *c, uint32_t to)
{
    while (c->at < to)
        step(c, &c->trace->event[c->at++]);
}

uint32_t cursor_possible(const struct cursor *c)
{
    uint64_t product = 1;
    for (uint32_t i = 0; i < c->open_count && product < 1 << 20; i++)
        product *= c->open[i]->count;
    for (unsigned i = 0; i < FILES_MAX && product < 1 << 20; i++)
        product *= 1 + (c->size[i] != c->size_durable[i]) + (c->present[i] != c->present_durable[i]);
    return product < 1 << 20 ? (uint32_t)product : 1 << 20;
}
