; Hooks of stores that follow each other are made together, in one call that the runtime
; can serve with one fence: two or three at a time, addresses computed early for it;
; not when an address is only loaded in between, not across a call, not over 64 bytes.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s --implicit-check-not='call preserve'

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define void @two.psm
; CHECK-DAG:     [[A:%.*]] = getelementptr i8, ptr %a, i64 %delta
; CHECK-DAG:     [[B:%.*]] = getelementptr i8, ptr %b, i64 %delta
; CHECK:         %marked{{.*}} = trunc
; CHECK:         br i1 {{.*}}, label %[[LOG:.*]], label %[[SECOND:.*]], !prof
; CHECK:       [[LOG]]:
; CHECK-NEXT:    call preserve_mostcc void @__psm_log_many(ptr [[A]], i64 8, ptr [[B]], i64 4, ptr null, i64 0)
; CHECK-NEXT:    br label %[[STORES:.*]]
; CHECK:       [[SECOND]]:
; CHECK:         %marked{{.*}} = trunc
; CHECK:         br i1 {{.*}}, label %[[LOG]], label %[[STORES]], !prof
; CHECK:       [[STORES]]:
; CHECK-NEXT:    store i64 1, ptr [[A]]
; CHECK-NEXT:    store i32 2, ptr [[B]]
define void @two.psm(ptr %a, ptr %b) "psm-shadow"="two" {
  store i64 1, ptr %a, align 8
  store i32 2, ptr %b, align 4
  ret void
}

; The fourth begins a group of its own.
; CHECK-LABEL: define void @four.psm
; CHECK:         call preserve_mostcc void @__psm_log_many(ptr {{%.*}}, i64 8, ptr {{%.*}}, i64 16, ptr {{%.*}}, i64 8)
; CHECK:         call preserve_mostcc void @__psm_log(ptr {{%.*}}, i64 8)
define void @four.psm(ptr %a, ptr %b, ptr %c, ptr %d) "psm-shadow"="four" {
  store i64 1, ptr %a, align 8
  store i64 2, ptr %b, align 8
  %b8 = getelementptr i8, ptr %b, i64 8
  store i64 2, ptr %b8, align 8
  store i64 3, ptr %c, align 8
  store i64 4, ptr %d, align 8
  ret void
}

; The index is computed between the stores, from what is known before them.
; CHECK-LABEL: define void @computed.psm
; CHECK:         %j = add i64 %i, 7
; CHECK:         call preserve_mostcc void @__psm_log_many(
; CHECK:         store i64 1
; CHECK:         store i64 2
define void @computed.psm(ptr %a, ptr %b, i64 %i) "psm-shadow"="computed" {
  store i64 1, ptr %a, align 8
  %j = add i64 %i, 7
  %e = getelementptr inbounds i64, ptr %b, i64 %j
  store i64 2, ptr %e, align 8
  ret void
}

; CHECK-LABEL: define void @loaded.psm
; CHECK:         call preserve_mostcc void @__psm_log(
; CHECK:         store i64 1
; CHECK:         %b = load ptr
; CHECK:         call preserve_mostcc void @__psm_log(
; CHECK:         store i64 2
define void @loaded.psm(ptr %a, ptr %p) "psm-shadow"="loaded" {
  store i64 1, ptr %a, align 8
  %b = load ptr, ptr %p, align 8
  store i64 2, ptr %b, align 8
  ret void
}

; CHECK-LABEL: define void @called.psm
; CHECK:         call preserve_mostcc void @__psm_log(
; CHECK:         call void @other.psm()
; CHECK:         call preserve_mostcc void @__psm_log(
define void @called.psm(ptr %a, ptr %b) "psm-shadow"="called" {
  store i64 1, ptr %a, align 8
  call void @other.psm()
  store i64 2, ptr %b, align 8
  ret void
}

; CHECK-LABEL: define void @large.psm
; CHECK:         call preserve_mostcc void @__psm_log(
; CHECK:         call preserve_mostcc void @__psm_log_range(ptr {{.*}}, i64 100)
define void @large.psm(ptr %a, ptr %b) "psm-shadow"="large" {
  store i64 1, ptr %a, align 8
  call void @llvm.memset.p0.i64(ptr %b, i8 0, i64 100, i1 false)
  ret void
}

declare void @other.psm() "psm-shadow"="other"
