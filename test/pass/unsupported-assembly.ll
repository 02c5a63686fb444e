; Inline assembly may compute registers from registers; everything else is refused.
; RUN: %opt -load-pass-plugin=%psmpass -passes=psm-instrument,verify -S %s | FileCheck %s

target triple = "x86_64-pc-linux-gnu"

; CHECK-LABEL: define i64 @fine.psm
; CHECK-COUNT-7: call {{.*}}asm
; CHECK-NOT:   @__psm_trap
; CHECK:       ret i64
define i64 @fine.psm(i64 %x) "psm-shadow"="fine" {
  call void asm sideeffect "", "~{memory},~{dirflag},~{fpsr},~{flags}"()
  %a = call i64 asm "bswap $0", "=r,0"(i64 %x)
  %b = call i64 asm "rolq $$5, ${0:q}\0A\09addq $1, $0 # sum", "=&r,r,0,~{flags}"(i64 %a, i64 %x)
  %c = call i64 asm "popcntq $1, $0; movl %eax, %edx", "=r,r,~{edx}"(i64 %b)
  %d = call i64 asm "cmovneq $1, $0", "=r,r,0"(i64 %c, i64 %b)
  call void asm sideeffect "pause", ""()
  %e = call i64 asm "addq $2, $0", "=r,0,rm"(i64 %d, i64 %c)
  ret i64 %e
}

; CHECK-LABEL: define void @load.psm
; CHECK-NEXT:    call void @__psm_trap
define void @load.psm(ptr %p) "psm-shadow"="load" {
  %a = call i64 asm "movq ($1), $0", "=r,r"(ptr %p)
  ret void
}

; CHECK-LABEL: define void @absolute.psm
; CHECK-NEXT:    call void @__psm_trap
define void @absolute.psm() "psm-shadow"="absolute" {
  %a = call i64 asm "movq counter, $0", "=r"()
  ret void
}

; CHECK-LABEL: define void @operand.psm
; CHECK-NEXT:    call void @__psm_trap
define void @operand.psm(ptr %p) "psm-shadow"="operand" {
  call void asm "incq $0", "=*m,*m"(ptr elementtype(i64) %p, ptr elementtype(i64) %p)
  ret void
}

; CHECK-LABEL: define void @modifier.psm
; CHECK-NEXT:    call void @__psm_trap
define void @modifier.psm(ptr %p) "psm-shadow"="modifier" {
  %a = call i64 asm "movq ${1:a}, $0", "=r,r"(ptr %p)
  ret void
}

; CHECK-LABEL: define void @address.psm
; CHECK-NEXT:    call void @__psm_trap
define void @address.psm(ptr %p) "psm-shadow"="address" {
  %a = call i64 asm "movq $1, $0", "=r,p"(ptr %p)
  ret void
}

; CHECK-LABEL: define void @clobber.psm
; CHECK-NEXT:    call void @__psm_trap
define void @clobber.psm() "psm-shadow"="clobber" {
  call void asm sideeffect "nop", "~{memory}"()
  ret void
}

; CHECK-LABEL: define void @kernel.psm
; CHECK-NEXT:    call void @__psm_trap
define void @kernel.psm() "psm-shadow"="kernel" {
  %a = call i64 asm sideeffect "syscall", "={rax},{rax}"(i64 39)
  ret void
}

; CHECK-LABEL: define void @time.psm
; CHECK-NEXT:    call void @__psm_trap
define void @time.psm() "psm-shadow"="time" {
  %a = call { i32, i32 } asm sideeffect "rdtsc", "={ax},={dx}"()
  ret void
}

; CHECK-LABEL: define void @string.psm
; CHECK-NEXT:    call void @__psm_trap
define void @string.psm(ptr %p, ptr %q) "psm-shadow"="string" {
  call void asm sideeffect "movsb", "{rdi},{rsi}"(ptr %p, ptr %q)
  ret void
}

; CHECK-LABEL: define void @segment.psm
; CHECK-NEXT:    call void @__psm_trap
define void @segment.psm() "psm-shadow"="segment" {
  %a = call i64 asm "movq %fs:0, $0", "=r"()
  ret void
}

; CHECK-LABEL: define void @second.psm
; CHECK-NEXT:    call void @__psm_trap
define void @second.psm() "psm-shadow"="second" {
  %a = call i64 asm "xorl %eax, %eax\0Acpuid", "={rax}"()
  ret void
}
