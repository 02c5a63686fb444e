/* power.h: a medium that loses power, behind medium.h's door.
 *
 * Of every file a copy is kept of what is durable for certain. A copy() or flush() makes a
 * pending version of its lines; a fence makes those of its thread durable. At the cut each
 * line becomes, at random, what is durable, any pending version, or what the mapping holds
 * (it may have been evicted at any time); a version other than the durable one may be torn
 * at 8 bytes. What comes out is written to another directory, and the process ends.
 *
 * Other threads are stopped at their next call of the medium; what they store until then
 * could as well have been stored before the cut. */
#ifndef POWER_H
#define POWER_H
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "medium.h"

#define POWER_CUT_STATUS 42
#define POWER_FILES 16
#define POWER_MAPS  64

struct power_file { ino_t inode; char name[64]; unsigned char *durable; uint64_t size; int fd; };
struct power_map  { unsigned char *at; uint64_t size, offset; int file; };
struct power_line { int file; uint64_t offset; uintptr_t thread; unsigned char bytes[64]; };

static struct power_file power_file[POWER_FILES];
static struct power_map power_mapped[POWER_MAPS];
static struct power_line *power_pending;
static size_t power_files, power_maps, power_pending_count, power_pending_room;
static uint64_t power_seed, power_left;
static int power_paused;
static const char *power_from_dir, *power_to_dir;
static const struct medium_table *power_real;
static pthread_mutex_t power_mutex = PTHREAD_MUTEX_INITIALIZER;

static inline uint64_t power_random(void)
{
    return power_seed = hash_fold(power_seed ^ HASH_1, HASH_3 + power_seed);
}

