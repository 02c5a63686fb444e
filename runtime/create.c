/* create.c: making a machine.
 *
 * All files are written in full in a directory of another name beside it ("DIR.new"), synced, and
 * the directory renamed: a machine is there whole or not at all. What a crash leaves under
 * the other name is swept away by the next creation; a lock on that directory tells a
 * leftover from somebody at work, the file "unfinished" in it from a machine of that name: it
 * goes when the name is durable, and before any op is acknowledged. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"
#include "program.h"

static const char *const file_name[] = { "super", "log", "image", "undo", "journal", MACHINE_UNFINISHED };
#define FILES (sizeof file_name / sizeof file_name[0])

static void remove_files(int directory_fd)
{
    for (size_t i = 0; i < FILES; i++)
        unlinkat(directory_fd, file_name[i], 0);
}

/* A directory with files in it and no mark is a machine or anything else, and not ours. */
static bool is_foreign(int directory_fd)
{
    if (faccessat(directory_fd, MACHINE_UNFINISHED, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return true;
    }
    bool found = false;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        found |= strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return found;
}

/* Make the directory `path`, locked; one that a crash has left is emptied and taken. */
static int make_directory(const char *path, int *fd)
{
    struct stat opened, there;
again:
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return errno == ENOENT ? psm_fail(PSM_ENOENT, "%s cannot be made: its parent directory does not exist", path)
                               : psm_fail_system("cannot make the directory", path);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 && errno == ENOENT)
        goto again; /* another process has just given it its name */
    if (*fd < 0)
        return psm_fail_system("cannot open the directory", path);
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        close(*fd);
        return psm_fail(PSM_EBUSY, "another process is creating %s", path);
    }
    /* Between our open and our lock another process may have finished, and this is its machine. */
    if (fstat(*fd, &opened) != 0 || lstat(path, &there) != 0 || opened.st_dev != there.st_dev
        || opened.st_ino != there.st_ino) {
        close(*fd);
        goto again;
    }
    if (is_foreign(*fd)) {
        close(*fd);
        return psm_fail(PSM_ENOTPSM, "%s, where a new machine is made before it gets its name, holds files that "
                        "no creation has left: move it away", path);
    }
    remove_files(*fd);
    int mark = openat(*fd, MACHINE_UNFINISHED, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (mark >= 0) {
        close(mark);
        return 0;
    }
    int status = psm_fail_system("cannot create a file in", path);
    close(*fd);
    rmdir(path);
    return status;
}

static int make_file(struct psm *m, const char *name, uint64_t size, int *fd)
{
    *fd = openat(m->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd < 0 || fchmod(*fd, 0600) != 0)
        return psm_fail_system("cannot create a file in", m->directory);
    if (size != 0 && medium_allocate(&m->medium, *fd, 0, size) != 0)
        return psm_fail_system("cannot allocate a file in", m->directory);
    return 0;
}

/* Written, not only allocated: later syncs have no metadata then. */
int oplog_format(struct psm *m, uint64_t bytes)
{
    if (medium_write_zeros(&m->medium, m->log_fd, 0, bytes) != 0)
        return psm_fail_system("cannot write the log in", m->directory);
    return 0;
}

static int format_grow(void *context, uint64_t old_end, uint64_t new_end)
{
    (void)old_end;
    return space_grow(context, new_end) == 0;
}

