// The plugin has one argument, no-pass; a misspelt one is an error, not passed over.
//
// RUN: not %clang -fplugin=%psmclang -fplugin-arg-psm-nopass -c %s -o %t.o 2>&1 | FileCheck %s
// CHECK: error: psm: unknown plugin argument 'nopass'; there is only -fplugin-arg-psm-no-pass
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -c %s -o %t.o
// RUN: llvm-readelf -SW %t.o | FileCheck %s --check-prefix=ABSENT
// ABSENT-NOT: psm_notes
int f(int x) { return x; }
