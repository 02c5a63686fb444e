/* verify_pointers.c: pointers in the state that would dangle after a restart.
 *
 * Every 8-byte-aligned word of live blocks and persisted globals is looked up among the
 * process's mappings. Honest data must never be taken for pointers, or nobody would heed
 * a finding; and a word may well be two numbers side by side, whose upper one, of some
 * 32,600, makes it look like an address of a library. So it counts only if it is
 *
 *   in a stack or a shared library, and 4-aligned, as an int is
 *   in memory of malloc's, and the very beginning of a block that is handed out, as
 *       glibc's headers around it tell
 *   in other anonymous memory, and at the beginning of a page
 *   in another machine's arena, and aligned as its blocks are
 *
 * and its lower half is not a small number. The other words that fall into such memory
 * are counted in one line for the curious. What is kept unaligned, or packed with other
 * bits, or points into the middle of a block, is not found: a clean scan proves nothing,
 * a finding nearly always is one.
 *
 * Pointers to the executable are fine: a build has it at the same place in every run. An
 * address of the image (P), of an op's argument or of its stack would differ from what
 * the foreground has there, so comparing the copies finds those. */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"
#include "program.h"
#include "verify.h"

enum region_kind {
    EXACT,     /* a library or a stack */
    MALLOCED,  /* libc's heap by brk */
    ANONYMOUS, /* mapped by libc's malloc or by the program */
    ARENA,     /* of another machine */
};

struct region {
    uint64_t low, high;
    enum region_kind kind;
    char     what[64];
    uint64_t count;       /* words that point into it */
    uint64_t first;       /* address of the first of them, in D */
    uint64_t first_value;
};

struct scan {
    struct psm *m;
    struct region *region; /* by address */
    size_t count, room;
    uint64_t guard_end;    /* of the last inaccessible mapping: a thread's stack may follow */
    uint64_t doubtful;     /* words that are probably numbers */
    uint64_t own_low;      /* the machine's arena in D */
};

static bool add(struct scan *s, uint64_t low, uint64_t high, enum region_kind kind, const char *what)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct region *larger = realloc(s->region, room * sizeof *larger);
        if (!larger)
            return false;
        s->region = larger;
        s->room = room;
    }
    struct region *r = &s->region[s->count++];
    *r = (struct region){ .low = low, .high = high, .kind = kind };
    snprintf(r->what, sizeof r->what, "%s", what);
    return true;
}

static bool add_mapping(struct scan *s, const char *line)
{
    uint64_t low, high;
    char rights[8];
    int name = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %n", &low, &high, rights, &name) < 3 || name == 0)
        return true;
    if (rights[0] != 'r') {
        s->guard_end = high;
        return true;
    }
    const char *path = line + name, *base = strrchr(path, '/');
    if (low >= PSM_ARENA_LOW && low < PSM_ARENA_HIGH)
        return low - s->own_low < PSM_ARENA_SIZE || add(s, low, high, ARENA, "another machine's state");
    /* libpsm's other mappings, and the executable's mirror. */
    if (low >= PSM_DELTA && low < PSM_WINDOW_HIGH + PSM_DELTA)
        return true;
    if (strcmp(path, s->m->program->path) == 0 || strncmp(path, "[v", 2) == 0)
        return true;
    /* The executable's .bss is anonymous, and without address randomization one mapping
     * with libc's heap. */
    if (low < s->m->program->data_high && high > s->m->program->data_low)
        low = (s->m->program->data_high + 4095) & ~UINT64_C(4095);
    if (low >= high)
        return true;
    if (strcmp(path, "[heap]") == 0)
        return add(s, low, high, MALLOCED, "libc's heap");
    if (strcmp(path, "[stack]") == 0)
        return add(s, low, high, EXACT, "the main thread's stack");
    if (base)
        return add(s, low, high, EXACT, base + 1);
    if (low == s->guard_end && add(s, low, high, EXACT, "a thread's stack"))
        return true;
    return add(s, low, high, ANONYMOUS, "memory that libc or the program has mapped");
}

static int by_address(const void *a, const void *b)
{
    const struct region *x = a, *y = b;
    return (x->low > y->low) - (x->low < y->low);
}

static bool find_regions(struct scan *s)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096 + 128];
    bool ok = true;
    if (!maps)
        psm_say(s->m, PSM_LOG_WARNING, "cannot read /proc/self/maps: pointers to libc are not looked for");
    while (maps && ok && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = 0;
        ok = add_mapping(s, line);
    }
    if (maps)
        fclose(maps);
    if (ok)
        qsort(s->region, s->count, sizeof *s->region, by_address);
    return ok;
}

