// The file medium's epochs survive what files can suffer: the process killed at any system
// call, power cut with any subset of the unsynced sectors written, an fdatasync that
// fails and drops pages, all of it again during recovery. A commit that was answered is
// never lost, one that was not has happened wholly or not at all.
// RUN: %clang -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fno-strict-aliasing -I%runtime %s %runtime/epoch.c %runtime/journal.c %runtime/journal_recover.c %runtime/error.c -o %t.exe
// RUN: %t.exe %filedir 1 600
//
// Mutants seen to fail: no sync of the image before a half is overwritten; no sync of the
// journal before the image is written; the half not made durable at recovery, or synced
// but not written again; the older half applied; no checksum of the body, or of its first
// chunk only; a failed sync taken for a good one; fresh ranges left out; a range at the
// end of a run left out; runs not split between globals and arena; touched pages sifted
// out; an image called applied that is not.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "audit.h"
#include "error.h"
#include "fault.h"
#include "journal.h"
#include "machine.h"
#include "program.h"

#define GLOBALS_LOW   UINT64_C(0x10000000)
#define GLOBALS_BYTES UINT64_C(8192)
#define ARENA_BYTES   (UINT64_C(3) << 20)
#define IMAGE_BYTES   (GLOBALS_BYTES + ARENA_BYTES)
#define SECTOR        512

static void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    abort();
}

static uint64_t random_state;
static uint64_t rnd(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545F4914F6CDD1D) >> 11;
}

/* ---- a disk under the page cache ---- */

/* The file itself is the page cache; `disk` is what a power cut leaves. */
struct file {
    int fd;
    unsigned char *disk;
    uint64_t size, disk_size;
    unsigned char *unsynced; /* per sector */
} image, journal;
#define FILE_MAX (UINT64_C(32) << 20)

static jmp_buf died;
static long calls_left;            /* before the accident; -1: none */
static enum { KILL, POWER_CUT, SYNC_FAILS, ACCIDENTS } accident;

static struct file *file_of(int fd)
{
    return fd == image.fd ? &image : fd == journal.fd ? &journal : NULL;
}

static void put_sector(struct file *f, uint64_t sector)
{
    ssize_t got = pread(f->fd, f->disk + sector * SECTOR, SECTOR, (off_t)(sector * SECTOR));
    assert(got >= 0);
    if ((sector + 1) * SECTOR > f->disk_size)
        f->disk_size = (sector + 1) * SECTOR < f->size ? (sector + 1) * SECTOR : f->size;
}

/* Some sectors reach the disk, in no order. */
static void flush_some(struct file *f, unsigned of_eight)
{
    for (uint64_t i = 0; i * SECTOR < f->size; i++)
        if (f->unsynced[i] && rnd() % 8 < of_eight)
            put_sector(f, i);
}

static void cut_power(struct file *f)
{
    flush_some(f, rnd() % 9);
    if (rnd() % 2)
        f->disk_size = f->size;
    assert(ftruncate(f->fd, 0) == 0 && ftruncate(f->fd, (off_t)f->disk_size) == 0);
    assert(pwrite(f->fd, f->disk, f->disk_size, 0) == (ssize_t)f->disk_size);
    f->size = f->disk_size;
    memset(f->unsynced, 0, FILE_MAX / SECTOR);
}

static void die(void)
{
    calls_left = -1;
    if (accident == POWER_CUT) {
        cut_power(&image);
        cut_power(&journal);
    }
    longjmp(died, 1);
}

static int due(void)
{
    return calls_left >= 0 && calls_left-- == 0;
}

static int write_at(struct medium *medium, int fd, const void *p, size_t size, uint64_t offset)
{
    (void)medium;
    struct file *f = file_of(fd);
    int dies = accident != SYNC_FAILS && due();
    if (dies)
        size = rnd() % (size + 1) & ~(size_t)(SECTOR - 1);
    assert(offset + size <= FILE_MAX);
    assert(pwrite(fd, p, size, (off_t)offset) == (ssize_t)size);
    for (uint64_t i = offset / SECTOR; i * SECTOR < offset + size; i++)
        f->unsynced[i] = 1;
    if (offset + size > f->size)
        f->size = offset + size;
    if (dies)
        die();
    return 0;
}

static int sync_file(struct medium *medium, int fd)
{
    (void)medium;
    struct file *f = file_of(fd);
    int happens = due();
    if (happens && accident == SYNC_FAILS) {
        flush_some(f, rnd() % 8);
        memset(f->unsynced, 0, FILE_MAX / SECTOR); /* clean, says the kernel */
        errno = EIO;
        return -1;
    }
    if (happens) {
        flush_some(f, rnd() % 9);
        die();
    }
    flush_some(f, 8);
    memset(f->unsynced, 0, FILE_MAX / SECTOR);
    f->disk_size = f->size;
    return 0;
}

static int allocate(struct medium *medium, int fd, uint64_t offset, uint64_t size)
{
    (void)medium;
    struct file *f = file_of(fd);
    assert(offset + size <= FILE_MAX);
    if (accident != SYNC_FAILS && due())
        die();
    if (offset + size > f->size) {
        assert(ftruncate(fd, (off_t)(offset + size)) == 0);
        f->size = offset + size;
    }
    return 0;
}

