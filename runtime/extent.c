/* extent.c: arguments longer than a quarter of the log: a file each, durable, with its
 * name, before the entry that refers to it is appended.
 *
 * Files are removed when the entry's epoch has been committed, or at the next opening:
 * one that no entry in the log refers to was never of use, or no longer is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"

static void name_of(char name[32], uint64_t sequence)
{
    snprintf(name, 32, "extent-%" PRIx64, sequence);
}

int extent_write(struct psm *m, uint64_t sequence, const void *arg, size_t size)
{
    char name[32];
    name_of(name, sequence);
    int fd = openat(m->directory_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return psm_fail_system("cannot create an extent in", m->directory);
    int status = 0;
    if (medium_allocate(&m->medium, fd, 0, size) != 0 || medium_write_at(&m->medium, fd, arg, size, 0) != 0
        || medium_sync(&m->medium, fd) != 0
        || medium_sync(&m->medium, m->directory_fd) != 0) {
        status = psm_fail_system("cannot write an extent in", m->directory);
        unlinkat(m->directory_fd, name, 0);
    }
    close(fd);
    count_add(&m->bytes_foreground, size);
    return status;
}

int extent_open(struct psm *m, uint64_t sequence, uint64_t bytes)
{
    char name[32];
    struct stat s;
    name_of(name, sequence);
    int fd = openat(m->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && (fstat(fd, &s) != 0 || (uint64_t)s.st_size < bytes)) {
        close(fd);
        errno = ENODATA;
        return -1;
    }
    return fd;
}

int extent_check(struct psm *m, uint64_t sequence, const struct log_extent *e, uint64_t salt)
{
    errno = ENODATA;
    int fd = e->bytes <= PSM_ARG_SIZE_MAX ? extent_open(m, sequence, e->bytes) : -1;
    if (fd < 0 && errno != ENOENT && errno != ENODATA)
        return psm_fail_system("cannot open an extent of", m->directory);
    if (fd < 0)
        return psm_fail(PSM_ECORRUPT, "%s/extent-%" PRIx64 ", the argument of a logged op, is missing or short",
                        m->directory, sequence);
    void *p = mmap(NULL, e->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return psm_fail_system("cannot map an extent of", m->directory);
    bool good = hash_bytes(p, e->bytes, salt) == e->checksum;
    munmap(p, e->bytes);
    if (!good)
        return psm_fail(PSM_ECORRUPT, "%s/extent-%" PRIx64 ", the argument of a logged op, is damaged",
                        m->directory, sequence);
    return 0;
}

void extent_remove(struct psm *m, uint64_t sequence)
{
    int fd = openat(m->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return; /* they cost space, nothing else */
    }
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        char *end;
        if (strncmp(entry->d_name, "extent-", 7) != 0)
            continue;
        uint64_t of = strtoull(entry->d_name + 7, &end, 16);
        if (*end == '\0' && of < sequence)
            unlinkat(m->directory_fd, entry->d_name, 0);
    }
    closedir(d);
}
