// The counters of -fprofile-instr-generate for an inline function are local to a
// section group of which the linker keeps one: their notes go with it, and count
// as scratch.
//
// RUN: %build/bin/psm-c++ -O1 -fprofile-instr-generate -DSECOND -c %s -o %t.2.o
// RUN: %build/bin/psm-c++ -O1 -fprofile-instr-generate -c %s -o %t.1.o
// RUN: llvm-readelf -g %t.1.o | FileCheck %s --check-prefix=GROUP
// GROUP: COMDAT group section
// GROUP: psm_notes
// RUN: for linker in bfd lld; do \
// RUN:   %build/bin/psm-c++ -fprofile-instr-generate -fuse-ld=$linker %t.1.o %t.2.o -o %t \
// RUN:     --psm-report | FileCheck %s && \
// RUN:   rm -rf %t.m && LLVM_PROFILE_FILE=/dev/null %t %t.m || exit 1; done
// CHECK: op put
// CHECK: scratch __profc_{{.*}}grow
// CHECK: state total 8 bytes
#include <cstdio>
#include <psm.h>
extern long total;
inline __attribute__((noinline)) long grow(long by) { return total += by; }
#ifdef SECOND
long second() { return grow(2); }
#else
long total;
long second();
[[psm::op]] int64_t put(void *, const void *, size_t, void *) { return grow(1) + second(); }

int main(int, char **argv) {
  psm_t *machine;
  if (psm_init(&machine, argv[1], nullptr) != 0) {
    std::fprintf(stderr, "%s\n", psm_error_detail());
    return 1;
  }
  int64_t result = psm_invoke_rw(machine, put, nullptr, 0, nullptr, 0);
  return psm_verify(machine) != 0 || psm_close(machine) != 0 || result != 4;
}
#endif
