/* files.c: opening a machine's files, and the options that say how. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"

#define NEIGHBOURS_MAX 4096 /* directories that are looked into, at most */

int file_open(const char *directory, int directory_fd, const char *name, int *fd)
{
    struct stat s;
    int status;
    int opened = openat(directory_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0) {
        switch (errno) {
        case ENOENT:
            return psm_fail(PSM_ETRUNCATED, "%s/%s is missing", directory, name);
        case EACCES:
        case EROFS:
        case EPERM:
            return psm_fail(PSM_EREADONLY, "%s/%s cannot be opened for writing: %s", directory, name,
                            strerror(errno));
        case ELOOP:
            return psm_fail(PSM_EUNSAFE, "%s/%s is a symbolic link", directory, name);
        default:
            return psm_fail_system("cannot open a file of", directory);
        }
    }
    if (fstat(opened, &s) != 0)
        status = psm_fail_system("cannot stat a file of", directory);
    else if (!S_ISREG(s.st_mode))
        status = psm_fail(PSM_ENOTPSM, "%s/%s is not a regular file", directory, name);
    else if ((s.st_mode & (S_IWGRP | S_IWOTH)) != 0 || (s.st_uid != geteuid() && s.st_uid != 0))
        status = psm_fail(PSM_EUNSAFE, "%s/%s may be written by others (mode %03o, owner %u): chmod 600",
                          directory, name, s.st_mode & 0777, s.st_uid);
    else if ((s.st_mode & S_IWUSR) == 0)
        status = psm_fail(PSM_EREADONLY, "%s/%s is read-only (mode %03o)", directory, name, s.st_mode & 0777);
    else {
        *fd = opened;
        return 0;
    }
    close(opened);
    return status;
}

/* A bit for the address slot of the machine in directory `name`, if there is one. */
static uint32_t slot_of(int parent_fd, const char *name)
{
    struct super super;
    char path[NAME_MAX + 8];
    snprintf(path, sizeof path, "%s/super", name);
    int fd = openat(parent_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return 0;
    bool sound = pread(fd, &super, sizeof super, 0) == sizeof super && super.magic == LAYOUT_MAGIC
                 && super.checksum == super_checksum(&super) && super.slot < PSM_SLOT_COUNT;
    close(fd);
    return sound ? UINT32_C(1) << super.slot : 0;
}

uint32_t files_slots_beside(const char *directory)
{
    char parent[PATH_MAX];
    uint32_t slots = 0;
    snprintf(parent, sizeof parent, "%s/..", directory);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL && fd >= 0)
        close(fd);
    int left = NEIGHBOURS_MAX;
    for (struct dirent *e; d != NULL && left > 0 && (e = readdir(d)) != NULL;)
        if ((e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) && e->d_name[0] != '.') {
            slots |= slot_of(fd, e->d_name);
            left--;
        }
    if (d != NULL)
        closedir(d);
    return slots;
}

static uint64_t power_of_two(uint64_t value)
{
    uint64_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

int options_check(struct psm_options *to, const struct psm_options *from)
{
    memset(to, 0, sizeof *to);
    if (from != NULL)
        *to = *from;
    const uint32_t known = PSM_CREATE | PSM_OPEN | PSM_RO_NOWAIT | PSM_ACCEPT_LOSS | PSM_DROP_POISON
                           | PSM_REPLAY_NATIVE | PSM_CHECK;
    if ((to->flags & ~known) != 0)
        return psm_fail(PSM_EINVAL, "options.flags has unknown bits: %#x", to->flags & ~known);
    if ((to->flags & PSM_CREATE) && (to->flags & PSM_OPEN))
        return psm_fail(PSM_EINVAL, "options.flags has both PSM_CREATE and PSM_OPEN");
    if (to->medium > PSM_MEDIUM_FILE)
        return psm_fail(PSM_EINVAL, "options.medium is %d", (int)to->medium);
    if (to->log_bytes == 0)
        to->log_bytes = UINT64_C(64) << 20;
    if (to->log_bytes < 65536 || to->log_bytes > PSM_WINDOW_LOG_MAX)
        return psm_fail(PSM_EINVAL, "options.log_bytes is %lu, and may be 64 KiB to 4 GiB",
                        (unsigned long)to->log_bytes);
    to->log_bytes = power_of_two(to->log_bytes);
    if (to->capacity_bytes != 0
        && (to->capacity_bytes < HEAP_CAPACITY_MIN || to->capacity_bytes > UINT64_C(60) << 30))
        return psm_fail(PSM_EINVAL, "options.capacity_bytes is %lu, and may be 1 MiB to 60 GiB",
                        (unsigned long)to->capacity_bytes);
    uint64_t capacity = to->capacity_bytes != 0 ? to->capacity_bytes : UINT64_C(32) << 30;
    if (to->root_size > capacity / 2)
        return psm_fail(PSM_EINVAL, "options.root_size is %zu, more than half the capacity", to->root_size);
    if (to->address_slot > PSM_SLOT_COUNT)
        return psm_fail(PSM_EINVAL, "options.address_slot is %u, and may be 1 to %d", to->address_slot,
                        PSM_SLOT_COUNT);
    if (to->private_bytes == 0)
        to->private_bytes = UINT64_C(256) << 20;
    return 0;
}
