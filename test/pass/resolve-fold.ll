; psm.resolve of a known function becomes its variant, in variants only; of an
; unknown one, or one without a variant, it stays.
; RUN: %opt -load-pass-plugin=%psmpass -passes='psm-clone,function(psm-resolve-fold),verify' -S %s | FileCheck %s
declare void @elsewhere()
@alias = alias void (), ptr @here

define void @here() {
  ret void
}
define void @caller(i1 %c, ptr %p) {
  %known = select i1 true, ptr @here, ptr @here
  call void %known()
  call void %p()
  ret void
}
define void @folds() "psm-shadow"="x" {
  %1 = call ptr @psm.resolve(ptr @here)
  call void %1()
  %2 = call ptr @psm.resolve(ptr @elsewhere)
  call void %2()
  %3 = call ptr @psm.resolve(ptr @alias)
  call void %3()
  %4 = call ptr @psm.resolve(ptr null)
  call void %4()
  ret void
}
declare ptr @psm.resolve(ptr)
; CHECK-LABEL: define void @folds()
; CHECK-NEXT: call void @here.psm()
; CHECK-NEXT: call void @elsewhere.psm()
; CHECK-NEXT: call void @here.psm()
; CHECK-NEXT: [[NULL:%.*]] = call ptr @psm.resolve(ptr null)
; CHECK-NEXT: call void [[NULL]]()
; CHECK-LABEL: define hidden void @caller.psm(
; CHECK: [[KNOWN:%.*]] = call ptr @psm.resolve(ptr %known)
; CHECK: call void [[KNOWN]]()
; CHECK: [[UNKNOWN:%.*]] = call ptr @psm.resolve(ptr %p)
; CHECK: call void [[UNKNOWN]]()
