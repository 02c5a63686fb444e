; Shadow variants and wrappers take canonical pointers; a byval argument is a twin,
; since the call copies its bytes. Variable argument lists are translated and hooked.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define ptr @canonical.psm
; CHECK-NOT:     delta
; CHECK:         call ptr @other.psm(ptr %p)
; CHECK:         call ptr @psm_w_strcpy(ptr %p, ptr %q)
define ptr @canonical.psm(ptr %p, ptr %q) "psm-shadow"="canonical" {
  %a = call ptr @other.psm(ptr %p)
  %b = call ptr @psm_w_strcpy(ptr %p, ptr %q)
  ret ptr %b
}

; CHECK-LABEL: define void @copies.psm
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         call void @takes_copy.psm(ptr byval([64 x i8]) [[P]], ptr %p)
; CHECK:         call void @takes_copy.psm(ptr byval([64 x i8]) %a, ptr %a)
define void @copies.psm(ptr %p) "psm-shadow"="copies" {
  %a = alloca [64 x i8]
  call void @takes_copy.psm(ptr byval([64 x i8]) %p, ptr %p)
  call void @takes_copy.psm(ptr byval([64 x i8]) %a, ptr %a)
  ret void
}

; CHECK-LABEL: define void @lists.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr [[P:%.*]], i64 24)
; CHECK:         call void @llvm.va_start.p0(ptr [[P]])
; CHECK:         call void @llvm.va_copy.p0(ptr %a, ptr [[P]])
; CHECK:         va_arg ptr [[P]], i32
; CHECK:         call void @llvm.va_end.p0(ptr [[P]])
define void @lists.psm(ptr %p, ...) "psm-shadow"="lists" {
  %a = alloca [24 x i8]
  call void @llvm.va_start.p0(ptr %p)
  call void @llvm.va_copy.p0(ptr %a, ptr %p)
  %v = va_arg ptr %p, i32
  call void @llvm.va_end.p0(ptr %p)
  ret void
}

; CHECK-LABEL: define void @list_copy.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr [[P:%.*]], i64 24)
; CHECK:         call void @llvm.va_copy.p0(ptr [[P]], ptr %a)
define void @list_copy.psm(ptr %p) "psm-shadow"="list_copy" {
  %a = alloca [24 x i8]
  call void @llvm.va_copy.p0(ptr %p, ptr %a)
  ret void
}

; Prefetching the twin; lifetimes, assumptions and annotations do no harm.
; CHECK-LABEL: define i64 @inert.psm
; CHECK:         call void @llvm.lifetime.start.p0(i64 8, ptr %a)
; CHECK-NOT:     llvm.assume
; CHECK:         call void @llvm.prefetch.p0(ptr %twin, i32 0, i32 3, i32 1)
; CHECK:         call void @llvm.lifetime.end.p0(i64 8, ptr %a)
define i64 @inert.psm(ptr %p) "psm-shadow"="inert" {
  %a = alloca i64
  call void @llvm.lifetime.start.p0(i64 8, ptr %a)
  call void @llvm.assume(i1 true) [ "dereferenceable"(ptr %p, i64 8) ]
  call void @llvm.prefetch.p0(ptr %p, i32 0, i32 3, i32 1)
  call void @use.psm(ptr %a)
  %size = call i64 @llvm.objectsize.i64.p0(ptr %p, i1 false, i1 true, i1 false)
  %known = call i1 @llvm.is.constant.i64(i64 %size)
  %n = zext i1 %known to i64
  %v = call i64 @llvm.expect.i64(i64 %n, i64 0)
  call void @llvm.lifetime.end.p0(i64 8, ptr %a)
  ret i64 %v
}

declare ptr @other.psm(ptr) "psm-shadow"="other"
declare void @use.psm(ptr) "psm-shadow"="use"
declare void @takes_copy.psm(ptr byval([64 x i8]), ptr) "psm-shadow"="takes_copy"
declare ptr @psm_w_strcpy(ptr, ptr)
declare void @llvm.va_start.p0(ptr)
declare void @llvm.va_copy.p0(ptr, ptr)
declare void @llvm.va_end.p0(ptr)
