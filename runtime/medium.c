/* medium.c: the real media, persistent memory and files. See medium.h.
 *
 * The stores, flushes and fences are written out here rather than taken from libpmem:
 * its pmem_memcpy decides anew at every call, and an append is three lines. libpmem says
 * what memory is persistent and whether caches are.
 *
 * PMEM_IS_PMEM_FORCE=1 makes libpmem call any mapping persistent. It is believed on tmpfs
 * only, the stand-in for tests; on a disk file system page cache would be called durable. */
#include "medium.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <libpmem.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif

#define PROBE_BYTES (UINT64_C(2) << 20) /* one huge page: what DAX likes best */

medium_hook *medium_override;

static void copy_streaming(struct medium *m, void *dst, const void *src, size_t size)
{
    (void)m;
    const __m128i *from = src;
    for (__m128i *to = dst, *end = (__m128i *)((char *)dst + size); to < end; to++, from++)
        _mm_stream_si128(to, _mm_loadu_si128(from));
}

static void copy_cached(struct medium *m, void *dst, const void *src, size_t size)
{
    (void)m;
    memcpy(dst, src, size);
}

#define EACH_LINE(p, size, line)                                                         \
    for (char *line = (char *)((uintptr_t)(p) & ~(uintptr_t)63), *end_ = (char *)(p) + (size); \
         line < end_; line += 64)

__attribute__((target("clwb"))) static void flush_clwb(struct medium *m, const void *p, size_t size)
{
    (void)m;
    EACH_LINE(p, size, line)
        _mm_clwb(line);
}

__attribute__((target("clflushopt"))) static void flush_clflushopt(struct medium *m, const void *p,
                                                                   size_t size)
{
    (void)m;
    EACH_LINE(p, size, line)
        _mm_clflushopt(line);
}

static void flush_clflush(struct medium *m, const void *p, size_t size)
{
    (void)m;
    EACH_LINE(p, size, line)
        _mm_clflush(line);
}

static void flush_nothing(struct medium *m, const void *p, size_t size)
{
    (void)m, (void)p, (void)size;
}

static void fence_store(struct medium *m)
{
    (void)m;
    _mm_sfence();
}

/* A file that would become longer than RLIMIT_FSIZE lets it raises a signal that ends the
 * process. While it is blocked the call fails with EFBIG, and that is all. */
void medium_limit_begin(struct medium_limit *limit)
{
    sigset_t pending;
    sigemptyset(&limit->signal);
    sigaddset(&limit->signal, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit->signal, &limit->before);
    limit->not_ours = sigismember(&limit->before, SIGXFSZ) && sigpending(&pending) == 0
                      && sigismember(&pending, SIGXFSZ);
}

void medium_limit_end(struct medium_limit *limit)
{
    int reason = errno;
    while (!limit->not_ours && sigtimedwait(&limit->signal, NULL, &(struct timespec){ 0 }) == SIGXFSZ)
        ;
    pthread_sigmask(SIG_SETMASK, &limit->before, NULL);
    errno = reason;
}

static int write_all(int fd, const void *p, size_t size, uint64_t offset)
{
    const char *from = p;
    while (size > 0) {
        ssize_t done = pwrite(fd, from, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            if (done == 0)
                errno = ENOSPC;
            return -1;
        }
        from += done, size -= (size_t)done, offset += (uint64_t)done;
    }
    return 0;
}

static int write_at(struct medium *m, int fd, const void *p, size_t size, uint64_t offset)
{
    struct medium_limit limit;
    (void)m;
    medium_limit_begin(&limit);
    int status = write_all(fd, p, size, offset);
    medium_limit_end(&limit);
    return status;
}

static int sync_data(struct medium *m, int fd)
{
    (void)m;
    int status;
    do
        status = fdatasync(fd);
    while (status != 0 && errno == EINTR);
    return status;
}

/* Only read. Not const: in .bss it is no part of every program's text. */
static char zeros[1 << 16];

int medium_write_zeros(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    for (uint64_t done = 0, part; done < size; done += part) {
        part = size - done < sizeof zeros ? size - done : sizeof zeros;
        if (medium_write_at(m, fd, zeros, part, offset + done) != 0)
            return -1;
    }
    return 0;
}

static int allocate_all(int fd, uint64_t offset, uint64_t size)
{
    int status;
    do
        status = fallocate(fd, 0, (off_t)offset, (off_t)size);
    while (status != 0 && errno == EINTR);
    if (status == 0 || errno != EOPNOTSUPP)
        return status;
    /* A file system without fallocate: writing zeros is what reserves space. */
    for (uint64_t done = 0; done < size; done += sizeof zeros) {
        size_t part = size - done < sizeof zeros ? (size_t)(size - done) : sizeof zeros;
        if (write_all(fd, zeros, part, offset + done) != 0)
            return -1;
    }
    return 0;
}