static const struct medium_table table = { .write_at = write_at, .sync = sync_file, .allocate = allocate };

/* ---- the rest of the runtime, as far as epochs need it ---- */

const struct epoch_store undo_store;
__thread struct psm *psm_replaying TLS_INITIAL;

void psm_replay_trap(const char *format, ...)
{
    fail("trap: %s", format);
    abort();
}

void psm_replay_fail(const char *format, ...)
{
    fail("trap: %s", format);
    abort();
}

void fault_describe(const struct psm *machine, uint64_t twin, char *text, size_t size)
{
    (void)machine;
    snprintf(text, size, "a store to %#lx", twin);
}

const struct program_global *program_global_at(const struct program *program, uint64_t address)
{
    static struct program_global g = { .name = "g", .address = GLOBALS_LOW, .size = GLOBALS_BYTES,
                                       .kind = PROGRAM_STATE };
    (void)program, (void)address;
    return &g;
}

void *space_twin(const struct psm *m, uint64_t offset)
{
    return offset >= GLOBALS_BYTES ? m->space.p + (offset - GLOBALS_BYTES)
                                   : (void *)(GLOBALS_LOW + PSM_DELTA + offset);
}

void space_mark(const void *twin, uint64_t size, bool on)
{
    for (uint64_t at = (uintptr_t)twin & ~31ul; at < (uintptr_t)twin + size; at += 32) {
        unsigned char bit = (unsigned char)(1 << (at >> 5 & 7)), *mark = space_marks((void *)at);
        *mark = on ? *mark | bit : *mark & (unsigned char)~bit;
    }
}

/* Nobody asks for PSM_CHECK here. */
void audit_announced(struct psm *m, const void *twin, uint64_t size)
{
    (void)m, (void)twin, (void)size;
    abort();
}

void audit_before_commit(struct psm *m)
{
    (void)m;
    abort();
}

void space_detach_slow(struct psm *m, uint64_t offset, uint64_t size)
{
    (void)m, (void)offset, (void)size;
}

/* ---- one life of the process ---- */

static struct psm *m;
static unsigned char acknowledged[IMAGE_BYTES], attempted[IMAGE_BYTES];
static uint64_t acknowledged_epoch, attempted_epoch; /* attempted: 0 if none is under way */

static void map_fixed(uint64_t address, uint64_t size, int fd, uint64_t offset)
{
    int flags = MAP_PRIVATE | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
    assert(mmap((void *)address, size, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset) == (void *)address);
}

static void new_process(void)
{
    static struct psm machine;
    m = &machine;
    memset(m, 0, sizeof *m);
    m->directory = "machine";
    m->medium.table = &table;
    m->medium.kind = PSM_MEDIUM_FILE;
    m->machine_salt = 42;
    m->image_fd = image.fd;
    m->journal_fd = journal.fd;
    m->owns_globals = true;
    m->options.private_bytes = 1 << 20;
    m->space.p = (unsigned char *)(PSM_ARENA_LOW + PSM_DELTA);
    m->space.d = (unsigned char *)PSM_ARENA_LOW;
    m->space.globals_low = GLOBALS_LOW;
    m->space.globals_bytes = GLOBALS_BYTES;
    m->space.arena_max = ARENA_BYTES;
    atomic_store(&m->space.arena_bytes, ARENA_BYTES);
    atomic_store(&m->space.all_detached, true);
    map_fixed(GLOBALS_LOW + PSM_DELTA, GLOBALS_BYTES, image.fd, 0);
    map_fixed(PSM_ARENA_LOW + PSM_DELTA, ARENA_BYTES, image.fd, GLOBALS_BYTES);
    map_fixed(PSM_MARKS + ((GLOBALS_LOW + PSM_DELTA) >> 8), 4096, -1, 0);
    map_fixed(PSM_MARKS + ((PSM_ARENA_LOW + PSM_DELTA) >> 8), ARENA_BYTES >> 8, -1, 0);
    assert(epoch_make(m) == 0);
}

static void expect_image(const unsigned char *wanted, const char *when)
{
    for (uint64_t at = 0; at < IMAGE_BYTES; at += 4096)
        if (memcmp(space_twin(m, at), wanted + at, 4096) != 0)
            fail("%s: epoch %lu: page %lu of the image is wrong", when, m->commit.epoch, at / 4096);
}

static void create(void)
{
    memset(acknowledged, 0, sizeof acknowledged);
    new_process();
    m->commit = (struct commit){ .epoch = 1, .position = 64, .sequence = 1, .image_bytes = IMAGE_BYTES };
    assert(allocate(&m->medium, image.fd, 0, IMAGE_BYTES) == 0);
    assert(journal_store.format(m) == 0);
    assert(sync_file(&m->medium, image.fd) == 0 && sync_file(&m->medium, journal.fd) == 0);
    acknowledged_epoch = 1;
    attempted_epoch = 0;
    journal_store.close(m);
}

