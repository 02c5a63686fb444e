; A module that has been through stage 1 is left alone the next time, so that both
; plugins may load the pass and a link-time optimizer may run it again.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone -S %s -o %t.once
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,psm-clone,verify -S %s -o %t.twice
; RUN: diff %t.once %t.twice
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone -S %t.once | FileCheck %s --implicit-check-not=define
; CHECK: define i32 @f
; CHECK: define hidden i32 @f.psm
; CHECK: !{i32 7, !"psm-cloned", i32 1}
define i32 @f(i32 %x) {
  %a = alloca i32
  store i32 %x, ptr %a
  ret i32 %x
}
