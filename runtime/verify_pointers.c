/* verify_pointers.c: pointers in the state that would dangle after a restart.
 *
 * Every 8-byte-aligned word of live blocks and persisted globals is looked up among the
 * process's mappings. It is an error if it lies in
 *
 *   a stack, a shared library, memory that libc or the program has mapped: these lie
 *       where no number, text or double that is not a pointer has its value by chance
 *   another machine's arena, or this one's argument, stack or image (P): a pass or a
 *       program that lets such an address into the state has a bug
 *   libc's heap proper, next to a non-PIE executable's data, if it points to the very
 *       beginning of what malloc has handed out
 *
 * The last condition is there because that heap begins at a random small address, which
 * numbers of some millions hit. Those that are not the beginning of a malloc'd block are
 * most probably just numbers; they are counted in a warning. Pointers
 * kept unaligned, or packed with other bits, are not found: a clean scan proves nothing,
 * a finding nearly always is one. Pointers to the executable are fine: it is where it was
 * in every run, as far as the build is the same. */
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

struct region {
    uint64_t low, high;
    bool     heap;       /* libc's, by brk */
    char     what[64];
    uint64_t count;      /* words that point into it */
    uint64_t first;      /* address of the first of them, in D */
    uint64_t first_value;
    uint64_t doubtful;   /* words that may as well be numbers */
};

struct scan {
    struct psm *m;
    struct region *region; /* by address */
    size_t count, room;
    uint64_t own_low, own_high; /* the machine's arena in D */
};

static bool add(struct scan *s, uint64_t low, uint64_t high, bool heap, const char *what)
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
    *r = (struct region){ .low = low, .high = high, .heap = heap };
    snprintf(r->what, sizeof r->what, "%s", what);
    return true;
}

/* libpsm's own: arenas and windows in both copies, the executable's mirror, the marks. */
static bool is_psm(uint64_t low)
{
    return (low >= PSM_ARENA_LOW && low < PSM_WINDOW_HIGH)
           || (low >= PSM_DELTA && low < PSM_MARKS + ((PSM_WINDOW_HIGH + PSM_DELTA) >> 8))
           || (low >= PSM_ARENA_LOW + PSM_DELTA && low < PSM_WINDOW_HIGH + PSM_DELTA);
}

static bool add_mapping(struct scan *s, const char *line)
{
    uint64_t low, high;
    int name = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &low, &high, &name) < 2 || name == 0)
        return true;
    const char *path = line + name, *base = strrchr(path, '/');
    if (is_psm(low) || strncmp(path, "[v", 2) == 0)
        return true;
    if (*path == '/' && strcmp(path, s->m->program->path) == 0)
        return true;
    /* The executable's .bss is anonymous, and without address randomization one mapping
     * with libc's heap. */
    if (low < s->m->program->data_high && high > s->m->program->data_low)
        low = (s->m->program->data_high + 4095) & ~UINT64_C(4095);
    if (low >= high)
        return true;
    if (strcmp(path, "[heap]") == 0)
        return add(s, low, high, true, "libc's heap");
    if (strcmp(path, "[stack]") == 0)
        return add(s, low, high, false, "the main thread's stack");
    return add(s, low, high, false, base ? base + 1 : "memory mapped by libc or the program, or a thread's stack");
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
    ok = ok && add(s, PSM_ARENA_LOW, s->own_low, false, "another machine's state")
         && add(s, s->own_high, PSM_ARENA_HIGH, false, "another machine's state")
         && add(s, PSM_WINDOW_LOW, PSM_WINDOW_HIGH, false, "an op's argument, out or stack")
         && add(s, PSM_ARENA_LOW + PSM_DELTA, PSM_WINDOW_HIGH + PSM_DELTA, false,
                "the image itself (a bug of libpsm or its pass)");
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

/* Whether glibc's malloc has handed out a block that begins at `value`: its chunk's size,
 * just before it, and the next chunk's flag "the one before me is in use" fit together.
 * Read by way of the kernel, since other threads may shrink the heap meanwhile. */
static bool begins_block(uint64_t value, const struct region *heap)
{
    uint64_t size, next;
    struct iovec to = { &size, 8 }, from = { (void *)(value - 8), 8 };
    if (value % 16 || value < heap->low + 16 || process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 8)
        return false;
    uint64_t bytes = size & ~UINT64_C(7);
    if (bytes % 16 || bytes < 32 || bytes > heap->high - value)
        return false;
    to = (struct iovec){ &next, 8 };
    from = (struct iovec){ (void *)(value - 8 + bytes), 8 };
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 8 && (next & 1) && (next & ~UINT64_C(7)) >= 16;
}

/* words: to be read at `words`; their canonical address is `address`. */
static void scan_words(struct scan *s, const uint64_t *words, uint64_t count, uint64_t address)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = words[i];
        /* Nearly all words: small numbers, our own blocks, what is no address. */
        if (value < 0x10000 || value - s->own_low < s->own_high - s->own_low || value >> 47)
            continue;
        struct region *r = region_of(s, value);
        if (!r)
            continue;
        if (r->heap && !begins_block(value, r)) {
            r->doubtful++;
            continue;
        }
        if (r->count++ == 0) {
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
    s.own_high = s.own_low + PSM_ARENA_SIZE;
    if (!find_regions(&s) || heap_each_live(&m->heap_d, scan_block, &s) != 0) {
        free(s.region);
        return psm_fail(PSM_ENOMEM, "%s: no memory to look for pointers with", m->directory);
    }
    scan_globals(&s);

    char place[160], name[80];
    uint64_t doubtful = 0;
    for (size_t i = 0; i < s.count; i++) {
        struct region *r = &s.region[i];
        doubtful += r->doubtful;
        if (r->count == 0)
            continue;
        status = psm_fail(PSM_EVERIFY, "%s: %lu pointer%s in the state to %s, which will not be there after a "
                          "restart; first in %s: %#lx%s", m->directory, (unsigned long)r->count,
                          r->count == 1 ? "" : "s", r->what, verify_place(m, r->first, place, sizeof place),
                          (unsigned long)r->first_value, symbol(r->first_value, name, sizeof name));
        psm_say(m, PSM_LOG_ERROR, "%s", psm_error_detail());
    }
    if (doubtful)
        psm_say(m, PSM_LOG_WARNING, "%s: %lu words in the state lie in the address range of libc's heap, but do not "
                "begin a block of it: probably numbers", m->directory, (unsigned long)doubtful);
    free(s.region);
    return status;
}
