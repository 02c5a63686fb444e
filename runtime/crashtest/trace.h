/* trace.h: all that one run did to its medium, in order.
 *
 * A recorder stands in the medium's place (medium.h) and writes down each call, the bytes
 * each line holds after it, and by which thread. Plain stores, the shadow's to the image
 * above all, are found by comparing the files with how they were last seen, at every event:
 * a line may have held more values in between than are seen, unless the run is stepped
 * (step.c). Marks of the run say which ops were begun and acknowledged when. */
#ifndef CRASHTEST_TRACE_H
#define CRASHTEST_TRACE_H
#include <stdint.h>

#include "files.h"

enum event_kind {
    EVENT_STORE,        /* plain stores: the line holds `content` now; value: EVENT_STEPPED if
                           by the instruction at `place` */
    EVENT_COPY,         /* likewise, by non-temporal stores to `words`: this thread's next
                           fence makes these durable */
    EVENT_FLUSH,        /* this thread's next fence makes the line durable */
    EVENT_FENCE,
    EVENT_WRITE,        /* the line is `content` in the page cache; the file's next sync
                           makes it durable */
    EVENT_SIZE,         /* the file has `value` bytes; durable likewise */
    EVENT_SYNC,
    EVENT_CREATE,       /* the file has its name; durable with the directory's next sync */
    EVENT_REMOVE,       /* has it no longer */
    EVENT_NAMES,        /* the directory is synced */
    EVENT_BEGUN,        /* op number `value`, from 1 on, is about to be called */
    EVENT_ASIDE,        /* a copy to memory that is no file's, which begins with `content`: an
                           ordinary file's log gathers there */
    EVENT_ACKNOWLEDGED, /* ops up to `value` have been told that they are durable */
};

#define EVENT_STEPPED 1

struct event {
    uint8_t  kind;
    uint8_t  file;
    uint8_t  words;   /* bit per 8 bytes of the line */
    uint8_t  thread;
    uint32_t line;    /* of the file */
    uint32_t content; /* index of trace.content */
    uint32_t place;   /* number of the code location, places.h */
    uint64_t value;
};

struct trace {
    struct event *event;
    uint32_t count, room;
    unsigned char (*content)[LINE];
    uint32_t contents, content_room;
};

void trace_clear(struct trace *t);

/* The machine opened next, in `machine`, is recorded into `trace`. */
void recorder_begin(struct trace *trace, struct directory *machine);
/* It is not: only the pages it writes are noted, by directory_touch. */
void recorder_attach(struct directory *machine);
/* While it is recorded, the replay thread naps so long before each of its fences. */
void recorder_lag(long ns);
/* And it is stepped. */
void recorder_steps(bool on);
void recorder_mark(enum event_kind kind, uint64_t value);
#endif