static int allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    struct medium_limit limit;
    (void)m;
    medium_limit_begin(&limit);
    int status = allocate_all(fd, offset, size);
    medium_limit_end(&limit);
    return status;
}

static int punch(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    (void)m;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}

static void *map_shared(struct medium *m, void *address, size_t size, int fd, uint64_t offset)
{
    int flags = m->synchronous ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
    if (address != NULL)
        flags |= MAP_FIXED;
    return mmap(address, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, (off_t)offset);
}

static struct medium_table table_pm = { copy_streaming, flush_clflush, fence_store, write_at,
                                        sync_data, allocate, punch, map_shared };
static const struct medium_table table_eadr = { copy_cached, flush_nothing, fence_store, write_at,
                                                sync_data, allocate, punch, map_shared };
static const struct medium_table table_file = { copy_cached, flush_nothing, fence_store, write_at,
                                                sync_data, allocate, punch, map_shared };

static void choose_flush(void)
{
    unsigned a, b = 0, c, d;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
        b = 0;
    if (b >> 24 & 1)
        table_pm.flush = flush_clwb;
    else if (b >> 23 & 1)
        table_pm.flush = flush_clflushopt;
}

/* Ask libpmem about a file of the directory: a machine's superblock, or else one made for
 * the purpose. 1, 0, or -1 with errno if there is no room for that. */
static int ask_pmem(int directory_fd, int *synchronous)
{
    char path[64];
    struct statfs fs;
    int is_pmem = 0;
    size_t mapped;
    *synchronous = 0;
    int fd = openat(directory_fd, "super", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool machine = fd >= 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", machine ? fd : directory_fd);
    void *p = machine ? pmem_map_file(path, 0, 0, 0, &mapped, &is_pmem)
                      : pmem_map_file(path, PROBE_BYTES, PMEM_FILE_CREATE | PMEM_FILE_TMPFILE, 0600, &mapped,
                                      &is_pmem);
    if (p == NULL) {
        int reason = errno; /* or there is no such thing as O_TMPFILE: an ordinary file */
        if (machine)
            close(fd);
        errno = reason;
        return !machine && (reason == ENOSPC || reason == EDQUOT || reason == EFBIG) ? -1 : 0;
    }
    pmem_unmap(p, mapped);
    if (is_pmem && !machine) {
        fd = openat(directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0 && ftruncate(fd, (off_t)mapped) != 0)
            is_pmem = 0;
    }
    /* Real DAX takes MAP_SYNC. If this does not, is_pmem was forced. */
    if (is_pmem && fd >= 0) {
        p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
        if (p != MAP_FAILED) {
            munmap(p, mapped);
            *synchronous = 1;
        }
    }
    is_pmem = is_pmem && fd >= 0
              && (*synchronous || (fstatfs(directory_fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC));
    if (fd >= 0)
        close(fd);
    return is_pmem;
}

/* The answer is the file system's, and asking takes a file of 2 MiB: once for each. */
static int is_pmem_directory(int directory_fd, int *synchronous)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct { dev_t device; int known, is_pmem, synchronous; } answer[4];
    static unsigned answers;
    struct stat s;
    if (fstat(directory_fd, &s) != 0)
        return 0;
    pthread_mutex_lock(&mutex);
    unsigned i = 0;
    while (i < 4 && !(answer[i].known && answer[i].device == s.st_dev))
        i++;
    if (i == 4) {
        i = answers++ % 4;
        answer[i].is_pmem = ask_pmem(directory_fd, &answer[i].synchronous);
        answer[i].device = s.st_dev;
        /* No may come of something that passes. */
        answer[i].known = answer[i].is_pmem > 0;
    }
    int is_pmem = answer[i].is_pmem, reason = errno;
    *synchronous = answer[i].synchronous;
    pthread_mutex_unlock(&mutex);
    errno = reason;
    return is_pmem;
}

int medium_open(struct medium *medium, enum psm_medium wanted, int directory_fd, const char *path)
{
    memset(medium, 0, sizeof *medium);
    int is_pmem = wanted == PSM_MEDIUM_FILE ? 0 : is_pmem_directory(directory_fd, &medium->synchronous);
    if (is_pmem < 0)
        return psm_fail_system("there is no room for a machine in", path);
    if (wanted == PSM_MEDIUM_PM && !is_pmem)
        return psm_fail(PSM_EINVAL,
                        "%s does not lie on persistent memory (a DAX file system; PMEM_IS_PMEM_FORCE=1 "
                        "is honoured on tmpfs only)", path);
    if (is_pmem) {
        choose_flush();
        medium->kind = PSM_MEDIUM_PM;
        medium->auto_flush = medium->synchronous && pmem_has_auto_flush() == 1;
        medium->table = medium->auto_flush ? &table_eadr : &table_pm;
    } else {
        medium->kind = PSM_MEDIUM_FILE;
        medium->table = &table_file;
    }
    if (medium_override != NULL)
        medium->table = medium_override(medium, medium->table);
    return 0;
}
