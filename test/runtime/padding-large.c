// Large local variables that are partly filled and then copied as a whole leave equal bytes
// in memory and image, whatever was on the two stacks: struct assignment, union, by value,
// returned, through a pointer, alloca and variable-length arrays, fields of a buffer.
//
// RUN: for o in 0 1 2 3; do %psmcc -O$o %s -o %t && %t %pmdir/m$o || exit 1; done
// RUN: %psmcc -O2 -flto %s -o %t && %t %pmdir/lto
//
// Without the zeros PSM_CHECK names the op:
// RUN: %psmcc -O1 -mllvm -psm-foreground-skip=zero %s -o %t
// RUN: not %t %pmdir/n 2>&1 | FileCheck %s
// CHECK: op '{{[a-z_]+}}', is not deterministic
//
// Mutants seen to fail: structs passed by value not counted as copies; nor what a callee
// copies through its parameter; pointer variables not seen through; alloca's part left out;
// a large variable zeroed up to the copy's length from its beginning, not from the copy's.
#include <alloca.h>
#include <psm.h>
#include <stdio.h>
#include <string.h>

struct huge { long v[200]; int t; };
struct state { struct huge h[8]; char u[8][64]; };

static void dirty(long n)
{
    volatile char x[30000];
    for (int i = 0; i < 30000; i++)
        x[i] = (char)(i * n);
}
__attribute__((noinline)) static void by_value(struct huge *to, struct huge h) { *to = h; }
__attribute__((noinline)) static struct huge made(long n) { struct huge h; h.t = (int)n; return h; }
__attribute__((noinline)) static void put(struct huge *to, const struct huge *h) { memcpy(to, h, sizeof *h); }
__attribute__((noinline)) static void hand_on(struct huge *to, const struct huge *h) { put(to, h); }
__attribute__((noinline)) static void set(char *at, long n) { *at = (char)n; }

#define OP(name)                                                                              \
    __attribute__((psm_op)) int64_t name(void *root, const void *arg, size_t size, void *out) \
    {                                                                                         \
        struct state *s = root;                                                               \
        long n = *(const long *)arg;                                                          \
        (void)s, (void)n, (void)size, (void)out;
#define END   \
        return 0; \
    }

OP(assigned) struct huge h; h.t = (int)n; s->h[0] = h; END
OP(united) union { char c; struct huge h; } u; u.c = (char)n; s->h[1] = u.h; END
OP(passed) struct huge h; h.v[7] = n; by_value(&s->h[2], h); END
OP(returned) s->h[3] = made(n); END
OP(pointed) struct huge h; h.t = (int)n; hand_on(&s->h[4], &h); END
OP(of_alloca) char *v = alloca((size_t)n % 3000 + 1100); set(v, n); memcpy(s->u[0], v, 64); END
OP(of_array) char v[n % 3000 + 1100]; set(v, n); memcpy(s->u[1], v, 64); END
OP(of_buffer) char v[5000]; set(v + 2040, n); memcpy(s->u[2], v + 2000, 64); END
OP(nested) struct { char a[3000]; struct huge h; } x; x.h.v[100] = n; s->h[5] = x.h; END
OP(in_loop) for (int i = 0; i < 3; i++) { struct huge h; h.v[i] = n; s->h[5 + i] = h; } END

static psm_op_fn *const ops[] = { assigned, united, passed, returned, pointed, of_alloca, of_array,
                                  of_buffer, nested, in_loop };
enum { OPS = sizeof ops / sizeof ops[0] };

int main(int argc, char **argv)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct state), .log_bytes = 65536, .flags = PSM_CHECK };
    if (argc != 2 || psm_init(&machine, argv[1], &options) != 0) {
        fprintf(stderr, "%s\n", psm_error_detail());
        return 1;
    }
    for (long n = 1; n < 20 * OPS; n++) {
        dirty(n);
        if (psm_is_error(psm_invoke_rw(machine, ops[n % OPS], &n, sizeof n, NULL, 0))) {
            fprintf(stderr, "%s\n", psm_error_detail());
            return 1;
        }
    }
    return psm_verify(machine) != 0 || psm_close(machine) != 0;
}
