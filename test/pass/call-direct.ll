; Direct calls in a variant go to variants, of this unit or, weak and hidden, of
; another; through a cast, an alias or recursion too. The foreground's do not change.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not=psm.resolve
@alias = alias i32 (i32), ptr @here
@weak_alias = weak alias i32 (i32), ptr @here

; CHECK: @alias.psm = hidden alias i32 (i32), ptr @here.psm
; CHECK: @weak_alias.psm = weak hidden alias i32 (i32), ptr @here.psm

declare zeroext i8 @there(i32 signext)

; CHECK-LABEL: define i32 @here(i32 %x)
; CHECK-NEXT:    call i32 @here(
; CHECK-NEXT:    call zeroext i8 @there(
; CHECK-NEXT:    call i32 @alias(
; CHECK-NEXT:    call i32 @weak_alias(
; CHECK-NEXT:    call void @there(
define i32 @here(i32 %x) {
  %1 = call i32 @here(i32 %x)
  %2 = call zeroext i8 @there(i32 signext %x)
  %3 = call i32 @alias(i32 %x)
  %4 = call i32 @weak_alias(i32 %x)
  call void @there()
  ret i32 %1
}
; CHECK-LABEL: define hidden i32 @here.psm(i32 %x)
; CHECK-NEXT:    call i32 @here.psm(
; CHECK-NEXT:    call zeroext i8 @there.psm(i32 signext %x)
; CHECK-NEXT:    call i32 @here.psm(
; CHECK-NEXT:    call i32 @weak_alias.psm(
; CHECK-NEXT:    call void @there.psm()

; CHECK: declare extern_weak dso_local hidden zeroext i8 @there.psm(i32 signext) [[ATTR:#[0-9]+]]
; CHECK: attributes [[ATTR]] = { "psm-shadow"="there" }
