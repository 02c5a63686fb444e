// What a program must not do to the heap stops it, with the address and the reason: a
// double free, a pointer into a block, one that was never handed out; also after a
// restart.
// RUN: %clang -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fno-strict-aliasing -I%runtime %s %runtime/heap.c %runtime/heap_small.c %runtime/heap_extent.c %runtime/heap_check.c -o %t.exe
// RUN: %t.exe | FileCheck %s
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "heap_fast.h"

/* As psm_free does. */
#define heap_free heap_fast_free

static jmp_buf stopped;
_Noreturn void psm_fatal(const char *format, ...);
void psm_fatal(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    puts(".");
    longjmp(stopped, 1);
}

static int grow(void *context, uint64_t old_end, uint64_t new_end)
{
    (void)context, (void)old_end, (void)new_end;
    return 1;
}

static struct heap_view view = { .grow = grow };

#define STOPS(what)                     \
    do {                                \
        printf(#what ": ");             \
        if (!setjmp(stopped)) {         \
            what;                       \
            puts("nothing happened.");  \
        }                               \
    } while (0)

int main(void)
{
    const char *why;
    view.base = mmap((void *)0x570000000000, UINT64_C(1) << 30, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (view.base == MAP_FAILED || heap_format(&view, UINT64_C(1) << 30) != 0)
        return 2;
    uint64_t small = heap_malloc(&view, 100), live = heap_malloc(&view, 100);
    uint64_t odd = heap_malloc(&view, 5000), big = heap_malloc(&view, 100000);
    uint64_t wall = heap_malloc(&view, 100000);
    printf("small %lx live %lx odd %lx big %lx wall %lx\n", small, live, odd, big, wall);

    // CHECK: heap_free(&view, small + 32): 0x57{{[0-9a-f]+}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, small + 32));
    // CHECK: heap_free(&view, small + 8): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, small + 8));
    // CHECK: heap_free(&view, small): nothing happened.
    STOPS(heap_free(&view, small));
    // CHECK: heap_free(&view, small): {{.*}} is freed twice, or was never allocated.
    STOPS(heap_free(&view, small));
    // CHECK: heap_realloc(&view, small, 200): {{.*}} is used after it was freed.
    STOPS(heap_realloc(&view, small, 200));
    // CHECK: heap_usable(&view, small): {{.*}} is used after it was freed.
    STOPS(heap_usable(&view, small));
    // CHECK: heap_free(&view, live + 1280): {{.*}} is freed twice, or was never allocated.
    STOPS(heap_free(&view, live + 1280));
    // CHECK: heap_free(&view, odd + 12 * 5120): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, odd + 12 * 5120));
    // CHECK: heap_free(&view, big + 32): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, big + 32));
    // CHECK: heap_free(&view, big + 16384): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, big + 16384));
    // CHECK: heap_free(&view, big): nothing happened.
    STOPS(heap_free(&view, big));
    // CHECK: heap_free(&view, big): {{.*}} is freed twice.
    STOPS(heap_free(&view, big));
    // The heap's own memory is nobody's block.
    // CHECK: heap_free(&view, 0): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, 0));
    // CHECK: heap_free(&view, 16384): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, 16384));
    // CHECK: heap_free(&view, UINT64_C(1) << 29): {{.*}} is freed, but is not the address of a block.
    STOPS(heap_free(&view, UINT64_C(1) << 29));

    heap_close(&view);
    if (heap_open(&view, heap_end(&view), &why) != 0)
        return 2;
    puts("restarted");
    // CHECK: restarted
    // CHECK: heap_free(&view, small): {{.*}} is freed twice, or was never allocated.
    STOPS(heap_free(&view, small));
    // CHECK: heap_free(&view, live + 1280): {{.*}} is freed twice, or was never allocated.
    STOPS(heap_free(&view, live + 1280));
    // CHECK: heap_free(&view, live): nothing happened.
    STOPS(heap_free(&view, live));
    // CHECK: sound
    puts(heap_check(&view, &why) ? "sound" : why);
    return 0;
}
