// One -fplugin= brings attributes and pass; -fpass-plugin= beside it does no harm.
// Places in the source are known without -g, and no debug information is written.
//
// RUN: %clang -fplugin=%psmclang -fno-pie -c %s -o %t.one.o
// RUN: %clang -fplugin=%psmclang -fpass-plugin=%psmpass -fno-pie -c %s -o %t.both.o
// RUN: cmp %t.one.o %t.both.o
// RUN: llvm-readelf -SW %t.one.o | FileCheck %s --implicit-check-not=.debug_info
// CHECK: psm_notes
// RUN: %clang -fplugin=%psmclang -fno-pie -S -emit-llvm %s -o - | FileCheck %s --check-prefix=IR
// IR: .long 2,[[#@LINE+3]]; {{.*}} # function \22put\22
#include <stddef.h>
#include <stdint.h>
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    return 0;
}
