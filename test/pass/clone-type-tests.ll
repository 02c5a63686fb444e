; Variants make no promises about class hierarchies: a link-time optimizer would take
; psm.resolve for the virtual call. The foreground keeps them.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s
declare i1 @llvm.type.test(ptr, metadata)
declare i1 @llvm.public.type.test(ptr, metadata)
declare { ptr, i1 } @llvm.type.checked.load(ptr, i32, metadata)
declare void @llvm.assume(i1)

; CHECK-LABEL: define i32 @call(
; CHECK: call i1 @llvm.type.test(
; CHECK: call { ptr, i1 } @llvm.type.checked.load(
; CHECK-LABEL: define hidden i32 @call.psm(
; CHECK-NOT: type
; CHECK: call void @llvm.assume(i1 true)
; CHECK: [[F:%.*]] = load ptr, ptr %vtable
; CHECK: [[RESOLVED:%.*]] = call ptr @psm.resolve(ptr [[F]])
; CHECK: call i32 [[RESOLVED]](ptr %object)
; CHECK: [[SLOT:%.*]] = getelementptr i8, ptr %vtable, i32 8
; CHECK: [[G:%.*]] = load ptr, ptr [[SLOT]]
; CHECK: insertvalue { ptr, i1 } poison, ptr [[G]], 0
; CHECK: insertvalue { ptr, i1 } {{%.*}}, i1 true, 1
; CHECK-NOT: type
; CHECK: }
define i32 @call(ptr %object) {
  %vtable = load ptr, ptr %object
  %known = call i1 @llvm.type.test(ptr %vtable, metadata !"A")
  %public = call i1 @llvm.public.type.test(ptr %vtable, metadata !"A")
  %both = and i1 %known, %public
  call void @llvm.assume(i1 %known)
  %f = load ptr, ptr %vtable
  %r = call i32 %f(ptr %object)
  %checked = call { ptr, i1 } @llvm.type.checked.load(ptr %vtable, i32 8, metadata !"A")
  %g = extractvalue { ptr, i1 } %checked, 0
  %s = call i32 %g(ptr %object)
  %t = add i32 %r, %s
  ret i32 %t
}
