// A table of labels is cloned with its function: the variant jumps within itself.
// RUN: %clang -O1 -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.ll
// RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %t.ll | FileCheck %s --implicit-check-not=psm.unsupported
// RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='psm-clone,default<O2>,verify' -S %t.ll | FileCheck %s --check-prefix=O2
long run(const char *code, long x)
{
    static void *const table[] = {&&increment, &&twice, &&end};
    static const int offsets[] = {&&increment - &&increment, &&twice - &&increment};
    goto *table[*code];
increment:
    x++;
    goto *table[*++code];
twice:
    x *= 2;
    goto *(&&increment + offsets[*++code]);
end:
    return x;
}
// CHECK-DAG: @run.table = internal constant [3 x ptr] [ptr blockaddress(@run, %{{.*}}), ptr blockaddress(@run, %{{.*}}), ptr blockaddress(@run, %{{.*}})]
// CHECK-DAG: @run.table.psm = internal constant [3 x ptr] [ptr blockaddress(@run.psm, %{{.*}}), ptr blockaddress(@run.psm, %{{.*}}), ptr blockaddress(@run.psm, %{{.*}})]
// CHECK-DAG: @run.offsets.psm = internal constant [2 x i32] {{.*}}blockaddress(@run.psm
// CHECK: define dso_local i64 @run(
// CHECK-NOT: run.psm
// CHECK: indirectbr
// CHECK: define hidden i64 @run.psm(
// CHECK-NOT: @run,
// CHECK-NOT: @run.table,
// CHECK: @run.table.psm
// CHECK: @run.offsets.psm
// O2: define hidden i64 @run.psm(
// O2-NOT: @run,
// O2: }
