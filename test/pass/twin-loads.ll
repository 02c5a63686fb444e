; Addresses that a shadow clone follows lie at +delta; the values it loads, compares
; and returns stay canonical; delta is read once.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define ptr @one_load.psm
; CHECK:         %delta = load i64, ptr @__psm_delta, align 8, !invariant.load
; CHECK-NOT:     @__psm_delta
; CHECK:         [[TWIN:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         %v = load ptr, ptr [[TWIN]], align 8
; CHECK:         [[NEXT:%.*]] = getelementptr i8, ptr %v, i64 %delta
; CHECK:         %w = load ptr, ptr [[NEXT]], align 8
; CHECK:         ret ptr %w
define ptr @one_load.psm(ptr %p) "psm-shadow"="one_load" {
  %v = load ptr, ptr %p, align 8
  %w = load ptr, ptr %v, align 8
  ret ptr %w
}

; A field's address is formed on the twin, once, and without inbounds.
; CHECK-LABEL: define i64 @field.psm
; CHECK:         [[TWIN:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK-NEXT:    [[FIELD:%.*]] = getelementptr { i64, i64 }, ptr [[TWIN]], i64 %i, i32 1
; CHECK-NEXT:    %v = load i64, ptr [[FIELD]]
; CHECK-NEXT:    ret i64 %v
define i64 @field.psm(ptr %p, i64 %i) "psm-shadow"="field" {
  %f = getelementptr inbounds { i64, i64 }, ptr %p, i64 %i, i32 1
  %v = load i64, ptr %f
  ret i64 %v
}

; Comparisons, differences and integers made from pointers are of canonical ones.
; CHECK-LABEL: define i1 @values.psm
; CHECK-NOT:     %delta
; CHECK:         ptrtoint ptr %p to i64
; CHECK:         icmp eq ptr %p, %q
; CHECK:         ret i1
define i1 @values.psm(ptr %p, ptr %q) "psm-shadow"="values" {
  %n = ptrtoint ptr %p to i64
  %odd = trunc i64 %n to i1
  %same = icmp eq ptr %p, %q
  %r = and i1 %odd, %same
  ret i1 %r
}

; Volatile accesses stay volatile, non-temporal ones non-temporal.
; CHECK-LABEL: define i64 @kinds.psm
; CHECK:         load volatile i64, ptr %twin
; CHECK:         load i64, ptr %twin{{.*}}, !nontemporal
define i64 @kinds.psm(ptr %p, ptr %q) "psm-shadow"="kinds" {
  %a = load volatile i64, ptr %p
  %b = load i64, ptr %q, !nontemporal !0
  %r = add i64 %a, %b
  ret i64 %r
}

; Loops: the twin of a phi is made of the phi, which stays canonical.
; CHECK-LABEL: define i64 @walk.psm
; CHECK:         %n = phi ptr [ %list, %entry ], [ %next, %loop ]
; CHECK:         [[TWIN:%.*]] = getelementptr i8, ptr %n, i64 %delta
; CHECK:         %next = load ptr, ptr [[TWIN]]
; CHECK:         icmp eq ptr %next, null
define i64 @walk.psm(ptr %list) "psm-shadow"="walk" {
entry:
  br label %loop
loop:
  %n = phi ptr [ %list, %entry ], [ %next, %loop ]
  %next = load ptr, ptr %n
  %end = icmp eq ptr %next, null
  br i1 %end, label %done, label %loop
done:
  %r = ptrtoint ptr %n to i64
  ret i64 %r
}

; The foreground is left alone.
; CHECK-LABEL: define i64 @walk
; CHECK-NEXT:    %v = load i64, ptr %p
; CHECK-NEXT:    ret i64 %v
define i64 @walk(ptr %p) {
  %v = load i64, ptr %p
  ret i64 %v
}

!0 = !{i32 1}
