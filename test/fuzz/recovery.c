// Whatever bytes stand in a machine's files, psm_init refuses them, and leaves them as they
// were, or opens a machine that works: never a crash, a hang, a read or write out of bounds.
//
// The corpus is run here; `bash test/fuzz/run --minutes 60` looks for more.
//
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-sanitize-coverage=trace-cmp -Wl,--wrap=getrandom -I%runtime -I%S/Inputs %s -o %t %libpsm_fuzz
// RUN: python3 %S/Inputs/corpus.py %t.corpus
// RUN: env PSM_FUZZ_DIR=%pmdir %t -runs=0 -timeout=20 -malloc_limit_mb=8192 %t.corpus 2>&1 | FileCheck %s
// CHECK: DONE
#include "patch.h"

#include <sys/mman.h>

static struct base base[4];
static char parent[600], directory[640];
static int verbose;

/* A finding: libFuzzer keeps the input. */
static void finding(const char *what)
{
    fprintf(stderr, "FINDING: %s [%s]\n", what, psm_error_detail());
    abort();
}

static void quiet(void *context, enum psm_log_level level, const char *line)
{
    (void)context, (void)level;
    if (verbose)
        fprintf(stderr, "%s\n", line);
}

static void remove_all(void)
{
    char command[700];
    snprintf(command, sizeof command, "rm -rf %s", parent);
    if (system(command) != 0)
        fprintf(stderr, "fuzz: %s is left\n", parent);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *where = getenv("PSM_FUZZ_DIR");
    (void)argc, (void)argv;
    verbose = getenv("PSM_FUZZ_VERBOSE") != NULL;
    snprintf(parent, sizeof parent, "%s/psm-fuzz-XXXXXX", where != NULL ? where : "/dev/shm");
    if (mkdtemp(parent) == NULL)
        die(parent);
    for (int i = 0; i < 4; i++) {
        snprintf(directory, sizeof directory, "%s/base", parent);
        make_base(&base[i], directory, i < 2 ? PSM_MEDIUM_PM : PSM_MEDIUM_FILE, i % 2 == 0);
    }
    snprintf(directory, sizeof directory, "%s/machine", parent);
    if (mkdir(directory, 0700) != 0)
        die(directory);
    atexit(remove_all);
    return 0;
}

/* ---- files ---- */

static void restore_page(struct work *w, unsigned i, uint64_t page)
{
    memcpy(w->file[i].bytes + page * PAGE, w->base->file[i].bytes + page * PAGE, PAGE);
}

/* The files as the base has them. */
static struct work *fresh_work(unsigned which)
{
    static struct work all[4];
    struct work *w = &all[which];
    const struct base *b = w->base = &base[which];
    for (unsigned i = 0; i < b->files; i++) {
        struct file *f = &w->file[i];
        unsigned char *bytes = f->bytes;
        *f = b->file[i];
        f->bytes = bytes;
        if (bytes == NULL) {
            f->bytes = calloc(1, f->size + BASE_ROOM);
            memcpy(f->bytes, b->file[i].bytes, f->size + BASE_ROOM);
        } else if (w->relaid[i]) {
            memcpy(f->bytes, b->file[i].bytes, f->size + BASE_ROOM);
        }
        w->relaid[i] = false;
    }
    while (w->touches != 0) {
        w->touches--;
        restore_page(w, w->touched[w->touches].file, w->touched[w->touches].page);
    }
    return w;
}

static void write_page(int fd, const struct file *f, uint64_t page)
{
    uint64_t at = page * PAGE;
    if (at >= f->size)
        return;
    uint64_t size = f->size - at < PAGE ? f->size - at : PAGE;
    if (pwrite(fd, f->bytes + at, size, (off_t)at) != (ssize_t)size)
        die("writing a file");
}

static void write_file(int directory_fd, const struct work *w, unsigned i)
{
    const struct file *f = &w->file[i];
    int fd = openat(directory_fd, f->name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)f->size) != 0)
        die("writing a file");
    for (unsigned n = 0; n < f->pages; n++)
        write_page(fd, f, f->page[n]);
    for (unsigned n = 0; n < w->touches; n++)
        if (w->touched[n].file == i)
            write_page(fd, f, w->touched[n].page);
    close(fd);
}

/* All files but these gone. */
static void write_files(const struct work *w)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    DIR *d = fdopendir(fd);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        unlinkat(fd, e->d_name, 0);
    for (unsigned i = 0; i < w->base->files; i++)
        if (w->file[i].name[0] != 0)
            write_file(fd, w, i);
    closedir(d);
}

static bool same_bytes(int directory_fd, const struct work *w, unsigned i)
{
    static unsigned char buffer[1 << 18];
    struct stat s;
    const struct file *f = &w->file[i];
    int fd = openat(directory_fd, f->name, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) != 0 || (uint64_t)s.st_size != f->size)
        return false;
    bool same = true;
    for (unsigned n = 0; same && n < f->pages + w->touches; n++) { /* all that is not zero */
        uint64_t page = n < f->pages ? f->page[n] : w->touched[n - f->pages].page, at = page * PAGE;
        if ((n >= f->pages && w->touched[n - f->pages].file != i) || at >= f->size)
            continue;
        ssize_t got = pread(fd, buffer, PAGE, (off_t)at);
        same = got > 0 && memcmp(buffer, f->bytes + at, (size_t)got) == 0;
    }
    for (off_t at = 0, hole; same && (at = lseek(fd, at, SEEK_DATA)) >= 0; at = hole) { /* all that may be */
        hole = lseek(fd, at, SEEK_HOLE);
        for (ssize_t got; same && at < hole; at += got) {
            size_t part = (size_t)(hole - at) < sizeof buffer ? (size_t)(hole - at) : sizeof buffer;
            got = pread(fd, buffer, part, at);
            same = got > 0 && memcmp(buffer, f->bytes + at, (size_t)got) == 0;
        }
    }
    close(fd);
    return same;
}

