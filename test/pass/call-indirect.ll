; A call through a pointer looks the shadow variant up, at the call and not where the
; optimizer has moved psm.resolve to, with a one-entry cache that replay threads share;
; a pointer known by now costs nothing.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s --implicit-check-not='call ptr @psm.resolve'

target triple = "x86_64-pc-linux-gnu"

; CHECK: [[CACHE:@psm.cache.*]] = private global i64 -1, align 8

; CHECK-LABEL: define i64 @through.psm
; CHECK:         br i1 %c, label %yes, label %common.ret
; CHECK:       yes:
; CHECK-NEXT:    [[ENTRY:%.*]] = load atomic i64, ptr [[CACHE]] monotonic, align 8
; CHECK-NEXT:    [[KEY:%.*]] = and i64 [[ENTRY]], 4294967295
; CHECK-NEXT:    [[WANTED:%.*]] = ptrtoint ptr %f to i64
; CHECK-NEXT:    [[HIGH:%.*]] = lshr i64 [[ENTRY]], 32
; CHECK-NEXT:    [[CACHED:%.*]] = inttoptr i64 [[HIGH]] to ptr
; CHECK-NEXT:    [[MISS:%.*]] = icmp ne i64 [[KEY]], [[WANTED]]
; CHECK-NEXT:    br i1 [[MISS]], label %[[LOOKUP:.*]], label %[[CALL:.*]], !prof
; CHECK:       [[LOOKUP]]:
; CHECK-NEXT:    [[FOUND:%.*]] = call ptr @__psm_resolve(ptr %f)
; CHECK:         br i1 {{.*}}, label %[[KEEP:.*]], label %[[CALL]]
; CHECK:       [[KEEP]]:
; CHECK:         store atomic i64 {{.*}}, ptr [[CACHE]] monotonic, align 8
; CHECK:       [[CALL]]:
; CHECK-NEXT:    %callee = phi ptr
; CHECK-NEXT:    call i64 %callee(ptr %p)
define i64 @through.psm(i1 %c, ptr %f, ptr %p) "psm-shadow"="through" {
  %v = call ptr @psm.resolve(ptr %f)
  br i1 %c, label %yes, label %no
yes:
  %r = call i64 %v(ptr %p)
  ret i64 %r
no:
  ret i64 0
}

; Merged callees become merged pointers, through a loop as well.
; CHECK-LABEL: define void @merged.psm
; CHECK:       loop:
; CHECK:         %canonical = phi ptr [ %f, %entry ], [ [[NEXT:%.*]], %{{.*}} ]
; CHECK:         call ptr @__psm_resolve(ptr %canonical)
; CHECK:         [[NEXT]] = select i1 %c, ptr %canonical, ptr @known
define void @merged.psm(i1 %c, ptr %f) "psm-shadow"="merged" {
entry:
  %v = call ptr @psm.resolve(ptr %f)
  br label %loop
loop:
  %callee = phi ptr [ %v, %entry ], [ %next, %loop ]
  call void %callee()
  %next = select i1 %c, ptr %callee, ptr @known.psm
  br label %loop
}

; CHECK-LABEL: define i64 @known_target.psm
; CHECK-NEXT:    %r = call i64 @known.psm()
define i64 @known_target.psm() "psm-shadow"="known_target" {
  %v = call ptr @psm.resolve(ptr @known)
  %r = call i64 %v()
  ret i64 %r
}

define i64 @known() {
  ret i64 1
}
define i64 @known.psm() "psm-shadow"="known" {
  ret i64 1
}
declare ptr @psm.resolve(ptr) nounwind willreturn memory(none)
