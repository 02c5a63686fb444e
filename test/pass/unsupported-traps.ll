; What has no meaning on P becomes a trap that says what it was, and nothing that came
; after it is reached; forbidden calls likewise.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-DAG: [[SPACE:@psm.trap.*]] = private unnamed_addr constant {{.*}} c"an address space other than the default\00"
; CHECK-DAG: [[TSC:@psm.trap.*]] = {{.*}} c"the intrinsic llvm.x86.rdtsc\00"
; CHECK-DAG: [[CYCLES:@psm.trap.*]] = {{.*}} c"the intrinsic llvm.readcyclecounter\00"
; CHECK-DAG: [[RETURN:@psm.trap.*]] = {{.*}} c"the intrinsic llvm.returnaddress\00"
; CHECK-DAG: [[MASKSTORE:@psm.trap.*]] = {{.*}} c"the intrinsic llvm.x86.avx2.maskstore.d.256\00"
; CHECK-DAG: [[BITS:@psm.trap.*]] = {{.*}} c"the intrinsic llvm.masked.store.v8i1.p0\00"
; CHECK-DAG: [[TWICE:@psm.trap.*]] = {{.*}} c"a call that returns twice (setjmp, vfork)\00"
; CHECK-DAG: [[THROW:@psm.trap.*]] = {{.*}} c"throwing an exception\00"
; CHECK-DAG: [[NAKED:@psm.trap.*]] = {{.*}} c"a naked function\00"
; CHECK-DAG: [[FORK:@psm.trap.*]] = {{.*}} c"a call of fork\00"
; CHECK-DAG: [[SKIPPED:@psm.trap.*]] = {{.*}} c"using the result of printf, whose call is skipped\00"
; CHECK-DAG: [[STAGE1:@psm.trap.*]] = {{.*}} c"a label's address that escapes\00"
@text = private constant [7 x i8] c"printf\00"
@label = private constant [31 x i8] c"a label's address that escapes\00"

; CHECK-LABEL: define i64 @space.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[SPACE]])
; CHECK-NEXT:    unreachable
define i64 @space.psm(ptr addrspace(256) %p) "psm-shadow"="space" {
  %v = load i64, ptr addrspace(256) %p
  ret i64 %v
}

; CHECK-LABEL: define i64 @tsc.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[TSC]])
define i64 @tsc.psm() "psm-shadow"="tsc" {
  %v = call i64 @llvm.x86.rdtsc()
  ret i64 %v
}

; CHECK-LABEL: define i64 @cycles.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[CYCLES]])
define i64 @cycles.psm() "psm-shadow"="cycles" {
  %v = call i64 @llvm.readcyclecounter()
  ret i64 %v
}

; CHECK-LABEL: define ptr @caller.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[RETURN]])
define ptr @caller.psm() "psm-shadow"="caller" {
  %v = call ptr @llvm.returnaddress(i32 0)
  ret ptr %v
}

; CHECK-LABEL: define void @maskstore.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[MASKSTORE]])
define void @maskstore.psm(ptr %p, <8 x i32> %m) "psm-shadow"="maskstore" {
  call void @llvm.x86.avx2.maskstore.d.256(ptr %p, <8 x i32> %m, <8 x i32> %m)
  ret void
}

; Elements that are no whole bytes.
; CHECK-LABEL: define void @bits.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[BITS]])
define void @bits.psm(ptr %p, <8 x i1> %v, <8 x i1> %m) "psm-shadow"="bits" {
  call void @llvm.masked.store.v8i1.p0(<8 x i1> %v, ptr %p, i32 1, <8 x i1> %m)
  ret void
}

; CHECK-LABEL: define i32 @twice.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[TWICE]])
define i32 @twice.psm(ptr %p) "psm-shadow"="twice" {
  %v = call i32 @again.psm(ptr %p) returns_twice
  ret i32 %v
}
declare i32 @again.psm(ptr) "psm-shadow"="again"

; CHECK-LABEL: define void @throw.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[THROW]])
define void @throw.psm(ptr %p) "psm-shadow"="throw" {
  call void @__cxa_throw(ptr %p, ptr null, ptr null)
  unreachable
}
declare void @__cxa_throw(ptr, ptr, ptr) "psm-shadow"="__cxa_throw"

; CHECK-LABEL: define void @bare.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[NAKED]])
define void @bare.psm() naked "psm-shadow"="bare" {
  call void asm sideeffect "ret", ""()
  unreachable
}

; CHECK-LABEL: define i32 @child.psm
; CHECK:         @__psm_log(
; CHECK:         store i64 1
; CHECK-NEXT:    call void @__psm_trap(ptr [[FORK]])
; CHECK-NEXT:    unreachable
define i32 @child.psm(ptr %p) "psm-shadow"="child" {
  store i64 1, ptr %p, align 8
  %v = call i32 @fork() "psm-forbid"="fork"
  store i64 2, ptr %p, align 8
  ret i32 %v
}
declare i32 @fork()

; CHECK-LABEL: define i32 @used.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[SKIPPED]])
define i32 @used.psm() "psm-shadow"="used" {
  %v = call i32 @psm.skipped.i32(ptr @text)
  ret i32 %v
}

; CHECK-LABEL: define i32 @unused.psm
; CHECK-NEXT:    ret i32 0
define i32 @unused.psm() "psm-shadow"="unused" {
  %v = call i32 @psm.skipped.i32(ptr @text)
  ret i32 0
}
declare i32 @psm.skipped.i32(ptr)

; CHECK-LABEL: define void @placeholder.psm
; CHECK-NEXT:    call void @__psm_trap(ptr [[STAGE1]])
define void @placeholder.psm() "psm-shadow"="placeholder" {
  call void @psm.unsupported(ptr @label)
  unreachable
}
declare void @psm.unsupported(ptr)

; Arithmetic intrinsics of all kinds are fine, and so is code that never throws.
; CHECK-LABEL: define double @fine.psm
; CHECK-NOT:     @__psm_trap
; CHECK:         ret double
define double @fine.psm(double %x, <4 x i32> %v) "psm-shadow"="fine" personality ptr @personality {
  %a = call double @llvm.sqrt.f64(double %x)
  %b = call i32 @llvm.vector.reduce.add.v4i32(<4 x i32> %v)
  call void @llvm.x86.sse2.pause()
  invoke void @again_void.psm() to label %ok unwind label %pad
ok:
  ret double %a
pad:
  %e = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %e
}
declare void @again_void.psm() "psm-shadow"="again_void"
declare i32 @personality(...)

; CHECK: declare void @__psm_trap(ptr) [[TRAP:#[0-9]+]]
; CHECK: attributes [[TRAP]] = { cold noreturn nounwind }
