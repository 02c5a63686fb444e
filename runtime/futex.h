/* futex.h: sleeping on a word, with a time limit. */
#ifndef PSM_FUTEX_H
#define PSM_FUTEX_H
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Returns when woken, when *word is not `value` any more, after `ns`, or for no reason. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t ns)
{
    struct timespec limit = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &limit, NULL, 0);
}

static inline void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
#endif
