/* medium.h: the one door to what survives a crash.
 *
 * All that libpsm does to persistent memory and to files, stores of ops and of their
 * shadow variants aside, goes through this table of functions, so that a test can put
 * in a medium that loses power, tears lines, runs full or lies about fdatasync. Only
 * medium.c includes libpmem's header.
 *
 * Words of durability, on persistent memory:
 *   copy   non-temporal stores: durable after this core's next fence, in any order before
 *          it, possibly torn at 8 bytes
 *   flush  plain stores done before to these lines: durable after this core's next fence
 *   fence  sfence: what this core has copied and flushed before is durable on return, and
 *          no store after it becomes durable before them
 * With eADR stores are durable once visible: copy is memcpy, flush nothing; fence stays,
 * since stores may still be on their way out of the store buffer. */
#ifndef PSM_MEDIUM_H
#define PSM_MEDIUM_H
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "psm.h"

struct medium;

struct medium_table {
    /* dst 16-aligned, size a multiple of 16, src anywhere. */
    void (*copy)(struct medium *, void *dst, const void *src, size_t size);
    void (*flush)(struct medium *, const void *p, size_t size);
    void (*fence)(struct medium *);
    /* Files; 0 or -1 with errno, as the system calls. write_at writes all or fails. */
    int (*write_at)(struct medium *, int fd, const void *p, size_t size, uint64_t offset);
    int (*sync)(struct medium *, int fd);    /* fdatasync; a directory: its names */
    int (*allocate)(struct medium *, int fd, uint64_t offset, uint64_t size); /* grows the file; bytes read zero */
    int (*punch)(struct medium *, int fd, uint64_t offset, uint64_t size);    /* gives the space back; reads zero */
    /* Map `size` bytes of fd at `address` (fixed, replacing a reservation; or anywhere if
     * NULL), shared: with MAP_SYNC where the medium has it. MAP_FAILED with errno. */
    void *(*map)(struct medium *, void *address, size_t size, int fd, uint64_t offset);
};

struct medium {
    const struct medium_table *table;
    enum psm_medium kind;
    int             synchronous; /* map with MAP_SYNC: real DAX, not tmpfs standing in */
    int             auto_flush;  /* eADR */
};

/* Find out what directory `directory_fd` (`path` for messages) lies on and fill in
 * *medium. wanted: PSM_MEDIUM_AUTO or what it has to be.
 * Returns 0, or PSM_EINVAL if it is not what is wanted, PSM_EIO. */
int medium_open(struct medium *medium, enum psm_medium wanted, int directory_fd, const char *path);

/* Tests: a table to be used instead of the real one by machines opened from now on;
 * called with the real one, which it may call on. NULL: back to normal. */
typedef const struct medium_table *medium_hook(struct medium *, const struct medium_table *real);
extern medium_hook *medium_override;

/* Around what may make files longer: what RLIMIT_FSIZE forbids fails with EFBIG, and does no
 * more. Those of the table do so themselves. */
struct medium_limit {
    sigset_t signal, before;
    int      not_ours; /* one was pending already */
};
void medium_limit_begin(struct medium_limit *limit);
void medium_limit_end(struct medium_limit *limit);

static inline void medium_copy(struct medium *m, void *dst, const void *src, size_t size)
{
    m->table->copy(m, dst, src, size);
}
static inline void medium_flush(struct medium *m, const void *p, size_t size)
{
    m->table->flush(m, p, size);
}
static inline void medium_fence(struct medium *m)
{
    m->table->fence(m);
}
static inline int medium_write_at(struct medium *m, int fd, const void *p, size_t size, uint64_t offset)
{
    return m->table->write_at(m, fd, p, size, offset);
}
int medium_write_zeros(struct medium *m, int fd, uint64_t offset, uint64_t size);
static inline int medium_sync(struct medium *m, int fd)
{
    return m->table->sync(m, fd);
}
static inline int medium_allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    return m->table->allocate(m, fd, offset, size);
}
static inline int medium_punch(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    return m->table->punch(m, fd, offset, size);
}
static inline void *medium_map(struct medium *m, void *address, size_t size, int fd, uint64_t offset)
{
    return m->table->map(m, address, size, fd, offset);
}
#endif