static void store(uint64_t offset, uint64_t size, bool fresh)
{
    unsigned char *twin = space_twin(m, offset);
    if (fresh)
        epoch_fresh(m, twin, size);
    else
        epoch_note(m, twin, size);
    /* What is announced need not be written: of a large extent hardly anything is. */
    uint64_t end = fresh && size > 300000 ? offset + 1000 : offset + size;
    for (uint64_t at = offset; at < end; at++)
        attempted[at] = *(unsigned char *)space_twin(m, at) = (unsigned char)rnd();
}

static int one_epoch(void)
{
    epoch_begin(m);
    memcpy(attempted, acknowledged, sizeof attempted);
    int count = rnd() % 4 ? (int)(rnd() % 30) : (int)(rnd() % 3000);
    for (int i = 0; i < count; i++) {
        uint64_t size = 1 + rnd() % (rnd() % 16 ? 64 : 9000), offset = rnd() % IMAGE_BYTES;
        if (rnd() % 8 == 0)
            offset = rnd() % (2 * GLOBALS_BYTES);
        if (offset < GLOBALS_BYTES && offset + size > GLOBALS_BYTES)
            offset = GLOBALS_BYTES - (size = 5);
        if (offset + size > IMAGE_BYTES)
            offset = IMAGE_BYTES - size;
        store(offset, size, false);
    }
    if (rnd() % 8 == 0)
        store(GLOBALS_BYTES + rnd() % 4 * 32, (ARENA_BYTES - 128) & ~31ul, true);
    else if (rnd() % 2)
        store(GLOBALS_BYTES + rnd() % 1000 * 32, (1 + rnd() % 1000) * 32, true);
    struct commit next = m->commit;
    next.epoch = m->epoch.number;
    next.position += 64;
    next.sequence++;
    next.image_bytes = IMAGE_BYTES;
    attempted_epoch = next.epoch;
    if (epoch_commit(m, &next) != 0)
        return -1;
    memcpy(acknowledged, attempted, sizeof attempted);
    acknowledged_epoch = next.epoch;
    attempted_epoch = 0;
    for (uint64_t at = 0; at < IMAGE_BYTES; at += 256)
        if (*space_marks(space_twin(m, at)))
            fail("a mark outlives its epoch");
    return 0;
}

/* Open, check, run some epochs, perhaps close. Leaves by longjmp, or returns. */
static void live(void)
{
    new_process();
    psm_replaying = m;
    int status = journal_store.open(m);
    if (status != 0)
        fail("does not open: %s", psm_error_detail());
    if (m->commit.epoch != acknowledged_epoch && m->commit.epoch != attempted_epoch)
        fail("epoch %lu found, %lu acknowledged, %lu attempted", m->commit.epoch, acknowledged_epoch,
             attempted_epoch);
    if (m->commit.position != m->commit.epoch * 64)
        fail("epoch %lu found with position %lu", m->commit.epoch, m->commit.position);
    if (journal_store.recover(m) != 0) {
        m->epoch.state ? journal_store.close(m) : (void)0;
        return; /* a sync failed */
    }
    expect_image(m->commit.epoch == acknowledged_epoch ? acknowledged : attempted, "after recovery");
    if (m->commit.epoch != acknowledged_epoch) {
        memcpy(acknowledged, attempted, sizeof attempted);
        acknowledged_epoch = m->commit.epoch;
    }
    attempted_epoch = 0;
    for (int epochs = (int)(rnd() % 6); epochs-- > 0;) {
        if (one_epoch() != 0) {
            if (accident != SYNC_FAILS)
                fail("a commit failed: %s", psm_error_detail());
            atomic_store(&m->state, PSM_EFAILED);
            break;
        }
        expect_image(acknowledged, "after a commit");
    }
    journal_store.close(m);
}

static void open_file(struct file *f, const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    f->disk = calloc(1, FILE_MAX);
    f->unsynced = calloc(1, FILE_MAX / SECTOR);
    f->size = f->disk_size = 0;
    assert(f->fd >= 0 && f->disk && f->unsynced);
}

int main(int argc, char **argv)
{
    assert(argc == 4);
    static long accidents, lives; /* static: setjmp leaves locals undefined */
    static int left;
    random_state = strtoull(argv[2], NULL, 10) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    open_file(&image, argv[1], "image");
    open_file(&journal, argv[1], "journal");
    calls_left = -1;
    create();
    for (left = atoi(argv[3]); left > 0; left--) {
        accident = (int)(rnd() % ACCIDENTS);
        calls_left = rnd() % 8 ? (long)(rnd() % (rnd() % 4 ? 12 : 400)) : -1;
        lives++;
        if (setjmp(died) == 0)
            live();
        else
            accidents++;
        calls_left = -1;
        if (rnd() % 4 == 0) { /* and then the lights go out */
            cut_power(&image);
            cut_power(&journal);
        }
    }
    printf("%ld lives, %ld ended by an accident, epoch %lu\n", lives, accidents, acknowledged_epoch);
    return accidents > lives / 10 && acknowledged_epoch > (uint64_t)lives / 2 ? 0 : 1;
}
