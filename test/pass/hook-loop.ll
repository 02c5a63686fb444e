; A loop that surely stores to a whole range announces it once, before its first round;
; not when a round can be left early, when the program can end in it, when a store is
; conditional, when the address is not known beforehand, or when blocks lie untouched
; between the stores.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s --implicit-check-not='call preserve'

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @fill.psm
; CHECK:         [[LENGTH:%.*]] = shl i64 %n, 3
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr %twin, i64 [[LENGTH]])
; CHECK-NEXT:    br label %loop
; CHECK:       loop:
; CHECK:         store i64 %i, ptr
define void @fill.psm(ptr %p, i64 %n) "psm-shadow"="fill" {
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %e = getelementptr inbounds i64, ptr %p, i64 %i
  store i64 %i, ptr %e, align 8
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

; Downwards from 512, 16 rounds of 24 bytes each, two fields of each element.
; CHECK-LABEL: define void @down.psm
; CHECK:         [[LOW:%.*]] = getelementptr i8, ptr %twin, i64 152
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr [[LOW]], i64 376)
; CHECK:         br label %loop
define void @down.psm(ptr %p) "psm-shadow"="down" {
entry:
  %last = getelementptr inbounds i8, ptr %p, i64 512
  br label %loop
loop:
  %i = phi i64 [ 16, %entry ], [ %next, %loop ]
  %e = phi ptr [ %last, %entry ], [ %before, %loop ]
  store i64 %i, ptr %e, align 8
  %f = getelementptr inbounds i8, ptr %e, i64 8
  store i64 1, ptr %f, align 8
  %before = getelementptr inbounds i8, ptr %e, i64 -24
  %next = add nsw i64 %i, -1
  %end = icmp eq i64 %next, 0
  br i1 %end, label %done, label %loop
done:
  ret void
}

; One place, every round: the test is made once.
; CHECK-LABEL: define void @same.psm
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
; CHECK:       loop:
; CHECK-NOT:     trunc
; CHECK:         ret void
define void @same.psm(ptr %p, ptr %q, i64 %n) "psm-shadow"="same" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %v = load i64, ptr %q, align 8
  store i64 %v, ptr %p, align 8
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

; CHECK-LABEL: define void @early.psm
; CHECK:       loop:
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @early.psm(ptr %p, i64 %n) "psm-shadow"="early" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %more ]
  %e = getelementptr inbounds i64, ptr %p, i64 %i
  %v = load i64, ptr %e, align 8
  %stop = icmp eq i64 %v, 7
  br i1 %stop, label %done, label %more
more:
  store i64 %i, ptr %e, align 8
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

; The last round ends before its store.
; CHECK-LABEL: define void @unrotated.psm
; CHECK:       loop:
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @unrotated.psm(ptr %p, i64 %n) "psm-shadow"="unrotated" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %more ]
  %end = icmp eq i64 %i, %n
  br i1 %end, label %done, label %more
more:
  %e = getelementptr inbounds i64, ptr %p, i64 %i
  store i64 %i, ptr %e, align 8
  %next = add nuw i64 %i, 1
  br label %loop
done:
  ret void
}

; CHECK-LABEL: define void @calls.psm
; CHECK:       loop:
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @calls.psm(ptr %p, i64 %n) "psm-shadow"="calls" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %e = getelementptr inbounds i64, ptr %p, i64 %i
  store i64 %i, ptr %e, align 8
  call void @other.psm()
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

; CHECK-LABEL: define void @conditional.psm
; CHECK:       loop:
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @conditional.psm(ptr %p, ptr %q, i64 %n) "psm-shadow"="conditional" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %more ]
  %e = getelementptr inbounds i64, ptr %p, i64 %i
  %v = load i64, ptr %e, align 8
  %wanted = icmp eq i64 %v, 7
  br i1 %wanted, label %yes, label %more
yes:
  store i64 %i, ptr %e, align 8
  br label %more
more:
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

; CHECK-LABEL: define void @list.psm
; CHECK:       loop:
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @list.psm(ptr %p, i64 %n) "psm-shadow"="list" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %e = phi ptr [ %p, %entry ], [ %e2, %loop ]
  %f = getelementptr inbounds i8, ptr %e, i64 8
  %e2 = load ptr, ptr %f, align 8
  store i64 %i, ptr %e, align 8
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

; CHECK-LABEL: define void @sparse.psm
; CHECK:       loop:
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{.*}}, i64 8)
define void @sparse.psm(ptr %p, i64 %n) "psm-shadow"="sparse" {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %e = getelementptr inbounds [16 x i64], ptr %p, i64 %i
  store i64 %i, ptr %e, align 8
  %next = add nuw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %loop
done:
  ret void
}

declare void @other.psm() "psm-shadow"="other"
