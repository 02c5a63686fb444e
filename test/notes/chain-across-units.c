// Across units the driver says after the link what the compiler says within one,
// with the same words, and takes the program away. What is reached through a
// pointer only, or not at all, is no error.
//
// RUN: not %psmcc -O0 -DCHAIN %s %S/Inputs/chain-other.c -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=CHAIN --implicit-check-not=error:
// RUN: not ls %t
// RUN: not %psmcc -O2 -DCHAIN %s %S/Inputs/chain-other.c -o %t 2>&1 | FileCheck %s --check-prefix=CHAIN
// CHAIN: chain-other.c:3: error: op 'put' reaches a call of 'time', which reads a clock: use psm_time(), or pass the time in the op's argument; chain: put -> middle ({{.*}}chain-across-units.c:[[#MIDDLE:]]) -> stamp ({{.*}}chain-across-units.c:[[#]])
//
// RUN: %clang -c %S/Inputs/chain-other.c -o %t.plain.o
// RUN: not %psmcc -O1 -DCHAIN %s %t.plain.o -o %t 2>&1 | FileCheck %s --check-prefix=UNLISTED
// UNLISTED: chain-across-units.c:[[#]]: error: op 'put' reaches a call of 'stamp', which is neither compiled with the pass nor on the list of external functions; chain: put -> middle (
//
// RUN: %psmcc -O1 -DPOINTER %s %S/Inputs/chain-other.c -o %t --psm-report | FileCheck %s --check-prefix=POINTER
// POINTER: through pointers that op code makes
// POINTER-NEXT: functions 1:
// POINTER-NEXT: stamp
// POINTER-NEXT: stop the program if an op gets there 1:
// POINTER-NEXT: time
//
// A pointer of another type, or one that no code in reach has made, is not followed
// or is told apart.
// RUN: %psmcc -O1 -DOTHERTYPE %s %S/Inputs/chain-other.c -o %t --psm-report \
// RUN:   | FileCheck %s --check-prefix=OTHERTYPE --implicit-check-not=stamp
// OTHERTYPE: functions that call through pointers 1
// RUN: %psmcc -O1 -DBYTYPE %s %S/Inputs/chain-other.c -o %t --psm-report | FileCheck %s --check-prefix=BYTYPE
// BYTYPE: functions that call through pointers 1
// BYTYPE-NEXT: through pointers, going by type alone
// BYTYPE-NEXT: functions 1:
// BYTYPE-NEXT: stamp
//
// RUN: %psmcc -O1 %s %S/Inputs/chain-other.c -o %t && %t
// RUN: not %psmcc -O1 -DCHAIN --psm-no-check %s %S/Inputs/chain-other.c -o %t || %t
// RUN: echo "skip stamp = 5" > %t.rules
// RUN: %psmcc -O1 -DCHAIN --psm-rules=%t.rules %s %S/Inputs/chain-other.c -o %t && %t
#include <psm.h>
long stamp(void);
static long middle(void) { return stamp(); }
long (*pointer)(void) = stamp;

__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
#if defined CHAIN
    return middle();
#elif defined POINTER
    return pointer();
#elif defined OTHERTYPE
    return ((int (*)(int))*(void **)root)(1);
#elif defined BYTYPE
    return (*(long (**)(void))root)();
#else
    return 0;
#endif
}
int main(void) { return middle() == 0; }
