/* step.h: a replay thread that is stopped after each of its instructions.
 *
 * Between two calls of the medium a line may have been given more values than the last, and
 * any of them may have reached the medium. Stepped, each is seen: the processor's trap flag
 * raises SIGTRAP after every instruction, and the handler looks at the blocks that the epoch
 * has listed. Some two microseconds an instruction, so it is done to a share of the runs. */
#ifndef CRASHTEST_STEP_H
#define CRASHTEST_STEP_H
#include <stdbool.h>

/* The calling thread, a replay thread, is stepped from the next step_resume on; `look` is
 * called after each instruction, with the address of the one to come, until it returns false.
 * It must not allocate. The thread must not block SIGTRAP before that: it would die. */
void step_begin(bool (*look)(void *address));
void step_end(void);
/* Around code that is not looked at. */
void step_pause(void);
void step_resume(void);
#endif
