// A function of the program's own by a name that the built-in list skips, in a unit that
// only sees its declaration: the call is refused, not left out. One that ends the process
// when told to is not skipped either.
//
// RUN: %clang %psmclangflags -fno-builtin -g -DOTHER -c %s -o %t.other.o
// RUN: not %psmcc -O2 -fno-builtin -g %s %t.other.o -o %t 2>&1 | FileCheck %s
// CHECK: name-taken.c:[[#CALL:]]: error: op 'put' reaches a call of 'warn', which the program defines itself, but which this unit took for the library's: rename it; chain: put -> helper (
//
// RUN: %psmcc -O2 -DENDS %s -o %t.ends
// RUN: not %t.ends %pmdir/m 2>&1 | FileCheck %s --check-prefix=FIRST
// RUN: not %t.ends %pmdir/m 2>&1 | FileCheck %s --check-prefix=AGAIN
// FIRST: gives up
// AGAIN: entry 1, op 'put', {{.*}}the op called error(3)
#include <stdio.h>
#include <psm.h>
struct root { long warned; };
#ifdef OTHER
void warn(struct root *root, int by) { root->warned += by; }
#elif defined ENDS
void error(int status, int number, const char *format, ...);
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    error(0, 0, "only says so");
    error(3, 0, "gives up");
    return ((struct root *)root)->warned++;
}
int main(int argc, char **argv)
{
    struct psm_options options = {.root_size = sizeof(struct root)};
    psm_t *machine;
    if (argc != 2 || psm_init(&machine, argv[1], &options) != 0)
        return puts(psm_error_detail()), 1;
    psm_invoke_rw(machine, put, NULL, 0, NULL, 0);
    return 0;
}
#else
void warn(struct root *root, int by);
static void helper(void *root) { warn(root, 7); }
__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    helper(root);
    return 0;
}
int main(void) { return 0; }
#endif
