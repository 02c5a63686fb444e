; Atomic operations become plain ones with the same results, hooked like other stores,
; since one thread replays a machine; fences go.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s \
; RUN:   | FileCheck %s --implicit-check-not=' atomic' --implicit-check-not=cmpxchg \
; RUN:     --implicit-check-not=' fence' --implicit-check-not='call preserve'

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define i64 @ordered.psm
; CHECK:         %v = load i64, ptr %twin, align 8
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK:         store i64 1, ptr %twin, align 8
define i64 @ordered.psm(ptr %p) "psm-shadow"="ordered" {
  %v = load atomic i64, ptr %p seq_cst, align 8
  fence seq_cst
  store atomic i64 1, ptr %p release, align 8
  ret i64 %v
}

; CHECK-LABEL: define i64 @add.psm
; CHECK:         %[[OLD:.*]] = load i64, ptr %twin
; CHECK:         %[[NEW:.*]] = add i64 %[[OLD]], %n
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK:         store i64 %[[NEW]], ptr %twin
; CHECK:         ret i64 %[[OLD]]
define i64 @add.psm(ptr %p, i64 %n) "psm-shadow"="add" {
  %old = atomicrmw add ptr %p, i64 %n seq_cst, align 8
  ret i64 %old
}

; CHECK-LABEL: define i1 @swap.psm
; CHECK:         %[[OLD:.*]] = load i64, ptr %twin
; CHECK:         %[[SAME:.*]] = icmp eq i64 %[[OLD]], %old
; CHECK:         %[[NEW:.*]] = select i1 %[[SAME]], i64 %new, i64 %[[OLD]]
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK:         store i64 %[[NEW]], ptr %twin
define i1 @swap.psm(ptr %p, i64 %old, i64 %new) "psm-shadow"="swap" {
  %r = cmpxchg ptr %p, i64 %old, i64 %new seq_cst seq_cst, align 8
  %ok = extractvalue { i64, i1 } %r, 1
  ret i1 %ok
}
