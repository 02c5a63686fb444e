; Section psm_pin holds one 4-byte absolute address for each external function whose
; address is taken at the end, and nothing in position-independent code.
; RUN: split-file %s %t
; RUN: %opt -load-pass-plugin=%psmpass -passes='psm-clone,psm-instrument,verify' -S %t/fixed.ll | FileCheck %s
; RUN: cat %t/fixed.ll %t/pic.ll | %opt -load-pass-plugin=%psmpass -passes='psm-clone,psm-instrument,verify' -S | FileCheck %s --check-prefix=PIC --implicit-check-not=psm_pin
; RUN: %opt -load-pass-plugin=%psmpass -passes='psm-clone,psm-instrument,verify' %t/fixed.ll -o %t/fixed.bc
; RUN: llc -filetype=obj -relocation-model=static %t/fixed.bc -o %t/fixed.o && llvm-readelf -r -S %t/fixed.o | FileCheck %s --check-prefix=OBJECT
;--- fixed.ll
target triple = "x86_64-pc-linux-gnu"
declare void @taken()
declare i32 @strcmp(ptr, ptr)
declare void @called()
@table = global [2 x ptr] [ptr @taken, ptr @strcmp]
define void @defined() {
  call void @called()
  ret void
}
define ptr @user() {
  ret ptr @defined
}
; CHECK: @psm.pin = private constant [2 x i32] [i32 ptrtoint (ptr @taken to i32), i32 ptrtoint (ptr @strcmp to i32)], section "psm_pin", align 4
; CHECK: @llvm.used = {{.*}}ptr @psm.pin
; PIC: define hidden ptr @user.psm

; OBJECT: psm_pin PROGBITS {{[0-9a-f]+}} {{[0-9a-f]+}} 000008 00 AR
; OBJECT: '.relapsm_pin' {{.*}} contains 2 entries
; OBJECT: R_X86_64_32 {{.*}} taken + 0
; OBJECT: R_X86_64_32 {{.*}} strcmp + 0
;--- pic.ll
!llvm.module.flags = !{!0}
!0 = !{i32 8, !"PIC Level", i32 2}
