// With the plugin a*b+c is two operations in every function, so that both variants of
// an op get the same bits.
//
// RUN: %clang -fplugin=%psmclang -fno-pie -mfma -O2 -S -emit-llvm %s -o - | FileCheck %s
// CHECK-NOT: llvm.fmuladd
// CHECK: fmul double
// CHECK-NOT: llvm.fmuladd
// CHECK: fadd double
double f(double a, double b, double c) { return a * b + c; }
