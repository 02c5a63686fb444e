; A call of a forbidden external is preceded, in the foreground alone, by the hook
; that stops an op before it is acknowledged; nothing else is.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not=__psm_guard --implicit-check-not=__psm_skip
declare i32 @fork()
declare i64 @strlen(ptr)
declare void @unlisted()
; CHECK: @[[NAME:psm.name[.0-9]*]] = private unnamed_addr constant [5 x i8] c"fork\00"
; CHECK-LABEL: define void @f(ptr %p)
; CHECK-NEXT:    call void @__psm_guard(ptr @[[NAME]])
; CHECK-NEXT:    call i32 @fork()
; CHECK-NEXT:    call i64 @strlen(
; CHECK-NEXT:    call void @unlisted()
; CHECK-NEXT:    call void %p()
; CHECK-NEXT:    ret void
define void @f(ptr %p) {
  %1 = call i32 @fork()
  %2 = call i64 @strlen(ptr %p)
  call void @unlisted()
  call void %p()
  ret void
}
; CHECK-LABEL: define hidden void @f.psm(
; CHECK-NEXT: call i32 @fork()
; CHECK: declare void @__psm_guard(ptr)
