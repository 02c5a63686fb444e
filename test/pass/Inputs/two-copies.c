/* two-copies.c: runs a test program's op on D natively and on P by its shadow
 * variant, with no runtime but this file, and checks what the pass promises:
 *
 *   1. both give the same results and leave the same bytes, arena and globals g_*;
 *   2. the shadow touches nothing at D;
 *   3. every byte of P that changed was announced by a hook in the same op;
 *   4. if told to (third argument): a marked store costs no call of a hook.
 *
 * A test program defines `long op(void *arena, long i)`, deterministic, its state in
 * the 256 KiB at `arena` and in globals named g_*. psm_malloc is a bump allocator
 * whose next address is the arena's first word.
 *
 *   two-copies [number of ops] [hooks at most] */
#define _GNU_SOURCE
#include "addresses.h"
#include "hooks.h"
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA = 1 << 18, STACK = 8 << 20, OPS = 400 };
static char *const d = (char *)PSM_ARENA_LOW, *const p = (char *)(PSM_ARENA_LOW + PSM_DELTA);

uint64_t __psm_delta = PSM_DELTA, __psm_marks = PSM_MARKS;
extern char PSM_TWO_COPIES_ABI __asm__("__psm_hook_abi_1");
char PSM_TWO_COPIES_ABI;

long op(void *arena, long i);
long op_shadow(void *arena, long i) __asm__("op.psm");

static char before[ARENA];
static long ops = OPS, hooks, hooks_max = -1, failures, *results;

#define FAIL(...) (failures++ < 10 ? (void)(printf("FAIL: " __VA_ARGS__), puts("")) : (void)0)

/* --- the executable's symbols ------------------------------------------------ */

static const char *names;
static const Elf64_Sym *symbols, *symbols_end;

static void load_symbols(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    struct stat st;
    fstat(fd, &st);
    const char *file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    const Elf64_Ehdr *header = (const void *)file;
    const Elf64_Shdr *section = (const void *)(file + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++)
        if (section[i].sh_type == SHT_SYMTAB) {
            symbols = (const void *)(file + section[i].sh_offset);
            symbols_end = symbols + section[i].sh_size / sizeof *symbols;
            names = file + section[section[i].sh_link].sh_offset;
        }
}

static const Elf64_Sym *symbol_named(const char *name)
{
    for (const Elf64_Sym *s = symbols; s < symbols_end; s++)
        if (s->st_shndx && !strcmp(names + s->st_name, name))
            return s;
    return NULL;
}

/* --- hooks ------------------------------------------------------------------- */

static unsigned char *mark_of(uint64_t twin)
{
    return (unsigned char *)(__psm_marks + (twin >> 8));
}

static int is_marked(uint64_t twin)
{
    return *mark_of(twin) >> (twin >> 5 & 7) & 1;
}

static void mark(void *twin, uint64_t size)
{
    for (uint64_t t = (uint64_t)twin & ~31ull; t < (uint64_t)twin + size; t += 32)
        *mark_of(t) |= 1 << (t >> 5 & 7);
}

__attribute__((preserve_most)) void __psm_log(void *twin, uint64_t size)
{
    hooks++;
    if (size > 32)
        FAIL("__psm_log of %lu bytes", size);
    mark(twin, size);
}

__attribute__((preserve_most)) void __psm_log_range(void *twin, uint64_t size)
{
    hooks++;
    mark(twin, size);
}

__attribute__((preserve_most)) void __psm_log_many(void *a, uint64_t a_size, void *b,
                                                   uint64_t b_size, void *c, uint64_t c_size)
{
    hooks++;
    if (!a_size || !b_size || a_size > 64 || b_size > 64 || c_size > 64)
        FAIL("__psm_log_many of %lu, %lu, %lu bytes", a_size, b_size, c_size);
    mark(a, a_size);
    mark(b, b_size);
    mark(c, c_size);
}

void *__psm_resolve(void *function)
{
    for (const Elf64_Sym *s = symbols; s < symbols_end; s++)
        if (s->st_value == (uint64_t)function && ELF64_ST_TYPE(s->st_info) == STT_FUNC) {
            char name[300];
            snprintf(name, sizeof name, "%s.psm", names + s->st_name);
            const Elf64_Sym *shadow = symbol_named(name);
            if (shadow)
                return (void *)shadow->st_value;
        }
    printf("FAIL: no variant of %p\n", function);
    exit(1);
}

void __psm_trap(void *text)
{
    printf("trap: %s\n", (char *)text);
    exit(3);
}

/* --- an allocator and a wrapper or two ---------------------------------------- */

void *psm_malloc(size_t size)
{
    uint64_t *next = (uint64_t *)d, old = *next;
    *next += (size + 31) & ~31ull;
    return d + old;
}

