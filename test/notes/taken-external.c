// A library function that an op calls by name and through a pointer is one function:
// its variant for pointers is libpsm's business and no rival of the library's.
//
// RUN: %psmcc -O0 %s -o %t && rm -rf %t.m && %t %t.m
// RUN: %psmcc -O2 %s -o %t && rm -rf %t.m && %t %t.m && %t %t.m
// In position-independent code its address is not a constant of the program.
// RUN: not %psmcc -O0 -gline-tables-only -fPIC %s -o %t 2>&1 | FileCheck %s
// RUN: not %psmcc -O2 -gline-tables-only -fpie %s -o %t 2>&1 | FileCheck %s
// CHECK: taken-external.c:[[#@LINE+9]]:{{.*}} error: op 'put' has the address of 'strcmp' in position-independent code, where it differs from run to run: compile with -fno-pie
#include <psm.h>
#include <stdio.h>
#include <string.h>
struct map { int (*order)(const char *, const char *); int sum; };

__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    struct map *map = root;
    map->order = strcmp;
    map->sum += map->order(arg, "b") < 0;
    return map->sum + strcmp(arg, "a");
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct map) };
    if (psm_init(&machine, argv[argc - 1], &options) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    int64_t result = psm_invoke_rw(machine, put, "a", 2, NULL, 0);
    return psm_verify(machine) != 0 || psm_close(machine) != 0 || result < 1;
}
