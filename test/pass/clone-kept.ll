; A variant lives on, optimized or not, when its function's address is taken, here
; in a table or by an op's mark; an unused one of an internal function may go.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,globaldce,verify -S %s | FileCheck %s --implicit-check-not=define
@table = global [1 x ptr] [ptr @taken]
@llvm.global.annotations = appending global [1 x { ptr, ptr, ptr, i32, ptr }] [{ ptr, ptr, ptr, i32, ptr } { ptr @op, ptr @mark, ptr @file, i32 1, ptr null }], section "llvm.metadata"
@mark = private unnamed_addr constant [7 x i8] c"psm_op\00", section "llvm.metadata"
@file = private unnamed_addr constant [4 x i8] c"x.c\00", section "llvm.metadata"
; CHECK: @llvm.compiler.used = appending global [3 x ptr] [ptr @extern.psm, ptr @taken.psm, ptr @op.psm]
; CHECK: define internal void @taken()
define internal void @taken() {
  ret void
}
; CHECK: define internal void @called()
define internal void @called() {
  ret void
}
; CHECK: define internal void @op()
define internal void @op() {
  ret void
}
define internal void @unused() {
  ret void
}
declare void @extern()
; CHECK: define ptr @user()
define ptr @user() {
  call void @called()
  ret ptr @extern
}
; CHECK: define internal void @taken.psm()
; CHECK: define internal void @called.psm()
; CHECK: define internal void @op.psm() [[OP:#[0-9]+]]
; CHECK: define hidden ptr @user.psm()
; CHECK: attributes [[OP]] = {{.*}}"psm-op"