static struct region *region_of(struct scan *s, uint64_t value)
{
    for (size_t low = 0, high = s->count; low < high;) {
        size_t middle = (low + high) / 2;
        if (value < s->region[middle].low)
            high = middle;
        else if (value >= s->region[middle].high)
            low = middle + 1;
        else
            return &s->region[middle];
    }
    return NULL;
}

/* The word at `address`, or 0: by way of the kernel, since other threads may unmap it. */
static uint64_t peek(uint64_t address)
{
    uint64_t word = 0;
    struct iovec to = { &word, sizeof word }, from = { (void *)address, sizeof word };
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof word ? word : 0;
}

/* Whether glibc's malloc has handed out a block that begins at `value`: the chunk's size
 * stands before it; a mapped chunk is whole pages, of any other the next one has the
 * flag "the one before me is in use". */
static bool begins_block(uint64_t value, const struct region *heap)
{
    if (value % 16 || value < heap->low + 16)
        return false;
    uint64_t size = peek(value - 8), bytes = size & ~UINT64_C(7);
    if (bytes % 16 || bytes < 32 || bytes > heap->high - (value - 16))
        return false;
    if (size & 2)
        return value % 4096 == 16 && bytes % 4096 == 0;
    uint64_t next = peek(value - 8 + bytes);
    return (next & 1) && (next & ~UINT64_C(7)) >= 16;
}

static bool is_pointer(uint64_t value, const struct region *r)
{
    if ((uint32_t)value < 1 << 20 && value >> 32)
        return false; /* two numbers */
    switch (r->kind) {
    case EXACT:     return value % 4 == 0;
    case MALLOCED:  return begins_block(value, r);
    case ANONYMOUS: return value % 4096 == 0 || begins_block(value, r);
    case ARENA:     return value % PSM_BLOCK == 0;
    }
    return false;
}

/* words: to be read at `words`; their canonical address is `address`. */
static void scan_words(struct scan *s, const uint64_t *words, uint64_t count, uint64_t address)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = words[i];
        /* Nearly all words: small numbers, our own blocks, what is no address. */
        if (value < 0x10000 || value - s->own_low < PSM_ARENA_SIZE || value >> 47)
            continue;
        struct region *r = region_of(s, value);
        if (!r)
            continue;
        if (!is_pointer(value, r)) {
            s->doubtful++;
        } else if (r->count++ == 0) {
            r->first = address + i * 8;
            r->first_value = value;
        }
    }
}

static void scan_block(void *context, uint64_t offset, uint64_t size, int metadata)
{
    struct scan *s = context;
    if (!metadata)
        scan_words(s, (const uint64_t *)(s->m->space.p + offset), size / 8, s->own_low + offset);
}

static void scan_globals(struct scan *s)
{
    const struct program *p = s->m->program;
    for (uint32_t i = 0; s->m->owns_globals && i < p->global_count; i++) {
        const struct program_global *g = &p->global[i];
        uint64_t low = (g->address + 7) & ~UINT64_C(7), high = g->address + g->size;
        if (g->kind == PROGRAM_STATE && low + 8 <= high)
            scan_words(s, (const uint64_t *)(low + PSM_DELTA), (high - low) / 8, low);
    }
}

/* ", strcmp" where it is known. */
static const char *symbol(uint64_t value, char *text, size_t size)
{
    Dl_info info;
    *text = 0;
    if (dladdr((void *)value, &info) && info.dli_sname && info.dli_saddr == (void *)value)
        snprintf(text, size, ", %s", info.dli_sname);
    return text;
}

int verify_pointers(struct psm *m)
{
    struct scan s = { .m = m, .own_low = (uintptr_t)m->space.d };
    int status = 0;
    if (!find_regions(&s) || heap_each_live(&m->heap_d, scan_block, &s) != 0) {
        free(s.region);
        return psm_fail(PSM_ENOMEM, "%s: no memory to look for pointers with", m->directory);
    }
    scan_globals(&s);

    char place[160], name[80];
    for (size_t i = 0; i < s.count; i++) {
        struct region *r = &s.region[i];
        if (r->count == 0)
            continue;
        status = psm_fail(PSM_EVERIFY, "%s: %lu pointer%s in the state to %s, which will not be there after a "
                          "restart; first in %s: %#lx%s", m->directory, (unsigned long)r->count,
                          r->count == 1 ? "" : "s", r->what, verify_place(m, &m->heap_d, r->first, place, sizeof place),
                          (unsigned long)r->first_value, symbol(r->first_value, name, sizeof name));
        psm_say(m, PSM_LOG_ERROR, "%s", psm_error_detail());
    }
    if (s.doubtful)
        psm_say(m, PSM_LOG_INFO, "%s: %lu words in the state have values of addresses in libc's heap, stacks or "
                "libraries, but are most probably numbers", m->directory, (unsigned long)s.doubtful);
    free(s.region);
    return status;
}
