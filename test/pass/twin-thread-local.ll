; A thread-local variable is reached directly, without a hook; where its address
; escapes, it does so minus delta, so that whoever follows it finds it again.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

@mine = thread_local global { i64, i64 } zeroinitializer

; CHECK-LABEL: define i64 @direct.psm
; CHECK-NOT:     call preserve_mostcc
; CHECK:         [[REAL:%.*]] = call ptr @llvm.threadlocal.address.p0(ptr @mine)
; CHECK:         store i64 1, ptr [[REAL]]
; CHECK:         [[FIELD:%.*]] = getelementptr i8, ptr [[REAL]], i64 8
; CHECK:         load i64, ptr [[FIELD]]
define i64 @direct.psm() "psm-shadow"="direct" {
  %a = call ptr @llvm.threadlocal.address.p0(ptr @mine)
  store i64 1, ptr %a
  %f = getelementptr inbounds i8, ptr %a, i64 8
  %v = load i64, ptr %f
  ret i64 %v
}

; CHECK-LABEL: define void @escape.psm
; CHECK:         [[REAL:%.*]] = call ptr @llvm.threadlocal.address.p0(ptr @mine)
; CHECK:         [[MINUS:%.*]] = sub i64 0, %delta
; CHECK:         [[CANONICAL:%.*]] = getelementptr i8, ptr [[REAL]], i64 [[MINUS]]
; CHECK:         call void @use.psm(ptr [[CANONICAL]])
; CHECK:         store ptr [[CANONICAL]], ptr %twin
define void @escape.psm(ptr %p) "psm-shadow"="escape" {
  %a = call ptr @llvm.threadlocal.address.p0(ptr @mine)
  call void @use.psm(ptr %a)
  store ptr %a, ptr %p
  ret void
}

; The variable's name alone, in an operand and in an expression.
; CHECK-LABEL: define ptr @bare.psm
; CHECK:         [[REAL:%.*]] = call ptr @llvm.threadlocal.address.p0(ptr @mine)
; CHECK:         store i64 1, ptr [[REAL]]
; CHECK:         [[FIELD:%.*]] = getelementptr inbounds i8, ptr %thread.canonical, i64 8
; CHECK:         ret ptr [[FIELD]]
define ptr @bare.psm() "psm-shadow"="bare" {
  store i64 1, ptr @mine
  ret ptr getelementptr inbounds (i8, ptr @mine, i64 8)
}

declare void @use.psm(ptr) "psm-shadow"="use"
declare ptr @llvm.threadlocal.address.p0(ptr)
