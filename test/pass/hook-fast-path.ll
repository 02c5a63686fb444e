; The hook's code: one bit of a word of marks per block, a likely branch around a call
; that keeps registers.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK: @__psm_marks = external dso_local global i64
; CHECK: @__psm_hook_abi_1 = external global i8
; CHECK: @llvm.used = appending global [1 x ptr] [ptr @psm.hook.abi]

; CHECK-LABEL: define void @word.psm
; CHECK:         [[TABLE:%.*]] = load i64, ptr @__psm_marks, align 8, !invariant.load
; CHECK:         %marks = inttoptr i64 [[TABLE]] to ptr
; CHECK:         %twin = getelementptr i8, ptr %p, i64 %delta
; CHECK:         [[T:%.*]] = ptrtoint ptr %twin to i64
; CHECK-NEXT:    [[INDEX:%.*]] = lshr i64 [[T]], 10
; CHECK-NEXT:    [[AT:%.*]] = getelementptr i32, ptr %marks, i64 [[INDEX]]
; CHECK-NEXT:    [[WORD:%.*]] = load i32, ptr [[AT]]
; CHECK-NEXT:    [[BLOCK:%.*]] = lshr i64 [[T]], 5
; CHECK-NEXT:    [[LOW:%.*]] = trunc i64 [[BLOCK]] to i32
; CHECK-NEXT:    [[BIT:%.*]] = and i32 [[LOW]], 31
; CHECK-NEXT:    [[SHIFTED:%.*]] = lshr i32 [[WORD]], [[BIT]]
; CHECK-NEXT:    %marked = trunc i32 [[SHIFTED]] to i1
; CHECK-NEXT:    [[MISSING:%.*]] = xor i1 %marked, true
; CHECK-NEXT:    br i1 [[MISSING]], label %[[LOG:.*]], label %[[STORE:.*]], !prof
; CHECK:       [[LOG]]:
; CHECK-NEXT:    call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK-NEXT:    br label %[[STORE]]
; CHECK:       [[STORE]]:
; CHECK-NEXT:    store i64 %v, ptr %twin
define void @word.psm(ptr %p, i64 %v) "psm-shadow"="word" {
  store i64 %v, ptr %p, align 8
  ret void
}

; Alignment less than size: the store may reach into the next block.
; CHECK-LABEL: define void @unaligned.psm
; CHECK:         [[T:%.*]] = ptrtoint ptr %twin to i64
; CHECK:         lshr i64 [[T]], 10
; CHECK:         br i1 {{.*}}, label %[[LOG:.*]], label %[[SECOND:.*]], !prof
; CHECK:       [[LOG]]:
; CHECK-NEXT:    call preserve_mostcc void @__psm_log(ptr %twin, i64 8)
; CHECK-NEXT:    br label %[[STORE:.*]]
; CHECK:       [[SECOND]]:
; CHECK:         [[LAST:%.*]] = add i64 [[T]], 7
; CHECK:         lshr i64 [[LAST]], 10
; CHECK:         br i1 {{.*}}, label %[[LOG]], label %[[STORE]], !prof
; CHECK:       [[STORE]]:
; CHECK-NEXT:    store i64 %v, ptr %twin, align 1
define void @unaligned.psm(ptr %p, i64 %v) "psm-shadow"="unaligned" {
  store i64 %v, ptr %p, align 1
  ret void
}

; The call reads the old bytes, writes what the program cannot see, and keeps
; registers, so it must not pass through lazy binding.
; CHECK:       declare preserve_mostcc void @__psm_log(ptr, i64) [[ATTRIBUTES:#[0-9]+]]
; CHECK:       attributes [[ATTRIBUTES]] = { cold nounwind nonlazybind willreturn memory(argmem: read, inaccessiblemem: readwrite) }
