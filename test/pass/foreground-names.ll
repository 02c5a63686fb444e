; malloc and its family lose their names and everything that lets the optimizer
; delete a pair of calls or a store to the block; as pointers too. A program that
; has its own malloc keeps it.
; RUN: split-file %s %t
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %t/a.ll | FileCheck %s --implicit-check-not='@{{malloc|free|_Znwm|qsort}}'
; RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='default<O3>,verify' -S %t/a.ll | FileCheck %s --check-prefix=O3
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %t/own.ll | FileCheck %s --check-prefix=OWN --implicit-check-not=psm_
;--- a.ll
declare noalias ptr @malloc(i64) allockind("alloc,uninitialized") allocsize(0) "alloc-family"="malloc"
declare void @free(ptr allocptr) allockind("free") "alloc-family"="malloc"
declare noundef nonnull ptr @_Znwm(i64) nobuiltin allocsize(0)
declare void @qsort(ptr, i64, i64, ptr)
; CHECK: @release = global ptr @psm_free
@release = global ptr @free

; CHECK-LABEL: define void @pair(i64 %n)
; CHECK-NEXT:    [[P:%.*]] = call ptr @psm_malloc(i64 %n)
; CHECK-NEXT:    store i64 %n, ptr [[P]]
; CHECK-NEXT:    call void @psm_free(ptr [[P]])
; CHECK-NEXT:    [[O:%.*]] = call ptr @psm__Znwm(i64 8){{$}}
; CHECK-NEXT:    call void @psm_qsort(ptr [[O]], i64 1, i64 8, ptr null)
; O3-LABEL: define void @pair(i64 %n)
; O3:    [[P:%.*]] = tail call ptr @psm_malloc(i64 %n)
; O3-NEXT:    store i64 %n, ptr [[P]]
; O3-NEXT:    tail call void @psm_free(ptr
define void @pair(i64 %n) {
  %p = call noalias ptr @malloc(i64 %n) allocsize(0)
  store i64 %n, ptr %p
  call void @free(ptr %p)
  %o = call noalias ptr @_Znwm(i64 8) builtin allocsize(0)
  call void @qsort(ptr %o, i64 1, i64 8, ptr null)
  ret void
}
; CHECK-LABEL: define hidden void @pair.psm(i64 %n)
; CHECK-NEXT:    [[P:%.*]] = call ptr @psm_w_malloc(i64 %n)
; CHECK-NEXT:    store i64 %n, ptr [[P]]
; CHECK-NEXT:    call void @psm_w_free(ptr [[P]])
; CHECK-NEXT:    [[O:%.*]] = call ptr @psm_w__Znwm(i64 8){{$}}
; CHECK-NEXT:    call void @psm_qsort.psm(ptr [[O]], i64 1, i64 8, ptr null)
; What allocates may set errno, so it has no memory():
; CHECK: attributes #{{.*}} = { nounwind willreturn }{{$}}
;--- own.ll
; OWN: define ptr @malloc(i64 %n)
; OWN: call ptr @malloc(
; OWN: define hidden ptr @malloc.psm(i64 %n)
; OWN: call ptr @malloc.psm(
define ptr @malloc(i64 %n) {
  ret ptr null
}
define ptr @user() {
  %p = call ptr @malloc(i64 1)
  ret ptr %p
}
