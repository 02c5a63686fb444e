// A program linked without the driver is checked when psm_init runs, with a message
// for each way in which it can be unfit.
//
// RUN: %clang %psmclangflags -O1 %s %libpsm -o %t && rm -rf %t.m && %t %t.m
//
// RUN: %clang %psmclangflags -O1 -DCLOCK -c %s -o %t.clock.o
// RUN: %clang %psmclangflags -O1 -DOTHER -c %s -o %t.other.o
// RUN: %clang %t.clock.o %t.other.o %libpsm -o %t && not %t %t.m 2>&1 | FileCheck %s --check-prefix=CHAIN
// CHAIN: without-driver.c:{{[0-9]+}}: op 'put' reaches a call of 'time', which reads a clock: {{.*}}; chain: put -> stamp ({{.*}}) (1 such)
//
// RUN: %clang %psmclangflags -fPIE -O1 %s %libpsm -pie -o %t
// RUN: not %t %t.m 2>&1 | FileCheck %s --check-prefix=PIE
// PIE: is linked as a position-independent program, so pointers in the state would not be true in the next run: compile with -fno-pie and link with -no-pie, or use psm-cc
//
// RUN: %clang %psmclangflags -O1 %s %libpsm -Wl,--build-id=none -o %t
// RUN: not %t %t.m 2>&1 | FileCheck %s --check-prefix=BUILDID
// BUILDID: has no build id, by which a machine knows its program again: link with -Wl,--build-id=sha1, or use psm-cc
//
// RUN: %clang -I%include -fno-pie -Wno-unknown-attributes -O1 %s %libpsm -o %t
// RUN: not %t %t.m 2>&1 | FileCheck %s --check-prefix=NOPASS
// NOPASS: has no ops: no function is marked psm_op, or its file was compiled without the pass, or the program was stripped of its section psm_notes
//
// RUN: %clang %psmclangflags -O1 %s %libpsm -o %t && llvm-strip --strip-all %t
// RUN: not %t %t.m 2>&1 | FileCheck %s --check-prefix=NOPASS
#include <psm.h>
#include <stdio.h>
#include <time.h>
long stamp(void);
#ifdef OTHER
long stamp(void) { return time(0); }
#else
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
#ifdef CLOCK
    return stamp();
#else
    return ++*(int64_t *)root;
#endif
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = 8 };
    if (psm_init(&machine, argv[argc - 1], &options) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    return psm_invoke_rw(machine, put, NULL, 0, NULL, 0) != 1 || psm_close(machine) != 0;
}
#endif
