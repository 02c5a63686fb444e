// A static target that only psm_shadow mentions is compiled, whether it is defined
// before or after, and is not called unused.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -Wall -Werror -O2 -S -emit-llvm %s -o - \
// RUN:   | FileCheck %s
// CHECK-DAG: define internal void @before
// CHECK-DAG: define internal void @after
int count;
static void before(int x) { count += x; }
static void after(int x);
__attribute__((psm_shadow(before))) void first(int x) {}
__attribute__((psm_shadow(after))) void second(int x) {}
static void after(int x) { count -= x; }
