// An ordinary file on a disk that loses, tears and reorders what was not synced, writes less
// than asked, fails, fills up, forgets what it could not sync, and flips bits: recovery gives
// the ops 1..n, every acknowledged one among them; after a failed write or sync nothing more
// is acknowledged; and a flipped bit is noticed, or harmless.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-pie -I%runtime -I%S/Inputs %s -o %t.exe %libpsm
// RUN: %t.exe %pmdir 120
// RUN: mkdir %pmdir/damage && %t.exe %pmdir/damage damage
//
// (On tmpfs for speed: disk.h decides what is on the disk. An argument more is the seed.
// "damage": the power goes at each call in turn, the disk has all that was written to the
// image, and of the journal what was synced, which it then damages; no chance in it.)
#define MAP_BUCKETS 64
#include "hand.h"
#include "map.h"

#include "disk.h"
#include "journal.h"

#include <dirent.h>
#include <sys/wait.h>

HAND_PROGRAM(map_program_ops)

#define KEYS 40
#define OPS_MAX (1 << 20)
#define GROUP_MAX 6
/* What outlives the lives: which ops were begun and acknowledged, and in which life each was
 * begun last, which is part of what it does: one that a life has written and not acknowledged
 * must not come back behind one of a later life; and which found no memory, on a full disk. */
struct shared { uint64_t begun, acknowledged; uint32_t life[OPS_MAX]; unsigned char refused[OPS_MAX]; };
static struct shared *shared;
static char directory[256], copy[256];

struct arg { uint64_t key; unsigned char bytes[14000]; };

static psm_op_fn *make_op(uint64_t n, struct arg *a, size_t *size)
{
    uint64_t x = hash_fold(n * HASH_1 ^ HASH_2, (n + ((uint64_t)shared->life[n] << 32)) ^ HASH_3);
    a->key = x % KEYS;
    size_t length = x >> 16 & 3 ? 50 : (x >> 30) % 120;
    if (shared->life[n] % 5 == 0 && (x >> 18 & 3) != 0)
        length = (x >> 30) % sizeof a->bytes;
    memset(a->bytes, (int)(x >> 50 & 0xff), length);
    *size = sizeof a->key + length;
    return (x >> 12) % 4 == 0 ? map_drop : map_put;
}

struct model { unsigned char present[KEYS], fill[KEYS]; size_t size[KEYS]; uint64_t puts; };

static void model_run(struct model *model, uint64_t n)
{
    struct arg a;
    size_t size;
    psm_op_fn *op = make_op(n, &a, &size);
    if (shared->refused[n])
        return;
    model->present[a.key] = op == map_put;
    if (op == map_put) {
        model->puts++;
        model->size[a.key] = size - sizeof a.key;
        model->fill[a.key] = a.bytes[0];
    }
}

static int model_equals(const struct model *model, struct map *map)
{
    uint64_t count = 0;
    if (map->puts != model->puts)
        return 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        struct entry *e = map->bucket[map_hash(key) % MAP_BUCKETS];
        while (e != NULL && e->key != key)
            e = e->next;
        if ((e != NULL) != model->present[key] || (e != NULL && e->size != model->size[key]))
            return 0;
        count += e != NULL;
        for (size_t i = 0; e != NULL && i < e->size; i++)
            if (((unsigned char *)e->value)[i] != model->fill[key])
                return 0;
    }
    return count == map->count;
}

