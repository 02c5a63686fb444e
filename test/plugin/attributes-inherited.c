// A mark on a declaration in a header holds for the definition, and is not doubled
// by a second one.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -Xclang -ast-dump -fsyntax-only %s \
// RUN:   | FileCheck %s
#include <stddef.h>
#include <stdint.h>

__attribute__((psm_op)) int64_t put(void *, const void *, size_t, void *);
extern __attribute__((psm_state)) int table;

// CHECK: VarDecl {{.*}} prev {{.*}} table 'int'
// CHECK-NEXT: AnnotateAttr {{.*}} Inherited "psm_state"
int table;

// CHECK: FunctionDecl {{.*}} prev {{.*}} put
// CHECK: AnnotateAttr {{.*}} "psm_op"
// CHECK-NOT: AnnotateAttr
// CHECK: FunctionDecl {{.*}} last
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    return 0;
}
void last(void);