static void check_unchanged(const struct work *w)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    DIR *d = fdopendir(fd);
    unsigned names = 0, expected = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        names += e->d_name[0] != '.';
    for (unsigned i = 0; i < w->base->files; i++) {
        if (w->file[i].name[0] == 0)
            continue;
        expected++;
        if (!same_bytes(fd, w, i)) {
            fprintf(stderr, "file %s: ", w->file[i].name);
            finding("a refusal has changed a file");
        }
    }
    if (names != expected)
        finding("a refusal has made or removed a file");
    closedir(d);
}

/* ---- the machine, open ---- */

/* Whether the cell's block is what the heap has there: else its op would be at fault. */
static bool has_block(psm_t *m, const struct cell *c, uint32_t index)
{
    uint64_t offset = (uint64_t)c->block - (uint64_t)m->space.d, start, size;
    int live;
    return c->block != NULL && c->check == cell_check(c->block, c->size, index) && offset < PSM_ARENA_SIZE
           && heap_block_of(&m->heap_d, offset, &start, &size, &live) && start == offset && live
           && c->size <= size;
}

static void run_ops(psm_t *m, const struct head *head)
{
    struct root *root = psm_root(m);
    uint64_t state = head->seed;
    for (unsigned i = 0; i < head->ops % 8u; i++) {
        static const uint32_t sizes[] = { 1, 100, 256, 3000, 33000, 300000, 24, 1 << 20 };
        uint64_t r = next_random(&state);
        struct request request = { (uint32_t)(r % CELLS), sizes[r >> 8 & 7] + (uint32_t)(r >> 16 & 31), { i, r, r, 1 } };
        struct cell *c = &root->cell[request.cell];
        psm_op_fn *op = c->block == NULL ? take : r >> 32 & 1 ? give : resize;
        if (op != take && !has_block(m, c, request.cell))
            continue;
        int64_t status = psm_invoke_rw(m, op, &request, sizeof request, NULL, 0);
        if (psm_is_error(status) && status != PSM_EFAILED)
            finding("an op is refused");
    }
}

/* The ops follow no pointer that may be wild: if something did, it was libpsm. */
static void check_story(void)
{
    const char *story = psm_error_detail();
    if (strstr(story, "it follows a") != NULL || strstr(story, "it reaches") != NULL
        || strstr(story, "it dies of") != NULL || strstr(story, "it divides") != NULL)
        finding("a fault in replay");
}

static psm_t *try_open(const struct work *w, uint32_t flags)
{
    struct psm_options o = base_options(w->base->medium);
    psm_t *m = NULL;
    o.flags = PSM_OPEN | flags;
    o.root_size = 0;
    o.medium = PSM_MEDIUM_AUTO;
    o.capacity_bytes = 0;
    o.log = quiet;
    int status = psm_init(&m, directory, &o);
    if (status == 0)
        return m;
    if (verbose)
        fprintf(stderr, "refused: %s [%s]\n", psm_strerror(status), psm_error_detail());
    check_story();
    /* Replay has been tried, or was before; everything else is found out before. */
    if (status != PSM_EPOISON && status != PSM_EFAILED)
        check_unchanged(w);
    return NULL;
}

/* Numbers that just may be (check_commit in open.c) have grown to some that may not. */
static bool is_near_the_end(const struct commit *c)
{
    const uint64_t near = (UINT64_C(1) << 62) - (UINT64_C(1) << 32);
    return c->position >= near || c->epoch >= near || c->sequence >= near;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head head = { 0 };
    struct patch patch;
    memcpy(&head, data, size < sizeof head ? size : sizeof head);
    struct work *work = fresh_work(head.flags & HEAD_BASE);
    for (size_t at = sizeof head, n = 0; at + sizeof patch <= size && n < PATCHES_MAX; at += sizeof patch, n++) {
        memcpy(&patch, data + at, sizeof patch);
        apply(work, &patch);
    }
    write_files(work);
    psm_t *m = try_open(work, (head.flags & HEAD_LOSS ? PSM_ACCEPT_LOSS : 0u)
                                   | (head.flags & HEAD_POISON ? PSM_DROP_POISON : 0u)
                                   | (head.flags & HEAD_NATIVE ? PSM_REPLAY_NATIVE : 0u));
    if (m == NULL)
        return 0;
    run_ops(m, &head);
    int status = psm_verify(m);
    if (status != 0)
        check_story();
    if (status != 0 && strstr(psm_error_detail(), "differs from memory") != NULL)
        finding("memory and image differ");
    if (status != 0 && strstr(psm_error_detail(), "is damaged") != NULL)
        finding("the heap that was accepted is damaged");
    bool reopens = head.seed % 4 == 0 && !is_near_the_end(&m->commit);
    int closed = psm_close(m);
    if (closed != 0)
        check_story();
    if (closed != 0 && status != PSM_EFAILED)
        finding("it does not close");
    if (closed == 0 && reopens) {
        if ((m = try_open(work, 0)) == NULL)
            finding("it does not open again");
        psm_close(m);
    }
    return 0;
}