void *psm_w_malloc(size_t size)
{
    mark(p, 8);
    uint64_t *next = (uint64_t *)p, old = *next;
    *next += (size + 31) & ~31ull;
    return d + old;
}

void psm_free(void *block) { (void)block; }
void psm_w_free(void *block) { (void)block; }

char *psm_w_strcpy(char *to, const char *from)
{
    char *twin = to + PSM_DELTA;
    mark(twin, strlen(from + PSM_DELTA) + 1);
    strcpy(twin, from + PSM_DELTA);
    return to;
}

int psm_w_vsnprintf(char *to, size_t size, const char *format, va_list list)
{
    char text[512];
    int length = vsnprintf(text, sizeof text, format + PSM_DELTA,
                           *(va_list *)((char *)list + PSM_DELTA));
    size_t used = (size_t)length < size ? (size_t)length + 1 : size;
    mark(to + PSM_DELTA, used);
    memcpy(to + PSM_DELTA, text, used);
    to[PSM_DELTA + used - 1] = 0;
    return length;
}

/* --- the two runs --------------------------------------------------------------- */

static void check_announced(long i)
{
    for (long at = 0; at < ARENA; at += 32)
        if (memcmp(before + at, p + at, 32) && !is_marked((uint64_t)p + at))
            FAIL("op %ld changed arena+%#lx without a hook", i, at);
}

static void *run_shadow(void *none)
{
    long first = 0;
    for (long i = 0; i < ops; i++) {
        memcpy(before, p, ARENA);
        memset(mark_of((uint64_t)p), 0, ARENA / 256);
        results[i] = op_shadow(d, i);
        check_announced(i);
        if (i == ops - 1 && hooks_max >= 0) { /* once more, with all marks set */
            memset(mark_of((uint64_t)p), 255, ARENA / 256);
            first = hooks;
            memcpy(before, p, ARENA);
            op_shadow(d, i);
            memcpy(p, before, ARENA);
            if (hooks - first > hooks_max)
                FAIL("%ld hook calls although all is marked", hooks - first);
        }
    }
    return none;
}

/* The executable's data once more at +delta; stack and results need no marks. */
static void mirror_executable(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    while (fgets(line, sizeof line, maps)) {
        unsigned long low, high;
        char access[8], path[300] = "";
        sscanf(line, "%lx-%lx %7s %*s %*s %*s %299s", &low, &high, access, path);
        if (low >= 0x10000000 || access[2] == 'x' || strstr(path, "heap"))
            continue;
        char *copy = mmap((void *)(low + PSM_DELTA), high - low, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        memcpy(copy, (void *)low, high - low);
        memset(mark_of((uint64_t)copy), 255, (high - low) / 256);
    }
    fclose(maps);
}

static void compare_globals(void)
{
    for (const Elf64_Sym *s = symbols; s < symbols_end; s++)
        if (ELF64_ST_TYPE(s->st_info) == STT_OBJECT && !strncmp(names + s->st_name, "g_", 2) &&
            memcmp((void *)s->st_value, (void *)(s->st_value + PSM_DELTA), s->st_size))
            FAIL("global %s differs", names + s->st_name);
}

static void map(uint64_t at, size_t size, int fd)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    if (mmap((void *)at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, fd, 0) !=
        (void *)at) {
        perror("mmap");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        ops = atol(argv[1]);
    if (argc > 2)
        hooks_max = atol(argv[2]);
    results = calloc(ops, sizeof *results);
    load_symbols();
    map((uint64_t)d, ARENA, -1);
    map((uint64_t)p, ARENA, -1);
    map(PSM_MARKS, 1ull << 39, -1);
    *(uint64_t *)d = *(uint64_t *)p = ARENA / 2;
    int fd = memfd_create("stack", 0);
    uint64_t stack = PSM_WINDOW_LOW + PSM_WINDOW_STACK;
    if (fd < 0 || ftruncate(fd, STACK))
        return 2;
    map(stack, STACK, fd);
    map(stack + PSM_DELTA, STACK, fd);
    memset(mark_of(stack + PSM_DELTA), 255, STACK / 256);
    mirror_executable();

    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, (void *)stack, STACK);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, run_shadow, NULL))
        return 2;
    pthread_join(thread, NULL);

    for (long at = 8; at < ARENA; at++)
        if (d[at]) {
            FAIL("the shadow wrote to D at arena+%#lx", at);
            break;
        }
    for (long i = 0; i < ops; i++) {
        long result = op(d, i);
        if (result != results[i])
            FAIL("op %ld: %ld natively, %ld in the shadow", i, result, results[i]);
    }
    if (memcmp(d, p, ARENA))
        FAIL("arenas differ");
    compare_globals();
    if (!failures)
        printf("equal after %ld ops\n", ops);
    return failures != 0;
}
