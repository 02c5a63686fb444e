/* files.c: directories of images. See files.h. Errors of the system end the process: the
 * test cannot be run then. */
#include "files.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_AT_ALL 64 /* makes */

static struct file_names *names;

void file_names_in(struct file_names *in)
{
    names = in;
}

unsigned file_number(const char *name)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return i;
    if (names->count == FILES_MAX || strlen(name) >= FILE_NAME)
        errx(2, "too many files in a machine's directory, or too long a name: %s", name);
    strcpy(names->name[names->count], name);
    return names->count++;
}

const char *file_name(unsigned number)
{
    return names->name[number];
}

unsigned file_count(void)
{
    return names->count;
}

static void path_of(char path[512], const struct directory *d, unsigned number)
{
    snprintf(path, 512, "%s/%s", d->path, names->name[number]);
}

static void open_file(struct directory *d, unsigned number, int flags)
{
    struct file *f = &d->file[number];
    char path[512];
    path_of(path, d, number);
    if (f->bytes != NULL) { /* of a file that was removed since */
        munmap(f->bytes, FILE_ROOM);
        close(f->fd);
        d->like = NULL;
    }
    f->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    if (f->fd < 0)
        err(2, "%s", path);
    f->bytes = mmap(NULL, FILE_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, f->fd, 0);
    if (f->bytes == MAP_FAILED)
        err(2, "%s", path);
    f->present = true;
}

void directory_refresh(struct directory *d)
{
    bool found[FILES_MAX] = { false };
    DIR *list = opendir(d->path);
    if (list == NULL)
        err(2, "%s", d->path);
    for (struct dirent *e; (e = readdir(list)) != NULL;) {
        struct stat there, ours;
        if (e->d_name[0] == '.' || strcmp(e->d_name, "lock") == 0)
            continue;
        unsigned number = file_number(e->d_name);
        struct file *f = &d->file[number];
        if (fstatat(dirfd(list), e->d_name, &there, 0) != 0)
            continue;
        if (!f->present || fstat(f->fd, &ours) != 0 || ours.st_ino != there.st_ino)
            open_file(d, number, 0);
        f->size = (uint64_t)there.st_size;
        found[number] = true;
    }
    closedir(list);
    for (unsigned i = 0; i < FILES_MAX; i++)
        d->file[i].present = found[i];
}

void directory_open(struct directory *d, const char *path)
{
    memset(d, 0, sizeof *d);
    snprintf(d->path, sizeof d->path, "%s", path);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        err(2, "%s", path);
    directory_refresh(d);
}

void directory_set(struct directory *d, unsigned number, uint64_t size)
{
    struct file *f = &d->file[number];
    if (!f->present)
        open_file(d, number, O_CREAT | O_TRUNC), f->size = 0;
    if (size > FILE_ROOM)
        errx(2, "%s/%s has grown to %lu MiB, more than can be tested", d->path, names->name[number],
             (unsigned long)(size >> 20));
    if (f->size != size && ftruncate(f->fd, (off_t)size) != 0)
        err(2, "%s/%s", d->path, names->name[number]);
    f->size = size;
}

void directory_remove(struct directory *d, unsigned number)
{
    char path[512];
    path_of(path, d, number);
    if (d->file[number].present && unlink(path) != 0 && errno != ENOENT)
        err(2, "%s", path);
    d->file[number].present = false;
}

void directory_touch(struct directory *d, unsigned number, uint64_t offset, uint64_t size)
{
    struct file *f = &d->file[number];
    if (f->is_touched == NULL && (f->is_touched = calloc(1, FILE_ROOM / FILE_PAGE)) == NULL)
        err(2, "no memory");
    for (uint64_t page = offset / FILE_PAGE; size != 0 && page <= (offset + size - 1) / FILE_PAGE; page++) {
        if (page >= FILE_ROOM / FILE_PAGE || f->is_touched[page])
            continue;
        f->is_touched[page] = 1;
        if (f->touched_count == f->touched_room) {
            f->touched_room = f->touched_room * 2 + 64;
            f->touched = realloc(f->touched, f->touched_room * sizeof *f->touched);
            if (f->touched == NULL)
                err(2, "no memory");
        }
        f->touched[f->touched_count++] = (uint32_t)page;
    }
}

static void forget_touched(struct file *f)
{
    for (uint32_t i = 0; i < f->touched_count; i++)
        f->is_touched[f->touched[i]] = 0;
    f->touched_count = 0;
}

/* Whether the page was different. */
static bool copy_page(struct file *to, const struct file *from, uint64_t at, uint64_t size)
{
    if (at >= size)
        return false;
    uint64_t part = size - at < FILE_PAGE ? size - at : FILE_PAGE;
    if (memcmp(to->bytes + at, from->bytes + at, part) == 0)
        return false;
    memcpy(to->bytes + at, from->bytes + at, part);
    return true;
}

static void copy_pages(struct file *to, const struct file *from, uint64_t begin, uint64_t size)
{
    for (uint64_t at = begin / FILE_PAGE * FILE_PAGE; at < size; at += FILE_PAGE)
        copy_page(to, from, at, size);
}

void directory_copy(struct directory *to, const struct directory *from)
{
    directory_refresh(to);
    to->like = NULL;
    for (unsigned i = 0; i < names->count; i++) {
        forget_touched(&to->file[i]);
        if (!from->file[i].present) {
            directory_remove(to, i);
            continue;
        }
        directory_set(to, i, from->file[i].size);
        copy_pages(&to->file[i], &from->file[i], 0, from->file[i].size);
    }
}

static void copy_touched(struct file *to, const struct file *from, const struct file *list, uint64_t size)
{
    for (uint32_t i = 0; i < list->touched_count; i++)
        copy_page(to, from, (uint64_t)list->touched[i] * FILE_PAGE, size);
}

const char *directory_make(struct directory *to, struct directory *solid, const struct choice *choice)
{
    static char text[128];
    bool known = to->like == solid, all = !known || ++to->makes % LOOK_AT_ALL == 0;
    const char *found = NULL;
    directory_refresh(to);
    for (unsigned i = 0; i < names->count; i++) {
        struct file *t = &to->file[i], *s = &solid->file[i];
        if (!choice->present[i]) {
            directory_remove(to, i);
        } else {
            uint64_t size = choice->size[i], before = t->present ? t->size : 0;
            directory_set(to, i, size);
            if (known) {
                copy_touched(t, s, t, size);
                copy_touched(t, s, s, size);
                copy_pages(t, s, before, size);
            }
            for (uint64_t at = 0; all && at < size; at += FILE_PAGE)
                if (copy_page(t, s, at, size) && known && found == NULL)
                    snprintf(text, sizeof text, "bytes of %s from %#lx on were stored to and never flushed",
                             names->name[i], (unsigned long)at), found = text;
        }
        forget_touched(t);
        forget_touched(s);
    }
    to->like = solid;
    for (uint32_t i = 0; i < choice->count; i++) {
        const struct override *o = &choice->override[i];
        uint64_t at = (uint64_t)o->line * LINE, size = choice->size[o->file];
        if (!choice->present[o->file] || at >= size)
            continue;
        memcpy(to->file[o->file].bytes + at, o->bytes, size - at < LINE ? size - at : LINE);
        directory_touch(to, o->file, at, LINE);
    }
    return found;
}

void directory_delete(const char *path)
{
    char file[600];
    DIR *list = opendir(path);
    if (list == NULL)
        return;
    for (struct dirent *e; (e = readdir(list)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (unlink(file) != 0)
            directory_delete(file);
    }
    closedir(list);
    rmdir(path);
}
