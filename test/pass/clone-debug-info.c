// A variant has debug locations and a DISubprogram of its own, valid at every level.
// RUN: %clang -g -O1 -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.ll
// RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %t.ll | FileCheck %s
// RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='psm-clone,verify,default<O2>,verify' -disable-output %t.ll
// RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='psm-clone,verify,default<O0>,verify' -disable-output %t.ll
struct node { struct node *next; long value; };
static inline long value(const struct node *n) { long v = n->value; return v * 2; }
long sum(const struct node *n)
{
    long total = 0;
    for (; n; n = n->next) {
        long part = value(n);
        total += part;
    }
    return total;
}
// CHECK: define dso_local i64 @sum({{.*}} !dbg [[PLAIN:![0-9]+]]
// CHECK: define hidden i64 @sum.psm({{.*}} !dbg [[SHADOW:![0-9]+]]
// CHECK:   call i64 @value.psm({{.*}} !dbg [[CALL:![0-9]+]]
// CHECK-DAG: [[PLAIN]] = distinct !DISubprogram(name: "sum"
// CHECK-DAG: [[SHADOW]] = distinct !DISubprogram(name: "sum", {{.*}} line: 8,
// CHECK-DAG: [[CALL]] = !DILocation(line: 12,
