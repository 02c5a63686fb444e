// psm_verify finds pointers out of the state that a restart would leave dangling, says to
// what they point, and does not take numbers for pointers.
//
// RUN: %psmcc -O2 %s -o %t && %t %pmdir/m 2>&1 | FileCheck %s
#include <math.h>
#include <psm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct state {
    void *pointer[16];
};

static void *kept[2] __attribute__((psm_state));
static int constant = 7;

/* What the caller has in its argument goes into the state as it is. */
__attribute__((psm_op)) int64_t keep(void *root, const void *arg, size_t size, void *out)
{
    (void)out;
    struct state *s = root;
    memset(s, 0, sizeof *s);
    memcpy(s->pointer, arg, size);
    return 0;
}

__attribute__((psm_op)) int64_t keep_global(void *root, const void *arg, size_t size, void *out)
{
    (void)root, (void)out;
    memcpy(kept, arg, size);
    return 0;
}

/* Pointers that are good in every run: into the state, to code, to globals, to text. */
__attribute__((psm_op)) int64_t keep_own(void *root, const void *arg, size_t size, void *out)
{
    (void)arg, (void)size, (void)out;
    struct state *s = root;
    s->pointer[0] = s;
    s->pointer[1] = malloc(40);
    s->pointer[2] = (void *)keep;
    s->pointer[3] = &constant;
    s->pointer[4] = "text";
    s->pointer[5] = (void *)strcmp;
    s->pointer[6] = kept;
    return 0;
}

static void say(void *context, enum psm_log_level level, const char *line)
{
    (void)context;
    printf("%s: %s\n", level == PSM_LOG_ERROR ? "error" : level == PSM_LOG_WARNING ? "warning" : "information", line);
}

static psm_t *machine;

static void try(const char *what, psm_op_fn *op, void *value)
{
    void *values[] = { NULL, value };
    psm_invoke_rw(machine, op, values, sizeof values, NULL, 0);
    printf("%s\n", what);
    int status = psm_verify(machine);
    printf("%s: %s\n", what, psm_strerror(status));
}

static void *on_another_stack(void *context)
{
    (void)context;
    int local = 1;
    try("thread's stack", keep, &local);
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct psm_options options = { .root_size = sizeof(struct state), .log = say };
    if (psm_init(&machine, argv[1], &options))
        return puts(psm_error_detail()), 1;
    int local = 1;
    char *block = malloc(100);

    // CHECK: own
    // CHECK-NEXT: own: no error
    try("own", keep_own, NULL);

    // CHECK-NEXT: heap{{$}}
    // CHECK-NEXT: error: {{.*}}: 1 pointer in the state to libc's heap, which will not be there after a restart; first in block 0x{{[0-9a-f]+}} of 128 bytes, offset 8: 0x{{[0-9a-f]+}}
    // CHECK-NEXT: heap: {{.*}}points outside itself
    try("heap", keep, block);
    // CHECK: stack{{$}}
    // CHECK-NEXT: to the main thread's stack
    // CHECK-NEXT: stack: {{.*}}points outside itself
    try("stack", keep, &local);
    pthread_t thread;
    pthread_create(&thread, NULL, on_another_stack, NULL);
    // CHECK: thread's stack{{$}}
    // CHECK-NEXT: to a thread's stack, which
    // CHECK-NEXT: thread's stack: {{.*}}points outside itself
    pthread_join(thread, NULL);
    // CHECK: library{{$}}
    // CHECK-NEXT: to libc.so.6, which {{.*}}getpid
    // CHECK-NEXT: library: {{.*}}points outside itself
    extern void *dlsym(void *, const char *);
    try("library", keep, dlsym(NULL, "getpid"));
    // CHECK: mapped{{$}}
    // CHECK-NEXT: to memory that libc or the program has mapped
    try("mapped", keep, (char *)mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096);

    /* Numbers in the range of the heap: not the beginning of a block. Two numbers side by
     * side that are an address of a library; half of a pointer. */
    // CHECK: number{{$}}
    // CHECK-NEXT: information: {{.*}}: 1 words in the state have values of addresses in libc's heap
    // CHECK-NEXT: number: no error
    try("number", keep, block + 16);
    // CHECK-NEXT: two numbers{{$}}
    // One more line of information is right where the library happens to lie there.
    // CHECK: {{^}}two numbers: no error
    try("two numbers", keep, (void *)(((uintptr_t)dlsym(NULL, "getpid") & ~0xffffffffull) | 22000));
    double real = -M_PI;
    void *bits;
    memcpy(&bits, &real, sizeof bits);
    // CHECK-NEXT: double{{$}}
    // CHECK-NEXT: double: no error
    try("double", keep, bits);
    memcpy(&bits, "text\x7f!", 8);
    // CHECK-NEXT: characters{{$}}
    // CHECK-NEXT: characters: no error
    try("characters", keep, bits);
    // CHECK: large{{$}}
    // CHECK-NEXT: to memory that libc or the program has mapped
    try("large", keep, malloc(1 << 20));
    // CHECK: small{{$}}
    // CHECK-NEXT: small: no error
    try("small", keep, (void *)100);
    // CHECK: global{{$}}
    // CHECK-NEXT: error: {{.*}} first in global 'kept', offset 8: 0x
    // CHECK-NEXT: global: {{.*}}points outside itself
    try("global", keep_global, block);
    // CHECK-NEXT: mended{{$}}
    // CHECK-NEXT: mended: no error
    try("mended", keep_global, NULL);
    return psm_close(machine) != 0;
}
