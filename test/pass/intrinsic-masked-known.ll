; A mask that is known shows the arithmetic of the hooks for masked stores: lanes 1 and 2
; of 4 are 16 bytes from byte 8 on; compressed, they are 16 bytes from the first.
; RUN: %opt -load-pass-plugin=%psmpass -passes='psm-instrument,verify,function(instcombine)' -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @known.psm
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         [[LANE:%.*]] = getelementptr i8, ptr [[P]], i64 8
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr [[LANE]], i64 16)
; CHECK:         call void @llvm.masked.store
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin{{.*}}, i64 16)
; CHECK:         call void @llvm.masked.compressstore
define void @known.psm(ptr %p, ptr %q, <4 x i64> %v) "psm-shadow"="known" {
  call void @llvm.masked.store.v4i64.p0(<4 x i64> %v, ptr %p, i32 8, <4 x i1> <i1 false, i1 true, i1 true, i1 false>)
  call void @llvm.masked.compressstore.v4i64(<4 x i64> %v, ptr %q, <4 x i1> <i1 false, i1 true, i1 true, i1 false>)
  ret void
}
