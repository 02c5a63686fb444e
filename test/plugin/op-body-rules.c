// A program's own rules count in the body of an op too: there is one list.
//
// RUN: echo "forbid draw_lots is not fair" > %t.rules
// RUN: echo "skip time = 0" >> %t.rules
// RUN: %clang -fplugin=%psmclang -mllvm -psm-rules=%t.rules -fsyntax-only -Xclang -verify %s
#include <stddef.h>
#include <stdint.h>
#include <time.h>
int draw_lots(void);

__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    return time(0) + draw_lots(); // expected-error {{op 'put' cannot call 'draw_lots', which is not fair}}
}
