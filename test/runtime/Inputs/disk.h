/* disk.h: a disk, and a page cache before it, that do what disks do, under libpsm's own
 * system calls: pwrite, fdatasync and fallocate of a program that includes this are these.
 *
 * The files of one directory are the page cache; what is on the disk for certain is kept
 * beside, in memory shared by the processes that come and go. Writes are pending, by
 * sectors of 512 bytes, until a sync. A power cut takes each pending sector, and a file's
 * new length, or does not. Writes are short or interrupted now and then. On demand the k-th
 * call fails: a write in its middle with EIO or ENOSPC, an allocation with ENOSPC a few
 * times, or a sync with EIO, and then, as in Linux, the pages that could not be written
 * count as clean: they are in the page cache, not on the disk, and no later sync tells. */
#ifndef DISK_H
#define DISK_H
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hash.h"

#define DISK_FILES  8
#define DISK_ROOM   (UINT64_C(64) << 20) /* bytes a file may have */
#define DISK_SECTOR 512

enum disk_fault { DISK_SOUND, DISK_WRITE_EIO, DISK_WRITE_ENOSPC, DISK_SYNC_EIO, DISK_ALLOCATE_ENOSPC, DISK_FAULTS };

struct disk_file {
    char name[64];
    uint64_t size, durable_size;
    unsigned char *durable;  /* DISK_ROOM */
    unsigned char pending[DISK_ROOM / DISK_SECTOR]; /* written since the last sync */
};

struct disk {
    char directory[256];
    uint64_t seed;
    int64_t left;            /* calls until what is due happens; negative: it has */
    enum disk_fault fault;   /* what is due; DISK_SOUND: the power goes */
    int refusals;            /* allocations still to be refused */
    int paused, failed;      /* failed: the fault has happened */
    const char *only;        /* a power cut takes all that is pending of this file, no other's; NULL: at random */
    unsigned files;
    struct disk_file file[DISK_FILES];
};
static struct disk *disk;
static pthread_mutex_t disk_mutex = PTHREAD_MUTEX_INITIALIZER;

#define DISK_CUT_STATUS 42

static inline uint64_t disk_random(uint64_t below)
{
    disk->seed = hash_fold(disk->seed ^ HASH_1, HASH_3 + disk->seed);
    return (disk->seed >> 11) % below;
}

