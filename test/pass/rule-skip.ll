; A skipped call leaves no trace but its result: the rule's value, or psm.skipped
; where no rule states one, which an optimizer drops if unused. A function that
; does not return becomes a trap, and an invoke goes on where the call returns.
; RUN: split-file %s %t
; RUN: %opt -load-pass-plugin=%psmpass -psm-rules=%t/a.rules -passes=psm-clone,verify -S %t/a.ll | FileCheck %s --implicit-check-not='{{(call|invoke).*@s_}}'
; RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -psm-rules=%t/a.rules -passes='default<O1>,verify' -S %t/a.ll | FileCheck %s --check-prefix=O1
;--- a.rules
skip s_int = 12
skip s_pointer,s_double = 1
skip s_open
skip s_ends
;--- a.ll
declare i32 @s_int()
declare ptr @s_pointer()
declare double @s_double()
declare i32 @s_open()
declare void @s_ends() noreturn
declare i32 @personality(...)

; CHECK-LABEL: define i32 @caller(
define i32 @caller(ptr %p) personality ptr @personality {
  %pointer = tail call ptr @s_pointer(), !c !{}
  store ptr %pointer, ptr %p
  %double = tail call double @s_double(), !c !{}
  store double %double, ptr %p
  %int = invoke i32 @s_int() to label %next unwind label %pad, !c !{}
next:
  %unused = tail call i32 @s_open(), !c !{}
  %stored = tail call i32 @s_open(), !c !{}
  store i32 %stored, ptr %p
  %c = icmp eq ptr %p, null
  br i1 %c, label %end, label %done
done:
  ret i32 %int
end:
  tail call void @s_ends(), !c !{}
  store i32 1, ptr %p
  ret i32 1
pad:
  %l = landingpad { ptr, i32 } cleanup
  ret i32 -1
}
; the foreground's calls are marked in order to be told from the variant's
; CHECK: call ptr @s_pointer(), !c
; CHECK: call double @s_double() {{.*}}!c
; CHECK: invoke i32 @s_int()
; CHECK: call i32 @s_open(), !c
; CHECK: call i32 @s_open(), !c
; CHECK: call void @s_ends(), !c

; CHECK-LABEL: define hidden i32 @caller.psm(
; CHECK-NEXT:    store ptr inttoptr (i64 1 to ptr), ptr %p
; CHECK-NEXT:    store double 1.000000e+00, ptr %p
; CHECK-NEXT:    br label %next
; CHECK:       next:
; CHECK-NEXT:    [[RESULT:%.*]] = call i32 @psm.skipped.i32(ptr @[[NAME:psm.name[.0-9]*]])
; CHECK-NEXT:    store i32 [[RESULT]], ptr %p
; CHECK:       done:
; CHECK-NEXT:    ret i32 12
; CHECK:       end:
; CHECK-NEXT:    call void @__psm_trap(ptr @{{psm.trap[.0-9]*}})
; CHECK-NEXT:    unreachable

; O1-LABEL: define hidden {{.*}}i32 @caller.psm(
; O1-COUNT-1: psm.skipped.i32
; O1-NOT: psm.skipped.i32
; O1: }
