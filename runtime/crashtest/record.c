/* record.c: the medium that is written down. See trace.h.
 *
 * Stands behind medium.h's door, before the real medium, which it calls on. One mutex
 * orders all threads' events; it is never held when the runtime goes on. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <err.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../machine.h"
#include "places.h"
#include "step.h"
#include "trace.h"

#define MAPS_MAX 64
#define LOOK_AT_ALL 32 /* looks */
/* What is looked at after each step: epochs with no more blocks than this, and of each fresh
 * range as many bytes. */
#define STEP_BLOCKS 200
#define STEP_FRESH  4096
#define STEP_ROOM   8192 /* events */
/* Mappings up to this are stored to without a flush by intention: the superblock's notes for
 * the next opening, globals that are scratch. */
#define UNFLUSHED_MAX (64 << 10)

static struct {
    pthread_mutex_t mutex;
    struct trace *trace;
    struct directory *machine;
    const struct medium_table *real;
    unsigned char *seen[FILES_MAX]; /* the files' bytes as last looked at */
    bool watched[FILES_MAX];        /* mapped: plain stores may change it */
    bool plain[FILES_MAX];          /* they have, in a run before */
    uint64_t used[FILES_MAX];       /* zero from here on, as far as is known */
    unsigned fixed;                 /* files that are always there; others are extents */
    unsigned looks, marks[2];
    long lag_ns;
    bool steps;       /* replay is stepped */
    unsigned image;   /* number of that file */
    struct { uintptr_t at; uint64_t size, offset; unsigned file; } map[MAPS_MAX];
    unsigned maps;
    bool serving;                   /* psm_init has returned */
    unsigned skipped;
    unsigned threads, recording; /* threads numbered in this recording; recordings */
} recorder = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static uint8_t this_thread(void)
{
    static __thread unsigned recording, number;
    if (recording != recorder.recording) {
        recording = recorder.recording;
        number = recorder.threads++;
        if (number > UINT8_MAX)
            errx(2, "a run has had more than %d threads", UINT8_MAX + 1);
    }
    return (uint8_t)number;
}

void trace_clear(struct trace *t)
{
    t->count = t->contents = 0;
}

static struct event *add_event(enum event_kind kind, unsigned file)
{
    static struct event nowhere;
    struct trace *t = recorder.trace;
    if (t == NULL)
        return &nowhere;
    if (t->count == t->room) {
        t->room = t->room * 2 + 1024;
        t->event = realloc(t->event, t->room * sizeof *t->event);
        if (t->event == NULL)
            err(2, "no memory for a trace");
    }
    struct event *e = &t->event[t->count++];
    *e = (struct event){ .kind = (uint8_t)kind, .file = (uint8_t)file, .thread = this_thread() };
    return e;
}

static uint32_t add_content(const unsigned char *line)
{
    struct trace *t = recorder.trace;
    if (t == NULL)
        return 0;
    if (t->contents == t->content_room) {
        t->content_room = t->content_room * 2 + 1024;
        t->content = realloc(t->content, t->content_room * sizeof *t->content);
        if (t->content == NULL)
            err(2, "no memory for a trace");
    }
    memcpy(t->content[t->contents], line, LINE);
    return t->contents++;
}

/* The line as it is now: an event if it is not as last seen. */
static void look_at_line(unsigned file, uint64_t at, uint32_t place)
{
    unsigned char now[LINE];
    memcpy(now, recorder.machine->file[file].bytes + at, LINE);
    if (memcmp(now, recorder.seen[file] + at, LINE) == 0)
        return;
    recorder.plain[file] = true;
    if (recorder.used[file] < at + LINE)
        recorder.used[file] = at + LINE;
    struct event *e = add_event(EVENT_STORE, file);
    e->line = (uint32_t)(at / LINE);
    e->content = add_content(now);
    e->place = place;
    memcpy(recorder.seen[file] + at, now, LINE);
    directory_touch(recorder.machine, file, at, LINE);
}

