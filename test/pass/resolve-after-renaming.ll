; Which variant is whose does not hang on names: a link-time optimizer renames
; internal functions of the same name apart, f and f.psm each in its own way.
; RUN: %opt -load-pass-plugin=%psmpass -passes='function(psm-resolve-fold),verify' -S %s | FileCheck %s
define internal void @f.1() !psm.shadow !0 { ret void }
define internal void @f() !psm.shadow !1 { ret void }
define internal void @f.psm() "psm-shadow"="f" { ret void }

define void @g.psm() "psm-shadow"="g" {
  %1 = call ptr @psm.resolve(ptr @f.1)
  call void %1()
  %2 = call ptr @psm.resolve(ptr @f)
  call void %2()
  ret void
}
; CHECK-LABEL: define void @g.psm()
; CHECK-NEXT: call void @f.psm()
; CHECK-NEXT: [[GONE:%.*]] = call ptr @psm.resolve(ptr @f)
; CHECK-NEXT: call void [[GONE]]()
declare ptr @psm.resolve(ptr)
!0 = !{ptr @f.psm}
!1 = !{null}