/* The model of the file behind fd, or NULL if it does not lie on this disk. */
static struct disk_file *disk_find(int fd)
{
    char link[64], path[512];
    struct stat s;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    size_t length = strlen(disk->directory);
    if (strncmp(path, disk->directory, length) != 0 || path[length] != '/' || fstat(fd, &s) != 0)
        return NULL;
    const char *name = path + length + 1;
    for (unsigned i = 0; i < disk->files; i++)
        if (strcmp(disk->file[i].name, name) == 0)
            return &disk->file[i];
    if (disk->files == DISK_FILES)
        abort();
    struct disk_file *f = &disk->file[disk->files++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->size = f->durable_size = (uint64_t)s.st_size;
    if (f->size > DISK_ROOM || pread(fd, f->durable, f->size, 0) != (ssize_t)f->size)
        abort();
    return f;
}

/* The power goes: what the disk has is what the files are from now on. */
static void disk_cut(void)
{
    static unsigned char bytes[DISK_SECTOR];
    for (unsigned i = 0; i < disk->files; i++) {
        struct disk_file *f = &disk->file[i];
        char path[512];
        snprintf(path, sizeof path, "%s/%s", disk->directory, f->name);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
            abort();
        uint64_t taken = disk_random(9); /* eighths of what is pending */
        uint64_t size = disk_random(2) ? f->size : f->durable_size;
        if (disk->only != NULL) {
            taken = strcmp(f->name, disk->only) == 0 ? 8 : 0;
            size = taken != 0 ? f->size : f->durable_size;
        }
        for (uint64_t at = 0; at < f->size; at += DISK_SECTOR) {
            uint64_t part = f->size - at < DISK_SECTOR ? f->size - at : DISK_SECTOR;
            bool keep = f->pending[at / DISK_SECTOR] && disk_random(8) < taken;
            if (pread(fd, bytes, part, (off_t)at) != (ssize_t)part)
                abort();
            if (strcmp(f->name, "super") != 0 && !keep && memcmp(bytes, f->durable + at, part) != 0
                && syscall(SYS_pwrite64, fd, f->durable + at, part, at) != (long)part)
                abort();
            if (pread(fd, f->durable + at, part, (off_t)at) != (ssize_t)part)
                abort();
            f->pending[at / DISK_SECTOR] = 0;
        }
        if (ftruncate(fd, (off_t)size) != 0)
            abort();
        memset(f->durable + size, 0, f->size - size); /* should it grow again */
        f->size = f->durable_size = size;
        close(fd);
    }
    _exit(DISK_CUT_STATUS);
}

/* A call has come, under the mutex: whether the fault that is due is of this kind, and now. */
static int disk_due(enum disk_fault a, enum disk_fault b)
{
    if (disk->paused || disk->failed)
        return 0;
    if (disk->left > 0)
        disk->left--;
    if (disk->left > 0)
        return 0;
    if (disk->fault == DISK_SOUND)
        disk_cut();
    return disk->failed = disk->fault == a || disk->fault == b;
}

ssize_t pwrite(int fd, const void *p, size_t size, off_t offset)
{
    pthread_mutex_lock(&disk_mutex);
    struct disk_file *f = disk != NULL ? disk_find(fd) : NULL;
    if (f == NULL) {
        pthread_mutex_unlock(&disk_mutex);
        return syscall(SYS_pwrite64, fd, p, size, offset);
    }
    int due = disk_due(DISK_WRITE_EIO, DISK_WRITE_ENOSPC);
    if (due && disk_random(2)) {
        pthread_mutex_unlock(&disk_mutex);
        errno = disk->fault == DISK_WRITE_EIO ? EIO : ENOSPC;
        return -1;
    }
    if (due) { /* the rest of it fails at the next call */
        disk->failed = 0;
        size = size / 2 + 1;
    } else if (!disk->paused && disk_random(16) == 0) {
        pthread_mutex_unlock(&disk_mutex);
        errno = EINTR;
        return -1;
    } else if (!disk->paused && disk_random(4) == 0) {
        size = 1 + disk_random(size);
    }
    if ((uint64_t)offset + size > DISK_ROOM)
        abort();
    ssize_t done = syscall(SYS_pwrite64, fd, p, size, offset);
    for (uint64_t at = (uint64_t)offset / DISK_SECTOR; done > 0 && at * DISK_SECTOR < (uint64_t)offset + (uint64_t)done; at++)
        f->pending[at] = 1;
    if (done > 0 && (uint64_t)offset + (uint64_t)done > f->size)
        f->size = (uint64_t)offset + (uint64_t)done;
    pthread_mutex_unlock(&disk_mutex);
    return done;
}

static int disk_sync(int fd, long call)
{
    pthread_mutex_lock(&disk_mutex);
    struct disk_file *f = disk != NULL ? disk_find(fd) : NULL;
    if (f == NULL) {
        pthread_mutex_unlock(&disk_mutex);
        return (int)syscall(call, fd);
    }
    int due = disk_due(DISK_SYNC_EIO, DISK_SYNC_EIO);
    for (uint64_t at = 0; at < f->size; at += DISK_SECTOR) {
        uint64_t part = f->size - at < DISK_SECTOR ? f->size - at : DISK_SECTOR;
        if (f->pending[at / DISK_SECTOR] && (!due || disk_random(2))
            && pread(fd, f->durable + at, part, (off_t)at) != (ssize_t)part)
            abort();
        f->pending[at / DISK_SECTOR] = 0; /* clean, on the disk or not */
    }
    if (!due)
        f->durable_size = f->size;
    pthread_mutex_unlock(&disk_mutex);
    errno = EIO;
    return due ? -1 : 0;
}

int fdatasync(int fd)
{
    return disk_sync(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return disk_sync(fd, SYS_fsync);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    pthread_mutex_lock(&disk_mutex);
    struct disk_file *f = disk != NULL ? disk_find(fd) : NULL;
    if (f != NULL && disk_due(DISK_ALLOCATE_ENOSPC, DISK_ALLOCATE_ENOSPC))
        disk->refusals = 3;
    if (f != NULL && !disk->paused && disk->refusals > 0) {
        disk->refusals--;
        pthread_mutex_unlock(&disk_mutex);
        errno = ENOSPC;
        return -1;
    }
    int status = (int)syscall(SYS_fallocate, fd, mode, offset, size);
    if (f != NULL && status == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && (uint64_t)(offset + size) > f->size) {
        f->size = (uint64_t)(offset + size);
        if (f->size > DISK_ROOM)
            abort();
    }
    pthread_mutex_unlock(&disk_mutex);
    return status;
}

/* Once, before processes are forked that share it: the directory's files are on the disk. */
static inline void disk_make(const char *directory)
{
    struct disk *d = mmap(NULL, sizeof *d, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned char *rooms = mmap(NULL, DISK_FILES * DISK_ROOM, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (d == MAP_FAILED || rooms == MAP_FAILED || realpath(directory, d->directory) == NULL)
        abort();
    for (int i = 0; i < DISK_FILES; i++)
        d->file[i].durable = rooms + i * DISK_ROOM;
    d->paused = 1;
    disk = d;
}

/* From now on; after `calls` calls the fault happens, or the power goes. */
static inline void disk_start(uint64_t seed, uint64_t calls, enum disk_fault fault)
{
    disk->seed = seed;
    disk->left = (int64_t)calls;
    disk->fault = fault;
    disk->failed = disk->refusals = disk->paused = 0;
}

static inline void disk_pause(int paused)
{
    pthread_mutex_lock(&disk_mutex);
    disk->paused = paused;
    pthread_mutex_unlock(&disk_mutex);
}

static inline void disk_power_off(void)
{
    pthread_mutex_lock(&disk_mutex);
    disk_cut();
}
#endif
