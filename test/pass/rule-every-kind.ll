; What each kind of rule makes of a call, in the foreground and in the variant.
; RUN: %opt -load-pass-plugin=%psmpass -psm-rules=%S/Inputs/every-kind.rules -passes=psm-clone,verify -S %s | FileCheck %s
declare noalias nonnull ptr @p_find(i32, ptr)
declare noalias ptr @w_copy(ptr, ptr) nounwind memory(argmem: readwrite)
declare noalias ptr @a_make(i64) allockind("alloc,uninitialized") allocsize(0) "alloc-family"="a"
declare void @o_sort(ptr, ptr)
declare void @s_void(...)
declare i32 @s_value()
declare i32 @r_old(i32)
declare i32 @f_ork()
declare i32 @f_ile()
@g_state = internal global i32 0
@g_scratch = external global i32
; CHECK: @g_state = internal global i32 0 [[STATE:#[0-9]+]]
; CHECK: @g_scratch = external global i32 [[SCRATCH:#[0-9]+]]
; CHECK: @llvm.compiler.used = {{.*}}ptr @g_state

; CHECK-LABEL: define i32 @f(ptr %p)
; CHECK-NEXT:    call ptr @p_find(i32 1, ptr %p)
; CHECK-NEXT:    call noalias ptr @w_copy(ptr %p, ptr %p)
; CHECK-NEXT:    call ptr @psm_a_make(i64 8){{$}}
; CHECK-NEXT:    call void @psm_o_sort(
; CHECK-NEXT:    call void (...) @s_void(ptr %p)
; CHECK-NEXT:    call i32 @s_value()
; CHECK-NEXT:    call i32 @r_old(
; CHECK-NEXT:    call void @__psm_guard(ptr @[[FORK:psm.name[.0-9]*]])
; CHECK-NEXT:    call i32 @f_ork()
; CHECK-NEXT:    store ptr @psm_a_make, ptr %p
define i32 @f(ptr %p) {
  %1 = call ptr @p_find(i32 1, ptr %p)
  %2 = call noalias ptr @w_copy(ptr %p, ptr %p) memory(argmem: readwrite)
  %3 = call noalias ptr @a_make(i64 8) allocsize(0)
  call void @o_sort(ptr %p, ptr %p)
  call void (...) @s_void(ptr %p)
  %4 = call i32 @s_value()
  %5 = call i32 @r_old(i32 %4)
  %6 = call i32 @f_ork()
  store ptr @a_make, ptr %p
  ret i32 %6
}

; CHECK-LABEL: define hidden i32 @f.psm(ptr %p)
; CHECK-NEXT:    call ptr @p_find(i32 1, ptr %p)
; CHECK-NEXT:    call ptr @psm_w_w_copy(ptr %p, ptr %p){{$}}
; CHECK-NEXT:    call ptr @psm_w_a_make(i64 8){{$}}
; CHECK-NEXT:    call void @psm_o_sort.psm(
; CHECK-NEXT:    call i32 @r_new.psm(i32 -7)
; CHECK-NEXT:    call i32 @f_ork() [[FORBID:#[0-9]+]]
; CHECK-NEXT:    store ptr @psm_a_make, ptr %p

; CHECK-DAG: declare ptr @psm_w_w_copy(ptr, ptr) [[NOUNWIND:#[0-9]+]]
; CHECK-DAG: declare ptr @psm_w_a_make(i64){{$}}
; CHECK-DAG: declare void @psm_o_sort.psm(ptr, ptr) [[SORT:#[0-9]+]]
; CHECK-DAG: declare extern_weak dso_local hidden i32 @r_new.psm(i32)
; CHECK-DAG: attributes [[STATE]] = { "psm-state" }
; CHECK-DAG: attributes [[SCRATCH]] = { "psm-scratch" }
; CHECK-DAG: attributes [[NOUNWIND]] = { nounwind }
; CHECK-DAG: attributes [[SORT]] = { "psm-shadow"="psm_o_sort" }
; CHECK-DAG: attributes [[FORBID]] = { noinline "psm-forbid"="f_ork" }
; CHECK-DAG: !psm.rules = !{[[RULES:![0-9]+]]}
; CHECK-DAG: [[RULES]] = !{!"{{.*}}every-kind.rules", !"# one of each
