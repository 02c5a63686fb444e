// Between psm_begin and psm_commit the program does as it likes, also what no op may: it
// prints, asks for counters and reasons, and is told so when it calls what must not be
// called there. Ops and caller are in one file, so that the caller has the ops' guards.
//
// RUN: %psmcc -O0 %s -o %t.0 && %t.0 %pmdir/0 | FileCheck %s
// RUN: %psmcc -O2 %s -o %t.2 && %t.2 %pmdir/2 | FileCheck %s
// RUN: %t.2 %filedir/2 | FileCheck %s
// CHECK: begin: no error
// CHECK-NEXT: again: an op may not call this
// CHECK-NEXT: rw: an op may not call this
// CHECK-NEXT: close: an op may not call this
// CHECK-NEXT: append: no error
// CHECK-NEXT: not an op: {{.*}} is not an op of this program
// CHECK-NEXT: 1 op
// CHECK-NEXT: commit: no error
// CHECK-NEXT: verify: no error
// CHECK-NEXT: reopened: 1
#include <err.h>
#include <psm.h>
#include <stdio.h>

struct counter { long value; };

__attribute__((psm_op)) int64_t add(void *root, const void *arg, size_t size, void *out)
{
    struct counter *counter = root;
    (void)arg, (void)size, (void)out;
    return ++counter->value;
}

static psm_t *open_machine(const char *dir)
{
    psm_t *m;
    struct psm_options options = { .root_size = sizeof(struct counter) };
    if (psm_init(&m, dir, &options) != 0)
        errx(1, "%s", psm_error_detail());
    return m;
}

int main(int argc, char **argv)
{
    struct psm_statistics s;
    (void)argc;
    psm_t *m = open_machine(argv[1]);
    struct counter *counter = psm_root(m);
    printf("begin: %s\n", psm_strerror(psm_begin(m)));
    printf("again: %s\n", psm_strerror(psm_begin(m)));
    printf("rw: %s\n", psm_strerror(psm_invoke_rw(m, add, NULL, 0, NULL, 0)));
    printf("close: %s\n", psm_strerror(psm_close(m)));
    counter->value++;
    printf("append: %s\n", psm_strerror(psm_append(m, add, NULL, 0)));
    if (psm_append(m, (psm_op_fn *)(void *)counter, NULL, 0) == PSM_EOP)
        printf("not an op: %s\n", psm_error_detail());
    psm_stats(m, &s);
    printf("%d op\n", (int)s.ops);
    printf("commit: %s\n", psm_strerror(psm_commit(m)));
    printf("verify: %s\n", psm_strerror(psm_verify(m)));
    if (psm_close(m) != 0)
        return 1;
    m = open_machine(argv[1]);
    printf("reopened: %ld\n", ((struct counter *)psm_root(m))->value);
    return psm_close(m) != 0;
}