static int format_globals(struct psm *m)
{
    const struct program *program = m->program;
    const struct space *s = &m->space;
    if (s->globals_bytes == 0)
        return 0;
    unsigned char *copy = calloc(1, s->globals_bytes);
    if (copy == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for a copy of the program's globals");
    space_copy_raw(copy + (program->data_low - s->globals_low), (void *)program->data_low,
                   program->data_high - program->data_low);
    int status = 0;
    if (medium_allocate(&m->medium, m->image_fd, 0, s->globals_bytes) != 0
        || medium_write_at(&m->medium, m->image_fd, copy, s->globals_bytes, 0) != 0)
        status = psm_fail_system("cannot write the globals into the image in", m->directory);
    free(copy);
    return status;
}

/* The image: the globals as they are now, an empty heap, the root. */
static int format_image(struct psm *m, const struct psm_options *o, uint64_t *root_offset)
{
    struct space *s = &m->space;
    int status = format_globals(m);
    if (status != 0)
        return status;
    m->owns_globals = false; /* the mirror stays as it is while we are not open */
    status = space_map_image(m);
    if (status != 0)
        return status;
    struct heap_view view = { .base = s->p, .context = m, .grow = format_grow };
    uint64_t capacity = o->capacity_bytes != 0 ? o->capacity_bytes : UINT64_C(32) << 30;
    /* The heap's header lies in its first unit, before it has asked for any. */
    if (space_grow(m, HEAP_CAPACITY_MIN) != 0 || heap_format(&view, capacity) != 0)
        return psm_fail_system("cannot make the heap in", m->directory);
    *root_offset = 0;
    if (o->root_size != 0) {
        *root_offset = heap_calloc(&view, o->root_size);
        if (*root_offset == 0)
            status = psm_fail(PSM_ENOMEM, "no room for a root of %zu bytes", o->root_size);
    }
    heap_close(&view);
    if (status != 0)
        return status;
    uint64_t bytes = atomic_load(&s->arena_bytes);
    if (m->medium.kind == PSM_MEDIUM_FILE) {
        /* P is private there: what was made has to be written. */
        if (medium_write_at(&m->medium, m->image_fd, s->p, bytes, s->globals_bytes) != 0)
            return psm_fail_system("cannot write the image in", m->directory);
    } else {
        medium_flush(&m->medium, s->p, bytes);
        medium_fence(&m->medium);
    }
    return 0;
}

static int format_super(struct psm *m, const struct psm_options *o, uint64_t root_offset)
{
    struct super super = {
        .magic = LAYOUT_MAGIC, .version = LAYOUT_VERSION, .medium = m->medium.kind,
        .salt = m->machine_salt, .slot = m->space.slot, .delta = PSM_DELTA,
        .root_offset = root_offset, .root_size = o->root_size, .log_bytes = o->log_bytes,
        .globals_bytes = m->space.globals_bytes, .globals_low = m->space.globals_low,
        .created = (uint64_t)time(NULL) * 1000000000,
    };
    memcpy(super.build_id, m->program->build_id, sizeof m->program->build_id);
    snprintf(super.program, sizeof super.program, "%s", m->program->name);
    super.checksum = super_checksum(&super);
    if (medium_write_at(&m->medium, m->super_fd, &super, sizeof super, 0) != 0)
        return psm_fail_system("cannot write the superblock in", m->directory);
    return 0;
}

static int sync_all(struct psm *m)
{
    const int fd[] = { m->super_fd, m->log_fd, m->image_fd, m->journal_fd };
    for (int i = 0; i < 4; i++)
        if (medium_sync(&m->medium, fd[i]) != 0)
            return psm_fail_system("cannot sync the files in", m->directory);
    return fsync(m->directory_fd) == 0 ? 0 : psm_fail_system("cannot sync", m->directory);
}

static int format_files(struct psm *m, const struct psm_options *o)
{
    uint64_t root_offset;
    int status;
    if ((status = make_file(m, "super", LAYOUT_SUPER_BYTES, &m->super_fd)) != 0
        || (status = make_file(m, "log", o->log_bytes, &m->log_fd)) != 0
        || (status = make_file(m, "image", 0, &m->image_fd)) != 0
        || (status = make_file(m, m->medium.kind == PSM_MEDIUM_PM ? "undo" : "journal", 0, &m->journal_fd)) != 0)
        return status;
    m->super = medium_map(&m->medium, NULL, LAYOUT_SUPER_BYTES, m->super_fd, 0);
    if (m->super == MAP_FAILED) {
        m->super = NULL;
        return psm_fail_system("cannot map the superblock in", m->directory);
    }
    if ((status = oplog_format(m, o->log_bytes)) != 0 || (status = format_image(m, o, &root_offset)) != 0)
        return status;
    m->commit = (struct commit){ .epoch = 1, .sequence = 1, .salt = machine_new_salt(),
                                 .image_bytes = m->space.globals_bytes + atomic_load(&m->space.arena_bytes) };
    if ((status = epoch_make(m)) != 0 || (status = m->epoch.store->format(m)) != 0
        || (status = format_super(m, o, root_offset)) != 0)
        return status;
    return sync_all(m);
}

static uint64_t random_salt(void)
{
    uint64_t salt;
    if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
        psm_fatal("getrandom failed");
    return salt;
}

uint64_t (*machine_new_salt)(void) = random_salt;

static int sync_parent(const char *dir)
{
    char *parent = strdup(dir), *slash;
    if (parent == NULL)
        return psm_fail(PSM_ENOMEM, "no memory");
    for (size_t end = strlen(parent); end > 1 && parent[end - 1] == '/'; end--)
        parent[end - 1] = '\0';
    slash = strrchr(parent, '/');
    if (slash == NULL)
        strcpy(parent, ".");
    else
        slash[slash == parent] = '\0';
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd >= 0 && fsync(fd) == 0 ? 0 : psm_fail_system("cannot sync the directory that holds", dir);
    if (fd >= 0)
        close(fd);
    free(parent);
    return status;
}

/* Make the directory's name durable, then the end of its making: a machine without the mark
 * keeps its name. Its creator may have died, or failed, in between. */
int machine_finish(struct psm *m, const char *dir)
{
    if (faccessat(m->directory_fd, MACHINE_UNFINISHED, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    int status = sync_parent(dir);
    if (status != 0)
        return status;
    unlinkat(m->directory_fd, MACHINE_UNFINISHED, 0);
    return fsync(m->directory_fd) == 0 ? 0 : psm_fail_system("cannot sync", dir);
}

int machine_create(const char *dir, const struct psm_options *options)
{
    struct psm *m = aligned_alloc(64, sizeof *m);
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    char *path = NULL, *final = strndup(dir, length);
    int status;
    if (m == NULL || final == NULL || asprintf(&path, "%s.new", final) < 0) {
        free(m);
        free(final);
        return psm_fail(PSM_ENOMEM, "no memory for a machine");
    }
    memset(m, 0, sizeof *m);
    m->options = *options;
    m->directory = path;
    m->directory_fd = m->lock_fd = m->super_fd = m->log_fd = m->image_fd = m->journal_fd = -1;
    m->machine_salt = machine_new_salt();
    program_load(&m->program);
    globals_place(m);
    m->space.arena_max = PSM_ARENA_MAX;
    if ((status = make_directory(path, &m->directory_fd)) != 0) {
        m->directory_fd = -1;
        goto release;
    }
    if ((status = medium_open(&m->medium, options->medium, m->directory_fd, path)) != 0
        || (status = space_choose(m, options->address_slot, m->machine_salt, files_slots_beside(path))) != 0
        || (status = format_files(m, options)) != 0)
        goto remove;
    if (rename(path, final) != 0) {
        if (errno != EEXIST && errno != ENOTEMPTY) {
            status = psm_fail_system("cannot rename the new machine to", final);
            goto remove;
        }
        status = psm_fail(PSM_EEXIST, "%s has come to be meanwhile", final);
        goto remove;
    }
    status = machine_finish(m, final);
    goto release;
remove:
    remove_files(m->directory_fd);
    rmdir(path);
release:
    machine_release(m); /* frees path */
    free(final);
    free(m);
    return status;
}
