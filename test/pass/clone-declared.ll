; A unit that declares a variant by its name, as libpsm and tests do, gets this one.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not=f.psm.
declare void @f.psm()
define void @f() {
  ret void
}
; CHECK: define void @user()
; CHECK-NEXT: call void @f.psm()
; CHECK: define hidden void @f.psm() #{{[0-9]+}} section ".text.psm.f"
define void @user() {
  call void @f.psm()
  ret void
}
