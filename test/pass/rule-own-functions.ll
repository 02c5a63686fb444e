; Rules of the program hold for functions that it defines: calls are skipped,
; replaced, forbidden, and so is what its variant does, which tables of function
; pointers and other units reach. The built-in list (here: remove, warn, strlcpy)
; does not touch a program's function of that name.
; RUN: split-file %s %t
; RUN: %opt -load-pass-plugin=%psmpass -psm-rules=%t/own.rules -passes=psm-clone,verify -S %t/own.ll | FileCheck %s
; RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -psm-rules=%t/own.rules -passes='default<O2>,verify' -S %t/own.ll | FileCheck %s --check-prefix=O2
;--- own.rules
skip log_line = 3
replace save save_in_replay
forbid now reads a clock
;--- own.ll
define i32 @log_line(ptr %format, ...) {
  ret i32 0
}
define internal i32 @save(i32 %x) {
  ret i32 0
}
define internal i32 @save_in_replay(i32 %x) {
  ret i32 %x
}
define i32 @now() {
  ret i32 42
}
define i32 @remove(ptr %p) {
  ret i32 5
}
define internal void @warn(ptr %p) {
  store i32 1, ptr %p
  ret void
}
define i64 @strlcpy(ptr %to, ptr %from, i64 %n) {
  ret i64 6
}
define i32 @user(ptr %p) {
  %1 = call i32 (ptr, ...) @log_line(ptr %p, i32 1)
  %2 = call i32 @save(i32 %1)
  %3 = call i32 @now()
  %4 = call i32 @remove(ptr %p)
  call void @warn(ptr %p)
  %5 = call i64 @strlcpy(ptr %p, ptr %p, i64 1)
  ret i32 %2
}
; CHECK-LABEL: define i32 @user(
; CHECK:         call i32 @save(i32 %1)
; CHECK-NEXT:    call void @__psm_guard(
; CHECK-NEXT:    call i32 @now()
; CHECK-NEXT:    call i32 @remove(

; CHECK-LABEL: define hidden i32 @log_line.psm(ptr %0, ...)
; CHECK-NEXT:    ret i32 3
; CHECK-LABEL: define internal i32 @save.psm(i32 %0)
; CHECK-NEXT:    [[R:%.*]] = call i32 @save_in_replay.psm(i32 %0)
; CHECK-NEXT:    ret i32 [[R]]
; CHECK-LABEL: define hidden i32 @now.psm()
; CHECK-NEXT:    call i32 @now() [[FORBID:#[0-9]+]]
; CHECK-LABEL: define hidden i32 @remove.psm(
; CHECK-NEXT:    ret i32 5
; CHECK-LABEL: define internal void @warn.psm(
; CHECK-NEXT:    store i32 1
; CHECK-LABEL: define hidden i64 @strlcpy.psm(
; CHECK-NEXT:    ret i64 6
; CHECK-LABEL: define hidden i32 @user.psm(
; CHECK-NEXT:    [[R:%.*]] = call i32 @save_in_replay.psm(i32 3)
; CHECK-NEXT:    call i32 @now() [[FORBID]]
; CHECK-NEXT:    call i32 @remove.psm(
; CHECK-NEXT:    call void @warn.psm(
; CHECK-NEXT:    call i64 @strlcpy.psm(
; CHECK-NEXT:    ret i32 [[R]]
; CHECK: attributes [[FORBID]] = { noinline "psm-forbid"="now" }

; The forbidden function's body does not come in by inlining.
; O2-LABEL: define hidden {{.*}}i32 @user.psm(
; O2: ret i32 3
