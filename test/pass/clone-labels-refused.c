// A label's address, or its table's, that goes anywhere but into a jump or a local
// variable is refused: in the state it would differ between D and P.
//
// Mutants that this has caught: no following through tables, or through local variables.
//
// RUN: %clang -O1 -Xclang -disable-llvm-passes -S -emit-llvm %s -o - | %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S | FileCheck %s
// RUN: %clang -O1 -fsanitize=undefined -Xclang -disable-llvm-passes -S -emit-llvm %s -o - | %opt -load-pass-plugin=%psmpass -passes=psm-clone,verify -S | FileCheck %s
void *slot;
int number;
const char *name;
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

// CHECK-LABEL: define hidden void @from_table.psm(
// CHECK: call void @psm.unsupported(
void from_table(int i)
{
    static const void *const table[2] = {&&here, &&there};
    slot = (void *)table[i];
    goto *table[1];
here:
there:;
}

// CHECK-LABEL: define hidden void @by_way_of_a_variable.psm(
// CHECK: call void @psm.unsupported(
void by_way_of_a_variable(int i)
{
    static const void *const table[2] = {&&here, &&there};
    const void *target = table[i];
    slot = (void *)target;
    goto *target;
here:
there:;
}

// CHECK-LABEL: define hidden ptr @returned.psm(
// CHECK: call void @psm.unsupported(
void *returned(int i)
{
    void *local[2] = {&&here, &&there};
    void **entry = &local[i];
    goto *local[1];
here:
    return *entry;
there:
    return 0;
}

// What else lies in a table, and a table on the stack, are harmless.
// CHECK-LABEL: define hidden void @beside.psm(
// CHECK-NOT: psm.unsupported
// CHECK: }
void beside(int i)
{
    static const struct { const void *label; int number; } table[2] = {{&&here, 1}, {&&there, 2}};
    void *local[2] = {&&here, &&there};
    number = table[i].number;
    goto *(i ? table[i].label : local[i]);
here:
there:;
}
