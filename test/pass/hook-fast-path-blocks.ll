; As many marks are tested as blocks a store may touch; more than 64 bytes go to the
; range hook untested.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @anywhere.psm
; CHECK:         %marked{{.*}} = trunc
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64 64)
; CHECK-COUNT-2: %marked{{.*}} = trunc
; CHECK-NOT:     = trunc
; CHECK:         ret void
define void @anywhere.psm(ptr %p, <8 x i64> %v) "psm-shadow"="anywhere" {
  store <8 x i64> %v, ptr %p, align 8
  ret void
}

; CHECK-LABEL: define void @aligned.psm
; CHECK:         %marked{{.*}} = trunc
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64 64)
; CHECK:         %marked{{.*}} = trunc
; CHECK-NOT:     = trunc
; CHECK:         ret void
define void @aligned.psm(ptr %p, <8 x i64> %v) "psm-shadow"="aligned" {
  store <8 x i64> %v, ptr %p, align 64
  ret void
}

; CHECK-LABEL: define void @one_block.psm
; CHECK:         %marked{{.*}} = trunc
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 16)
; CHECK-NEXT:    br
; CHECK-NOT:     = trunc
; CHECK:         store
define void @one_block.psm(ptr %p, <2 x i64> %v) "psm-shadow"="one_block" {
  store <2 x i64> %v, ptr %p, align 16
  ret void
}

; CHECK-LABEL: define void @long.psm
; CHECK-NOT:     = trunc
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64 128)
; CHECK-NEXT:    store
define void @long.psm(ptr %p, <16 x i64> %v) "psm-shadow"="long" {
  store <16 x i64> %v, ptr %p, align 8
  ret void
}
