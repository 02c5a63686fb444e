; A hook's call, and a trap, carry the source line of what they are for, or line 0 of
; the function; debug records of clones go on describing canonical values.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @located.psm
; CHECK:         #dbg_value(ptr %p, ![[VARIABLE:[0-9]+]], !DIExpression(),
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8), !dbg ![[STORE:[0-9]+]]
; CHECK:         store i64 1, ptr {{.*}}, !dbg ![[STORE]]
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr {{.*}}, i64 %n), !dbg ![[NOWHERE:[0-9]+]]
; CHECK-NEXT:    call void @llvm.memset
; CHECK:         call void @__psm_trap({{.*}}, !dbg ![[TRAP:[0-9]+]]
define void @located.psm(ptr %p, ptr %q, i64 %n) "psm-shadow"="located" !dbg !4 {
    #dbg_value(ptr %p, !7, !DIExpression(), !10)
  store i64 1, ptr %p, align 8, !dbg !10
  call void @llvm.memset.p0.i64(ptr %q, i8 0, i64 %n, i1 false)
  %v = call i64 @llvm.readcyclecounter(), !dbg !11
  ret void
}
; CHECK-DAG: ![[VARIABLE]] = !DILocalVariable(name: "p"
; CHECK-DAG: ![[STORE]] = !DILocation(line: 10
; CHECK-DAG: ![[NOWHERE]] = !DILocation(line: 0
; CHECK-DAG: ![[TRAP]] = !DILocation(line: 11

!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2, !3}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: FullDebug)
!1 = !DIFile(filename: "op.c", directory: "/")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = !{i32 7, !"Dwarf Version", i32 5}
!4 = distinct !DISubprogram(name: "located", file: !1, line: 9, type: !5, unit: !0, spFlags: DISPFlagDefinition, retainedNodes: !8)
!5 = !DISubroutineType(types: !6)
!6 = !{null}
!7 = !DILocalVariable(name: "p", arg: 1, scope: !4, file: !1, line: 9)
!8 = !{!7}
!10 = !DILocation(line: 10, scope: !4)
!11 = !DILocation(line: 11, scope: !4)
