// A label's address, or its table's, that goes anywhere but into a jump or a local
// variable is refused: in the state it would differ between D and P.
// RUN: %clang -O1 -Xclang -disable-llvm-passes -S -emit-llvm %s -o - | %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S | FileCheck %s
void *slot;
void use(void *);

// CHECK-LABEL: define hidden void @stored.psm(
// CHECK: call void @psm.unsupported(ptr @[[TEXT:[a-z0-9.]+]])
// CHECK-NEXT: unreachable
void stored(void)
{
    slot = &&here;
here:;
}

// CHECK-LABEL: define hidden void @passed.psm(
// CHECK: call void @psm.unsupported(
void passed(void)
{
    use(&&here);
here:;
}

// CHECK-LABEL: define hidden void @written.psm(
// CHECK: call void @psm.unsupported(
void written(int i)
{
    static void *table[2] = {&&here, &&there};
    table[i] = &&here;
    goto *table[1];
here:
there:;
}

// CHECK-LABEL: define hidden void @swapped.psm(
// CHECK: call void @psm.unsupported(
void swapped(int i)
{
    static void *table[2] = {&&here, &&there};
    table[i] = table[1 - i];
    goto *table[1];
here:
there:;
}

// CHECK-LABEL: define hidden void @local.psm(
// CHECK-NOT: psm.unsupported
// CHECK: }
void local(int i)
{
    static const void *const table[2] = {&&here, &&there};
    const void *const *t = table;
    const void *target = i ? &&here : t[1];
    goto *target;
here:
there:;
}
