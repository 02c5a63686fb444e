/* cursor.h: what the medium can hold at a point of a trace.
 *
 * `solid` is what is durable for certain. A line that is *open* has been given other
 * values since; each of its eight words may have any of them, from the durable one on, since
 * a dirty line may be written back at any moment and a power cut tears lines at 8 bytes.
 * Going forward, fences and syncs move values into solid, and lines close.
 *
 *   durable[w] <= last = count - 1     for each word w of an open line
 *   solid holds value[durable[w]]'s word w
 *   a line is open if and only if some durable[w] < last */
#ifndef CRASHTEST_CURSOR_H
#define CRASHTEST_CURSOR_H
#include "files.h"
#include "trace.h"

struct open_line {
    uint32_t file, line;
    uint32_t serial;       /* which opening of a line this is */
    uint32_t count, room;
    uint32_t *value;       /* contents of the trace; [0] stands for `first` */
    uint32_t durable[8];
    unsigned char first[LINE];
};

struct pending { uint8_t thread, words; uint8_t file; uint32_t line, serial, value; };

struct cursor {
    const struct trace *trace;
    struct directory *solid;
    uint32_t at;                 /* events before this one have happened */
    uint64_t begun, acknowledged;
    uint64_t hash;               /* of solid */
    struct open_line **open;
    uint32_t open_count, open_room, openings;
    uint32_t *index[FILES_MAX];  /* by line: index in open, + 1 */
    uint32_t index_room[FILES_MAX];
    struct pending *pending;     /* copied or flushed, not fenced */
    uint32_t pending_count, pending_room;
    struct pending *written;     /* to the page cache, not synced */
    uint32_t written_count, written_room;
    uint64_t size[FILES_MAX], size_durable[FILES_MAX];
    bool     present[FILES_MAX], present_durable[FILES_MAX];
};

/* Begin at the start of a trace that was recorded on `solid`, whose hash is `hash`; solid
 * changes as the cursor goes on. */
void cursor_begin(struct cursor *c, const struct trace *trace, struct directory *solid, uint64_t hash);
void cursor_forward(struct cursor *c, uint32_t to); /* until `to` events have happened */
void cursor_end(struct cursor *c);                  /* free what it holds */
uint64_t directory_hash(const struct directory *d);

/* Make up an image: the n-th at this point. The first two are: nothing more than what is
 * durable; everything. Then in turn: where there are at most CURSOR_FEW, each that differs by
 * whole lines, else, with few open lines, each line alone, and all but each; and some at
 * random, by *random. */
#define CURSOR_FEW 64
void cursor_choose(const struct cursor *c, uint32_t n, uint64_t *random, struct choice *choice);
/* How many images there are at most that differ by whole lines; saturates at 1 << 20. */
uint32_t cursor_possible(const struct cursor *c);
/* "undo:17 1/3" for each line not as solid, a few of them. */
void choice_lines(const struct cursor *c, const struct choice *choice, char *text, size_t size);
#endif
