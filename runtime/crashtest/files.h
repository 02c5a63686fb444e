/* files.h: a machine's directory as bytes in memory.
 *
 * The files lie on tmpfs and are mapped, so that an image is made by copying the lines
 * that differ, and so that what a dead worker was at can still be looked at. A file has the
 * same number in all directories of a process. */
#ifndef CRASHTEST_FILES_H
#define CRASHTEST_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILES_MAX  96 /* super, log, image, undo or journal, and extents */
#define FILE_NAME  24
#define LINE       64
#define FILE_ROOM  (UINT64_C(1) << 30) /* bytes of each that are mapped, there or not */

#define FILE_PAGE  4096

struct file {
    unsigned char *bytes; /* mapped; NULL: never opened here */
    uint64_t size;        /* of the file on tmpfs */
    int      fd;
    bool     present;
    /* Pages that may have changed since the directory was last made equal to another, or
     * another equal to it: a list, and a flag for each. */
    uint32_t *touched, touched_count, touched_room;
    uint8_t  *is_touched;
};

struct directory {
    char path[256];
    const struct directory *like; /* but for touched pages of both; NULL: nothing is known */
    unsigned makes;
    struct file file[FILES_MAX];
};

/* What an image has in place of its directory's bytes. */
struct override { uint32_t file, line; unsigned char bytes[LINE]; };

struct choice {
    struct override *override; /* `count` of them, no line twice */
    uint32_t count, room;
    uint64_t size[FILES_MAX];  /* that each file has in the image */
    bool     present[FILES_MAX];
    uint64_t hash;             /* of the whole image */
    uint32_t kinds;            /* of which files lines are new, are old, in which order */
    char     words[160];       /* how it was chosen */
};

/* Names of files, and so what their numbers mean, are kept in shared memory, for one
 * process to understand what another has left. */
struct file_names { unsigned count; char name[FILES_MAX][FILE_NAME]; };
void file_names_in(struct file_names *names);

/* The number of the file called `name`; a new one if there is none. Few names exist. */
unsigned file_number(const char *name);
const char *file_name(unsigned number);
unsigned file_count(void);

/* Prepare for `path`, which is made if missing: its files become the struct's. */
void directory_open(struct directory *d, const char *path);
/* Look at what has come, gone or grown by others' doing. */
void directory_refresh(struct directory *d);
/* Have file `number` be there, `size` bytes long. */
void directory_set(struct directory *d, unsigned number, uint64_t size);
void directory_remove(struct directory *d, unsigned number);
/* Make `to` equal `from`, writing only pages that differ. */
void directory_copy(struct directory *to, const struct directory *from);
/* The bytes at `offset` have been changed, or may be. */
void directory_touch(struct directory *d, unsigned number, uint64_t offset, uint64_t size);
/* Make `to` the image that `choice` makes of `solid`. Now and then looks at all of it: NULL,
 * or what has changed though it was not touched (static text). */
const char *directory_make(struct directory *to, struct directory *solid, const struct choice *choice);
/* Remove the directory and all in it. */
void directory_delete(const char *path);
#endif
