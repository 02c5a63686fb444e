; memcpy, memmove and memset, inline and element-wise ones too: twins, and a hook for
; the destination: tested in line up to 64 bytes, for the range otherwise.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s \
; RUN:   | FileCheck %s --implicit-check-not='call preserve' \
; RUN:     --implicit-check-not='call {{.*}}element'

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @copy.psm
; CHECK:         [[Q:%.*]] = getelementptr i8, ptr %q, i64 %delta
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr [[P]], i64 %n)
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64(ptr align 8 [[P]], ptr align 8 [[Q]], i64 %n, i1 false)
define void @copy.psm(ptr %p, ptr %q, i64 %n) "psm-shadow"="copy" {
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %q, i64 %n, i1 false)
  ret void
}

; CHECK-LABEL: define void @move.psm
; CHECK:         [[N:%.*]] = zext i32 %n to i64
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr {{.*}}, i64 [[N]])
; CHECK:         call void @llvm.memmove.p0.p0.i32(ptr %twin{{.*}}, ptr %twin{{.*}}, i32 %n, i1 false)
define void @move.psm(ptr %p, ptr %q, i32 %n) "psm-shadow"="move" {
  call void @llvm.memmove.p0.p0.i32(ptr %p, ptr %q, i32 %n, i1 false)
  ret void
}

; CHECK-LABEL: define void @set.psm
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64 1000)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr %twin, i8 0, i64 1000, i1 false)
define void @set.psm(ptr %p) "psm-shadow"="set" {
  call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 1000, i1 false)
  ret void
}

; CHECK-LABEL: define void @small.psm
; CHECK:         br i1
; CHECK:         call preserve_mostcc void @__psm_log(ptr %twin, i64 16)
; CHECK:         call void @llvm.memset.inline.p0.i64(ptr align 16 %twin, i8 0, i64 16, i1 false)
define void @small.psm(ptr %p) "psm-shadow"="small" {
  call void @llvm.memset.inline.p0.i64(ptr align 16 %p, i8 0, i64 16, i1 false)
  ret void
}

; Onto the stack, from the state: no hook, one twin.
; CHECK-LABEL: define void @local.psm
; CHECK:         call void @llvm.memcpy.inline.p0.p0.i64(ptr %a, ptr %twin, i64 32, i1 false)
define void @local.psm(ptr %p) "psm-shadow"="local" {
  %a = alloca [32 x i8]
  call void @llvm.memcpy.inline.p0.p0.i64(ptr %a, ptr %p, i64 32, i1 false)
  call void @use.psm(ptr %a)
  ret void
}

; CHECK-LABEL: define void @nothing.psm
; CHECK:         ret void
define void @nothing.psm(ptr %p) "psm-shadow"="nothing" {
  call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 0, i1 false)
  ret void
}

; No library has the functions that atomic ones would become.
; CHECK-LABEL: define void @elements.psm
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr {{.*}}, i64 %n)
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 4 {{.*}}, ptr align 4 {{.*}}, i64 %n, i1 false)
; CHECK:         call void @llvm.memmove.p0.p0.i64(ptr align 4 {{.*}}, ptr align 4 {{.*}}, i64 256, i1 false)
; CHECK:         call void @llvm.memset.p0.i64(ptr align 4 {{.*}}, i8 1, i64 %n, i1 false)
define void @elements.psm(ptr %p, ptr %q, i64 %n) "psm-shadow"="elements" {
  call void @llvm.memcpy.element.unordered.atomic.p0.p0.i64(ptr align 4 %p, ptr align 4 %q, i64 %n, i32 4)
  %a = alloca [256 x i8], align 4
  call void @llvm.memmove.element.unordered.atomic.p0.p0.i64(ptr align 4 %a, ptr align 4 %q, i64 256, i32 4)
  call void @llvm.memset.element.unordered.atomic.p0.i64(ptr align 4 %a, i8 1, i64 %n, i32 4)
  call void @use.psm(ptr %a)
  ret void
}

declare void @use.psm(ptr) "psm-shadow"="use"
