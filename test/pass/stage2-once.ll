; Stage 2 acts once on a module, however often a pipeline calls it, and does nothing
; but mark a module that has no clones.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,psm-instrument,verify -S %s | FileCheck %s
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument -S %s -o %t.ll
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %t.ll | FileCheck %s
; RUN: sed 's/"psm-shadow"="[a-z]*"//' %s > %t.none.ll
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %t.none.ll | FileCheck %s --check-prefix=NONE

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @op.psm
; CHECK:         call preserve_mostcc void @__psm_log
; CHECK-NOT:     call
; CHECK:         ret void
; CHECK: !"psm-done"
; NONE-NOT: @__psm
; NONE:     define void @op.psm(ptr %p)
; NONE-NEXT:  store i64 1, ptr %p
; NONE-NOT: @__psm
; NONE: !"psm-done"
define void @op.psm(ptr %p) "psm-shadow"="op" {
  store i64 1, ptr %p, align 8
  ret void
}
