; Vector accesses under a mask: twins of one address or of a vector of them, and hooks
; for the lanes that are stored to and no others.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s --implicit-check-not='call preserve'

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define <4 x i64> @loads.psm
; CHECK:         [[PS:%.*]] = getelementptr i8, <4 x ptr> %ps, i64 %delta
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         call <4 x i64> @llvm.masked.load.v4i64.p0(ptr [[P]], i32 8, <4 x i1> %m
; CHECK:         call <4 x i64> @llvm.masked.gather.v4i64.v4p0(<4 x ptr> [[PS]], i32 8, <4 x i1> %m
; CHECK:         call <4 x i64> @llvm.masked.expandload.v4i64(ptr [[P]], <4 x i1> %m
define <4 x i64> @loads.psm(ptr %p, <4 x ptr> %ps, <4 x i1> %m) "psm-shadow"="loads" {
  %a = call <4 x i64> @llvm.masked.load.v4i64.p0(ptr %p, i32 8, <4 x i1> %m, <4 x i64> zeroinitializer)
  %b = call <4 x i64> @llvm.masked.gather.v4i64.v4p0(<4 x ptr> %ps, i32 8, <4 x i1> %m, <4 x i64> zeroinitializer)
  %c = call <4 x i64> @llvm.masked.expandload.v4i64(ptr %p, <4 x i1> %m, <4 x i64> zeroinitializer)
  %d = add <4 x i64> %a, %b
  %e = add <4 x i64> %d, %c
  ret <4 x i64> %e
}

; From the first lane to the last; nothing if there is none.
; CHECK-LABEL: define void @store.psm
; CHECK:         [[BITS:%.*]] = bitcast <4 x i1> %m to i4
; CHECK:         [[ANY:%.*]] = icmp ne i4 [[BITS]], 0
; CHECK:         br i1 [[ANY]]
; CHECK:         call i4 @llvm.cttz.i4(i4 [[BITS]]
; CHECK:         call i4 @llvm.ctlz.i4(i4 [[BITS]]
; CHECK:         call preserve_mostcc void @__psm_log_range(
; CHECK:         call void @llvm.masked.store.v4i64.p0(<4 x i64> %v, ptr %twin, i32 8, <4 x i1> %m)
define void @store.psm(ptr %p, <4 x i64> %v, <4 x i1> %m) "psm-shadow"="store" {
  call void @llvm.masked.store.v4i64.p0(<4 x i64> %v, ptr %p, i32 8, <4 x i1> %m)
  ret void
}

; CHECK-LABEL: define void @compress.psm
; CHECK:         call i64 @llvm.ctpop.i64(
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64
; CHECK-NEXT:    call void @llvm.masked.compressstore.v4i64(<4 x i64> %v, ptr %twin, <4 x i1> %m)
define void @compress.psm(ptr %p, <4 x i64> %v, <4 x i1> %m) "psm-shadow"="compress" {
  call void @llvm.masked.compressstore.v4i64(<4 x i64> %v, ptr %p, <4 x i1> %m)
  ret void
}

; CHECK-LABEL: define void @scatter.psm
; CHECK:         extractelement <2 x i1> %m, i64 0
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr {{.*}}, i64 8)
; CHECK:         extractelement <2 x i1> %m, i64 1
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr {{.*}}, i64 8)
; CHECK:         call void @llvm.masked.scatter.v2i64.v2p0(<2 x i64> %v, <2 x ptr> %twin, i32 8, <2 x i1> %m)
define void @scatter.psm(<2 x ptr> %ps, <2 x i64> %v, <2 x i1> %m) "psm-shadow"="scatter" {
  call void @llvm.masked.scatter.v2i64.v2p0(<2 x i64> %v, <2 x ptr> %ps, i32 8, <2 x i1> %m)
  ret void
}

; A vector of addresses made of one and a vector of indexes; a constant vector.
; CHECK-LABEL: define <2 x i64> @addresses.psm
; CHECK:         [[P:%.*]] = getelementptr i8, ptr %p, i64 %delta
; CHECK:         [[PS:%.*]] = getelementptr i64, ptr [[P]], <2 x i64> %i
; CHECK:         call <2 x i64> @llvm.masked.gather.v2i64.v2p0(<2 x ptr> [[PS]]
; CHECK:         add <2 x i64> <i64 ptrtoint (ptr @g to i64), i64 ptrtoint (ptr @g to i64)>
define <2 x i64> @addresses.psm(ptr %p, <2 x i64> %i, <2 x i1> %m) "psm-shadow"="addresses" {
  %ps = getelementptr inbounds i64, ptr %p, <2 x i64> %i
  %a = call <2 x i64> @llvm.masked.gather.v2i64.v2p0(<2 x ptr> %ps, i32 8, <2 x i1> %m, <2 x i64> zeroinitializer)
  %b = call <2 x i64> @llvm.masked.gather.v2i64.v2p0(<2 x ptr> <ptr @g, ptr @g>, i32 8, <2 x i1> %m, <2 x i64> %a)
  ret <2 x i64> %b
}
@g = global i64 0

; Machine intrinsics that only read.
; CHECK-LABEL: define <8 x i32> @machine.psm
; CHECK:         call <8 x i32> @llvm.x86.avx2.maskload.d.256(ptr %twin, <8 x i32> %m)
define <8 x i32> @machine.psm(ptr %p, <8 x i32> %m) "psm-shadow"="machine" {
  %v = call <8 x i32> @llvm.x86.avx2.maskload.d.256(ptr %p, <8 x i32> %m)
  ret <8 x i32> %v
}
