// An op has one signature: everything else is an error that says what to write.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only -Xclang -verify %s
#include <stddef.h>
#include <stdint.h>
#define OP __attribute__((psm_op))

OP int64_t good(void *root, const void *arg, size_t size, void *out);
OP static int64_t good_static(void *root, const void *arg, const size_t size, void *const out)
{
    return 0;
}
typedef int64_t result;
[[psm::ro]] result good_typedef(void *, const void *, unsigned long, void *);

OP int narrow(void *root, const void *arg, size_t size, void *out);
// expected-error@-1 {{a 'psm_op' function's result is to be 'int64_t', not 'int'}}
// expected-note@-2 {{an op is 'int64_t (void *root, const void *arg, size_t size, void *out)'}}

[[psm::ro]] int64_t typed(struct table *root, void *arg, int size, char *out);
// expected-error@-1 {{a 'psm::ro' function's first parameter, the root, is to be 'void *', not 'struct table *'}}
// expected-error@-2 {{second parameter, the argument, is to be 'const void *', not 'void *'}}
// expected-error@-3 {{third parameter, the argument's size, is to be 'size_t', not 'int'}}
// expected-error@-4 {{fourth parameter, out, is to be 'void *', not 'char *'}}
// expected-note@-5 {{an op is}}
// expected-warning@-6 {{declaration of 'struct table' will not be visible outside of this function}}

OP int64_t few(void *root);
// expected-error@-1 {{a 'psm_op' function takes 4 parameters, 'few' has 1}}
// expected-note@-2 {{an op is}}

OP int64_t many(void *root, const void *arg, size_t size, void *out, ...);
// expected-error@-1 {{cannot take '...': its only inputs are the state and its argument bytes}}
// expected-note@-2 {{an op is}}

OP int64_t unknown();
// expected-error@-1 {{a 'psm_op' function needs its parameters declared}}
// expected-note@-2 {{an op is}}

OP static inline int64_t inlined(void *root, const void *arg, size_t size, void *out)
{ // expected-error@-1 {{must not be inline: its address names it in the op-log, so there must be one of it}}
    return 0;
}

OP _Noreturn int64_t endless(void *root, const void *arg, size_t size, void *out);
// expected-error@-1 {{a 'psm_op' function returns at run time: 'endless' cannot}}

OP int main(void) { return 0; }
// expected-error@-1 {{'main' cannot be marked 'psm_op': it runs once, and is not replayed}}