static void quiet(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

static int open_machine(psm_t **m, const char *dir, uint64_t seed)
{
    struct psm_options o = { .root_size = sizeof(struct map), .log_bytes = 1 << 16, .medium = PSM_MEDIUM_FILE,
                             .capacity_bytes = 8 << 20, .epoch_ops_max = (uint32_t)(1 + (seed >> 24) % 9),
                             .log = quiet };
    return psm_init(m, dir, &o);
}

/* How many ops the state is made of, if that is at least `low`; or UINT64_MAX. */
static uint64_t ops_in(psm_t *m, uint64_t low)
{
    struct model model = { 0 };
    uint64_t n = 0;
    while (n < low)
        model_run(&model, ++n);
    while (!model_equals(&model, psm_root(m)) && n < shared->begun)
        model_run(&model, ++n);
    return model_equals(&model, psm_root(m)) ? n : UINT64_MAX;
}

static _Noreturn void wrong(const char *what)
{
    printf("%s; between %lu and %lu ops [%s]\n", what, (unsigned long)shared->acknowledged,
           (unsigned long)shared->begun, psm_error_detail());
    _exit(1);
}

/* The next op, or a few under one sync; what the last call says. */
static int64_t run_ops(psm_t *m, uint64_t seed, uint32_t number, uint64_t *n)
{
    uint64_t group = *n % 3 == 0 ? 1 + (seed >> 20) % GROUP_MAX : 1;
    struct arg a;
    size_t size;
    int64_t status;
    if (group > 1 && (status = psm_begin(m)) != 0)
        return status;
    for (uint64_t i = 0; i < group; i++) {
        shared->life[++*n] = number;
        shared->refused[*n] = 0;
        psm_op_fn *op = make_op(*n, &a, &size);
        shared->begun = *n;
        if (group == 1) {
            status = psm_invoke_rw(m, op, &a, size, NULL, 0);
            shared->refused[*n] = status == -1;
            return psm_is_error(status) ? status : 0;
        }
        if (op(psm_root(m), &a, size, NULL) == -1) {
            --*n; /* nothing has happened: nothing is logged */
            shared->begun = *n;
            continue;
        }
        if ((status = psm_append(m, op, &a, size)) != 0) {
            psm_commit(m);
            return status;
        }
    }
    return psm_commit(m);
}

static void wait_for_replay(psm_t *m)
{
    struct psm_statistics now = { 0 };
    do {
        psm_stats(m, &now);
        usleep(100);
    } while (now.log_bytes_used != 0);
}

/* One life: recover, compare, run ops until the disk fails or the power goes. */
static void life(uint64_t seed, uint64_t calls, enum disk_fault fault, uint32_t number)
{
    psm_t *m;
    alarm(100); /* a life takes seconds */
    disk_start(seed, calls, fault);
    int64_t status = open_machine(&m, directory, seed);
    if (status == 0) {
        disk_pause(1);
        uint64_t n = ops_in(m, shared->acknowledged);
        if (n == UINT64_MAX) {
            printf("it is that after %ld ops\n", (long)ops_in(m, 0));
            wrong("the state is of no prefix of the ops that holds all that were acknowledged");
        }
        if (!disk->failed && psm_verify(m) != 0)
            wrong("verify");
        disk_pause(0);
        shared->begun = shared->acknowledged = n;
        for (int ops = 0, after = 0; status == 0; ops++) {
            if (ops == 500) /* the fault has not come, or was an allocation's, which waits for space */
                disk_power_off();
            if (disk->failed && disk->fault != DISK_ALLOCATE_ENOSPC && ++after > 200)
                wrong("ops go on being acknowledged after the disk has failed");
            status = run_ops(m, seed, number, &n);
            if (status == 0)
                shared->acknowledged = n;
            if (disk->only != NULL)
                wait_for_replay(m);
        }
        if (status != PSM_EFAILED || !disk->failed)
            wrong("an op failed with something else");
        if (psm_invoke_rw(m, map_drop, &(uint64_t){ 0 }, 8, NULL, 0) != PSM_EFAILED)
            wrong("a failed machine runs an op");
        if (seed >> 33 & 1)
            disk_power_off();
        if (psm_close(m) != PSM_EFAILED)
            wrong("close calls it well");
        _exit(0);
    }
    if (!disk->failed)
        wrong("recovery failed on a sound disk");
    if (seed >> 33 & 1)
        disk_power_off();
    _exit(0);
}

static void copy_directory(const char *from, const char *to)
{
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r --sparse=always '%s' '%s'", to, from, to);
    if (system(command) != 0)
        abort();
}

/* A bit of the machine's own files is wrong, in a copy: it is refused and left as it is, or
 * opened with the right state. Only the newest entries of the log have no witness yet. */
static void flip_a_bit(uint64_t seed)
{
    static const char *const files[] = { "super", "log", "journal" };
    const char *flipped = files[seed % 3];
    char path[512];
    copy_directory(directory, copy);
    snprintf(path, sizeof path, "%s/%s", copy, flipped);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat s;
    unsigned char byte;
    if (fd < 0 || fstat(fd, &s) != 0)
        abort();
    /* Most of the files is unused: look for something. */
    uint64_t at = (seed >> 8) % (uint64_t)s.st_size;
    for (int tries = 0; tries < 20000; tries++, at = (at + 509) % (uint64_t)s.st_size)
        if (pread(fd, &byte, 1, (off_t)at) == 1 && byte != 0)
            break;
    byte ^= (unsigned char)(1 << (seed >> 40 & 7));
    if (syscall(SYS_pwrite64, fd, &byte, 1, at) != 1)
        abort();
    close(fd);
    psm_t *m;
    if (open_machine(&m, copy, seed) != 0)
        _exit(0);
    uint64_t least = shared->acknowledged;
    if (strcmp(flipped, "log") == 0)
        least = least > GROUP_MAX ? least - GROUP_MAX : 0;
    if (ops_in(m, least) == UINT64_MAX) {
        printf("bit %lu of byte %#lx of %s flipped; it is that after %ld ops\n", (unsigned long)(seed >> 40 & 7),
               (unsigned long)at, flipped, (long)ops_in(m, 0));
        wrong("a flipped bit gave a state that never was");
    }
    if (psm_close(m) != 0)
        wrong("close after a flipped bit");
    _exit(0);
}

static int run(void (*child)(uint64_t, uint64_t, enum disk_fault, uint32_t), uint64_t seed, uint64_t calls,
               enum disk_fault fault, uint32_t number)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (child != NULL)
            child(seed, calls, fault, number);
        flip_a_bit(seed);
    }
    waitpid(pid, &status, 0);
    return status;
}

