// What can be wrong across units besides a forbidden call: constructs the pass does
// not support, thread-local variables, a function of the program's that a unit took
// for the library's, and an op that the linker dropped.
//
// RUN: not %psmcc -O1 -DASSEMBLY %s %S/Inputs/chain-kinds.c -o %t 2>&1 | FileCheck %s --check-prefix=ASSEMBLY
// ASSEMBLY: chain-kinds.c:[[#]]: error: op 'put' reaches {{.*}}assembl{{.*}}, which ops cannot have; chain: put -> assembly ({{.*}}chain-other-kinds.c:[[#]])
//
// RUN: %psmcc -O1 -DTHREAD %s %S/Inputs/chain-kinds.c -o %t 2>&1 | FileCheck %s --check-prefix=THREAD
// THREAD: chain-kinds.c:[[#]]: warning: op 'put' reaches code that writes the thread-local variable 'mine', which is not part of the state; chain: put -> thread (
//
// RUN: not %psmcc -O1 -DOWN %s %S/Inputs/chain-kinds.c -o %t 2>&1 | FileCheck %s --check-prefix=OWN
// OWN: chain-other-kinds.c:[[#]]: error: op 'put' has a call of 'strlen', which the program defines itself, but which this unit took for the library's: rename it
//
// RUN: %psmcc -O1 %s %S/Inputs/chain-kinds.c -o %t
//
// RUN: %psmcc -O1 -S %s -o %t.s && sed -i -E 's/\.quad\s+put(\.psm)?$/.quad 0/' %t.s
// RUN: not %psmcc %t.s %S/Inputs/chain-kinds.c -o %t 2>&1 | FileCheck %s --check-prefix=DROPPED
// DROPPED: chain-other-kinds.c:[[#]]: error: op 'put' was removed by the linker: leave out --gc-sections, or use GNU ld or lld
#include <psm.h>
#include <string.h>
long assembly(long), thread(long);
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
#if defined ASSEMBLY
    return assembly(1);
#elif defined THREAD
    return thread(1);
#elif defined OWN
    return strlen(arg);
#else
    return 0;
#endif
}
int main(void) { return 0; }