/* Find plain stores. The log and the undo log are written by copies, and stores to what
 * has been zero so far are found when they are flushed: all is looked at now and then. */
static void look(uint32_t place)
{
    if (recorder.trace == NULL)
        return;
    bool all = ++recorder.looks % LOOK_AT_ALL == 0;
    for (unsigned i = 0; i < file_count(); i++) {
        const struct file *f = &recorder.machine->file[i];
        struct stat s;
        if (i >= recorder.fixed && f->present && fstat(f->fd, &s) == 0 && s.st_nlink == 0) {
            add_event(EVENT_REMOVE, i)->place = place;
            recorder.machine->file[i].present = false;
        }
        if (!recorder.watched[i] || (!all && !recorder.plain[i]))
            continue;
        uint64_t end = all ? f->size : recorder.used[i];
        for (uint64_t page = 0; page < end; page += 4096) {
            uint64_t size = f->size - page < 4096 ? f->size - page : 4096;
            if (memcmp(f->bytes + page, recorder.seen[i] + page, size) == 0)
                continue;
            for (uint64_t at = page; at < page + size; at += LINE)
                look_at_line(i, at, place);
        }
    }
}

/* After an instruction of the replay thread: stores to the blocks that the epoch has listed.
 * Nothing may be allocated here: the instruction may have been one of malloc's. */
static bool look_at_step(void *address)
{
    const struct epoch *e = &psm_replaying->epoch;
    struct trace *t = recorder.trace;
    if (t == NULL || !e->open) /* the thread may be about to end */
        return false;
    if (e->logged_count + e->fresh_count > STEP_BLOCKS)
        return true;
    pthread_mutex_lock(&recorder.mutex);
    const unsigned char *bytes = recorder.machine->file[recorder.image].bytes, *seen = recorder.seen[recorder.image];
    for (size_t i = 0; i < e->logged_count + e->fresh_count; i++) {
        const struct fresh_range *fresh = i < e->logged_count ? NULL : &e->fresh[i - e->logged_count];
        uint64_t at = fresh != NULL ? fresh->offset : (uint64_t)e->logged[i] * PSM_BLOCK;
        uint64_t end = at + (fresh == NULL ? PSM_BLOCK : fresh->size < STEP_FRESH ? fresh->size : STEP_FRESH);
        /* An entry may have been counted and not filled in yet. */
        for (; at < end && end <= recorder.machine->file[recorder.image].size; at += PSM_BLOCK) {
            if (memcmp(bytes + at, seen + at, PSM_BLOCK) == 0 || t->count + 1 >= t->room
                || t->contents + 1 >= t->content_room)
                continue;
            look_at_line(recorder.image, at / LINE * LINE, place_at(EVENT_STORE, address));
            t->event[t->count - 1].value = EVENT_STEPPED;
        }
    }
    pthread_mutex_unlock(&recorder.mutex);
    return true;
}

/* Room for what the steps until the next call of the medium find. */
static void make_step_room(void)
{
    struct trace *t = recorder.trace;
    if (t->room - t->count < STEP_ROOM) {
        t->room += 4 * STEP_ROOM;
        t->event = realloc(t->event, t->room * sizeof *t->event);
    }
    if (t->content_room - t->contents < STEP_ROOM) {
        t->content_room += 4 * STEP_ROOM;
        t->content = realloc(t->content, t->content_room * sizeof *t->content);
    }
    if (t->event == NULL || t->content == NULL)
        err(2, "no memory for a trace");
}

static void enter(void)
{
    pthread_mutex_lock(&recorder.mutex);
}

static void leave(void)
{
    pthread_mutex_unlock(&recorder.mutex);
}

/* Where in its file the byte at p lies; false if in none: an ordinary file's log is copied
 * to memory first. */
static bool locate(const struct medium *m, const void *p, unsigned *file, uint64_t *offset)
{
    for (unsigned i = recorder.maps; i-- > 0;)
        if ((uintptr_t)p - recorder.map[i].at < recorder.map[i].size) {
            *file = recorder.map[i].file;
            *offset = recorder.map[i].offset + ((uintptr_t)p - recorder.map[i].at);
            return true;
        }
    if (m->kind == PSM_MEDIUM_FILE)
        return false;
    errx(2, "the runtime gave the medium %p, which lies in none of its mappings", p);
}

