; Every definition gets one shadow variant, whatever its linkage, and nothing else
; about the function itself changes.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s --implicit-check-not=define --implicit-check-not=comdat

; CHECK-DAG: $inline = comdat any
; CHECK-DAG: $inline.psm = comdat any

; CHECK: define i32 @external(i32 %x) !psm.shadow [[EXTERNAL:![0-9]+]] {
define i32 @external(i32 %x) { ret i32 %x }

; CHECK: define internal i32 @internal(i32 %x) !psm.shadow
define internal i32 @internal(i32 %x) { ret i32 %x }

; CHECK: define weak i32 @weak(i32 %x) !psm.shadow
define weak i32 @weak(i32 %x) { ret i32 %x }

$inline = comdat any
; CHECK: define linkonce_odr i32 @inline(i32 %x) comdat !psm.shadow
define linkonce_odr i32 @inline(i32 %x) comdat { ret i32 %x }

; CHECK: define available_externally i32 @elsewhere(i32 %x) !psm.shadow
define available_externally i32 @elsewhere(i32 %x) { ret i32 %x }

declare i32 @declared(i32)

define i32 @main() {
  %1 = call i32 @internal(i32 1)
  ret i32 %1
}
; CHECK: define i32 @main()
; CHECK-NEXT:    call i32 @internal(i32 1)

; CHECK: define hidden i32 @external.psm(i32 %x) [[ATTR:#[0-9]+]] section ".text.psm.external" {
; CHECK: define internal i32 @internal.psm(i32 %x) #{{[0-9]+}} section ".text.psm.internal" {
; CHECK: define weak hidden i32 @weak.psm(i32 %x) #{{[0-9]+}} section ".text.psm.weak" {
; CHECK: define linkonce_odr hidden i32 @inline.psm(i32 %x) #{{[0-9]+}} section ".text.psm.inline" comdat {
; CHECK: define internal i32 @elsewhere.psm(i32 %x) #{{[0-9]+}} section ".text.psm.elsewhere" {
; CHECK: define hidden i32 @main.psm()
; CHECK-NEXT: call i32 @internal.psm(i32 1)
; CHECK: attributes [[ATTR]] = {{.*}}"psm-shadow"="external"
; CHECK: [[EXTERNAL]] = !{ptr @external.psm}
