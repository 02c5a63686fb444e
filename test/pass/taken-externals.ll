; An external whose address is taken has a variant that applies its rule, for calls
; through the pointer; one on no list has the weak name that another unit may define.
; A variadic one passes its unnamed arguments on.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not='define {{.*}}@{{memcpy|called|llvm}}'
; RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='default<O2>,verify' -S %s | llc -filetype=null
declare ptr @strcpy(ptr, ptr)
declare i64 @strlen(ptr)
declare void @free(ptr)
declare i32 @snprintf(ptr, i64, ptr, ...)
declare i32 @puts(ptr)
declare i32 @fork()
declare void @qsort(ptr, i64, i64, ptr)
declare void @_exit(i32) noreturn
declare void @unlisted(i32)
declare i32 @called(i32)
@table = constant [9 x ptr] [ptr @strcpy, ptr @strlen, ptr @free, ptr @snprintf, ptr @puts, ptr @fork, ptr @qsort, ptr @_exit, ptr @unlisted]
define i32 @caller() {
  %1 = call i32 @called(i32 1)
  ret i32 %1
}
; CHECK: @llvm.compiler.used = appending global [9 x ptr] [ptr @strcpy.psm, ptr @strlen.psm, ptr @snprintf.psm, ptr @puts.psm, ptr @fork.psm, ptr @_exit.psm, ptr @unlisted.psm, ptr @psm_free.psm, ptr @psm_qsort.psm]

; CHECK: define linkonce_odr hidden ptr @strcpy.psm(ptr %0, ptr %1) [[ATTR:#[0-9]+]] section ".text.psm.strcpy" comdat {
; CHECK-NEXT: [[R:%.*]] = call ptr @psm_w_strcpy(ptr %0, ptr %1)
; CHECK-NEXT: ret ptr [[R]]
; CHECK: define linkonce_odr hidden i64 @strlen.psm(ptr %0) {{.*}}comdat {
; CHECK-NEXT: call i64 @strlen(ptr %0)
; CHECK: define linkonce_odr hidden i32 @snprintf.psm(ptr %0, i64 %1, ptr %2, ...) {{.*}}comdat {
; CHECK-NEXT: [[R:%.*]] = musttail call i32 (ptr, i64, ptr, ...) @psm_w_snprintf(ptr %0, i64 %1, ptr %2, ...)
; CHECK-NEXT: ret i32 [[R]]
; CHECK: define linkonce_odr hidden i32 @puts.psm(ptr %0) {{.*}}comdat {
; CHECK-NEXT: [[R:%.*]] = call i32 @psm.skipped.i32(
; CHECK-NEXT: call void @psm.skipped(
; CHECK-NEXT: ret i32 [[R]]
; CHECK: define linkonce_odr hidden i32 @fork.psm() {{.*}}comdat {
; CHECK-NEXT: [[R:%.*]] = call i32 @fork() [[FORBID:#[0-9]+]]
; CHECK-NEXT: ret i32 [[R]]
; CHECK: define linkonce_odr hidden void @_exit.psm(i32 %0) {{.*}}comdat {
; CHECK-NEXT: call void @psm_w__exit(i32 %0)
; CHECK: declare extern_weak dso_local hidden void @unlisted.psm(i32)
; CHECK: define linkonce_odr hidden void @psm_free.psm(ptr %0) {{.*}}comdat {
; CHECK-NEXT: call void @psm_w_free(ptr %0)
; CHECK: declare {{.*}}void @psm_qsort.psm(
; CHECK: attributes [[ATTR]] = { noprofile nosanitize_coverage "psm-shadow"="strcpy" }
; CHECK: attributes [[FORBID]] = { noinline "psm-forbid"="fork" }
