/* mirror.c: what all machines share: the marks table, and the executable at +delta.
 *
 * The mirror is a private copy of the executable's segments, read-only where they are. An
 * op's constants and tables are read there by its shadow variant; so are the globals that
 * ops only read, with the values they had when the first machine was opened. The data
 * part is replaced by the image's globals area while a machine owns the globals. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"
#include "hooks.h"
#include "machine.h"
#include "program.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

uint64_t __psm_delta = PSM_DELTA;
uint64_t __psm_marks = PSM_MARKS;
const char PSM_HOOK_ABI_SYMBOL = 0;

#define PAGE_DOWN(a) ((a) & ~UINT64_C(4095))
#define PAGE_UP(a)   (((a) + 4095) & ~UINT64_C(4095))
/* One mark byte per 256 bytes of all addresses: most is what can lie at +delta, but the
 * replay thread's own thread-locals are stored to as well. */
#define MARKS_BYTES  (UINT64_C(1) << (47 - 8))

int space_take(uint64_t address, uint64_t size, int protection, const char *what)
{
    void *wanted = (void *)address;
    void *got = mmap(wanted, size, protection,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == wanted)
        return 0;
    int reason = got == MAP_FAILED ? errno : EEXIST; /* before Linux 4.17 the flag is a hint */
    if (got != MAP_FAILED)
        munmap(got, size);
    if (reason == ENOMEM)
        return psm_fail(PSM_ENOMEM, "no address space for %s (%lu MiB): ulimit -v?", what,
                        (unsigned long)(size >> 20));
    return psm_fail(PSM_EADDRESS, "%s wants %#lx..%#lx, which is taken in this process", what,
                    (unsigned long)address, (unsigned long)(address + size));
}

static int mirror_segments(const struct program *program)
{
    for (uint32_t i = 0; i < program->segment_count; i++) {
        const struct notes_segment *s = &program->segment[i];
        uint64_t low = PAGE_DOWN(s->low), high = PAGE_UP(s->high);
        int status = space_take(low + PSM_DELTA, high - low, PROT_READ | PROT_WRITE,
                                "the executable's mirror");
        if (status != 0)
            return status;
        space_copy_raw((void *)(s->low + PSM_DELTA), (void *)s->low, s->high - s->low);
        if (!s->writable)
            mprotect((void *)(low + PSM_DELTA), high - low, PROT_READ);
    }
    return 0;
}

static int setup_status;
static char setup_detail[512];

static void setup(void)
{
    const struct program *program;
    setup_status = program_load(&program);
    if (setup_status == 0)
        setup_status = space_take(PSM_MARKS, MARKS_BYTES, PROT_READ | PROT_WRITE, "the marks table");
    if (setup_status == 0) {
        madvise((void *)PSM_MARKS, MARKS_BYTES, MADV_DONTDUMP);
        setup_status = mirror_segments(program);
    }
    if (setup_status != 0)
        strncpy(setup_detail, psm_error_detail(), sizeof setup_detail - 1);
}

int space_setup(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup);
    return setup_status == 0 ? 0 : psm_fail(setup_status, "%s", setup_detail);
}

int mirror_globals(struct psm *m, bool owned)
{
    uint64_t low = m->space.globals_low + PSM_DELTA, size = m->space.globals_bytes;
    void *got;
    if (size == 0)
        return 0;
    if (!owned)
        got = mmap((void *)low, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    else if (m->medium.kind == PSM_MEDIUM_PM)
        got = medium_map(&m->medium, (void *)low, size, m->image_fd, 0);
    else
        got = mmap((void *)low, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, m->image_fd, 0);
    if (got == MAP_FAILED)
        return psm_fail_system("cannot map the globals area of", m->directory);
    if (owned)
        madvise(got, size, MADV_DONTFORK);
    else
        space_copy_raw((void *)(m->program->data_low + PSM_DELTA), (void *)m->program->data_low,
                       m->program->data_high - m->program->data_low);
    return 0;
}

void space_mark(const void *twin, uint64_t size, bool on)
{
    uint64_t first = (uintptr_t)twin >> 5, last = ((uintptr_t)twin + size - 1) >> 5;
    if (size == 0)
        return;
    unsigned char *table = (unsigned char *)PSM_MARKS;
    unsigned char head = (unsigned char)(0xff << (first & 7)), tail = (unsigned char)(0xff >> (7 - (last & 7)));
    uint64_t from = first >> 3, to = last >> 3;
    if (from == to)
        head &= tail;
    table[from] = on ? table[from] | head : table[from] & (unsigned char)~head;
    if (from == to)
        return;
    memset(table + from + 1, on ? 0xff : 0, to - from - 1);
    table[to] = on ? table[to] | tail : table[to] & (unsigned char)~tail;
}
