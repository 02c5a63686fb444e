// Every kind of bad input to psm_init gives its own error code, and leaves all files of the
// machine as they were.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t %libpsm
// RUN: %t %pmdir pm
// RUN: %t %filedir file
#define MAP_BUCKETS 64
#include "hand.h"
#include "machine.h"
#include "map.h"
#include "stall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

HAND_PROGRAM(map_program_ops)

static enum psm_medium medium;
static char base[256], good[300], work[300];
static int failures;

#define EXPECT(condition, ...)                        \
    do {                                              \
        if (!(condition)) {                           \
            printf("line %d: ", __LINE__);            \
            printf(__VA_ARGS__);                      \
            printf(" [%s]\n", psm_error_detail());    \
            failures++;                               \
        }                                             \
    } while (0)

static struct psm_options options(void)
{
    return (struct psm_options){ .root_size = sizeof(struct map), .log_bytes = 1 << 16, .medium = medium };
}

static int run(const char *format, const char *a, const char *b)
{
    char command[1024];
    snprintf(command, sizeof command, format, a, b);
    return system(command);
}

/* A digest of the names, modes and contents of all files in a directory. */
static uint64_t digest(const char *dir)
{
    uint64_t sum = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[600];
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (stat(path, &s) != 0 || !S_ISREG(s.st_mode))
            continue;
        unsigned char *bytes = malloc((size_t)s.st_size + 1);
        int fd = open(path, O_RDONLY);
        if (read(fd, bytes, (size_t)s.st_size) != s.st_size)
            abort();
        close(fd);
        sum += hash_bytes(bytes, (size_t)s.st_size, hash_bytes(e->d_name, strlen(e->d_name), s.st_mode));
        free(bytes);
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

/* Ops 1..count, each with an argument of so many bytes, by a process whose replay thread
 * stands still, so that all stay in the log. */
static void fill_log(const char *dir, int count, size_t size)
{
    static uint64_t a[8192];
    pid_t child = fork();
    if (child == 0) {
        psm_t *m;
        struct psm_options o = options();
        OK(psm_init(&m, dir, &o));
        stall_replay(m);
        for (uint64_t n = 1; n <= (uint64_t)count; n++) {
            for (size_t i = 0; i < size / sizeof *a; i++)
                a[i] = n;
            OK(psm_invoke_rw(m, map_put, a, size, NULL, 0));
        }
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status != 0)
        abort();
}

static void copy_of(const char *dir)
{
    run("rm -rf %s%s", work, "");
    run("cp -a %s %s", dir, work);
}

static void fresh_copy(void)
{
    copy_of(good);
}

static int try_open(uint32_t flags, uint64_t *count)
{
    psm_t *m = NULL;
    struct psm_options o = options();
    o.flags = flags;
    int status = psm_init(&m, work, &o);
    if (status == 0) {
        if (count != NULL)
            *count = ((struct map *)psm_root(m))->count;
        psm_close(m);
    } else {
        EXPECT(m == NULL, "a failed psm_init has set the machine");
    }
    return status;
}

/* Opening `work` now must fail so, and change nothing. */
static void refused(int line, int code, uint32_t flags)
{
    uint64_t before = digest(work);
    int status = try_open(flags, NULL);
    if (status != code) {
        printf("line %d: %s expected, %s [%s]\n", line, psm_strerror(code), psm_strerror(status),
               psm_error_detail());
        failures++;
    } else {
        EXPECT(strlen(psm_error_detail()) > 20, "line %d: no story", line);
    }
    if (digest(work) != before) {
        printf("line %d: the refusal has changed a file\n", line);
        failures++;
    }
}
#define REFUSED(code)          refused(__LINE__, code, 0)
#define REFUSED_WITH(code, f)  refused(__LINE__, code, f)

static void flip(const char *name, uint64_t byte, unsigned bit)
{
    char path[600];
    unsigned char c;
    snprintf(path, sizeof path, "%s/%s", work, name);
    int fd = open(path, O_RDWR);
    if (fd < 0 || pread(fd, &c, 1, (off_t)byte) != 1)
        abort();
    c ^= (unsigned char)(1u << bit);
    if (pwrite(fd, &c, 1, (off_t)byte) != 1)
        abort();
    close(fd);
}

static void edit_super(void (*edit)(struct super *))
{
    char path[600];
    struct super s;
    snprintf(path, sizeof path, "%s/super", work);
    int fd = open(path, O_RDWR);
    if (pread(fd, &s, sizeof s, 0) != sizeof s)
        abort();
    edit(&s);
    s.checksum = super_checksum(&s);
    if (pwrite(fd, &s, sizeof s, 0) != sizeof s)
        abort();
    close(fd);
}

static void newer(struct super *s)
{
    s->version++;
}
static void other_program(struct super *s)
{
    strcpy(s->program, "another");
}
static void other_build(struct super *s)
{
    s->build_id[3] ^= 1;
}

static void superblock(void)
{
    for (unsigned i = 0; i < 60; i++) {
        fresh_copy();
        flip("super", 8 + i * 67 % (LAYOUT_PAGE - 8), i % 8);
        REFUSED(PSM_ECORRUPT);
    }
    fresh_copy(), flip("super", 3, 3), REFUSED(PSM_ENOTPSM);
    fresh_copy(), edit_super(newer), REFUSED(PSM_EVERSION);
    fresh_copy(), edit_super(other_program), REFUSED(PSM_EPROGRAM);
    fresh_copy(), edit_super(other_build), REFUSED(PSM_EBUILD);
}

static void truncated(void)
{
    const char *journal = medium == PSM_MEDIUM_PM ? "undo" : "journal";
    const char *name[] = { "super", "log", "image", journal };
    for (int i = 0; i < 4; i++) {
        char path[600];
        struct stat s;
        fresh_copy();
        snprintf(path, sizeof path, "%s/%s", work, name[i]);
        stat(path, &s);
        if (truncate(path, s.st_size / 2) != 0)
            abort();
        REFUSED(PSM_ETRUNCATED);
        if (i != 0) {
            unlink(path);
            REFUSED(PSM_ETRUNCATED);
        }
    }
}

/* Memory that the heap has never used reads as zero: on a file nothing else is ever written
 * there; on persistent memory an epoch that did not end may have, and recovery clears it. */
static void never_used(void)
{
    char path[600];
    fresh_copy();
    snprintf(path, sizeof path, "%s/image", work);
    int fd = open(path, O_RDWR);
    if (fd < 0 || pwrite(fd, "x", 1, lseek(fd, 0, SEEK_END) - 1) != 1)
        abort();
    if (medium == PSM_MEDIUM_FILE) {
        REFUSED(PSM_ECORRUPT);
    } else {
        char byte = 'x';
        OK(try_open(0, NULL));
        EXPECT(pread(fd, &byte, 1, lseek(fd, 0, SEEK_END) - 1) == 1 && byte == 0, "%c is left", byte);
    }
    close(fd);
}

static void permissions(void)
{
    fresh_copy(), run("chmod 666 %s/image%s", work, ""), REFUSED(PSM_EUNSAFE);
    fresh_copy(), run("chmod 620 %s/super%s", work, ""), REFUSED(PSM_EUNSAFE);
    fresh_copy(), run("chmod 400 %s/log%s", work, ""), REFUSED(PSM_EREADONLY);
    fresh_copy(), run("chmod 400 %s/super%s", work, ""), REFUSED(PSM_EREADONLY);
    fresh_copy(), run("chmod 500 %s%s", work, ""), REFUSED(PSM_EREADONLY);
    run("chmod 700 %s%s", work, "");
    struct stat s;
    char path[600];
    fresh_copy();
    snprintf(path, sizeof path, "%s/image", work);
    stat(path, &s);
    EXPECT((s.st_mode & 0777) == 0600, "the image's mode is %o", s.st_mode & 0777);
    stat(work, &s);
    EXPECT((s.st_mode & 0777) == 0700, "the directory's mode is %o", s.st_mode & 0777);
}

static void slots(void)
{
    if (medium != PSM_MEDIUM_PM)
        return;
    uint64_t count = 0;
    for (int i = 0; i < 4; i++) {
        fresh_copy();
        flip("super", (uint64_t)LAYOUT_SLOT_OFFSET(i / 2, i % 2) + 9, 2);
        EXPECT(try_open(0, &count) == 0 && count == 10, "one damaged slot line: %lu entries", (unsigned long)count);
    }
    fresh_copy();
    for (int i = 0; i < 4; i++)
        flip("super", (uint64_t)LAYOUT_SLOT_OFFSET(i / 2, i % 2) + 9, 2);
    REFUSED(PSM_ECORRUPT);
}

/* The log of `good` holds entries 1..10, each 48 + 32 bytes, so in two lines. */
static void log_damage(void)
{
    uint64_t count;
    for (int n = 1; n <= 9; n++) {
        const uint64_t at = (uint64_t)(n - 1) * 128;
        const uint64_t byte[] = { at + 1, at + 9, at + 20, at + 33, at + 41, at + 50, at + 70 };
        fresh_copy();
        flip("log", byte[n % 7], (unsigned)n % 8);
        REFUSED(PSM_ELOGDAMAGE);
        EXPECT(try_open(PSM_ACCEPT_LOSS, &count) == 0 && count == (uint64_t)n - 1,
               "accepting the loss from entry %d on: %lu entries", n, (unsigned long)count);
        EXPECT(try_open(0, &count) == 0 && count == (uint64_t)n - 1, "and then: %lu", (unsigned long)count);
    }
    /* Of the last one nobody but its caller knew. */
    fresh_copy();
    flip("log", 9 * 128 + 60, 1);
    EXPECT(try_open(0, &count) == 0 && count == 9, "a torn end: %lu entries", (unsigned long)count);
}

/* An argument of more than a quarter of the log lies in a file of its own. */
static void extents(void)
{
    char large[300], path[700];
    uint64_t count = 0;
    snprintf(large, sizeof large, "%s/large", base);
    fill_log(large, 2, 40000);
    for (unsigned i = 0; i < 8; i++) {
        copy_of(large);
        flip("extent-1", i * 5003, i);
        REFUSED(PSM_ECORRUPT);
    }
    EXPECT(try_open(PSM_ACCEPT_LOSS, &count) == 0 && count == 0, "without what is damaged: %lu entries",
           (unsigned long)count);
    copy_of(large);
    snprintf(path, sizeof path, "%s/extent-2", work);
    if (truncate(path, 39999) != 0)
        abort();
    REFUSED(PSM_ECORRUPT);
    unlink(path);
    REFUSED(PSM_ECORRUPT);
    copy_of(large);
    EXPECT(try_open(0, &count) == 0 && count == 2, "whole: %lu entries", (unsigned long)count);
}

static void calls(void)
{
    psm_t *m = NULL, *n;
    struct psm_options o = options(), p = o;
    uint64_t a[2] = { 1, 1 };
    char dir[600];
    EXPECT(psm_init(NULL, work, &o) == PSM_EINVAL, "NULL machine");
    EXPECT(psm_init(&m, NULL, &o) == PSM_EINVAL, "NULL directory");
    EXPECT(psm_init(&m, "", &o) == PSM_EINVAL, "empty directory name");
    p.flags = PSM_CREATE | PSM_OPEN;
    EXPECT(psm_init(&m, work, &p) == PSM_EINVAL, "both flags");
    p = o, p.flags = 1u << 20;
    EXPECT(psm_init(&m, work, &p) == PSM_EINVAL, "unknown flag");
    p = o, p.log_bytes = 1;
    EXPECT(psm_init(&m, work, &p) == PSM_EINVAL, "tiny log");
    p = o, p.capacity_bytes = UINT64_C(61) << 30;
    EXPECT(psm_init(&m, work, &p) == PSM_EINVAL, "capacity");
    fresh_copy();
    p = o, p.flags = PSM_CREATE;
    EXPECT(psm_init(&m, work, &p) == PSM_EEXIST, "exists");
    p = o, p.root_size++;
    EXPECT(psm_init(&m, work, &p) == PSM_EROOTSIZE, "root size");
    p = o, p.medium = medium == PSM_MEDIUM_PM ? PSM_MEDIUM_FILE : PSM_MEDIUM_PM;
    EXPECT(psm_init(&m, work, &p) == PSM_EINVAL, "other medium");
    snprintf(dir, sizeof dir, "%s/none", base);
    p = o, p.flags = PSM_OPEN;
    EXPECT(psm_init(&m, dir, &p) == PSM_ENOENT, "no machine");
    p = o, p.root_size = 0;
    EXPECT(psm_init(&m, dir, &p) == PSM_EROOT, "no root");
    snprintf(dir, sizeof dir, "%s/none/deeper", base);
    EXPECT(psm_init(&m, dir, &o) == PSM_ENOENT, "no parent");
    snprintf(dir, sizeof dir, "%s/foreign", base);
    mkdir(dir, 0700);
    run("touch %s/x%s", dir, "");
    EXPECT(psm_init(&m, dir, &o) == PSM_ENOTPSM, "a directory of other files");
    snprintf(dir, sizeof dir, "%s/foreign/x", base);
    EXPECT(psm_init(&m, dir, &o) == PSM_ENOTPSM, "a file");
    EXPECT(m == NULL, "machine set on failure");

    EXPECT(psm_init(&m, work, &o) == 0, "opens");
    EXPECT(psm_init(&n, work, &o) == PSM_EBUSY, "opened twice");
    pid_t child = fork();
    if (child == 0)
        _exit(psm_init(&n, work, &o) == PSM_EBUSY ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    EXPECT(status == 0, "opened by a child as well");
    EXPECT(psm_invoke_rw(NULL, map_put, a, 16, NULL, 0) == PSM_EINVAL, "rw NULL");
    EXPECT(psm_invoke_rw(m, NULL, a, 16, NULL, 0) == PSM_EINVAL, "rw NULL op");
    EXPECT(psm_invoke_rw(m, map_put, NULL, 16, NULL, 0) == PSM_EINVAL, "rw NULL arg");
    EXPECT(psm_invoke_rw(m, map_put, a, 16, NULL, 8) == PSM_EINVAL, "rw NULL out");
    EXPECT(psm_invoke_ro(NULL, map_get, a, 8, NULL, 0) == PSM_EINVAL, "ro NULL");
    EXPECT(psm_invoke_ro(m, NULL, a, 8, NULL, 0) == PSM_EINVAL, "ro NULL op");
    EXPECT(!psm_is_error(psm_invoke_ro(m, map_get, a, 8, NULL, 0)), "ro"); /* the next ones take the short way */
    EXPECT(psm_invoke_ro(m, map_get, NULL, 8, NULL, 0) == PSM_EINVAL, "ro NULL arg");
    EXPECT(psm_invoke_ro(m, map_get, a, 8, NULL, 8) == PSM_EINVAL, "ro NULL out");
    EXPECT(psm_invoke_rw(m, map_get, a, 8, NULL, 0) == PSM_EOP, "not an op");
    EXPECT(psm_invoke_rw(m, map_put, a, PSM_ARG_SIZE_MAX + 1, NULL, 0) == PSM_EARGSIZE, "too large");
    EXPECT(psm_append(m, map_put, a, 16) == PSM_EINVAL, "append without begin");
    EXPECT(psm_commit(m) == PSM_EINVAL, "commit without begin");
    EXPECT(psm_begin(m) == 0, "begin");
    EXPECT(psm_begin(m) == PSM_ENESTED, "begin twice");
    EXPECT(psm_invoke_rw(m, map_put, a, 16, NULL, 0) == PSM_ENESTED, "rw in a section");
    EXPECT(psm_append(m, map_get, a, 16) == PSM_EOP, "append what is no op");
    EXPECT(psm_commit(m) == 0, "commit");
    EXPECT(psm_drain(NULL) == PSM_EINVAL && psm_verify(NULL) == PSM_EINVAL && psm_close(NULL) == PSM_EINVAL, "NULL");
    EXPECT(psm_stats(m, NULL) == PSM_EINVAL, "stats NULL");
    EXPECT(psm_root(NULL) == NULL, "root NULL");
    EXPECT(psm_verify(m) == 0, "verify");
    EXPECT(psm_close(m) == 0, "closes");
}

static void addresses(void)
{
    char path[600];
    struct super s;
    fresh_copy();
    snprintf(path, sizeof path, "%s/super", work);
    int fd = open(path, O_RDONLY);
    if (read(fd, &s, sizeof s) != sizeof s)
        abort();
    close(fd);
    void *at = (void *)(PSM_ARENA_LOW + s.slot * PSM_ARENA_SIZE + (1 << 20));
    void *got = mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    REFUSED(PSM_EADDRESS);
    munmap(got, 4096);
    uint64_t count = 0;
    EXPECT(try_open(0, &count) == 0 && count == 10, "free again: %lu entries", (unsigned long)count);
}

/* The medium runs full at the k-th allocation of a creation, for every k. */
static int allocations_left;
static const struct medium_table *real_table;
static int allocate_or_not(struct medium *m, int fd, uint64_t offset, uint64_t size)
{
    if (allocations_left-- <= 0) {
        errno = ENOSPC;
        return -1;
    }
    return real_table->allocate(m, fd, offset, size);
}
static const struct medium_table *small_medium(struct medium *m, const struct medium_table *real)
{
    static struct medium_table table;
    (void)m;
    real_table = real;
    table = *real;
    table.allocate = allocate_or_not;
    return &table;
}

static void full_disk(void)
{
    char dir[600], temporary[610];
    struct psm_options o = options();
    snprintf(dir, sizeof dir, "%s/full", base);
    snprintf(temporary, sizeof temporary, "%s.new", dir);
    medium_override = small_medium;
    int refusals = 0;
    for (int k = 0;; k++) {
        psm_t *m;
        allocations_left = k;
        o.flags = PSM_CREATE;
        int status = psm_init(&m, dir, &o);
        if (status == 0) {
            psm_close(m);
            break;
        }
        refusals++;
        EXPECT(status == PSM_ENOSPC, "full at allocation %d: %s", k, psm_strerror(status));
        EXPECT(access(dir, F_OK) != 0 && access(temporary, F_OK) != 0, "full at allocation %d: something is left", k);
    }
    medium_override = NULL;
    EXPECT(refusals >= 3, "%d refusals only", refusals);
}

/* A machine of the name that another one is made under is left alone; what a crash has left
 * of a creation is not, even if it looks like a machine. */
static void name_taken(void)
{
    char dir[600], other[610];
    psm_t *m = NULL;
    struct psm_options o = options();
    snprintf(dir, sizeof dir, "%s/taken", base);
    snprintf(other, sizeof other, "%s.new", dir);
    run("cp -a %s %s", good, other);
    uint64_t before = digest(other);
    EXPECT(psm_init(&m, dir, &o) == PSM_ENOTPSM && m == NULL, "made over a machine");
    EXPECT(strstr(psm_error_detail(), "taken.new") != NULL, "no story");
    EXPECT(digest(other) == before && access(dir, F_OK) != 0, "another machine was changed");
    run("touch %s/" MACHINE_UNFINISHED "%s", other, "");
    EXPECT(psm_init(&m, dir, &o) == 0, "made over what a crash has left");
    if (m != NULL)
        psm_close(m);
    EXPECT(access(other, F_OK) != 0, "what a crash has left is still there");
    run("touch %s/" MACHINE_UNFINISHED "%s", dir, "");
    m = NULL;
    EXPECT(psm_init(&m, dir, &o) == 0, "opens with the mark of its making");
    if (m != NULL)
        psm_close(m);
    snprintf(other, sizeof other, "%s/" MACHINE_UNFINISHED, dir);
    EXPECT(access(other, F_OK) != 0, "the mark is still there");
}

int main(int argc, char **argv)
{
    (void)argc;
    medium = strcmp(argv[2], "pm") == 0 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE;
    snprintf(base, sizeof base, "%s", argv[1]);
    snprintf(good, sizeof good, "%s/good", base);
    snprintf(work, sizeof work, "%s/work", base);
    setvbuf(stdout, NULL, _IONBF, 0);
    fill_log(good, 10, 32);
    superblock();
    truncated();
    never_used();
    permissions();
    slots();
    log_damage();
    extents();
    calls();
    addresses();
    full_disk();
    name_taken();
    printf("%d failures\n", failures);
    return failures != 0;
}
