; A skipped function that returns a struct through memory leaves zeros there if a rule
; states 0; without a stated value nobody could see whether the result is used, so it
; is refused.
; RUN: split-file %s %t
; RUN: %opt -load-pass-plugin=%psmpass -psm-rules=%t/a.rules -passes=psm-clone,verify -S %t/a.ll | FileCheck %s
;--- a.rules
skip with_value = 0
skip without_value
;--- a.ll
target datalayout = "e-m:e-i64:64-i128:128-f80:128-n8:16:32:64-S128"
%point = type { i64, i8 }
declare void @with_value(ptr sret(%point))
declare void @without_value(ptr sret(%point))
; CHECK: @[[TEXT:psm.text[.0-9]*]] = {{.*}} c"the result of without_value, which is skipped, is a struct\00"
; CHECK-LABEL: define hidden void @zero.psm(ptr %p)
; CHECK-NEXT: call void @llvm.memset.p0.i64(ptr align 8 %p, i8 0, i64 16, i1 false)
; CHECK-NEXT: ret void
define void @zero(ptr %p) {
  call void @with_value(ptr sret(%point) align 8 %p)
  ret void
}
; CHECK-LABEL: define hidden void @refused.psm(ptr %p)
; CHECK-NEXT: call void @psm.unsupported(ptr @[[TEXT]])
; CHECK-NEXT: unreachable
define void @refused(ptr %p) {
  call void @without_value(ptr sret(%point) %p)
  ret void
}
