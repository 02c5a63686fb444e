/* base.h: the machines that inputs are applied to, as their files' bytes in memory.
 *
 * For each medium two: one whose process died in the middle of a commit, with undo records
 * or a journal half to apply, and entries to replay, one of them with an argument in a file
 * of its own and one that was refused room; and one that was closed. Salts are the same in
 * each process, so that an input means the same in each. */
#ifndef BASE_H
#define BASE_H
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cells.h"
#include "journal.h"

#define BASE_LOG   65536
#define BASE_ROOM  (UINT64_C(8) << 20) /* a file may become longer than it was by so much */
#define BASE_FILES 8
#define BASE_ENTRIES 128

#define PAGE 4096

struct file {
    char name[32];
    unsigned char *bytes; /* size + BASE_ROOM of them */
    uint64_t size;
    uint32_t *page;       /* those that are not zero */
    unsigned pages;
};

struct base {
    enum psm_medium medium;
    struct file file[BASE_FILES]; /* super, log, image, undo or journal; then extents */
    unsigned files;
    uint64_t salt, log_salt;      /* super's; the newest commit's */
    uint64_t globals_bytes;
    uint64_t entry[BASE_ENTRIES]; /* where the pending ones stand; and the first free place */
    uint64_t position;            /* of the first */
    unsigned entries;
};
enum { SUPER, LOG, IMAGE, JOURNAL };

static void die(const char *what)
{
    fprintf(stderr, "fuzz: %s: %s\n", what, psm_error_detail());
    exit(1);
}

/* ---- the process that makes one ---- */

static volatile int armed, ready, refusing;
static const struct medium_table *real;

/* The replay thread has come to where the process is to die; the caller is not there yet. */
static void die_when_ready(void)
{
    while (!ready)
        usleep(100);
    _exit(0);
}

static void dying_copy(struct medium *m, void *dst, const void *src, size_t size)
{
    struct psm *machine = psm_replaying;
    if (armed && machine != NULL && (uintptr_t)dst - (uintptr_t)machine->super < LAYOUT_SUPER_BYTES)
        die_when_ready(); /* before the commit slot is stored */
    real->copy(m, dst, src, size);
}

static int dying_write(struct medium *m, int fd, const void *p, size_t size, uint64_t offset)
{
    if (armed && psm_replaying != NULL && fd == psm_replaying->image_fd)
        die_when_ready(); /* the half is written, the image is not */
    return real->write_at(m, fd, p, size, offset);
}

static int refusing_allocate(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    errno = ENOSPC;
    return refusing ? -1 : real->allocate(m, fd, offset, size);
}

static const struct medium_table *dying_medium(struct medium *m, const struct medium_table *table)
{
    static struct medium_table t;
    (void)m;
    real = table;
    t = *table;
    t.copy = dying_copy;
    t.write_at = dying_write;
    t.allocate = refusing_allocate;
    return &t;
}

static struct psm_options base_options(enum psm_medium medium)
{
    return (struct psm_options){ .root_size = sizeof(struct root), .log_bytes = BASE_LOG, .medium = medium,
                                 .capacity_bytes = 32 << 20, .epoch_ops_max = 5 };
}

static void base_op(psm_t *m, unsigned n)
{
    static const uint32_t sizes[] = { 24, 100, 700, 5000, 24, 40000, 60000, 64, 20000, 100, 24, 70000 };
    struct request r = { n * 7 % CELLS, sizes[n % 12], { n, n, n, n } };
    psm_op_fn *op = take;
    if (n > 40 && n % 3 != 0)
        op = n % 6 == 1 ? resize : give;
    if (psm_is_error(psm_invoke_rw(m, op, &r, sizeof r, NULL, n % 5 == 0 ? 0 : 0)))
        die("an op of the base");
}

