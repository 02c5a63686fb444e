; Globals are reached at +delta by integer arithmetic, so that no optimizer folds the
; distance away; data that cannot change is read where it is; constant expressions and
; constant null are addresses like others.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -psm-no-hooks -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

@counter = global i64 7
@pair = internal global { i64, i64 } zeroinitializer
@outside = external global i64
@primes = internal constant [4 x i64] [i64 2, i64 3, i64 5, i64 7]
@names = external constant [4 x i64]

; CHECK-LABEL: define i64 @direct.psm
; CHECK:         [[SUM:%.*]] = add i64 ptrtoint (ptr @counter to i64), %delta
; CHECK-NEXT:    [[TWIN:%.*]] = inttoptr i64 [[SUM]] to ptr
; CHECK-NEXT:    load i64, ptr [[TWIN]]
; CHECK:         add i64 ptrtoint (ptr @outside to i64), %delta
define i64 @direct.psm() "psm-shadow"="direct" {
  %a = load i64, ptr @counter
  %b = load i64, ptr @outside
  %r = add i64 %a, %b
  ret i64 %r
}

; CHECK-LABEL: define void @expression.psm
; CHECK:         add i64 ptrtoint (ptr getelementptr inbounds ({ i64, i64 }, ptr @pair, i64 0, i32 1) to i64), %delta
; CHECK:         store i64 1, ptr %twin
define void @expression.psm() "psm-shadow"="expression" {
  store i64 1, ptr getelementptr inbounds ({ i64, i64 }, ptr @pair, i64 0, i32 1)
  ret void
}

; An element of a global: the sum first, the index on it.
; CHECK-LABEL: define i64 @element.psm
; CHECK:         [[SUM:%.*]] = add i64 ptrtoint (ptr @outside to i64), %delta
; CHECK:         [[TWIN:%.*]] = inttoptr i64 [[SUM]] to ptr
; CHECK:         [[E:%.*]] = getelementptr i64, ptr [[TWIN]], i64 %i
; CHECK:         load i64, ptr [[E]]
define i64 @element.psm(i64 %i) "psm-shadow"="element" {
  %e = getelementptr inbounds i64, ptr @outside, i64 %i
  %v = load i64, ptr %e
  ret i64 %v
}

; CHECK-LABEL: define i64 @constants.psm
; CHECK-NOT:     delta
; CHECK:         %e = getelementptr inbounds [4 x i64], ptr @primes, i64 0, i64 %i
; CHECK-NEXT:    load i64, ptr %e
; CHECK-NEXT:    load i64, ptr @names
define i64 @constants.psm(i64 %i) "psm-shadow"="constants" {
  %e = getelementptr inbounds [4 x i64], ptr @primes, i64 0, i64 %i
  %a = load i64, ptr %e
  %b = load i64, ptr @names
  %r = add i64 %a, %b
  ret i64 %r
}

; An address that is kept is canonical.
; CHECK-LABEL: define void @kept.psm
; CHECK:         store ptr @counter, ptr %twin
define void @kept.psm(ptr %p) "psm-shadow"="kept" {
  store ptr @counter, ptr %p
  ret void
}

; CHECK-LABEL: define i64 @fixed_address.psm
; CHECK:         add i64 4096, %delta
define i64 @fixed_address.psm() "psm-shadow"="fixed_address" {
  %v = load i64, ptr inttoptr (i64 4096 to ptr)
  ret i64 %v
}
