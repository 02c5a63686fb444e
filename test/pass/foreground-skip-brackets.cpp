// A skipped function runs between __psm_skip_enter and _leave, whichever way it ends:
// a return, another one, an exception passing through.
// RUN: %clangxx -O1 -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.ll
// RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,simplifycfg,verify -S %t.ll | FileCheck %s
extern "C" {
void may_throw(int);
// CHECK: define dso_local void @f(i32 {{.*}}) [[ATTR:#[0-9]+]] personality
// CHECK: [[HANDLE:%.*]] = call ptr @__psm_skip_enter()
// CHECK: invoke void @may_throw(
// CHECK-NEXT: to label %[[GO_ON:.*]] unwind label %[[PAD:.*]]
// CHECK: call void @__psm_skip_leave(ptr [[HANDLE]])
// CHECK-NEXT: ret void
// CHECK-NOT: ret void
// CHECK: [[PAD]]:
// CHECK-NEXT: landingpad { ptr, i32 }
// CHECK-NEXT: cleanup
// CHECK-NEXT: call void @__psm_skip_leave(ptr [[HANDLE]])
// CHECK-NEXT: resume
// CHECK: }
__attribute__((annotate("psm_skip"), always_inline)) void f(int x)
{
    if (x > 3)
        return;
    may_throw(x);
}
// CHECK: define dso_local void @not_skipped(
// CHECK-NOT: __psm_skip
// CHECK: }
void not_skipped(int x) { f(x); }
// CHECK: define hidden void @f.psm(
// CHECK-NEXT: ret void
// CHECK: define hidden void @not_skipped.psm(
// CHECK-NOT: call
// CHECK: }
// CHECK: attributes [[ATTR]] = { {{.*}}noinline
}
