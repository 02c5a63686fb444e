// -flto=thin and fat objects, where the pass could not act once and last, are
// refused by name; full LTO is not.
//
// RUN: not %clang -fplugin=%psmclang -flto=thin -c %s -o %t.o 2>&1 | FileCheck %s --check-prefix=THIN
// THIN: error: psm: -flto=thin is not supported: use -flto=full
// RUN: not %clang -fplugin=%psmclang -flto -ffat-lto-objects -c %s -o %t.o 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FAT
// FAT: error: psm: -ffat-lto-objects is not supported: use -flto=full
// RUN: %clang -fplugin=%psmclang -flto -c %s -o %t.o
// RUN: not %clang -fplugin=%psmclang -fplugin-arg-psm-nopass -c %s -o %t.o 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ARGUMENT
// ARGUMENT: error: psm: unknown plugin argument 'nopass'; there is only -fplugin-arg-psm-no-pass
int x;