/* Without a trace nothing is written down, but which pages were written: an image is made
 * out of the one before by these. */
static bool only_touch(const struct medium *m, const void *p, size_t size)
{
    unsigned file;
    uint64_t offset;
    enter();
    bool found = locate(m, p, &file, &offset);
    if (found && recorder.trace == NULL)
        directory_touch(recorder.machine, file, offset, size);
    leave();
    return !found || recorder.trace == NULL;
}

static void note_aside(const struct medium *m, const void *src, size_t size)
{
    unsigned char line[LINE] = { 0 };
    if (m->kind != PSM_MEDIUM_FILE || recorder.trace == NULL)
        return;
    memcpy(line, src, size < LINE ? size : LINE);
    enter();
    add_event(EVENT_ASIDE, 0)->content = add_content(line);
    leave();
}

static inline __attribute__((always_inline)) void record_copy(struct medium *m, void *dst, const void *src, size_t size)
{
    unsigned file;
    uint64_t offset;
    if (only_touch(m, dst, size)) {
        note_aside(m, src, size);
        recorder.real->copy(m, dst, src, size);
        return;
    }
    uint32_t place = place_here(EVENT_COPY);
    enter();
    for (size_t done = 0; done < size;) {
        locate(m, (char *)dst + done, &file, &offset);
        size_t part = LINE - offset % LINE;
        if (part > size - done)
            part = size - done;
        recorder.real->copy(m, (char *)dst + done, (const char *)src + done, part);
        directory_touch(recorder.machine, file, offset, part);
        uint64_t at = offset / LINE * LINE;
        memcpy(recorder.seen[file] + offset, (const char *)src + done, part);
        struct event *e = add_event(EVENT_COPY, file);
        e->line = (uint32_t)(at / LINE);
        e->words = (uint8_t)((0xff >> (8 - part / 8)) << (offset % LINE / 8));
        e->content = add_content(recorder.seen[file] + at);
        e->place = place;
        done += part;
    }
    leave();
}

static inline __attribute__((always_inline)) void record_flush(struct medium *m, const void *p, size_t size)
{
    unsigned file;
    uint64_t offset;
    recorder.real->flush(m, p, size);
    if (only_touch(m, p, size))
        return;
    uint32_t place = place_here(EVENT_FLUSH);
    enter();
    const struct trace *t = recorder.trace;
    if (t->count == 0 || t->event[t->count - 1].kind != EVENT_FLUSH)
        look(place);
    locate(m, p, &file, &offset);
    directory_touch(recorder.machine, file, offset, size);
    for (uint64_t at = offset / LINE * LINE; at < offset + size; at += LINE) {
        look_at_line(file, at, place);
        struct event *e = add_event(EVENT_FLUSH, file);
        e->line = (uint32_t)(at / LINE);
        e->place = place;
    }
    leave();
}

static inline __attribute__((always_inline)) void record_fence(struct medium *m)
{
    if (recorder.trace != NULL && recorder.lag_ns != 0 && psm_replaying != NULL && recorder.serving)
        nanosleep(&(struct timespec){ .tv_nsec = recorder.lag_ns }, NULL);
    recorder.real->fence(m);
    if (recorder.trace == NULL)
        return;
    uint32_t place = place_here(EVENT_FENCE);
    enter();
    if (recorder.steps)
        make_step_room();
    /* A fence of a caller's is about the log; what replay has stored by then is found at
     * its own next event, and here now and then. */
    if (psm_replaying != NULL || !recorder.serving || ++recorder.skipped % 4 == 0)
        look(place);
    add_event(EVENT_FENCE, 0)->place = place;
    leave();
}

