// -flto goes through lld, into which the driver loads the pass; another linker,
// with which the pass would not run, is refused rather than used.
//
// RUN: for kind in -flto -flto=thin "-flto -ffat-lto-objects"; do \
// RUN:   rm -rf %t.m %t.o %t && %psmcc -O2 $kind -c %s -o %t.o && \
// RUN:   %psmcc -O2 $kind %t.o -o %t --psm-report | FileCheck %s && %t %t.m && \
// RUN:   %psmcc -O2 $kind -fuse-ld=lld %t.o -o %t && \
// RUN:   not %psmcc -O2 $kind -DCLOCK %s -o %t.clock 2> %t.errors && \
// RUN:   FileCheck %s --check-prefix=CLOCK < %t.errors && not ls %t.clock || exit 1; done
// CHECK: op put
// CLOCK: error: {{.*}}op 'put' reaches a call of 'time', which reads a clock{{.*}}; chain: put -> when (
//
// Fat objects can be linked plainly, too.
// RUN: rm -rf %t.m && %psmcc -O2 -flto -ffat-lto-objects -c %s -o %t.o
// RUN: %psmcc %t.o -o %t && %t %t.m
//
// RUN: not %psmcc -O2 -flto -fuse-ld=bfd %t.o -o %t.bfd 2>&1 | FileCheck %s --check-prefix=BFD
// BFD: psm-cc: error: -flto needs lld, not bfd: the pass runs in the linker
#include <psm.h>
#include <time.h>
#ifdef CLOCK
long when(void) { return time(0); }
#else
long when(void) { return 0; }
#endif
__attribute__((annotate("psm_op")))
int64_t put(void *root, const void *arg, size_t size, void *out) { return when(); }

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = 8 };
    return psm_init(&machine, argv[argc - 1], &options) != 0 ||
           psm_invoke_rw(machine, put, NULL, 0, NULL, 0) != 0 || psm_close(machine) != 0;
}
