// A variable that no instrumented unit defines cannot be kept: a write is an error,
// a read a warning; libc's streams are neither.
//
// RUN: not %psmcc -O1 -DWRITE %s -o %t 2>&1 | FileCheck %s --check-prefix=WRITE
// WRITE: globals-foreign.c:[[#]]: error: op 'put' has a write to 'optind', a variable that no unit compiled with the pass defines, so it cannot be part of the state
// RUN: %psmcc -O1 %s -o %t 2>&1 | FileCheck %s --implicit-check-not=stderr
// CHECK: globals-foreign.c:[[#]]: warning: op 'put' has a read of 'optind', a variable that no unit
//
// RUN: printf 'int optind;\n' > %t.c && %clang -c %t.c -o %t.plain.o && %clang -c -fplugin=%psmclang %t.c -o %t.psm.o
// RUN: not %psmcc -O1 -DWRITE %s %t.plain.o -o %t
// RUN: %psmcc -O1 -DWRITE %s %t.psm.o -o %t --psm-report | FileCheck %s --check-prefix=OWN
// OWN: state optind 4 bytes, written by put
#include <psm.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
#ifdef WRITE
    optind = 1;
#else
    fprintf(stderr, "op\n");
    return optind;
#endif
    return 0;
}
int main(void) { return 0; }