static void make_seen(unsigned file)
{
    if (recorder.seen[file] != NULL)
        return;
    recorder.seen[file] = mmap(NULL, FILE_ROOM, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (recorder.seen[file] == MAP_FAILED)
        err(2, "no address space");
}

/* The file behind fd; FILES_MAX if it is the directory. A file met first has been made. */
static unsigned file_of(int fd, uint32_t place)
{
    char link[64], path[512];
    struct directory *d = recorder.machine;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    if (strcmp(path, d->path) == 0)
        return FILES_MAX;
    char *slash = strrchr(path, '/');
    unsigned number = file_number(slash != NULL ? slash + 1 : path);
    struct stat s;
    if (!d->file[number].present) {
        directory_refresh(d);
        d->file[number].size = 0; /* what it has got since is written down as it comes */
        add_event(EVENT_CREATE, number)->place = place;
    } else if (fstat(fd, &s) == 0 && (uint64_t)s.st_size < d->file[number].size) {
        d->file[number].size = (uint64_t)s.st_size;
    }
    make_seen(number);
    return number;
}

static void note_size(int fd, unsigned file, uint32_t place)
{
    struct stat s;
    struct file *f = &recorder.machine->file[file];
    if (fstat(fd, &s) != 0 || (uint64_t)s.st_size == f->size)
        return;
    if ((uint64_t)s.st_size > FILE_ROOM)
        errx(2, "%s has grown to %lu MiB, more than can be tested", file_name(file), (unsigned long)(s.st_size >> 20));
    if ((uint64_t)s.st_size > f->size)
        memset(recorder.seen[file] + f->size, 0, (uint64_t)s.st_size - f->size); /* not what an earlier run had there */
    f->size = (uint64_t)s.st_size;
    struct event *e = add_event(EVENT_SIZE, file);
    e->value = f->size;
    e->place = place;
}

static void note_write(unsigned file, uint64_t offset, uint64_t size, uint32_t place)
{
    const unsigned char *bytes = recorder.machine->file[file].bytes;
    directory_touch(recorder.machine, file, offset, size);
    if (recorder.trace == NULL)
        return;
    for (uint64_t at = offset / LINE * LINE; at < offset + size; at += LINE) {
        unsigned char line[LINE];
        memcpy(line, bytes + at, LINE);
        struct event *e = add_event(EVENT_WRITE, file);
        e->line = (uint32_t)(at / LINE);
        e->words = 0xff;
        e->content = add_content(line);
        e->place = place;
        memcpy(recorder.seen[file] + at, line, LINE);
    }
}

static int record_write_at(struct medium *m, int fd, const void *p, size_t size, uint64_t offset)
{
    uint32_t place = place_here(EVENT_WRITE);
    enter();
    look(place);
    unsigned file = file_of(fd, place);
    int status = recorder.real->write_at(m, fd, p, size, offset), reason = errno;
    note_size(fd, file, place);
    if (status == 0)
        note_write(file, offset, size, place);
    leave();
    errno = reason;
    return status;
}

static inline __attribute__((always_inline)) int record_sync(struct medium *m, int fd)
{
    uint32_t place = place_here(EVENT_SYNC);
    enter();
    look(place);
    unsigned file = file_of(fd, place);
    int status = recorder.real->sync(m, fd), reason = errno;
    if (status == 0)
        add_event(file == FILES_MAX ? EVENT_NAMES : EVENT_SYNC, file == FILES_MAX ? 0 : file)->place = place;
    leave();
    errno = reason;
    return status;
}

static inline __attribute__((always_inline)) int record_allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    uint32_t place = place_here(EVENT_SIZE);
    enter();
    look(place);
    unsigned file = file_of(fd, place);
    int status = recorder.real->allocate(m, fd, offset, size), reason = errno;
    note_size(fd, file, place);
    leave();
    errno = reason;
    return status;
}

static int record_punch(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    uint32_t place = place_here(EVENT_WRITE);
    enter();
    look(place);
    unsigned file = file_of(fd, place);
    int status = recorder.real->punch(m, fd, offset, size), reason = errno;
    if (status == 0)
        note_write(file, offset, size, place);
    leave();
    errno = reason;
    return status;
}

