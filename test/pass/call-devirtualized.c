// A call through a pointer never ends in a foreground body: not when the optimizer
// learns the target, nor when it would inline it. The skipped call does not return.
// RUN: %clang -O2 -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.ll
// RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %t.ll | FileCheck %s --check-prefix=STAGE1
// RUN: %opt -load-pass-plugin=%psmpass -psm-prelink -passes='default<O2>,verify' -S %t.ll | FileCheck %s --check-prefix=O2
typedef void visitor(long *, long);
void trace(const char *) __attribute__((annotate("psm_skip")));
static void visit(long *p, long x) { *p += x; trace("visited"); }
static void each(long *a, int n, visitor *f, long x)
{
    for (int i = 0; i < n; i++)
        f(a + i, x);
}
void op(long *a, int n, long x) { each(a, n, visit, x); }

visitor *chosen;
void through_memory(long *a) { chosen(a, 1); }

// STAGE1: define internal void @each(
// STAGE1-NOT: psm.resolve
// STAGE1: define internal void @each.psm(
// STAGE1: [[F:%.*]] = load ptr, ptr %
// STAGE1: [[V:%.*]] = call ptr @psm.resolve(ptr %[[#]])
// STAGE1: call void [[V]](
// STAGE1: declare ptr @psm.resolve(ptr) [[ATTR:#[0-9]+]]
// STAGE1: attributes [[ATTR]] = { nocallback nounwind speculatable willreturn memory(none) }

// O2: define dso_local void @op(
// O2: call void @trace(
// O2: define hidden void @op.psm(
// O2-NOT: call void @trace
// O2-NOT: psm.resolve
// O2: add nsw i64
// O2-NOT: call void @trace
// O2: define hidden void @through_memory.psm(
// O2: [[F:%.*]] = load ptr, ptr @chosen
// O2: [[V:%.*]] = tail call ptr @psm.resolve(ptr [[F]])
// O2: tail call void [[V]](
// O2-NOT: call void @trace
