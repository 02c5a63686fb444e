; Stores to one structure in one block share a hook, before the first of them; not
; across a call that might not return, not further apart than the hook tests in line,
; and not when the addresses have nothing in common: then their hooks at most share a call.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s --implicit-check-not='call preserve'

target triple = "x86_64-pc-linux-gnu"
declare void @other.psm() "psm-shadow"="other"

; CHECK-LABEL: define void @fields.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr [[FIRST:%.*]], i64 24)
; CHECK:         store i64 %v, ptr
; CHECK:         store i64 2
; CHECK:         store i64 3, ptr [[FIRST]]
define void @fields.psm(ptr %p, i64 %v) "psm-shadow"="fields" {
  %b = getelementptr inbounds i8, ptr %p, i64 16
  store i64 %v, ptr %b, align 8
  %a = getelementptr inbounds i8, ptr %p, i64 8
  store i64 2, ptr %a, align 8
  store i64 3, ptr %p, align 8
  ret void
}

; What lies between them is logged as well.
; CHECK-LABEL: define void @gap.psm
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64 64)
define void @gap.psm(ptr %p) "psm-shadow"="gap" {
  store i64 1, ptr %p, align 8
  %b = getelementptr inbounds i8, ptr %p, i64 56
  store i64 2, ptr %b, align 8
  ret void
}

; CHECK-LABEL: define void @far.psm
; CHECK:         call preserve_mostcc void @__psm_log_many(ptr %twin, i64 8, ptr {{%.*}}, i64 8, ptr null, i64 0)
define void @far.psm(ptr %p) "psm-shadow"="far" {
  store i64 1, ptr %p, align 8
  %b = getelementptr inbounds i8, ptr %p, i64 64
  store i64 2, ptr %b, align 8
  ret void
}

; CHECK-LABEL: define void @call_between.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK:         call void @other.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @call_between.psm(ptr %p) "psm-shadow"="call_between" {
  store i64 1, ptr %p, align 8
  call void @other.psm()
  %b = getelementptr inbounds i8, ptr %p, i64 8
  store i64 2, ptr %b, align 8
  ret void
}

; CHECK-LABEL: define void @strangers.psm
; CHECK:         call preserve_mostcc void @__psm_log_many(ptr %twin, i64 8, ptr {{%.*}}, i64 8, ptr null, i64 0)
define void @strangers.psm(ptr %p, ptr %q) "psm-shadow"="strangers" {
  store i64 1, ptr %p, align 8
  store i64 2, ptr %q, align 8
  ret void
}