static void *record_map(struct medium *m, void *address, size_t size, int fd, uint64_t offset)
{
    enter();
    unsigned file = file_of(fd, 0);
    void *got = recorder.real->map(m, address, size, fd, offset);
    int reason = errno;
    if (got != MAP_FAILED) {
        if (recorder.maps == MAPS_MAX)
            errx(2, "the runtime has made more than %d mappings", MAPS_MAX);
        recorder.map[recorder.maps].at = (uintptr_t)got;
        recorder.map[recorder.maps].size = size;
        recorder.map[recorder.maps].offset = offset;
        recorder.map[recorder.maps++].file = file;
        recorder.watched[file] = true;
        if (size <= UNFLUSHED_MAX)
            directory_touch(recorder.machine, file, offset, size);
    }
    leave();
    errno = reason;
    return got;
}

/* On a replay thread that is stepped, none of the above is. */
static void table_copy(struct medium *m, void *dst, const void *src, size_t size)
{
    step_pause();
    record_copy(m, dst, src, size);
    step_resume();
}

static void table_flush(struct medium *m, const void *p, size_t size)
{
    step_end(); /* the epoch's stores are over */
    record_flush(m, p, size);
}

static void table_fence(struct medium *m)
{
    step_pause();
    record_fence(m);
    if (recorder.trace != NULL && recorder.steps && psm_replaying != NULL && psm_replaying->epoch.open)
        step_begin(look_at_step);
    else
        step_end();
    step_resume();
}

static int table_sync(struct medium *m, int fd)
{
    step_pause();
    int status = record_sync(m, fd), reason = errno;
    step_resume();
    errno = reason;
    return status;
}

static int table_allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    step_pause();
    int status = record_allocate(m, fd, offset, size), reason = errno;
    step_resume();
    errno = reason;
    return status;
}

static const struct medium_table table = {
    table_copy, table_flush, table_fence, record_write_at,
    table_sync, table_allocate, record_punch, record_map,
};

static const struct medium_table *record_medium(struct medium *m, const struct medium_table *real)
{
    (void)m;
    recorder.real = real;
    return &table;
}

void recorder_mark(enum event_kind kind, uint64_t value)
{
    if (recorder.trace == NULL)
        return;
    enter();
    recorder.serving = true;
    if (kind == EVENT_BEGUN)
        look(0);
    struct event *e = add_event(kind, 0);
    e->value = value;
    e->place = place_of_mark((uint8_t)kind, recorder.marks[kind == EVENT_BEGUN]++);
    leave();
}

void recorder_attach(struct directory *machine)
{
    recorder.trace = NULL;
    recorder.machine = machine;
    recorder.maps = 0;
    medium_override = record_medium;
}

void recorder_lag(long ns)
{
    recorder.lag_ns = ns;
}

void recorder_steps(bool on)
{
    recorder.steps = on;
}

void recorder_begin(struct trace *trace, struct directory *machine)
{
    trace_clear(trace);
    directory_refresh(machine);
    recorder_attach(machine);
    recorder.trace = trace;
    recorder.threads = 0;
    recorder.recording++;
    recorder.serving = false;
    recorder.image = file_number("image");
    recorder.looks = recorder.marks[0] = recorder.marks[1] = 0;
    if (recorder.fixed == 0)
        recorder.fixed = file_count(); /* of a machine just made */
    memset(recorder.watched, 0, sizeof recorder.watched);
    for (unsigned i = 0; i < file_count(); i++) {
        const struct file *f = &machine->file[i];
        if (!f->present)
            continue;
        make_seen(i);
        memcpy(recorder.seen[i], f->bytes, f->size);
        static const char zeros[4096];
        for (recorder.used[i] = f->size / 4096 * 4096; recorder.used[i] > 0; recorder.used[i] -= 4096)
            if (memcmp(f->bytes + recorder.used[i] - 4096, zeros, 4096) != 0)
                break;
    }
}
