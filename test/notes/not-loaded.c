// Notes cost no memory and count as no text; they survive strip, --gc-sections and
// link-time optimization, by every linker; the functions of one op are found again.
//
// RUN: %psmcc -O1 -ffunction-sections %s -o %t
// RUN: llvm-readelf -SW %t | FileCheck %s
// CHECK: psm_strings PROGBITS 0000000000000000 {{.*}} MS
// CHECK: psm_notes PROGBITS 0000000000000000 {{[0-9a-f]+ [0-9a-f]+ [0-9]+ +}}{{[oR]* *}} 0
//
// RUN: %psmcc -O1 -ffunction-sections -c %s -o %t.o
// RUN: %psmcc --psm-report %t.o -o %t.bfd -Wl,--gc-sections > %t.1
// RUN: %psmcc --psm-report %t.o -o %t.lld -Wl,--gc-sections -fuse-ld=lld > %t.2
// RUN: %psmcc --psm-report -O1 -flto %s -o %t.lto > %t.3
// RUN: FileCheck %s --check-prefix=REPORT < %t.1
// RUN: diff %t.1 %t.2
// RUN: FileCheck %s --check-prefix=REPORT < %t.3
// REPORT: op put
// REPORT-NEXT: functions {{[12]}}:
// REPORT-NEXT: {{.*}}put
//
// RUN: strip %t.bfd
// RUN: rm -rf %t.m && %t.bfd %t.m && rm -rf %t.m && %t.lld %t.m && rm -rf %t.m && %t.lto %t.m
#include <psm.h>
#include <stdio.h>
__attribute__((noinline)) static int64_t one(void) { return 1; }
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    return *(int64_t *)root += one();
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = 8 };
    if (psm_init(&machine, argv[argc - 1], &options) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    int64_t result = psm_invoke_rw(machine, put, NULL, 0, NULL, 0);
    return psm_verify(machine) != 0 || psm_close(machine) != 0 || result != 1;
}
