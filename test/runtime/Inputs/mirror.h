/* mirror.h: a mirror to try wrappers of libc in, without a machine.
 *
 * D and P are two buffers at A and A + delta, equal at first. TRY runs a libc function on
 * D and its wrapper with the very same arguments, and demands that
 *
 *   both return the same, and leave the same errno
 *   the wrapper never looks at D
 *   P and D are equal afterwards, every byte of them
 *   no byte of P changed before it was announced
 *   no byte was announced that libc would not have written (but see LOOSE)
 *
 * Which bytes libc writes is found out by trying each call several times over different
 * old contents: a byte that never changed was not written. For that the buffers have two
 * halves: what tests put into the lower one is kept, the upper one is random each time. */
#ifndef MIRROR_H
#define MIRROR_H
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "addresses.h"

enum { MIRROR_SIZE = 1 << 14, MIRROR_UPPER = MIRROR_SIZE / 2, TRIES = 4 };

uint64_t __psm_delta = PSM_DELTA;
static unsigned char *const mirror_d = (unsigned char *)PSM_ARENA_LOW;
static unsigned char *const mirror_p = (unsigned char *)(PSM_ARENA_LOW + PSM_DELTA);
static unsigned char mirror_master[MIRROR_SIZE], mirror_before[MIRROR_SIZE];
static bool mirror_announced[MIRROR_SIZE], mirror_ever_announced[MIRROR_SIZE];
static bool mirror_written[MIRROR_SIZE];
static const char *mirror_call = "";
static uint64_t mirror_random_state = 88172645463325252;
static size_t mirror_heap; /* P's and D's allocators hand out the same addresses */
static int failures;

static uint64_t random_bits(void)
{
    mirror_random_state ^= mirror_random_state << 13;
    mirror_random_state ^= mirror_random_state >> 7;
    return mirror_random_state ^= mirror_random_state << 17;
}

static size_t random_below(size_t limit) { return random_bits() % limit; }

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    printf("FAIL %s: ", mirror_call);
    vprintf(format, list);
    putchar('\n');
    va_end(list);
    if (++failures > 20)
        exit(1);
}

__attribute__((preserve_most)) void __psm_log_range(void *twin, uint64_t size)
{
    uint64_t offset = (unsigned char *)twin - mirror_p;
    if (size == 0)
        return;
    if (offset >= MIRROR_SIZE || size > MIRROR_SIZE - offset) {
        fail("announces %p, %llu bytes, which is not in P", twin, (unsigned long long)size);
        return;
    }
    for (uint64_t i = offset; i < offset + size; i++) {
        if (!mirror_announced[i] && mirror_p[i] != mirror_before[i])
            fail("byte %#llx changed before it was announced", (unsigned long long)i);
        mirror_announced[i] = mirror_ever_announced[i] = true;
    }
}

/* The rest of what wrappers want of the runtime. */
__thread struct psm *psm_current, *psm_replaying, *psm_reading;
__thread uint64_t psm_ops_replayed __attribute__((visibility("hidden")));

_Noreturn void psm_fatal(const char *format, ...)
{
    fail("psm_fatal: %s", format);
    exit(1);
}

_Noreturn void psm_replay_trap(const char *format, ...)
{
    fail("psm_replay_trap: %s", format);
    exit(1);
}

static void *mirror_malloc(size_t size)
{
    void *block = mirror_d + mirror_heap;
    mirror_heap += (size + 31) & ~(size_t)31;
    if (mirror_heap > MIRROR_SIZE)
        abort();
    return block;
}
void *psm_malloc(size_t size) { return mirror_malloc(size); }
void *psm_w_malloc(size_t size) { return mirror_malloc(size); }

static void mirror_open(void)
{
    for (int i = 0; i < 2; i++)
        if (mmap(i ? mirror_p : mirror_d, MIRROR_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)(i ? mirror_p : mirror_d))
            abort();
}

/* Canonical address of `size` bytes of input at an offset of the lower half. */
static void *put(size_t offset, const void *bytes, size_t size)
{
    if (offset + size > MIRROR_UPPER)
        abort();
    memcpy(mirror_master + offset, bytes, size);
    return mirror_d + offset;
}

