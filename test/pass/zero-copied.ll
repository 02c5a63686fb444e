; Of local variables too large to be zeroed begins as zero what is copied out of them by a
; known length: the whole, passed by value; a part; through a callee's parameter. Not what
; is copied into them, or by a length that is computed. In the variant as in the foreground.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not='call void @llvm.memset'
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
declare void @use(...)

; CHECK-LABEL: define void @large(ptr %to, i64 %n)
; CHECK:         call void @llvm.memset.p0.i64(ptr align 16 %whole, i8 0, i64 5000, i1 false)
; CHECK-NEXT:    [[PART1:%.*]] = getelementptr i8, ptr %part, i64 100
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 4 [[PART1]], i8 0, i64 80, i1 false)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 16 %value, i8 0, i64 2000, i1 false)
; CHECK-NEXT:    [[HANDED1:%.*]] = getelementptr i8, ptr %handed, i64 16
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 16 [[HANDED1]], i8 0, i64 48, i1 false)
; CHECK-NEXT:    call void (...) @use(
; CHECK-LABEL: define hidden void @large.psm(ptr %to, i64 %n)
; CHECK:         call void @llvm.memset.p0.i64(ptr align 16 %whole, i8 0, i64 5000, i1 false)
; CHECK-NEXT:    [[PART2:%.*]] = getelementptr i8, ptr %part, i64 100
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 4 [[PART2]], i8 0, i64 80, i1 false)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 16 %value, i8 0, i64 2000, i1 false)
; CHECK-NEXT:    [[HANDED2:%.*]] = getelementptr i8, ptr %handed, i64 16
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 16 [[HANDED2]], i8 0, i64 48, i1 false)
; CHECK-NEXT:    call void (...) @use.psm(
define void @large(ptr %to, i64 %n) {
  %whole = alloca [5000 x i8], align 16
  %part = alloca [5000 x i8], align 16
  %value = alloca [2000 x i8], align 16
  %handed = alloca [2000 x i8], align 16
  %computed = alloca [2000 x i8], align 16
  %target = alloca [2000 x i8], align 16
  call void (...) @use(ptr %whole, ptr %part, ptr %value, ptr %handed, ptr %computed, ptr %target)
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %whole, i64 5000, i1 false)
  %first = getelementptr i8, ptr %part, i64 100
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %first, i64 16, i1 false)
  %last = getelementptr i8, ptr %part, i64 170
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %last, i64 10, i1 false)
  call void @take(ptr byval([2000 x i8]) %value)
  %inner = getelementptr i8, ptr %handed, i64 16
  call void @copies(ptr %to, ptr %inner)
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %computed, i64 %n, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %to, i64 2000, i1 false)
  ret void
}
declare void @take(ptr byval([2000 x i8]))
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
; The parameter's variable, as at -O0, and calls in a circle.
define void @copies(ptr %to, ptr %from) {
  %variable = alloca ptr
  store ptr %from, ptr %variable
  %pointer = load ptr, ptr %variable
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %pointer, i64 48, i1 false)
  call void @copies(ptr %pointer, ptr %to)
  ret void
}
