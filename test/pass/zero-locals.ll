; Which local variables begin as zero, where, and how; in the foreground and in the
; variant alike. What is set whole at once, too large, or in main, does not.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not='call void @llvm.memset'
; RUN: %opt -load-pass-plugin=%psmpass -psm-foreground-skip=zero -passes=psm-clone,verify -S %s | FileCheck %s --check-prefix=OFF --implicit-check-not=memset
; OFF: define hidden void @kinds.psm
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
declare void @use(...)
declare void @llvm.lifetime.start.p0(i64, ptr)
declare void @llvm.lifetime.end.p0(i64, ptr)

; CHECK-LABEL: define void @kinds(i32 %x)
; CHECK:         %own = alloca i32
; CHECK-NEXT:    store i32 0, ptr %scalar, align 4
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 8 %aggregate, i8 0, i64 16, i1 false)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 1 %buffer, i8 0, i64 1024, i1 false)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 4 %array, i8 0, i64 12, i1 false)
; CHECK-NEXT:    store x86_fp80 0xK00000000000000000000, ptr %long, align 16
; CHECK-NEXT:    [[TAIL:%.*]] = getelementptr i8, ptr %long, i64 10
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 2 [[TAIL]], i8 0, i64 6, i1 false)
; CHECK-NEXT:    store i32 %x, ptr %own
; CHECK-NEXT:    call void (...) @use(
define void @kinds(i32 %x) {
  %scalar = alloca i32
  %aggregate = alloca { i8, i64 }
  %buffer = alloca [1024 x i8]
  %large = alloca [1025 x i8]
  %array = alloca i32, i64 3
  %long = alloca x86_fp80
  %own = alloca i32
  store i32 %x, ptr %own
  call void (...) @use(ptr %scalar, ptr %aggregate, ptr %buffer, ptr %large, ptr %array, ptr %long, ptr %own)
  ret void
}

; A store of the address, of a part, or after another use does not set it whole.
; CHECK-LABEL: define void @not_set_first(i32 %x, ptr %p)
; CHECK:         store ptr null, ptr %self
; CHECK-NEXT:    store i64 0, ptr %part
; CHECK-NEXT:    store i32 0, ptr %late
; CHECK-NEXT:    store ptr %self, ptr %self
; CHECK-NEXT:    store i32 %x, ptr %part
; CHECK-NEXT:    call void (...) @use(ptr %late)
define void @not_set_first(i32 %x, ptr %p) {
  %self = alloca ptr
  %part = alloca i64
  %late = alloca i32
  store ptr %self, ptr %self
  store i32 %x, ptr %part
  call void (...) @use(ptr %late)
  store i32 %x, ptr %late
  ret void
}

; Each time a lifetime begins anew, and not elsewhere.
; CHECK-LABEL: define void @lifetimes(i1 %c)
; CHECK-NEXT:  entry:
; CHECK-NEXT:    %local = alloca
; CHECK-NEXT:    br label %loop
; CHECK:       loop:
; CHECK-NEXT:    call void @llvm.lifetime.start.p0(i64 16, ptr %local)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 8 %local, i8 0, i64 16, i1 false)
; CHECK:         call void @llvm.lifetime.end.p0(i64 16, ptr %local)
; CHECK:       end:
; CHECK-NEXT:    call void @llvm.lifetime.start.p0(i64 16, ptr %local)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 8 %local, i8 0, i64 16, i1 false)
define void @lifetimes(i1 %c) {
entry:
  %local = alloca { i8, i64 }
  br label %loop
loop:
  call void @llvm.lifetime.start.p0(i64 16, ptr %local)
  call void (...) @use(ptr %local)
  call void @llvm.lifetime.end.p0(i64 16, ptr %local)
  br i1 %c, label %loop, label %end
end:
  call void @llvm.lifetime.start.p0(i64 16, ptr %local)
  call void (...) @use(ptr %local)
  ret void
}

; What alloca() and variable-length arrays come to is known when they are made.
; CHECK-LABEL: define void @dynamic(i32 %n)
; CHECK:         %p = alloca i64, i32 %n
; CHECK-NEXT:    [[COUNT:%.*]] = zext i32 %n to i64
; CHECK-NEXT:    [[SIZE:%.*]] = mul i64 [[COUNT]], 8
; CHECK-NEXT:    [[SMALL:%.*]] = icmp ule i64 [[SIZE]], 1024
; CHECK-NEXT:    [[ZEROED:%.*]] = select i1 [[SMALL]], i64 [[SIZE]], i64 0
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr align 8 %p, i8 0, i64 [[ZEROED]], i1 false)
define void @dynamic(i32 %n) {
  %p = alloca i64, i32 %n
  call void (...) @use(ptr %p)
  ret void
}

; CHECK-LABEL: define i32 @main()
; CHECK-NEXT:    %local = alloca
; CHECK-NEXT:    call void (...) @use(
define i32 @main() {
  %local = alloca { i8, i64 }
  call void (...) @use(ptr %local)
  ret i32 0
}
; CHECK-LABEL: define hidden void @kinds.psm(
; CHECK-COUNT-4: call void @llvm.memset
; CHECK-LABEL: define hidden void @not_set_first.psm(
; CHECK-LABEL: define hidden void @lifetimes.psm(
; CHECK-COUNT-2: call void @llvm.memset
; CHECK-LABEL: define hidden void @dynamic.psm(
; CHECK: call void @llvm.memset
; CHECK-LABEL: define hidden i32 @main.psm(
