; Other instrumentation is for the function itself: a variant is not counted, and no
; sanitizer looks at its addresses, and it has unwind tables only if it may throw.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s
@name = private constant [1 x i8] c"f"
declare void @llvm.instrprof.increment(ptr, i64, i32, i32)
; CHECK: define void @f() [[PLAIN:#[0-9]+]] prefix i32 7
; CHECK-NEXT: call void @llvm.instrprof.increment
define void @f() sanitize_address sanitize_thread safestack "instrument-function-entry"="mcount" prefix i32 7 {
  call void @llvm.instrprof.increment(ptr @name, i64 0, i32 1, i32 0)
  ret void
}
; CHECK: define hidden void @f.psm() [[SHADOW:#[0-9]+]] section ".text.psm.f" {
; CHECK-NEXT: ret void

; CHECK: define hidden void @throws.psm() [[THROWS:#[0-9]+]]
; CHECK: define hidden void @quiet.psm() [[QUIET:#[0-9]+]]
define void @throws() uwtable {
  ret void
}
define void @quiet() nounwind uwtable {
  ret void
}
; CHECK-DAG: attributes [[PLAIN]] = { safestack sanitize_address sanitize_thread "instrument-function-entry"="mcount" }
; CHECK-DAG: attributes [[SHADOW]] = { noprofile nosanitize_coverage "psm-shadow"="f" }
; CHECK-DAG: attributes [[THROWS]] = { noprofile nosanitize_coverage uwtable "psm-shadow"="throws" }
; CHECK-DAG: attributes [[QUIET]] = { noprofile nosanitize_coverage nounwind "psm-shadow"="quiet" }
