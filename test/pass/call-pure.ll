; An external function of a `pure` rule is called on twins; what it returns into an
; argument becomes canonical, null stays null. Calls that the optimizer made up get
; their rules here.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

@text = private constant [3 x i8] c"ab\00"

; CHECK-LABEL: define i32 @compare.psm
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         call i32 @strcmp(ptr [[P]], ptr @text)
define i32 @compare.psm(ptr %p) "psm-shadow"="compare" {
  %r = call i32 @strcmp(ptr %p, ptr @text)
  ret i32 %r
}

; CHECK-LABEL: define ptr @find.psm
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         %r = call ptr @strchr(ptr [[P]], i32 %c)
; CHECK:         [[MINUS:%.*]] = sub i64 0, %delta
; CHECK:         [[BACK:%.*]] = getelementptr i8, ptr %r, i64 [[MINUS]]
; CHECK:         [[NONE:%.*]] = icmp eq ptr %r, null
; CHECK:         %canonical = select i1 [[NONE]], ptr %r, ptr [[BACK]]
; CHECK:         ret ptr %canonical
define ptr @find.psm(ptr %p, i32 %c) "psm-shadow"="find" {
  %r = musttail call ptr @strchr(ptr %p, i32 %c)
  ret ptr %r
}

; Into the caller's own buffer: nothing to translate, nothing to translate back.
; CHECK-LABEL: define i64 @local.psm
; CHECK-NOT:     delta
; CHECK:         %r = call ptr @strchr(ptr %a, i32 1)
; CHECK-NEXT:    %n = ptrtoint ptr %r to i64
define i64 @local.psm() "psm-shadow"="local" {
  %a = alloca [16 x i8]
  call void @use.psm(ptr %a)
  %r = call ptr @strchr(ptr %a, i32 1)
  %n = ptrtoint ptr %r to i64
  ret i64 %n
}

; CHECK-LABEL: define void @made_up.psm
; CHECK-NOT:     @bcmp.psm
; CHECK:         call i32 @bcmp(ptr %twin{{.*}}, ptr %twin{{.*}}, i64 16)
; CHECK:         call ptr @psm_w_stpcpy(ptr %p, ptr %q)
; CHECK:         call double @exp2(double
; CHECK-NOT:     @puts
; CHECK:         ret void
define void @made_up.psm(ptr %p, ptr %q, double %x) "psm-shadow"="made_up" {
  %a = call i32 @bcmp(ptr %p, ptr %q, i64 16)
  %b = call ptr @stpcpy(ptr %p, ptr %q)
  %c = call double @exp2(double %x)
  %d = call i32 @puts(ptr %p)
  ret void
}

; What comes back in memory is a store of the caller's.
; CHECK-LABEL: define void @quotient.psm
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         call {{.*}}@__psm_log{{.*}}(ptr [[P]]
; CHECK:         call void @lldiv(ptr sret([16 x i8]) [[P]], i64 %x, i64 %y)
define void @quotient.psm(ptr %p, i64 %x, i64 %y) "psm-shadow"="quotient" {
  call void @lldiv(ptr sret([16 x i8]) %p, i64 %x, i64 %y)
  ret void
}

declare void @lldiv(ptr sret([16 x i8]), i64, i64)
declare i32 @strcmp(ptr, ptr)
declare ptr @strchr(ptr, i32)
declare i32 @bcmp(ptr, ptr, i64)
declare ptr @stpcpy(ptr, ptr)
declare double @exp2(double)
declare i32 @puts(ptr)
declare void @use.psm(ptr) "psm-shadow"="use"
