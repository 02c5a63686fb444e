// Ops compiled with -fsanitize=undefined or -fsanitize=safe-stack replay as others do; what
// a check finds is said once, by the foreground.
//
// RUN: %psmcc -O0 -fsanitize=undefined %s -o %t.ub && %t.ub %pmdir/ub0 2>&1 | FileCheck %s
// RUN: %psmcc -O2 -fsanitize=undefined %s -o %t.ub && %t.ub %pmdir/ub2 2>&1 | FileCheck %s
// RUN: %psmcc -O2 -fsanitize=safe-stack %s -o %t.safe && %t.safe %pmdir/safe 2>&1 | FileCheck %s --check-prefix=QUIET
// CHECK-COUNT-1: runtime error: signed integer overflow
// CHECK-NOT: runtime error
// CHECK: sum 5 restored
// QUIET: sum 5 restored
#include <psm.h>
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct root { int sum, wraps, word[8]; char text[32]; int (*apply)(int, int); };

static int add(int a, int b) { return a + b; }

[[psm::op]] int64_t put(void *root, const void *arg, size_t size, void *out)
{
    struct root *r = root;
    static const void *const step[] = { &&grow, &&wrap };
    int n = *(const int *)arg;
    char text[32];
    snprintf(text, sizeof text, "%d", n);
    strcpy(r->text, text);
    r->apply = add;
    r->word[n & 7]++;
    goto *step[n == INT_MAX];
wrap:
    r->wraps += n + (r->sum > 0);
    return 0;
grow:
    r->sum = r->apply(r->sum, n);
    return r->sum;
}

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct root) };
    static const int numbers[] = { 2, 3, INT_MAX };
    if (psm_init(&machine, argv[1], &options) != 0)
        errx(1, "%s", psm_error_detail());
    for (int i = 0; i < 3; i++)
        psm_invoke_rw(machine, put, &numbers[i], sizeof numbers[i], NULL, 0);
    if (psm_verify(machine) != 0 || psm_close(machine) != 0
        || psm_init(&machine, argv[1], &options) != 0)
        errx(1, "%s", psm_error_detail());
    printf("sum %d restored\n", ((struct root *)psm_root(machine))->sum);
    return psm_close(machine) != 0;
}
