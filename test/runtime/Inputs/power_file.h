/* power_file.h: as power.h, for ordinary files: a page cache that loses power.
 *
 * The files are the page cache; of each a copy is kept of what the disk has for certain.
 * write_at makes sectors pending, sync makes a file's pending sectors, and its length,
 * durable. At the cut each pending sector, and the length, is old or new at random; the
 * write that the cut hits has got as far as it has. What comes out is written to another
 * directory, and the process ends. */
#ifndef POWER_FILE_H
#define POWER_FILE_H
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "medium.h"

#define POWER_CUT_STATUS 42
#define POWER_MEDIUM PSM_MEDIUM_FILE
#define POWER_FILES 4096
#define POWER_SECTOR 512

struct power_file {
    ino_t inode;
    char name[64];
    unsigned char *durable, *pending; /* pending: per sector */
    uint64_t size, durable_size;
};
static struct power_file power_file[POWER_FILES];
static size_t power_files;
static uint64_t power_seed, power_left;
static int power_paused;
static const char *power_from_dir, *power_to_dir;
static const struct medium_table *power_real;
static pthread_mutex_t power_mutex = PTHREAD_MUTEX_INITIALIZER;

static inline uint64_t power_random(void)
{
    power_seed = hash_fold(power_seed ^ HASH_1, HASH_3 + power_seed);
    return power_seed >> 11;
}

/* Room for `size` bytes of the file's model. */
static void power_enlarge(struct power_file *f, uint64_t size)
{
    if (size <= f->size)
        return;
    uint64_t old = (f->size + POWER_SECTOR - 1) / POWER_SECTOR, new = (size + POWER_SECTOR - 1) / POWER_SECTOR;
    f->durable = realloc(f->durable, new * POWER_SECTOR);
    f->pending = realloc(f->pending, new);
    memset(f->durable + old * POWER_SECTOR, 0, (new - old) * POWER_SECTOR);
    memset(f->pending + old, 0, new - old);
    f->size = size;
}

static struct power_file *power_find(int fd)
{
    struct stat s;
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    const char *name = strrchr(path, '/') + 1;
    if (fstat(fd, &s) != 0)
        abort();
    for (size_t i = 0; i < power_files; i++)
        if (power_file[i].inode == s.st_ino && strcmp(power_file[i].name, name) == 0)
            return &power_file[i];
    if (power_files == POWER_FILES)
        abort();
    struct power_file *f = &power_file[power_files++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->inode = s.st_ino;
    power_enlarge(f, (uint64_t)s.st_size);
    f->durable_size = f->size;
    if (pread(fd, f->durable, f->size, 0) != (ssize_t)f->size)
        abort();
    return f;
}

static void power_cut_file(const char *name)
{
    char path[512];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", power_from_dir, name);
    int from = open(path, O_RDONLY);
    if (from < 0 || fstat(from, &s) != 0)
        abort();
    uint64_t size = (uint64_t)s.st_size;
    unsigned char *bytes = malloc(size + POWER_SECTOR);
    if (pread(from, bytes, size, 0) != (ssize_t)size)
        abort();
    close(from);
    for (size_t i = 0; i < power_files; i++) {
        struct power_file *f = &power_file[i];
        if (f->inode != s.st_ino || strcmp(f->name, name) != 0)
            continue;
        uint64_t taken = power_random() % 9; /* eighths of what is pending */
        for (uint64_t at = 0; at < size; at += POWER_SECTOR)
            if (at >= f->size || (f->pending[at / POWER_SECTOR] && power_random() % 8 >= taken))
                memcpy(bytes + at, at < f->size ? f->durable + at : (unsigned char[POWER_SECTOR]){ 0 },
                       size - at < POWER_SECTOR ? size - at : POWER_SECTOR);
        if (f->durable_size < size && power_random() % 2)
            size = f->durable_size;
    }
    snprintf(path, sizeof path, "%s/%s", power_to_dir, name);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (to < 0 || write(to, bytes, size) != (ssize_t)size)
        abort();
    close(to);
    free(bytes);
}

static void power_cut(void)
{
    DIR *d;
    mkdir(power_to_dir, 0700);
    d = opendir(power_to_dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    d = opendir(power_from_dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            power_cut_file(e->d_name);
    closedir(d);
    _exit(POWER_CUT_STATUS);
}

static int power_due(void)
{
    return !power_paused && power_left-- == 0;
}

static int power_write_at(struct medium *m, int fd, const void *p, size_t size, uint64_t offset)
{
    pthread_mutex_lock(&power_mutex);
    struct power_file *f = power_find(fd);
    int due = power_due();
    if (due)
        size = power_random() % (size + 1) / POWER_SECTOR * POWER_SECTOR;
    power_enlarge(f, offset + size);
    int status = power_real->write_at(m, fd, p, size, offset);
    for (uint64_t i = offset / POWER_SECTOR; i * POWER_SECTOR < offset + size; i++)
        f->pending[i] = 1;
    if (due)
        power_cut();
    pthread_mutex_unlock(&power_mutex);
    return status;
}

static int power_sync(struct medium *m, int fd)
{
    (void)m;
    pthread_mutex_lock(&power_mutex);
    struct power_file *f = power_find(fd);
    if (power_due())
        power_cut();
    for (uint64_t i = 0; i * POWER_SECTOR < f->size; i++)
        if (f->pending[i] && pread(fd, f->durable + i * POWER_SECTOR, POWER_SECTOR, (off_t)(i * POWER_SECTOR)) < 0)
            abort();
    memset(f->pending, 0, (f->size + POWER_SECTOR - 1) / POWER_SECTOR);
    f->durable_size = f->size;
    if (power_due())
        power_cut();
    pthread_mutex_unlock(&power_mutex);
    return 0;
}

static int power_allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    pthread_mutex_lock(&power_mutex);
    struct power_file *f = power_find(fd);
    if (power_due())
        power_cut();
    int status = power_real->allocate(m, fd, offset, size);
    if (status == 0)
        power_enlarge(f, offset + size);
    pthread_mutex_unlock(&power_mutex);
    return status;
}

static const struct medium_table *power_table(struct medium *m, const struct medium_table *real)
{
    static struct medium_table table;
    (void)m;
    power_real = real;
    table = *real;
    table.write_at = power_write_at;
    table.sync = power_sync;
    table.allocate = power_allocate;
    return &table;
}

/* From now on machines lie on this medium; the power goes after so many events. */
static inline void power_on(uint64_t seed, uint64_t events)
{
    power_seed = seed;
    power_left = events;
    medium_override = power_table;
}
static inline void power_to(const char *from, const char *to)
{
    power_from_dir = from;
    power_to_dir = to;
}
/* Now. */
static inline void power_off(void)
{
    pthread_mutex_lock(&power_mutex);
    power_cut();
}
static inline void power_pause(int paused)
{
    pthread_mutex_lock(&power_mutex);
    power_paused = paused;
    pthread_mutex_unlock(&power_mutex);
}
#endif
