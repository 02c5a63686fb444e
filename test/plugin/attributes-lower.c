// Each attribute, in both spellings and both languages, becomes the annotation that
// the pass reads, on its own declaration and nothing else.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -S -emit-llvm %s -o - \
// RUN:   | FileCheck %s
// RUN: %clangxx -x c++ -fplugin=%psmclang -fplugin-arg-psm-no-pass -S -emit-llvm %s -o - \
// RUN:   | FileCheck %s
//
// CHECK-DAG: [[OP:@[.a-z0-9]+]] = {{.*}} c"psm_op\00"
// CHECK-DAG: [[RO:@[.a-z0-9]+]] = {{.*}} c"psm_ro\00"
// CHECK-DAG: [[STATE:@[.a-z0-9]+]] = {{.*}} c"psm_state\00"
// CHECK-DAG: [[SCRATCH:@[.a-z0-9]+]] = {{.*}} c"psm_scratch\00"
// CHECK-DAG: [[SKIP:@[.a-z0-9]+]] = {{.*}} c"psm_skip\00"
// CHECK-DAG: [[SKIPVALUE:@[.a-z0-9]+]] = {{.*}} c"psm_skip:-7\00"
// CHECK-DAG: [[SHADOW:@[.a-z0-9]+]] = {{.*}} c"psm_shadow:quiet\00"
//
// CHECK: @llvm.global.annotations =
// CHECK-SAME: { ptr @gnu_op, ptr [[OP]],
// CHECK-SAME: { ptr @scoped_op, ptr [[OP]],
// CHECK-SAME: { ptr @gnu_ro, ptr [[RO]],
// CHECK-SAME: { ptr @scoped_ro, ptr [[RO]],
// CHECK-SAME: { ptr @gnu_shadow, ptr [[SHADOW]],
// CHECK-SAME: { ptr @scoped_shadow, ptr [[SHADOW]],
// CHECK-SAME: { ptr @gnu_skip, ptr [[SKIP]],
// CHECK-SAME: { ptr @scoped_skip, ptr [[SKIP]],
// CHECK-SAME: { ptr @gnu_skip_value, ptr [[SKIPVALUE]],
// CHECK-SAME: { ptr @scoped_skip_value, ptr [[SKIPVALUE]],
// CHECK-NOT: ptr @plain
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

__attribute__((psm_state)) int gnu_state;
[[psm::state]] int scoped_state;
__attribute__((__psm_scratch__)) int gnu_scratch;
[[psm::scratch]] int scoped_scratch;

#define PARAMETERS void *root, const void *arg, size_t size, void *out
__attribute__((psm_op)) int64_t gnu_op(PARAMETERS) { return 0; }
[[psm::op]] int64_t scoped_op(PARAMETERS) { return 0; }
__attribute__((psm_ro)) int64_t gnu_ro(PARAMETERS) { return 0; }
[[psm::ro]] int64_t scoped_ro(PARAMETERS) { return 0; }
int64_t plain(PARAMETERS) { return 0; }

void quiet(int x) {}
__attribute__((psm_shadow(quiet))) void gnu_shadow(int x) {}
[[psm::shadow(&quiet)]] void scoped_shadow(int x) {}

enum { NO = -7 };
__attribute__((psm_skip)) void gnu_skip(int x) {}
[[psm::skip]] void scoped_skip(int x) {}
__attribute__((psm_skip(-7))) int gnu_skip_value(int x) { return x; }
[[psm::skip(NO)]] int scoped_skip_value(int x) { return x; }
#ifdef __cplusplus
}
#endif
