// Marks, spelled by hand, reach the variant, its calls and the globals; a function
// marked psm_skip runs with libc's malloc and is not inlined.
// RUN: %clang -O1 -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.ll
// RUN: %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S %t.ll | FileCheck %s
#define MARK(text) __attribute__((annotate(text)))
MARK("psm_state") static long total;
MARK("psm_scratch") long cache;
MARK("psm_skip") int announce(const char *);
MARK("psm_skip:7") static inline int seven(void) { return 0; }
long slow(long) MARK("psm_shadow:fast");
long slow(long x) { return x; }
static long fast(long x) { return x + 1; }
void *keep = fast;
MARK("psm_op") long op(void) { announce("op"); cache++; return total += slow(seven()); }
MARK("psm_ro") long get(void) { return total; }
// CHECK-DAG: @total = internal global i64 0, align 8 [[STATE:#[0-9]+]]
// CHECK-DAG: @cache = {{.*}}global i64 0, align 8 [[SCRATCH:#[0-9]+]]
// CHECK-DAG: @llvm.compiler.used = {{.*}}ptr @total

// CHECK: define dso_local i64 @op() [[PLAIN:#[0-9]+]]
// CHECK: call i32 @announce(
// CHECK: call i32 @seven()
// CHECK: call i64 @slow(
// CHECK: define internal i32 @seven() [[SKIP:#[0-9]+]]
// CHECK-NEXT: [[HANDLE:%.*]] = call ptr @__psm_skip_enter()
// CHECK-NEXT: call void @__psm_skip_leave(ptr [[HANDLE]])
// CHECK-NEXT: ret i32 0
// CHECK: define hidden i64 @slow.psm(
// CHECK-NEXT: call i64 @fast.psm(
// CHECK: define hidden i64 @op.psm() [[OP:#[0-9]+]]
// CHECK-NOT: call i32
// CHECK: [[SEVEN:%.*]] = sext i32 7 to i64
// CHECK-NEXT: call i64 @fast.psm(i64 noundef [[SEVEN]])
// CHECK: define internal i32 @seven.psm() [[SKIPPED:#[0-9]+]]
// CHECK-NEXT: ret i32 7
// CHECK: define hidden i64 @get.psm() [[RO:#[0-9]+]]

// CHECK-DAG: attributes [[STATE]] = { "psm-state" }
// CHECK-DAG: attributes [[SCRATCH]] = { "psm-scratch" }
// CHECK-DAG: attributes [[SKIP]] = { noinline
// CHECK-DAG: attributes [[OP]] = {{.*}} "psm-op"
// CHECK-DAG: attributes [[RO]] = {{.*}} "psm-ro"
// CHECK-DAG: attributes [[SKIPPED]] = {{.*}} "psm-skip"