static void live_and_die(const char *dir, enum psm_medium medium, bool crash)
{
    static unsigned char large[20000];
    struct psm_options o = base_options(medium);
    psm_t *m;
    medium_override = dying_medium;
    if (psm_init(&m, dir, &o) != 0)
        die("making the base");
    unsigned n = 0;
    while (n < 90)
        base_op(m, n++);
    if (!crash) {
        if (psm_verify(m) != 0 || psm_close(m) != 0)
            die("closing the base");
        _exit(0);
    }
    psm_drain(m);
    armed = 1;
    while (n < 110)
        base_op(m, n++);
    struct request *r = (struct request *)large;
    *r = (struct request){ CELLS - 1, 300, { 1, 2, 3, 4 } };
    psm_invoke_rw(m, take, large, sizeof large, NULL, 0);
    refusing = 1;
    *r = (struct request){ CELLS - 2, TAKE_MAX - 1, { 1 } };
    for (unsigned i = 0; i < 6; i++, r->cell--)
        psm_invoke_rw(m, take, r, sizeof *r, NULL, 0);
    while (n < 116)
        base_op(m, n++);
    ready = 1;
    for (;;)
        pause();
}

/* ---- what it has left ---- */

static bool is_zero(const unsigned char *p, uint64_t size)
{
    return size == 0 || (*p == 0 && memcmp(p, p + 1, size - 1) == 0);
}

static void load_file(const char *dir, struct file *f, const char *name)
{
    char path[600];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(f->name, sizeof f->name, "%s", name);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) != 0)
        die(path);
    f->size = (uint64_t)s.st_size;
    f->bytes = calloc(1, f->size + BASE_ROOM);
    if (pread(fd, f->bytes, f->size, 0) != s.st_size)
        die(path);
    close(fd);
    f->page = calloc(f->size / PAGE + 1, sizeof *f->page);
    for (uint64_t at = 0; at < f->size; at += PAGE)
        if (!is_zero(f->bytes + at, PAGE))
            f->page[f->pages++] = (uint32_t)(at / PAGE);
}

static void find_commit(struct base *b, uint64_t *sequence)
{
    uint64_t epoch = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct journal_head head;
        struct slot slot;
        memcpy(&slot, b->file[SUPER].bytes + LAYOUT_SLOT_OFFSET(i, 0), sizeof slot);
        memcpy(&head, b->file[JOURNAL].bytes + journal_offset(i, 0), sizeof head);
        if (b->medium == PSM_MEDIUM_FILE)
            slot = (struct slot){ 0, head.epoch, head.position, head.sequence, head.salt, 0, 0, 0 };
        if (slot.epoch < epoch)
            continue;
        epoch = slot.epoch;
        b->position = slot.position;
        b->log_salt = slot.salt;
        *sequence = slot.sequence;
    }
}

static void load_base(struct base *b, const char *dir)
{
    const char *names[] = { "super", "log", "image", b->medium == PSM_MEDIUM_PM ? "undo" : "journal" };
    uint64_t sequence = 0;
    for (b->files = 0; b->files < 4; b->files++)
        load_file(dir, &b->file[b->files], names[b->files]);
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, "extent-", 7) == 0 && b->files < BASE_FILES)
            load_file(dir, &b->file[b->files++], e->d_name);
    closedir(d);
    const struct super *super = (const struct super *)b->file[SUPER].bytes;
    b->salt = super->salt;
    b->globals_bytes = super->globals_bytes;
    find_commit(b, &sequence);
    uint64_t at = b->position;
    for (b->entries = 0; b->entries < BASE_ENTRIES - 1; b->entries++) {
        const struct log_entry *e = (const struct log_entry *)(b->file[LOG].bytes + at % BASE_LOG);
        b->entry[b->entries] = at;
        if (e->sequence != sequence + b->entries || at % BASE_LOG + 48 + e->length > BASE_LOG
            || e->checksum != log_checksum(e, at, b->log_salt, e + 1))
            break;
        at += oplog_entry_size(e->length);
    }
}

static uint64_t salts; /* counts those given out */
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags)
{
    (void)flags;
    uint64_t salt = hash_fold(++salts ^ HASH_1, HASH_2);
    memcpy(to, &salt, sizeof salt);
    return (ssize_t)size;
}

static void make_base(struct base *b, const char *dir, enum psm_medium medium, bool crash)
{
    char command[700];
    int status;
    b->medium = medium;
    pid_t child = fork();
    if (child == 0)
        live_and_die(dir, medium, crash);
    if (waitpid(child, &status, 0) != child || status != 0)
        die("the base's process");
    load_base(b, dir);
    if (crash && (b->entries < 8 || b->files != 5))
        die("the base has nothing to recover");
    snprintf(command, sizeof command, "rm -r %s", dir);
    if (system(command) != 0)
        die(command);
}
#endif