static inline uintptr_t power_thread(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

/* The model of the file behind fd; made when it is first met. */
static int power_find(int fd)
{
    struct stat s;
    char link[64], path[512];
    if (fstat(fd, &s) != 0)
        abort();
    for (size_t i = 0; i < power_files; i++)
        if (power_file[i].inode == s.st_ino)
            return (int)i;
    struct power_file *f = &power_file[power_files];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    snprintf(f->name, sizeof f->name, "%s", strrchr(path, '/') + 1);
    f->inode = s.st_ino;
    f->fd = dup(fd);
    f->size = (uint64_t)s.st_size;
    f->durable = malloc(f->size);
    if (pread(fd, f->durable, f->size, 0) != (ssize_t)f->size)
        abort();
    return (int)power_files++;
}

static unsigned char *power_locate(const void *p, int *file, uint64_t *offset)
{
    uintptr_t line = (uintptr_t)p & ~(uintptr_t)63;
    for (size_t i = power_maps; i-- > 0;) {
        struct power_map *m = &power_mapped[i];
        if (line - (uintptr_t)m->at < m->size) {
            *file = m->file;
            *offset = m->offset + (line - (uintptr_t)m->at);
            return (unsigned char *)line;
        }
    }
    fprintf(stderr, "power: %p is in no mapping\n", p);
    abort();
}

static void power_note(const void *p, size_t size)
{
    const char *end = (const char *)p + size;
    for (const char *at = (const char *)((uintptr_t)p & ~(uintptr_t)63); at < end; at += 64) {
        if (power_pending_count == power_pending_room)
            power_pending = realloc(power_pending, (power_pending_room = power_pending_room * 2 + 64)
                                                       * sizeof *power_pending);
        struct power_line *l = &power_pending[power_pending_count++];
        memcpy(l->bytes, power_locate(at, &l->file, &l->offset), 64);
        l->thread = power_thread();
    }
}

/* Of the line in `to`, take each 8 bytes from `other` with probability a half. */
static void power_tear(unsigned char *to, const unsigned char *other)
{
    for (int i = 0; i < 8; i++)
        if (power_random() >> 20 & 1)
            memcpy(to + 8 * i, other + 8 * i, 8);
}

static void power_choose_line(int file, uint64_t offset, const unsigned char *current, unsigned char *out)
{
    const unsigned char *durable = power_file[file].durable + offset;
    const unsigned char *version[66];
    size_t count = 0;
    version[count++] = durable;
    for (size_t i = 0; i < power_pending_count && count < 64; i++)
        if (power_pending[i].file == file && power_pending[i].offset == offset)
            version[count++] = power_pending[i].bytes;
    version[count++] = current;
    size_t chosen = (power_random() >> 11) % count;
    memcpy(out, version[chosen], 64);
    if (chosen > 0 && (power_random() >> 9) % 5 < 2)
        power_tear(out, version[chosen - 1]);
}

static void power_write(const char *name, const void *bytes, uint64_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", power_to_dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
}

static unsigned char *power_read(const char *name, uint64_t *size)
{
    char path[512];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", power_from_dir, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) != 0)
        abort();
    unsigned char *bytes = malloc((size_t)s.st_size + 64);
    *size = (uint64_t)s.st_size;
    if (read(fd, bytes, *size) != (ssize_t)*size)
        abort();
    close(fd);
    return bytes;
}

static __attribute__((unused)) void power_cut(void)
{
    DIR *d;
    mkdir(power_to_dir, 0700);
    d = opendir(power_to_dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    d = opendir(power_from_dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        uint64_t size;
        if (e->d_name[0] == '.')
            continue;
        unsigned char *bytes = power_read(e->d_name, &size);
        for (size_t f = 0; f < power_files; f++) {
            if (strcmp(power_file[f].name, e->d_name) != 0)
                continue;
            /* Pending versions can outlive the difference: look at all lines that have one. */
            for (uint64_t at = 0; at + 64 <= size && at + 64 <= power_file[f].size; at += 64) {
                bool differs = memcmp(bytes + at, power_file[f].durable + at, 64) != 0;
                for (size_t i = 0; !differs && i < power_pending_count; i++)
                    differs = power_pending[i].file == (int)f && power_pending[i].offset == at;
                if (differs) {
                    unsigned char line[64];
                    power_choose_line((int)f, at, bytes + at, line);
                    memcpy(bytes + at, line, 64);
                }
            }
        }
        power_write(e->d_name, bytes, size);
        free(bytes);
    }
    closedir(d);
    _exit(POWER_CUT_STATUS);
}

/* Called with the mutex, which is never let go at the cut. */
static void power_event(void)
{
    if (!power_paused && power_left-- == 0)
        power_cut();
}

static void power_copy(struct medium *m, void *dst, const void *src, size_t size)
{
    pthread_mutex_lock(&power_mutex);
    for (size_t at = 0; at < size; at += 64) {
        size_t part = size - at < 64 ? size - at : 64;
        power_event();
        power_real->copy(m, (char *)dst + at, (const char *)src + at, part);
        power_note((char *)dst + at, part);
    }
    pthread_mutex_unlock(&power_mutex);
}

static void power_flush(struct medium *m, const void *p, size_t size)
{
    (void)m;
    pthread_mutex_lock(&power_mutex);
    power_event();
    power_note(p, size);
    pthread_mutex_unlock(&power_mutex);
}

static void power_fence(struct medium *m)
{
    static __thread unsigned calls;
    (void)m;
    /* Let others go on between the stores and the fence, as they would on other cores. */
    if (calls++ % 3 == 0 && !power_paused)
        usleep(20);
    pthread_mutex_lock(&power_mutex);
    power_event();
    size_t kept = 0;
    uintptr_t self = power_thread();
    for (size_t i = 0; i < power_pending_count; i++) {
        struct power_line *l = &power_pending[i];
        /* Ours becomes durable; and what others had pending of this line before is in it. */
        bool done = false;
        for (size_t j = i; j < power_pending_count && !done; j++)
            done = power_pending[j].thread == self && power_pending[j].file == l->file
                   && power_pending[j].offset == l->offset;
        if (done)
            memcpy(power_file[l->file].durable + l->offset, l->bytes, 64);
        else
            power_pending[kept++] = *l;
    }
    power_pending_count = kept;
    power_event();
    pthread_mutex_unlock(&power_mutex);
}

static int power_sync(struct medium *m, int fd)
{
    (void)m;
    pthread_mutex_lock(&power_mutex);
    power_event();
    struct power_file *f = &power_file[power_find(fd)];
    if (pread(fd, f->durable, f->size, 0) < 0)
        abort();
    pthread_mutex_unlock(&power_mutex);
    return 0;
}

static int power_allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    pthread_mutex_lock(&power_mutex);
    power_event();
    struct power_file *f = &power_file[power_find(fd)];
    int status = power_real->allocate(m, fd, offset, size);
    if (status == 0 && offset + size > f->size) {
        f->durable = realloc(f->durable, offset + size);
        memset(f->durable + f->size, 0, offset + size - f->size);
        f->size = offset + size;
    }
    pthread_mutex_unlock(&power_mutex);
    return status;
}

static void *power_map(struct medium *m, void *address, size_t size, int fd, uint64_t offset)
{
    void *got = power_real->map(m, address, size, fd, offset);
    pthread_mutex_lock(&power_mutex);
    if (got != MAP_FAILED) {
        if (power_maps == POWER_MAPS)
            abort();
        power_mapped[power_maps++] = (struct power_map){ got, size, offset, power_find(fd) };
    }
    pthread_mutex_unlock(&power_mutex);
    return got;
}

static const struct medium_table *power_table(struct medium *m, const struct medium_table *real)
{
    static struct medium_table table;
    (void)m;
    power_real = real;
    table = *real;
    table.copy = power_copy;
    table.flush = power_flush;
    table.fence = power_fence;
    table.sync = power_sync;
    table.allocate = power_allocate;
    table.map = power_map;
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
