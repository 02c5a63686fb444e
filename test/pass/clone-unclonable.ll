; What cannot exist twice is not cloned: the variant holds psm.unsupported, which
; stage 2 reports where an op reaches it.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %s | FileCheck %s
; RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='psm-clone,default<O2>,verify' -S %s | llc -filetype=null

; CHECK-DAG: [[NAKED:@psm.text[.0-9]*]] = {{.*}} c"a naked function\00"
; CHECK-DAG: [[COROUTINE:@psm.text[.0-9]*]] = {{.*}} c"a coroutine\00"
; CHECK-DAG: [[LABEL:@psm.text[.0-9]*]] = {{.*}} c"assembly that defines a label\00"

; CHECK-LABEL: define hidden void @naked.psm()
; CHECK-NEXT:    call void @psm.unsupported(ptr [[NAKED]])
; CHECK-NEXT:    unreachable
define void @naked() naked {
  call void asm sideeffect "ret", ""()
  unreachable
}

; CHECK-LABEL: define hidden void @coroutine.psm()
; CHECK-NEXT:    call void @psm.unsupported(ptr [[COROUTINE]])
; CHECK-NEXT:    unreachable
define void @coroutine() presplitcoroutine {
  ret void
}

; CHECK-LABEL: define hidden void @label.psm()
; CHECK-NEXT:    call void @psm.unsupported(ptr [[LABEL]])
; CHECK-NEXT:    unreachable
define void @label() {
  call void asm sideeffect "nop\0Athe_label: nop", ""()
  ret void
}

; CHECK-LABEL: define hidden i32 @numbered.psm(i32 %x)
; CHECK-NEXT:    call i32 asm "1: incl $0; jo 1b", "=r,0"(i32 %x)
; CHECK-NEXT:    ret i32
define i32 @numbered(i32 %x) {
  %y = call i32 asm "1: incl $0; jo 1b", "=r,0"(i32 %x)
  ret i32 %y
}
