; Which stores get no hook, each with its reason, and that nothing else goes without.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -disable-output \
; RUN:     -pass-remarks=psm -pass-remarks-missed=psm %s 2>&1 | FileCheck %s --implicit-check-not=remark

target triple = "x86_64-pc-linux-gnu"

@mine = thread_local global i64 0

; CHECK:      remark: op.c:13:{{.*}} hook for 8 bytes, 1 store
; CHECK-NEXT: remark: op.c:10:{{.*}} no hook: store to the stack
; CHECK-NEXT: remark: op.c:11:{{.*}} no hook: store to a thread-local variable
; CHECK-NEXT: remark: op.c:12:{{.*}} no hook: store of no bytes
; CHECK-NEXT: remark: op.c:14:{{.*}} no hook: store covered by an earlier hook
define void @skipped.psm(ptr %p) "psm-shadow"="skipped" !dbg !4 {
  %a = alloca i64
  store volatile i64 0, ptr %a, !dbg !10
  %t = call ptr @llvm.threadlocal.address.p0(ptr @mine)
  store i64 0, ptr %t, !dbg !11
  store {} zeroinitializer, ptr %p, !dbg !12
  store volatile i64 0, ptr %p, !dbg !13
  call void @other.psm()
  store volatile i64 1, ptr %p, !dbg !14
  ret void
}

declare void @other.psm() "psm-shadow"="other"
declare ptr @llvm.threadlocal.address.p0(ptr)

!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2, !3}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: FullDebug)
!1 = !DIFile(filename: "op.c", directory: "/")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = !{i32 7, !"Dwarf Version", i32 5}
!4 = distinct !DISubprogram(name: "skipped", file: !1, line: 9, type: !5, unit: !0, spFlags: DISPFlagDefinition)
!5 = !DISubroutineType(types: !6)
!6 = !{null}
!10 = !DILocation(line: 10, scope: !4)
!11 = !DILocation(line: 11, scope: !4)
!12 = !DILocation(line: 12, scope: !4)
!13 = !DILocation(line: 13, scope: !4)
!14 = !DILocation(line: 14, scope: !4)
