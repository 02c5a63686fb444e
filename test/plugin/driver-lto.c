// -flto goes through lld, into which the driver loads the pass; another linker,
// with which the pass would not run, is refused rather than used.
//
// RUN: %psmcc -O2 -flto -c %s -o %t.o
// RUN: %psmcc -O2 -flto %t.o -o %t --psm-report | FileCheck %s
// CHECK: op put
// RUN: %psmcc -O2 -flto -fuse-ld=lld %t.o -o %t
// RUN: not %psmcc -O2 -flto -fuse-ld=bfd %t.o -o %t.bfd 2>&1 | FileCheck %s --check-prefix=BFD
// BFD: psm-cc: error: -flto needs lld, not bfd: the pass runs in the linker
// RUN: not %psmcc -O2 -flto=thin %s -o %t.thin 2>&1 | FileCheck %s --check-prefix=THIN
// THIN: error: psm: -flto=thin is not supported: use -flto=full
// RUN: not %psmcc -O2 -flto -DCLOCK %s -o %t.clock 2>&1 | FileCheck %s --check-prefix=CLOCK
// CLOCK: error: {{.*}}op 'put' reaches a call of 'time', which reads a clock{{.*}}; chain: put -> when (
// RUN: not ls %t.clock
#include <psm.h>
#include <time.h>
#ifdef CLOCK
long when(void) { return time(0); }
#else
long when(void) { return 0; }
#endif
__attribute__((annotate("psm_op")))
int64_t put(void *root, const void *arg, size_t size, void *out) { return when(); }
int main(void) { return 0; }
