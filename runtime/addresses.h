/* addresses.h: who lives where in the process's address space.
 *
 * Everything the runtime maps lies at an address fixed at compile time, in ranges
 * that ASLR, ASan and TSan leave alone (x86-64, 47-bit user space):
 *
 *   0x000000400000  the executable (non-PIE)
 *   0x110000400000  its mirror: .rodata, .data, .bss at +delta
 *   0x200000000000  marks: one bit per 32-byte block of what lies at +delta
 *   0x570000000000  arenas, D: 32 slots of 64 GiB
 *   0x590000000000  windows: 32 of 32 GiB, one per slot: what else ops see
 *   0x680000000000  arenas, P (D + delta)
 *   0x6a0000000000  windows at +delta
 *
 * Delta is one for the process: a shadow function adds it to every pointer it
 * follows, and needs no test of where the pointer came from. */
#ifndef PSM_ADDRESSES_H
#define PSM_ADDRESSES_H
#include <assert.h>
#include <stdint.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(thread_sanitizer)
/* ThreadSanitizer's own memory lies where the mirror, the marks and P would be. It leaves
 * programs two ranges: all has to fit there. */
#define PSM_DELTA         UINT64_C(0x018000000000)
#define PSM_MARKS         UINT64_C(0x010000000000)
#define PSM_SLOT_COUNT    16
#else
#define PSM_DELTA         UINT64_C(0x110000000000)
#define PSM_MARKS         UINT64_C(0x200000000000)
#define PSM_SLOT_COUNT    32
#endif

#define PSM_ARENA_LOW     UINT64_C(0x570000000000)
#define PSM_ARENA_SIZE    (UINT64_C(1) << 36) /* of one slot */
#define PSM_ARENA_MAX     (PSM_ARENA_SIZE - (UINT64_C(1) << 30)) /* of it that a state may have */
#define PSM_ARENA_HIGH    (PSM_ARENA_LOW + PSM_SLOT_COUNT * PSM_ARENA_SIZE)

#define PSM_WINDOW_LOW    PSM_ARENA_HIGH
#define PSM_WINDOW_SIZE   (UINT64_C(1) << 35)
#define PSM_WINDOW_HIGH   (PSM_WINDOW_LOW + PSM_SLOT_COUNT * PSM_WINDOW_SIZE)
/* Inside a window: */
#define PSM_WINDOW_LOG    UINT64_C(0)                 /* the log, twice in a row: up to 2 x 4 GiB */
#define PSM_WINDOW_LOG_MAX (UINT64_C(4) << 30)
#define PSM_WINDOW_EXTENT (UINT64_C(10) << 30)        /* a large argument, up to 1 GiB */
#define PSM_WINDOW_OUT    (UINT64_C(14) << 30)        /* the op's out, up to 4 GiB */
#define PSM_WINDOW_STACK  (UINT64_C(20) << 30)        /* the replay thread's stack */
#define PSM_STACK_SIZE    (UINT64_C(64) << 20)

#define PSM_BLOCK         32 /* bytes; the unit of undo logging */

#if !__has_feature(thread_sanitizer)
static_assert(PSM_ARENA_HIGH == UINT64_C(0x590000000000), "as drawn above");
static_assert(PSM_WINDOW_HIGH == UINT64_C(0x5a0000000000), "as drawn above");
#endif
#endif
