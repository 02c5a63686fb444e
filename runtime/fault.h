/* fault.h: what a crash in replayed code comes to.
 *
 * A fault or abort on a replay thread ends the op, not the process: the machine fails, and
 * the message names the op, the entry, and what lies at the address. On all other threads
 * the handler that was there before goes on. */
#ifndef PSM_FAULT_H
#define PSM_FAULT_H
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

struct psm;

#define FAULT_STACK_BYTES 65536

/* Once per process; the program's own handlers stay in force for its own threads. */
void fault_setup(void);
/* On the replay thread, once: a stack for the handler, and the right signal mask. */
void fault_enter_thread(void);
void fault_leave_thread(void);
/* psm_replay_fail on this thread, which is no replay thread, leaves why to psm_error_detail and
 * comes back to *escape; NULL: ends the process. */
void fault_catch(sigjmp_buf *escape);
/* What it means that an op of m reaches `twin`, where it may not, in the op's terms. */
void fault_describe(const struct psm *m, uint64_t twin, char *text, size_t size);
#endif