/* Room for results in the upper half. */
static void *room(size_t offset) { return mirror_d + MIRROR_UPPER + offset; }

static void mirror_forget(void)
{
    memset(mirror_ever_announced, 0, sizeof mirror_ever_announced);
    memset(mirror_written, 0, sizeof mirror_written);
}

static void mirror_fill(void)
{
    for (size_t i = MIRROR_UPPER; i < MIRROR_SIZE; i += 8)
        memcpy(mirror_master + i, &(uint64_t){random_bits()}, 8);
    memcpy(mirror_d, mirror_master, MIRROR_SIZE);
    memcpy(mirror_p, mirror_master, MIRROR_SIZE);
    memcpy(mirror_before, mirror_master, MIRROR_SIZE);
    memset(mirror_announced, 0, sizeof mirror_announced);
    mirror_heap = MIRROR_SIZE * 3 / 4;
}

static void mirror_compare(void)
{
    for (size_t i = 0; i < MIRROR_SIZE; i++) {
        if (mirror_p[i] != mirror_before[i] && !mirror_announced[i])
            fail("byte %#zx was never announced", i);
        if (mirror_d[i] != mirror_before[i])
            mirror_written[i] = true;
        if (mirror_d[i] != mirror_p[i]) {
            fail("byte %#zx is %02x in D, %02x in P", i, mirror_d[i], mirror_p[i]);
            break;
        }
    }
}

static void mirror_exact(void)
{
    for (size_t i = MIRROR_UPPER; i < MIRROR_SIZE; i++)
        if (mirror_ever_announced[i] && !mirror_written[i]) {
            fail("byte %#zx was announced and not written", i);
            break;
        }
}

#define TRY_(type, exact, in_libc, in_shadow)                                           \
    do {                                                                                \
        mirror_call = #in_shadow;                                                       \
        mirror_forget();                                                                \
        for (int try_ = 0; try_ < TRIES; try_++) {                                      \
            mirror_fill();                                                              \
            errno = 0;                                                                  \
            type in_libc_ = in_libc;                                                    \
            int errno_ = errno;                                                         \
            mirror_heap = MIRROR_SIZE * 3 / 4;                                          \
            errno = 0;                                                                  \
            mprotect(mirror_d, MIRROR_SIZE, PROT_NONE); /* the wrapper has no business there */ \
            type in_shadow_ = in_shadow;                                                \
            int shadow_errno_ = errno;                                                  \
            mprotect(mirror_d, MIRROR_SIZE, PROT_READ | PROT_WRITE);                    \
            errno = shadow_errno_;                                                      \
            if (errno != errno_)                                                        \
                fail("errno is %d, in libc %d", errno, errno_);                         \
            if (memcmp(&in_libc_, &in_shadow_, sizeof(type) > 10 ? 10 : sizeof(type)))  \
                fail("the results differ: %llx, in libc %llx",                          \
                     (unsigned long long)(in_shadow_), (unsigned long long)(in_libc_)); \
            mirror_compare();                                                           \
        }                                                                               \
        if (exact)                                                                      \
            mirror_exact();                                                             \
    } while (0)

/* A call of libc's, and the same of the wrapper; TRY_VOID if they return nothing. */
#define TRY(type, in_libc, in_shadow)   TRY_(type, true, in_libc, in_shadow)
#define TRY_VOID(in_libc, in_shadow)    TRY_(int, true, ((in_libc), 0), ((in_shadow), 0))
/* Where the wrapper may announce more than libc happens to write. */
#define LOOSE(type, in_libc, in_shadow) TRY_(type, false, in_libc, in_shadow)

/* A random string of up to `length_max` characters of `alphabet`, in the lower half. */
static inline char *put_string(size_t offset, size_t length_max, const char *alphabet)
{
    char text[4096];
    size_t length = random_below(length_max + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[random_below(strlen(alphabet))];
    text[length] = 0;
    return put(offset, text, length + 1);
}

static inline int mirror_close(void)
{
    if (!failures)
        puts("all the same");
    return failures != 0;
}
#endif