/* One half of the journal is damaged behind its head, in a copy: refused, or the right state. */
static void damage_a_half(uint64_t area)
{
    char path[512];
    copy_directory(directory, copy);
    snprintf(path, sizeof path, "%s/journal", copy);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint64_t at = journal_offset(area, 0) + sizeof(struct journal_head) + sizeof(struct journal_range);
    unsigned char byte;
    if (fd < 0 || pread(fd, &byte, 1, (off_t)at) != 1)
        abort();
    byte ^= 1;
    if (syscall(SYS_pwrite64, fd, &byte, 1, at) != 1)
        abort();
    close(fd);
    psm_t *m;
    int status = open_machine(&m, copy, 0);
    if (status != 0)
        _exit(status == PSM_ECORRUPT ? 0 : 1);
    if (ops_in(m, shared->acknowledged) == UINT64_MAX)
        wrong("a damaged half gave a state that never was");
    _exit(psm_close(m) != 0);
}

/* A life from what lies in `from` that the power ends at a call: true if it does, and no half
 * that is damaged then gives a wrong state. */
static bool cut_and_damage(const char *from, uint64_t calls)
{
    int status;
    copy_directory(from, directory);
    disk_make(directory);
    disk->only = "image";
    pid_t pid = fork();
    if (pid == 0)
        life(0, calls, DISK_SOUND, 1);
    waitpid(pid, &status, 0);
    disk->paused = 1;
    for (uint64_t area = 0; area < 2 && status == DISK_CUT_STATUS << 8; area++) {
        pid = fork();
        if (pid == 0)
            damage_a_half(area);
        waitpid(pid, &status, 0);
        if (status == 0)
            status = DISK_CUT_STATUS << 8;
    }
    if (status != DISK_CUT_STATUS << 8)
        printf("cut at call %lu: status %#x\n", (unsigned long)calls, (unsigned)status);
    return status == DISK_CUT_STATUS << 8;
}

