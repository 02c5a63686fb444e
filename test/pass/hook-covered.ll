; A store needs no hook when a hook that holds its bytes dominates it, across calls and
; in loops; it does need one when the earlier hook may not have run, is for other bytes,
; or for another address.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s \
; RUN:   | grep -E '^define|call.*@(__psm_log|psm_w_malloc)' | FileCheck %s --implicit-check-not=call

target triple = "x86_64-pc-linux-gnu"
declare void @other.psm() "psm-shadow"="other"

; CHECK-LABEL: @after_call.psm
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
define void @after_call.psm(ptr %p) "psm-shadow"="after_call" {
  store volatile i64 1, ptr %p, align 8
  call void asm sideeffect "", "~{memory}"()
  store volatile i64 2, ptr %p, align 8
  %half = getelementptr i8, ptr %p, i64 4
  store volatile i32 3, ptr %half
  ret void
}

; CHECK-LABEL: @branches.psm
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
define void @branches.psm(i1 %c, ptr %p) "psm-shadow"="branches" {
  br i1 %c, label %a, label %b
a:
  store volatile i64 1, ptr %p, align 8
  store volatile i64 2, ptr %p, align 8
  br label %b
b:
  store volatile i64 3, ptr %p, align 8
  br label %d
d:
  store volatile i64 4, ptr %p, align 8
  ret void
}

; The address changes from round to round: so does what its hook was for.
; CHECK-LABEL: @rounds.psm
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
define void @rounds.psm(ptr %p) "psm-shadow"="rounds" {
entry:
  br label %loop
loop:
  %n = phi ptr [ %p, %entry ], [ %next, %loop ]
  store volatile i64 1, ptr %n, align 8
  %field = getelementptr i8, ptr %n, i64 8
  %next = load volatile ptr, ptr %field
  store volatile i64 2, ptr %n, align 8
  %end = icmp eq ptr %next, null
  br i1 %end, label %done, label %loop
done:
  ret void
}

; Beside the covered bytes; a wider store; overlapping from below.
; CHECK-LABEL: @beside.psm
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 4)
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 4)
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
define void @beside.psm(ptr %p) "psm-shadow"="beside" {
  store volatile i32 1, ptr %p, align 4
  %q = getelementptr i8, ptr %p, i64 4
  store volatile i32 2, ptr %q, align 4
  store volatile i64 3, ptr %p, align 4
  %r = getelementptr i8, ptr %p, i64 -4
  store volatile i64 4, ptr %r, align 4
  ret void
}

; Two hooks side by side cover a store that spans both.
; CHECK-LABEL: @together.psm
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 4)
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 4)
define void @together.psm(ptr %p) "psm-shadow"="together" {
  store volatile i32 1, ptr %p, align 4
  %q = getelementptr i8, ptr %p, i64 4
  store volatile i32 2, ptr %q, align 4
  store volatile i64 3, ptr %p, align 4
  ret void
}

; An aligned store makes sure of as many bytes as its alignment.
; CHECK-LABEL: @widened.psm
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 4)
define void @widened.psm(ptr %p) "psm-shadow"="widened" {
  store volatile i32 1, ptr %p, align 16
  %q = getelementptr i8, ptr %p, i64 12
  store volatile i32 2, ptr %q, align 4
  ret void
}

; A block from the heap begins a 32-byte block: one hook for its first 32 bytes, and
; another for what follows.
; CHECK-LABEL: @fresh.psm
; CHECK-NEXT:    call ptr @psm_w_malloc
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
; CHECK-NEXT:    call {{.*}}@__psm_log(ptr {{.*}}, i64 8)
define ptr @fresh.psm() "psm-shadow"="fresh" {
  %m = call ptr @psm_w_malloc(i64 64)
  store volatile i64 1, ptr %m, align 8
  %q = getelementptr i8, ptr %m, i64 24
  store volatile i64 2, ptr %q, align 8
  %r = getelementptr i8, ptr %m, i64 32
  store volatile i64 3, ptr %r, align 8
  ret ptr %m
}
declare ptr @psm_w_malloc(i64)
