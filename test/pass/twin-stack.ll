; The function's own stack is reached directly and needs no hook: allocas of fixed and
; variable size, byval parameters, phis and selects of nothing else. What may be
; elsewhere goes through a twin, for the stack lies at +delta as well.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define i64 @own.psm
; CHECK-NOT:     delta
; CHECK-NOT:     @__psm
; CHECK:         ret i64
define i64 @own.psm(i64 %i, i64 %n, ptr byval([4 x i64]) %copy) "psm-shadow"="own" {
  %a = alloca [4 x i64]
  %e = getelementptr inbounds [4 x i64], ptr %a, i64 0, i64 %i
  store i64 1, ptr %e
  %saved = call ptr @llvm.stacksave.p0()
  %vla = alloca i64, i64 %n
  store volatile i64 2, ptr %vla
  store i64 3, ptr %copy
  %c = icmp eq i64 %i, 2
  %s = select i1 %c, ptr %a, ptr %vla
  store volatile i64 4, ptr %s
  call void @llvm.stackrestore.p0(ptr %saved)
  %r = load i64, ptr %e
  %k = load i64, ptr %copy
  %t = add i64 %r, %k
  ret i64 %t
}

; A pointer that walks over a local array is still the stack's.
; CHECK-LABEL: define void @walk.psm
; CHECK-NOT:     delta
; CHECK-NOT:     @__psm
; CHECK:         ret void
define void @walk.psm(i64 %n) "psm-shadow"="walk" {
entry:
  %a = alloca [64 x i8]
  %end = getelementptr inbounds i8, ptr %a, i64 %n
  br label %loop
loop:
  %p = phi ptr [ %a, %entry ], [ %next, %loop ]
  store volatile i8 0, ptr %p
  %next = getelementptr inbounds i8, ptr %p, i64 1
  %done = icmp eq ptr %next, %end
  br i1 %done, label %exit, label %loop
exit:
  ret void
}

; CHECK-LABEL: define void @mixed.psm
; CHECK:         %s = select i1 %c, ptr %a, ptr %p
; CHECK:         [[TWIN:%.*]] = getelementptr i8, ptr %s, i64 %delta
; CHECK:         call preserve_mostcc void @__psm_log(ptr [[TWIN]], i64 8)
; CHECK:         store volatile i64 1, ptr [[TWIN]]
define void @mixed.psm(i1 %c, ptr %p) "psm-shadow"="mixed" {
  %a = alloca i64
  %s = select i1 %c, ptr %a, ptr %p
  store volatile i64 1, ptr %s
  ret void
}

; An escaping local's address is passed and stored as it is.
; CHECK-LABEL: define void @escape.psm
; CHECK:         call void @use.psm(ptr %a)
; CHECK:         store ptr %a, ptr %twin
define void @escape.psm(ptr %p) "psm-shadow"="escape" {
  %a = alloca i64
  call void @use.psm(ptr %a)
  store ptr %a, ptr %p
  ret void
}

; What a call returns in memory may be anywhere.
; CHECK-LABEL: define void @result.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK:         store i64 1, ptr %twin
define void @result.psm(ptr sret([4 x i64]) %r) "psm-shadow"="result" {
  store i64 1, ptr %r
  ret void
}

declare void @use.psm(ptr) "psm-shadow"="use"
declare ptr @llvm.stacksave.p0()
declare void @llvm.stackrestore.p0(ptr)
