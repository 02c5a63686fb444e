// What the list of externals forbids is an error at the call, in the body of an op
// and nowhere else, unless the program defines the function itself or marks it.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -I%include -fsyntax-only \
// RUN:   -Xclang -verify %s
#include <psm.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#define OP __attribute__((psm_op))

OP int64_t put(void *root, const void *arg, size_t size, void *out)
{
    char *text = malloc(8);
    snprintf(text, 8, "%d", 1);
    if (getenv("HOME")) // expected-error {{op 'put' cannot call 'getenv', which uses the environment, which is not part of the state}}
        srand(1);       // expected-error {{op 'put' cannot call 'srand', which draws from libc's generator}}
    psm_invoke_rw(0, put, 0, 0, 0, 0);
    // expected-error@-1 {{op 'put' cannot call 'psm_invoke_rw': the machine is busy with this very op; ops share code by plain calls}}
    return time(0) + psm_time(); // expected-error {{op 'put' cannot call 'time', which reads a clock: use psm_time(), or pass the time in the op's argument}}
}

__attribute__((psm_ro)) int64_t get(void *root, const void *arg, size_t size, void *out)
{
    printf("%ld\n", (long)time(0));
    return rand();
}

int rename(const char *from, const char *to) { return 0; }
__attribute__((psm_skip(0))) int remove(const char *path);

OP int64_t own(void *root, const void *arg, size_t size, void *out)
{
    return rename("a", "b") + remove("c");
}

OP int64_t assembly(void *root, const void *arg, size_t size, void *out)
{
    __asm__("mfence" ::: "memory"); // expected-error {{op 'assembly' contains assembly that touches memory}}
    __asm__("nop");
    return 0;
}