static int damage_each(void)
{
    char base[300], cut[300];
    uint64_t begun = 0, acknowledged = 0;
    snprintf(base, sizeof base, "%s-base", directory);
    snprintf(cut, sizeof cut, "%s-cut", directory);
    copy_directory(directory, base);
    for (uint64_t calls = 1; calls <= 40; calls++) {
        shared->begun = shared->acknowledged = 0;
        if (!cut_and_damage(base, calls))
            return 1;
        if (calls < 24) /* fewer are no commit yet that recovery has to apply */
            continue;
        copy_directory(directory, cut);
        begun = shared->begun, acknowledged = shared->acknowledged;
        for (uint64_t second = 1; second <= 16; second++) {
            shared->begun = begun, shared->acknowledged = acknowledged;
            if (!cut_and_damage(cut, second))
                return 1;
        }
    }
    /* And each call of a recovery fails in turn: psm_init says so, and comes back. */
    for (uint64_t calls = 1; calls <= 40; calls++) {
        copy_directory(cut, directory);
        disk_make(directory);
        shared->begun = begun, shared->acknowledged = acknowledged;
        int status = run(life, 0, calls, DISK_WRITE_EIO, 1);
        if (status != 0) {
            printf("failing from call %lu on: status %#x\n", (unsigned long)calls, (unsigned)status);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t lives = strtoull(argv[2], NULL, 0), seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)getpid();
    uint64_t failures[DISK_FAULTS] = { 0 }, flips = 0;
    psm_t *m;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("seed %lu\n", (unsigned long)seed);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(directory, sizeof directory, "%s/m", argv[1]);
    snprintf(copy, sizeof copy, "%s/copy", argv[1]);
    pid_t child = fork();
    if (child == 0) {
        OK(open_machine(&m, directory, 0));
        OK(psm_close(m));
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status != 0)
        return 1;
    if (strcmp(argv[2], "damage") == 0)
        return damage_each();
    disk_make(directory);
    for (uint64_t i = 0; i < lives; i++) {
        seed = hash_fold(seed ^ HASH_1, i + HASH_2);
        const uint64_t at_most[] = { 20, 60, 200, 1000 };
        uint64_t calls = 1 + (seed >> 9) % at_most[seed >> 40 & 3];
        enum disk_fault fault = seed >> 50 & 1 ? DISK_SOUND : (enum disk_fault)((seed >> 52) % DISK_FAULTS);
        status = run(life, seed, calls, fault, (uint32_t)i + 1);
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != DISK_CUT_STATUS && WEXITSTATUS(status) != 0)) {
            printf("life %lu (seed %lu, fault %d after %lu calls): status %#x\n", (unsigned long)i,
                   (unsigned long)seed, (int)fault, (unsigned long)calls, status);
            return 1;
        }
        failures[fault]++;
        if (i % 4 == 3) {
            disk->paused = 1;
            if (run(NULL, seed, 0, DISK_SOUND, 0) != 0)
                return 1;
            flips++;
        }
    }
    printf("%lu ops; %lu power cuts, failing: %lu writes, %lu on a full disk, %lu syncs, %lu allocations; "
           "%lu flipped bits\n", (unsigned long)shared->acknowledged, (unsigned long)failures[DISK_SOUND],
           (unsigned long)failures[DISK_WRITE_EIO], (unsigned long)failures[DISK_WRITE_ENOSPC],
           (unsigned long)failures[DISK_SYNC_EIO], (unsigned long)failures[DISK_ALLOCATE_ENOSPC], (unsigned long)flips);
    return shared->acknowledged > lives ? 0 : 1;
}
