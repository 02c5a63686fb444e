// A psm_ annotation that means nothing is an error, not a mark silently lost.
// RUN: not %clang -O0 -fpass-plugin=%psmpass -c %s -o %t.o 2>&1 | FileCheck %s
// CHECK: psm: annotation 'psm_op' of variable is not understood
// CHECK-NEXT: error: psm: annotation 'psm_opp' of f is not understood
// CHECK-NEXT: error: psm: annotation 'psm_skip:x' of g is not understood
__attribute__((annotate("psm_opp"))) void f(void) {}
__attribute__((annotate("psm_skip:x"))) void g(void) {}
__attribute__((annotate("psm_op"))) int variable;
__attribute__((annotate("someone else's"))) int other;
