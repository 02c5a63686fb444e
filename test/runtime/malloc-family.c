// Every function of malloc's family, in ops on both copies: the same addresses, errors and
// bytes as documented, and memory and image agree; outside ops they are libc's.
//
// RUN: %psmcc -O2 %s -o %t.exe
// RUN: %t.exe %pmdir/m run && %t.exe %pmdir/m run | FileCheck %s --check-prefix=AGAIN
// RUN: %psmcc -O0 %s -o %t.exe0
// RUN: %t.exe0 %pmdir/m0 run
// RUN: %t.exe %pmdir/free-outside run && not --crash %t.exe %pmdir/free-outside free-outside 2>&1 | FileCheck %s --check-prefix=OUTSIDE
// RUN: %t.exe %pmdir/realloc-outside run && not --crash %t.exe %pmdir/realloc-outside realloc-outside 2>&1 | FileCheck %s --check-prefix=REALLOC
// RUN: %t.exe %pmdir/resize-libc run && not --crash %t.exe %pmdir/resize-libc resize-libc 2>&1 | FileCheck %s --check-prefix=LIBC
// RUN: %t.exe %pmdir/free-twice run && not --crash %t.exe %pmdir/free-twice free-twice 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: %t.exe %pmdir/free-inside run && not --crash %t.exe %pmdir/free-inside free-inside 2>&1 | FileCheck %s --check-prefix=INSIDE
// RUN: %t.exe %pmdir/free-other run && not --crash %t.exe %pmdir/free-other free-other 2>&1 | FileCheck %s --check-prefix=OTHER
//
// AGAIN: 2 runs
// OUTSIDE: psm: free(0x5{{[0-9a-f]+}}): the memory belongs to a machine, and no rw op of it is running
// REALLOC: psm: realloc(0x5{{[0-9a-f]+}}): the memory belongs to a machine, and no rw op of it is running
// LIBC: psm: realloc(0x{{[0-9a-f]+}}): an op cannot resize memory that was not allocated in an op
// TWICE: psm: 0x5{{[0-9a-f]+}} is freed twice
// INSIDE: psm: 0x5{{[0-9a-f]+}} is freed, but is not the address of a block
// OTHER: psm: free(0x5{{[0-9a-f]+}}): the memory belongs to another machine than the op
#include <psm.h>

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct root {
    uint64_t runs, wrong; /* wrong: the line of the first check that failed */
    char *kept[16];
    uint64_t usable[16];
};

#define CHECK(condition)                        \
    do {                                        \
        if (!(condition) && !root->wrong)       \
            root->wrong = __LINE__;             \
    } while (0)

static int in_state(const void *p)
{
    return (uintptr_t)p >> 40 == 0x57 || (uintptr_t)p >> 40 == 0x58;
}

/* Compilers believe that malloc leaves errno alone, and would answer this themselves. */
__attribute__((noinline)) static int no_memory(void)
{
    return errno == ENOMEM;
}

static int zero(const char *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (p[i])
            return 0;
    return 1;
}

