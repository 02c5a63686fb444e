// Both copies compute the same bits: libm is called, never folded at compile time
// where its last bit is anybody's guess; nothing is contracted to one rounding.
// RUN: %clang -O1 -ffp-contract=fast -fno-math-errno -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.fast.ll
// RUN: %clang -O1 -ffp-contract=on -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.on.ll
// RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='default<O2>,verify' -S %t.fast.ll | FileCheck %s --implicit-check-not=fmuladd --implicit-check-not=contract --implicit-check-not=llvm.sin --implicit-check-not=llvm.pow
// RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='default<O2>,verify' -S %t.on.ll | FileCheck %s --implicit-check-not=fmuladd --implicit-check-not=contract
#include <math.h>
#include <stdlib.h>
// CHECK-LABEL: define {{.*}}double @fused(
// CHECK: fmul double
// CHECK: fadd double
double fused(double a, double b, double c) { return a * b + c; }

// CHECK-LABEL: define {{.*}}double @library(
// CHECK-DAG: call double @sin(double {{.*}}5.000000e-01) [[NOBUILTIN:#[0-9]+]]
// CHECK-DAG: call double @pow(double {{.*}}2.000000e+00, double
// CHECK-DAG: call double @strtod(ptr
// CHECK: ret double
double library(double x) { return sin(0.5) + pow(2.0, x) + strtod("0.25", 0); }

// CHECK-LABEL: define {{.*}}double @exact(
// CHECK-NEXT: ret double 5.000000e+00
double exact(void) { return sqrt(9.0) + floor(2.5); }

// CHECK-LABEL: define hidden {{.*}}double @fused.psm(
// CHECK: fmul double
// CHECK: fadd double
// CHECK-LABEL: define hidden {{.*}}double @library.psm(
// CHECK-DAG: call double @sin(double {{.*}}5.000000e-01) [[NOBUILTIN]]
// CHECK-DAG: call double @pow(double {{.*}}2.000000e+00, double
// CHECK-DAG: call double @psm_w_strtod(ptr
// CHECK: ret double
// CHECK-LABEL: define hidden {{.*}}double @exact.psm(
// CHECK-NEXT: ret double 5.000000e+00
// CHECK: attributes [[NOBUILTIN]] = { nobuiltin
