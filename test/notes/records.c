// What a function calls, takes the address of, reads and writes stands in its notes,
// once each, with the line.
//
// RUN: %clang -O1 -fplugin=%psmclang -fno-pie -S -emit-llvm %s -o - | FileCheck %s
//
// CHECK: module asm ".pushsection psm_strings,\22MS\22,@progbits,1"
// CHECK: module asm ".weak \22elsewhere.psm\22"
// CHECK: module asm ".pushsection psm_notes,\22R\22,@progbits"
// CHECK-NEXT: module asm ".balign 8"
// CHECK-NEXT: module asm ".long 1,0; {{.*}} .long 843992403,0; .quad 0 # unit
//
// Mutable globals, constants left out:
// CHECK-DAG: # global \22number\22
// CHECK-DAG: .long 9,0; {{.*}},0,\22kept\22; .long 9,0; .quad 4 # global \22kept\22
// CHECK-DAG: .long 9,0; {{.*}},0,\22noise\22; .long 10,0; .quad 4 # global \22noise\22
// CHECK-DAG: .long 9,0; {{.*}},0,\22local\22; .long 0,0; .quad 4 # global \22local\22
// CHECK-DAG: .long 9,0; {{.*}},0,0; .long 12,0; .quad 4 # global \22thread\22
// CHECK-NOT: # global \22constant\22
#include <string.h>
#include <stddef.h>
#include <stdint.h>
#define NOINLINE __attribute__((noinline))

int number;
[[psm::state]] int kept;
[[psm::scratch]] int noise;
static int local;
_Thread_local int thread;
const int constant = 3;
extern int foreign;
int elsewhere(int);
int (*pointer)(int);

// CHECK: # function \22compare\22
NOINLINE int compare(const void *a, const void *b) { return *(int *)a - *(int *)b; }

NOINLINE static int counted(int x);

// CHECK: .long 2,[[#@LINE+1]]; {{.*}},\22put.psm\22,\22put\22; .long 9,{{.*}} # function \22put\22
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    // CHECK: .long 3,[[#@LINE+1]]; {{.*}},\22counted.psm\22,0; {{.*}} # call \22counted\22
    int sum = counted(1) + counted(2);
    // CHECK-NOT: # call \22counted\22
    // CHECK: .long 3,[[#@LINE+1]]; {{.*}},\22elsewhere.psm\22,0; {{.*}} # call \22elsewhere\22
    sum += elsewhere(sum);
    // CHECK: .long 4,[[#@LINE+1]]; {{.*}}; .long 1,0; {{.*}} # external \22strlen\22
    sum += strlen(arg);
    // CHECK: .long 7,[[#@LINE+2]]; {{.*}} # read \22pointer\22
    // CHECK: .long 5,[[#@LINE+1]]; {{.*}} # indirect
    sum += pointer(sum);
    // CHECK: .long 4,[[#@LINE+1]]; {{.*}}; .long 2,0; {{.*}} # external \22strcpy\22
    strcpy(root, arg);
    // By name alone: another unit's, perhaps another library's.
    // CHECK: .long 8,[[#@LINE+1]]; .quad {{[^,]*}},{{[^,]*}},0,0; {{.*}} # write \22foreign\22
    foreign = sum;
    // CHECK-NOT: # {{read|write}} \22noise\22
    noise++;
    // CHECK: .long 11,[[#@LINE+1]]; {{.*}} # warning \22writes the thread-local variable 'thread', which is not part of the state\22
    thread++;
    // CHECK-NOT: # read \22constant\22
    sum += (&constant)[size];
    return sum + (int64_t)compare;
    // CHECK: {{.*}},\22compare.psm\22,\22compare\22; {{.*}} # taken \22compare\22
    // CHECK-NOT: # taken
}

// A static function nobody takes the address of has no foreground address.
// CHECK: .long 2,[[#@LINE+1]]; {{.*}},\22counted.psm\22,0; .long 0,{{.*}} # function \22counted\22
NOINLINE static int counted(int x) { return local += x; }
// CHECK: # read \22local\22
// CHECK: # write \22local\22