__attribute__((psm_op)) int64_t family(void *state, const void *arg, size_t arg_size, void *out)
{
    struct root *root = state;
    (void)arg, (void)arg_size, (void)out;
    root->runs++;
    for (int i = 0; i < 16; i++)
        free(root->kept[i]);
    memset(root->kept, 0, sizeof root->kept);

    char *a = root->kept[0] = malloc(100);
    CHECK(in_state(a) && zero(a, malloc_usable_size(a)));
    root->usable[0] = malloc_usable_size(a);
    CHECK(root->usable[0] >= 100);
    memset(a, 7, root->usable[0]);
    char *b = root->kept[1] = calloc(30, 40);
    CHECK(in_state(b) && zero(b, 1200));
    char *c = root->kept[2] = realloc(NULL, 10);
    CHECK(in_state(c));
    memcpy(c, "123456789", 10);
    c = root->kept[2] = realloc(c, 100000);
    CHECK(strcmp(c, "123456789") == 0 && zero(c + 10, 99990));
    c = root->kept[2] = reallocarray(c, 50, 60);
    CHECK(strcmp(c, "123456789") == 0);
    char *none = realloc(malloc(5), 0);
    CHECK(none == NULL);
    free(NULL);

    for (int i = 0; i < 5; i++) {
        size_t alignment = (size_t)64 << 2 * i;
        char *d = root->kept[3 + i] = aligned_alloc(alignment, 3 * alignment);
        CHECK(in_state(d) && (uintptr_t)d % alignment == 0);
        memset(d, i, 3 * alignment);
    }
    void *e = NULL;
    CHECK(posix_memalign(&e, 4096, 5000) == 0 && in_state(e) && (uintptr_t)e % 4096 == 0);
    root->kept[8] = e;
    CHECK(posix_memalign(&e, 3, 5) == EINVAL && posix_memalign(&e, 4, 5) == EINVAL && e == root->kept[8]);
    root->kept[9] = memalign(128, 1);
    root->kept[10] = valloc(1);
    CHECK((uintptr_t)root->kept[9] % 128 == 0 && (uintptr_t)root->kept[10] % 4096 == 0);

    /* The optimizer may not know better than the heap. */
    errno = 0;
    volatile size_t huge = SIZE_MAX / 2, many = SIZE_MAX / 4;
    CHECK(malloc(huge) == NULL && no_memory());
    errno = 0;
    CHECK(calloc(many, 8) == NULL && no_memory());
    CHECK(reallocarray(root->kept[0], many, 8) == NULL && root->kept[0][0] == 7);
    CHECK(realloc(root->kept[0], huge) == NULL && root->kept[0][99] == 7);
    CHECK(posix_memalign(&e, 64, huge) == ENOMEM);

    char *large = root->kept[11] = malloc(5000000);
    CHECK(large && zero(large, 5000000));
    for (int i = 0; i < 5000000; i += 4096)
        large[i] = (char)i | 1;
    CHECK(realloc(large, 9000000) == large);
    CHECK(large[4096] == 1 && zero(large + 5000000, 4000000));
    CHECK(realloc(large, 2000000) == large);
    return (int64_t)root->wrong;
}

__attribute__((psm_op)) int64_t misuse(void *state, const void *arg, size_t arg_size, void *out)
{
    struct root *root = state;
    const char *how = arg;
    void *theirs;
    (void)out;
    memcpy(&theirs, how + 16, sizeof theirs);
    if (arg_size != 24)
        return -1;
    if (strcmp(how, "resize-libc") == 0)
        root->kept[0] = realloc(theirs, 1000);
    if (strcmp(how, "free-other") == 0)
        free(theirs);
    if (strcmp(how, "free-twice") == 0) {
        char *volatile p = root->kept[0];
        free(p);
        free(p);
    }
    if (strcmp(how, "free-inside") == 0)
        free(root->kept[0] + 32);
    return 0;
}

static psm_t *machine_at(const char *dir)
{
    psm_t *machine;
    struct psm_options options = { .root_size = sizeof(struct root) };
    if (psm_init(&machine, dir, &options) != 0) {
        printf("psm_init: %s\n", psm_error_detail());
        exit(1);
    }
    return machine;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    psm_t *machine = machine_at(argv[1]);
    struct root *root = psm_root(machine);
    char *mine = malloc(10);
    if (in_state(mine))
        return 3;
    if (strcmp(argv[2], "run") == 0) {
        int64_t wrong = psm_invoke_rw(machine, family, NULL, 0, NULL, 0);
        if (wrong != 0 || malloc_usable_size(root->kept[0]) != root->usable[0]) {
            printf("line %ld: %s\n", wrong, psm_error_detail());
            return 1;
        }
        printf("%lu runs\n", root->runs);
        free(mine);
        if (psm_verify(machine) != 0 || psm_close(machine) != 0) {
            printf("%s\n", psm_error_detail());
            return 1;
        }
        return 0;
    }
    if (strcmp(argv[2], "free-outside") == 0)
        free(root->kept[0]);
    if (strcmp(argv[2], "realloc-outside") == 0)
        return realloc(root->kept[0], 1000) != NULL;
    char arg[24] = { 0 };
    void *theirs = mine;
    if (strcmp(argv[2], "free-other") == 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s.other", argv[1]);
        psm_t *other = machine_at(path);
        psm_invoke_rw(other, family, NULL, 0, NULL, 0);
        theirs = ((struct root *)psm_root(other))->kept[0];
    }
    strcpy(arg, argv[2]);
    memcpy(arg + 16, &theirs, sizeof theirs);
    psm_invoke_rw(machine, misuse, arg, sizeof arg, NULL, 0);
    return 0;
}
