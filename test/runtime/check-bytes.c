// PSM_CHECK accounts for every byte of the image that an op has changed: it has to lie in a
// block that was announced before. A kind of store that the pass forgets (-psm-forget does
// it on purpose), or a wrapper of the runtime's, is found by the first op that has one,
// with several ops in an epoch as well, on either medium and in recovery.
//
// RUN: %clang -O2 -fno-pie -DSAYS_SO=1 -c %S/Inputs/forgetful.c -o %t.1.o
// RUN: %clang -O2 -fno-pie -DSAYS_SO=0 -c %S/Inputs/forgetful.c -o %t.0.o
// RUN: %clang -O2 -fno-pie -DSAYS_SO=2 -c %S/Inputs/forgetful.c -o %t.2.o
// RUN: echo 'wrap stamp' > %t.rules
//
// RUN: %psmcc -O2 -mllvm -psm-rules=%t.rules %s %t.1.o -o %t
// RUN: %t %pmdir/all && %t %filedir/all
// RUN: %psmcc -O0 -mllvm -psm-rules=%t.rules %s %t.1.o -o %t
// RUN: %t %pmdir/all0
//
// RUN: %psmcc -O2 -mllvm -psm-rules=%t.rules %s %t.0.o -o %t
// RUN: not %t %pmdir/none 2>&1 | FileCheck %s --check-prefix=WRAPPER
// RUN: not %t %filedir/none 2>&1 | FileCheck %s --check-prefix=WRAPPER
// WRAPPER: op 'by_wrapper', cannot be replayed: a store of it to block {{.*}}, offset {{[0-9]+}} went unrecorded (0x00 became 0x73)
//
// RUN: %psmcc -O2 -mllvm -psm-rules=%t.rules %s %t.2.o -o %t
// RUN: not %t %pmdir/late 2>&1 | FileCheck %s --check-prefix=LATE
// LATE: op 'by_wrapper', cannot be replayed: it announces a change of block {{.*}} that it has made already
//
// RUN: %psmcc -O2 -mllvm -psm-rules=%t.rules -mllvm -psm-forget=store %s %t.1.o -o %t
// RUN: not %t %pmdir/store 2>&1 | FileCheck %s --check-prefix=STORE
// RUN: not %t %filedir/store 2>&1 | FileCheck %s --check-prefix=STORE
// STORE: op 'by_store', cannot be replayed: a store of it to block {{.*}} went unrecorded
// RUN: not %t %pmdir/atomic atomic 2>&1 | FileCheck %s --check-prefix=ATOMIC
// ATOMIC: op 'by_atomic', cannot be replayed: a store of it to block {{.*}} went unrecorded
// RUN: not %t %pmdir/global global 2>&1 | FileCheck %s --check-prefix=GLOBAL
// GLOBAL: op 'by_global', cannot be replayed: a store of it to global 'total', offset 0 went unrecorded
//
// RUN: %psmcc -O2 -mllvm -psm-rules=%t.rules -mllvm -psm-forget=vector %s %t.1.o -o %t
// RUN: not %t %pmdir/vector 2>&1 | FileCheck %s --check-prefix=VECTOR
// VECTOR: op 'by_vector', cannot be replayed: a store of it to block {{.*}} went unrecorded
//
// RUN: %psmcc -O2 -mllvm -psm-rules=%t.rules -mllvm -psm-forget=memory %s %t.1.o -o %t
// RUN: not %t %pmdir/memory 2>&1 | FileCheck %s --check-prefix=MEMORY
// RUN: not %t %pmdir/copy struct 2>&1 | FileCheck %s --check-prefix=STRUCT
// MEMORY: op 'by_memset', cannot be replayed: a store of it to block {{.*}} went unrecorded
// STRUCT: op 'by_struct', cannot be replayed: a store of it to block {{.*}} went unrecorded
//
// An op that was acknowledged without the check is found by a recovery with it.
// RUN: not --crash %t %filedir/found unchecked
// RUN: not %t %filedir/found 2>&1 | FileCheck %s --check-prefix=RECOVERY
// RECOVERY: op 'by_memset', cannot be replayed: a store of it to block {{.*}} went unrecorded
//
// Mutants seen to fail: changed blocks not looked for after an entry; only in the arena,
// not in the globals; marks taken for granted; the order of announcement and store not.
#include <psm.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned vector4 __attribute__((vector_size(16)));
struct large { long member[60]; };

struct state {
    long count;
    _Alignas(64) _Atomic long atomic;
    _Alignas(64) vector4 vector;
    _Alignas(64) char text[64];
    _Alignas(64) struct large one, two;
    _Alignas(64) char bytes[500];
};
static long total;

void stamp(char *text);

#define OP(name)                                                                     \
    __attribute__((psm_op)) int64_t name(void *root, const void *arg, size_t size, void *out) \
    {                                                                                \
        struct state *s = root;                                                      \
        long n = *(const long *)arg;                                                 \
        (void)s, (void)n, (void)size, (void)out;
#define END     \
        return 0; \
    }

OP(by_store) s->count += n + 1; END
OP(by_atomic) atomic_fetch_add(&s->atomic, n + 1); END
OP(by_global) total += n + 1; END
OP(by_vector) s->vector += (vector4){1, 2, 3, (unsigned)n}; END
OP(by_memset) memset(s->bytes + n % 100, (int)n + 1, 100 + (size_t)n % 300); END
OP(by_struct) s->two = s->one; s->one.member[59] = n + 1; END
OP(by_wrapper) if (n == 3) stamp(s->text); END

static psm_op_fn *const ops[] = { by_store, by_atomic, by_global, by_vector, by_memset, by_struct, by_wrapper };
enum { OPS = sizeof ops / sizeof ops[0] };

int main(int argc, char **argv)
{
    psm_t *machine;
    const char *only = argc > 2 ? argv[2] : "";
    struct psm_options options = { .root_size = sizeof(struct state), .log_bytes = 65536, .flags = PSM_CHECK };
    if (!strcmp(only, "unchecked"))
        options.flags = 0;
    if (psm_init(&machine, argv[1], &options) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    for (long n = 0; n < 700; n++) {
        psm_op_fn *op = ops[n % OPS];
        if (!strcmp(only, "atomic"))
            op = by_atomic;
        if (!strcmp(only, "global"))
            op = by_global;
        if (!strcmp(only, "struct"))
            op = by_struct;
        long argument = n / OPS;
        int64_t result = psm_invoke_rw(machine, op, &argument, sizeof argument, NULL, 0);
        if (psm_is_error(result)) {
            fprintf(stderr, "%s\n", psm_error_detail());
            return 1;
        }
        if (!strcmp(only, "unchecked") && n == 4)
            kill(getpid(), SIGKILL);
    }
    if (psm_verify(machine) != 0 || psm_close(machine) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    return 0;
}
