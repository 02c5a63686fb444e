; What was inferred from code without hooks and twins is taken off clones, their
; declarations, wrappers and calls of all these; what is said of values stays, and the
; foreground keeps everything.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK: define nonnull ptr @clone.psm(ptr nonnull align 8 %p, ptr %q) [[PLAIN:#[0-9]+]] {
; CHECK:      call ptr @other.psm(ptr nonnull align 8 %p){{$}}
; CHECK-NEXT: call ptr @psm_w_strcpy(ptr %p, ptr %q){{$}}
; CHECK:      load ptr, ptr %{{.*}}, !nonnull !{{[0-9]+$}}
define noalias nonnull dereferenceable(8) ptr @clone.psm(ptr noalias nonnull align 8 dereferenceable(16) %p, ptr nocapture readonly %q) nosync nofree willreturn memory(argmem: readwrite) "psm-shadow"="clone" {
  %a = call dereferenceable(8) ptr @other.psm(ptr nonnull align 8 dereferenceable(8) %p) nosync memory(argmem: read)
  %b = call ptr @psm_w_strcpy(ptr writeonly %p, ptr readonly %q) memory(argmem: readwrite)
  %v = load ptr, ptr %p, align 8, !nonnull !0, !dereferenceable !1
  ret ptr %v
}

; Of a pure function, which is called on twins, they are true.
; CHECK-LABEL: define i64 @measure.psm
; CHECK: call i64 @strlen(ptr nocapture readonly %{{.*}}) [[PURE:#[0-9]+]]
define i64 @measure.psm(ptr %p) "psm-shadow"="measure" {
  %n = call i64 @strlen(ptr nocapture readonly %p) nounwind willreturn memory(argmem: read)
  ret i64 %n
}
declare i64 @strlen(ptr)

; CHECK: declare ptr @other.psm(ptr) [[DECLARED:#[0-9]+]]
declare noalias ptr @other.psm(ptr nocapture readonly) nosync memory(argmem: read) "psm-shadow"="other"
; CHECK: declare ptr @psm_w_strcpy(ptr returned, ptr){{$}}
declare ptr @psm_w_strcpy(ptr returned writeonly, ptr nocapture readonly) memory(argmem: readwrite)
; CHECK: define i64 @foreground(ptr nocapture readonly %p) [[KEPT:#[0-9]+]]
define i64 @foreground(ptr nocapture readonly %p) nosync willreturn memory(argmem: read) {
  %v = load i64, ptr %p
  ret i64 %v
}

; CHECK-DAG: attributes [[PLAIN]] = { "psm-shadow"="clone" }
; CHECK-DAG: attributes [[PURE]] = { nounwind willreturn memory(argmem: read) }
; CHECK-DAG: attributes [[KEPT]] = { nosync willreturn memory(argmem: read) }
; CHECK-DAG: attributes [[DECLARED]] = { "psm-shadow"="other" }

!0 = !{}
!1 = !{i64 8}
