// Where the text is known, the message comes with the edit that mends it.
//
// RUN: not %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only \
// RUN:   -fdiagnostics-parseable-fixits %s 2>&1 | FileCheck %s --check-prefix=EDIT
// RUN: cp %s %t.c
// RUN: not %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -Xclang -fixit %t.c
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only %t.c
#include <stddef.h>
#include <stdint.h>

// EDIT-DAG: fix-it:"{{.*}}":{14:25-14:28}:"int64_t"
// EDIT-DAG: fix-it:"{{.*}}":{14:33-14:43}:"void *root"
// EDIT-DAG: fix-it:"{{.*}}":{15:33-15:46}:"size_t size"
__attribute__((psm_op)) int put(char *root, const void *arg,
                                unsigned size, void *out) { return 0; }
// EDIT-DAG: fix-it:"{{.*}}":{17:32-17:39}:""
__attribute__((psm_op)) static inline int64_t drop(void *root, const void *arg, size_t size,
                                                   void *out) { return 0; }
