// A mark where it can mean nothing is an error, not an attribute quietly ignored.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only -Xclang -verify %s
#include <stddef.h>
#include <stdint.h>

__attribute__((psm_state)) int kept;
static __attribute__((psm_scratch)) char buffer[64];

void locals(int parameter __attribute__((psm_state)))
// expected-error@-1 {{'psm_state' marks global and static variables}}
{
    static __attribute__((psm_scratch)) int lasting;
    __attribute__((psm_scratch)) int passing;
    // expected-error@-1 {{'psm_scratch' marks global and static variables; a local variable ends with its function}}
}
__attribute__((psm_state)) void function(void);
// expected-error@-1 {{'psm_state' marks global and static variables}}
[[psm::state]] _Thread_local int thread;
// expected-error@-1 {{a thread's own variable cannot be state: callers and replay are different threads}}
[[psm::state]] const int fixed = 1;
// expected-warning@-1 {{'psm::state' does nothing to a constant}}
extern __attribute__((psm_state)) int elsewhere;
// expected-warning@-1 {{'psm_state' on 'elsewhere' has no effect, as it is defined elsewhere}}
extern __attribute__((psm_scratch)) int here;
int here;
__attribute__((psm_state, psm_scratch)) int both;
// expected-error@-1 {{'psm_scratch' and 'psm_state' contradict each other: keep one}}

__attribute__((psm_op)) int variable;
// expected-error@-1 {{'psm_op' marks functions; this is something else}}
__attribute__((psm_op)) int64_t (*pointer)(void *, const void *, size_t, void *);
// expected-error@-1 {{this is a variable of pointer type: mark the functions it may point to}}
__attribute__((psm_op, psm_ro)) int64_t op(void *, const void *, size_t, void *);
// expected-error@-1 {{'psm_ro' and 'psm_op' contradict each other: keep one}}
__attribute__((psm_op, psm_skip)) int64_t skipped(void *, const void *, size_t, void *);
// expected-error@-1 {{'psm_skip' and 'psm_op' contradict each other: keep one}}

[[op]] int64_t unscoped(void *, const void *, size_t, void *);
// expected-warning@-1 {{unknown attribute 'op' ignored}}
__attribute__((psm_op(1))) int64_t argument(void *, const void *, size_t, void *);
// expected-error@-1 {{'psm_op' attribute takes no arguments}}
