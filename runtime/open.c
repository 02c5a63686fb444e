/* open.c: opening a machine: V1 to V6 of the design.
 *
 * Up to `nothing has been written` all files are only read: whatever is refused is left as
 * it was. Then the epoch store brings the image to its last commit, the replay thread
 * replays the rest of the log, and one commit with a new salt makes the log's remains
 * void, so that an entry nobody was told of can never fit behind one that comes later. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "error.h"
#include "machine.h"
#include "program.h"

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int take_lock(struct psm *m)
{
    /* A descriptor of its own: a forked child that keeps a mapping of the file, or a
     * duplicate of another descriptor, must not keep the lock. */
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    m->lock_fd = openat(m->directory_fd, "super", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (m->lock_fd < 0)
        return psm_fail_system("cannot open the superblock of", m->directory);
    if (fcntl(m->lock_fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return psm_fail(PSM_EBUSY, "%s is open in this or another process", m->directory);
    return psm_fail_system("cannot lock", m->directory);
}

static int read_super(struct psm *m, struct super *super)
{
    struct stat s;
    ssize_t got = pread(m->super_fd, super, sizeof *super, 0);
    if (got < 0 || fstat(m->super_fd, &s) != 0)
        return psm_fail_system("cannot read the superblock of", m->directory);
    if (got < (ssize_t)sizeof super->magic || super->magic != LAYOUT_MAGIC)
        return psm_fail(PSM_ENOTPSM, "%s/super does not begin as a PSM machine's does", m->directory);
    if (s.st_size < LAYOUT_SUPER_BYTES)
        return psm_fail(PSM_ETRUNCATED, "%s/super has %lu bytes, and had %d", m->directory,
                        (unsigned long)s.st_size, LAYOUT_SUPER_BYTES);
    if (super->checksum != super_checksum(super))
        return psm_fail(PSM_ECORRUPT, "%s/super: the superblock's checksum does not match", m->directory);
    if (super->version != LAYOUT_VERSION)
        return psm_fail(PSM_EVERSION, "%s has format %u; this libpsm knows %u", m->directory, super->version,
                        LAYOUT_VERSION);
    return 0;
}

static int check_program(struct psm *m, const struct super *super)
{
    const struct program *p = m->program;
    if (strncmp(super->program, p->name, sizeof super->program - 1) != 0)
        return psm_fail(PSM_EPROGRAM, "%s belongs to the program '%.100s'; this is '%s'", m->directory,
                        super->program, p->name);
    if (memcmp(super->build_id, p->build_id, sizeof p->build_id) != 0)
        return psm_fail(PSM_EBUILD, "%s was written by another build of '%s': its pointers to code and globals "
                        "would be wrong. Export the state with the old build, import it with the new one",
                        m->directory, p->name);
    if (super->globals_low != m->space.globals_low || super->globals_bytes != m->space.globals_bytes
        || super->delta != PSM_DELTA || super->slot >= PSM_SLOT_COUNT
        || super->medium < PSM_MEDIUM_PM || super->medium > PSM_MEDIUM_FILE || super->log_bytes < 65536
        || super->log_bytes > PSM_WINDOW_LOG_MAX || (super->log_bytes & (super->log_bytes - 1)) != 0)
        return psm_fail(PSM_ECORRUPT, "%s/super: its fields contradict each other", m->directory);
    return 0;
}

static int check_options(struct psm *m, const struct super *super)
{
    const struct psm_options *o = &m->options;
    if (o->root_size != 0 && o->root_size != super->root_size)
        return psm_fail(PSM_EROOTSIZE, "%s has a root of %lu bytes, and %zu are asked for", m->directory,
                        (unsigned long)super->root_size, o->root_size);
    if (super->root_size == 0 && !m->program->ops_write_globals)
        return psm_fail(PSM_EROOT, "%s has no root, and no op writes a global", m->directory);
    if (o->address_slot != 0 && o->address_slot != super->slot + 1)
        return psm_fail(PSM_EINVAL, "%s was created with address slot %lu", m->directory,
                        (unsigned long)super->slot + 1);
    if (o->medium != PSM_MEDIUM_AUTO && o->medium != super->medium)
        return psm_fail(PSM_EINVAL, "%s was created for %s", m->directory,
                        super->medium == PSM_MEDIUM_PM ? "persistent memory" : "an ordinary file");
    return 0;
}

/* Only one machine of a process can have the globals. The list is locked. */
static int claim_globals(struct psm *m)
{
    if (!m->program->ops_write_globals)
        return 0;
    for (struct psm *other = machine_first(); other != NULL; other = other->next)
        if (other->owns_globals)
            return psm_fail(PSM_EGLOBALS, "ops of this program keep state in globals, and these are %s's already",
                            other->directory);
    m->owns_globals = true;
    return 0;
}

static int open_files(struct psm *m, struct super *super)
{
    struct stat image, log;
    int status = file_open(m->directory, m->directory_fd, "super", &m->super_fd);
    if (status != 0 || (status = take_lock(m)) != 0 || (status = read_super(m, super)) != 0
        || (status = check_program(m, super)) != 0 || (status = check_options(m, super)) != 0
        || (status = medium_open(&m->medium, (enum psm_medium)super->medium, m->directory_fd, m->directory)) != 0
        || (status = file_open(m->directory, m->directory_fd, "log", &m->log_fd)) != 0
        || (status = file_open(m->directory, m->directory_fd, "image", &m->image_fd)) != 0
        || (status = file_open(m->directory, m->directory_fd,
                               super->medium == PSM_MEDIUM_PM ? "undo" : "journal", &m->journal_fd)) != 0)
        return status;
    if (fstat(m->log_fd, &log) != 0 || fstat(m->image_fd, &image) != 0)
        return psm_fail_system("cannot stat the files of", m->directory);
    if ((uint64_t)log.st_size != super->log_bytes)
        return psm_fail(PSM_ETRUNCATED, "%s/log has %lu bytes, and had %lu", m->directory,
                        (unsigned long)log.st_size, (unsigned long)super->log_bytes);
    if ((uint64_t)image.st_size < super->globals_bytes + LAYOUT_PAGE)
        return psm_fail(PSM_ETRUNCATED, "%s/image has %lu bytes only", m->directory, (unsigned long)image.st_size);
    if ((uint64_t)image.st_size - super->globals_bytes > PSM_ARENA_MAX)
        return psm_fail(PSM_ECORRUPT, "%s/image has %lu bytes, which is more than a machine can have", m->directory,
                        (unsigned long)image.st_size);
    m->machine_salt = super->salt;
    m->root_offset = super->root_offset;
    m->options.root_size = super->root_size;
    m->space.arena_max = PSM_ARENA_MAX;
    atomic_store(&m->space.arena_bytes,
                 ((uint64_t)image.st_size - super->globals_bytes) & ~(uint64_t)(LAYOUT_PAGE - 1));
    return 0;
}

int oplog_map(struct psm *m, uint64_t bytes)
{
    struct oplog *log = &m->log;
    log->bytes = bytes;
    log->mask = bytes - 1;
    log->ring = m->space.window + PSM_WINDOW_LOG + PSM_DELTA;
    return space_map_log(m, m->log_fd, bytes, m->medium.kind == PSM_MEDIUM_PM);
}

int oplog_take_over(struct psm *m)
{
    struct oplog *log = &m->log;
    if (m->medium.kind == PSM_MEDIUM_PM)
        return 0;
    int fd = memfd_create("psm-log", MFD_CLOEXEC), status = 0;
    if (fd < 0 || ftruncate(fd, (off_t)log->bytes) != 0)
        status = psm_fail_system("cannot make the log's copy in memory, for", m->directory);
    for (uint64_t at = m->commit.position; status == 0 && at < log->head;) {
        uint64_t offset = at & log->mask, size = log->bytes - offset;
        if (size > log->head - at)
            size = log->head - at;
        ssize_t done = pwrite(fd, log->ring + offset, size, (off_t)offset);
        if (done <= 0)
            status = psm_fail_system("cannot copy the log of", m->directory);
        at += (uint64_t)done;
    }
    if (status == 0)
        status = space_map_log(m, fd, log->bytes, false);
    close_fd(fd);
    if (status != 0)
        return status;
    log->store = &journal_log_store;
    return log->store->open(m);
}

static int frozen_as_created(struct psm *m)
{
    if (m->space.globals_bytes == 0)
        return 0;
    void *area = mmap(NULL, m->space.globals_bytes, PROT_READ, MAP_PRIVATE, m->image_fd, 0);
    if (area == MAP_FAILED)
        return psm_fail_system("cannot map the globals area of", m->directory);
    int status = globals_check_frozen(m, area);
    munmap(area, m->space.globals_bytes);
    return status;
}

/* An entry that stopped earlier recoveries is not tried again. */
static int check_poison(struct psm *m)
{
    struct replay *r = &m->replay;
    memcpy(&r->earlier, m->super + LAYOUT_ATTEMPT_OFFSET, sizeof r->earlier);
    const struct attempt *a = &r->earlier;
    if (a->checksum != hash_bytes(&a->sequence, sizeof *a - sizeof a->checksum, m->machine_salt)) {
        memset(&r->earlier, 0, sizeof r->earlier);
        return 0;
    }
    if (a->count < REPLAY_ATTEMPTS_MAX || a->sequence < m->commit.sequence || a->sequence >= m->log.sequence
        || (m->options.flags & PSM_REPLAY_NATIVE))
        return 0;
    uint64_t position = m->commit.position;
    const struct log_entry *e = oplog_at(&m->log, position);
    while (e->sequence != a->sequence) {
        position += oplog_entry_size(e->length);
        e = oplog_at(&m->log, position);
    }
    const char *op = e->op < m->program->op_count ? m->program->op[e->op].name : "?";
    bool told = oplog_has_witness(m, position, e->sequence);
    if (!(m->options.flags & PSM_DROP_POISON) || told)
        return psm_fail(PSM_EPOISON, "%s: entry %lu, op '%s', has stopped recovery before; nothing has been "
                        "changed. %s; PSM_REPLAY_NATIVE replays it by the plain code", m->directory,
                        (unsigned long)e->sequence, op,
                        told ? "It cannot be dropped, since its caller was told that it is durable"
                             : "PSM_DROP_POISON drops it");
    psm_say(m, PSM_LOG_WARNING, "entry %lu, op '%s', and what follows it are dropped, as asked",
            (unsigned long)e->sequence, op);
    m->log.head = m->log.tail_seen = position;
    m->log.sequence = e->sequence;
    m->log.durable = e->sequence - 1;
    return 0;
}

/* Numbers that have a right checksum and cannot be: none of them is ever near its end. */
static int check_commit(struct psm *m)
{
    const struct commit *c = &m->commit;
    const uint64_t most = UINT64_C(1) << 62;
    if (c->position % LAYOUT_LINE == 0 && c->position < most && c->epoch < most && c->sequence < most
        && c->sequence > 0 && c->time >= 0)
        return 0;
    return psm_fail(PSM_ECORRUPT, "%s: the newest commit's fields cannot be", m->directory);
}

/* V1: everything is looked at, nothing is written. */
static int accept(struct psm *m, struct super *super)
{
    int status;
    if ((status = open_files(m, super)) != 0)
        return status;
    machine_list_lock();
    status = claim_globals(m);
    if (status == 0) {
        machine_add(m);
        m->listed = true;
    }
    machine_list_unlock();
    if (status != 0)
        return status;
    m->super = medium_map(&m->medium, NULL, LAYOUT_SUPER_BYTES, m->super_fd, 0);
    if (m->super == MAP_FAILED) {
        m->super = NULL;
        return psm_fail_system("cannot map the superblock of", m->directory);
    }
    madvise(m->super, LAYOUT_SUPER_BYTES, MADV_DONTFORK);
    if ((status = space_reserve(m, (unsigned)super->slot)) != 0
        || (status = oplog_map(m, super->log_bytes)) != 0
        || (status = epoch_make(m)) != 0
        || (status = m->epoch.store->open(m)) != 0 || (status = check_commit(m)) != 0
        || (status = oplog_scan(m, (m->options.flags & PSM_ACCEPT_LOSS) != 0)) != 0
        || (status = frozen_as_created(m)) != 0 || (status = check_poison(m)) != 0)
        return status;
    status = preview_heap(m);
    return status != 0 ? status : oplog_take_over(m);
}

/* V5: everything replayed; a commit of its own says so, and gives the log a new salt. */
static int start_new_life(struct psm *m)
{
    struct oplog *log = &m->log;
    replay_begin_epoch(m);
    if (m->options.capacity_bytes > heap_capacity(&m->heap_p))
        heap_set_capacity(&m->heap_p, m->options.capacity_bytes);
    struct commit next = m->commit;
    next.epoch = m->epoch.number;
    next.position = log->head;
    next.sequence = log->sequence;
    next.salt = machine_new_salt();
    next.time = log->time;
    next.image_bytes = m->space.globals_bytes + atomic_load(&m->space.arena_bytes);
    int status = epoch_commit(m, &next);
    if (status != 0 || (status = m->epoch.store->settle(m)) != 0)
        return status;
    log->salt = next.salt;
    log->tail_seen = next.position;
    m->replay.position = next.position;
    m->replay.sequence = next.sequence;
    m->replay.time = next.time;
    m->replay.published = true;
    atomic_store(&log->executed, log->head);
    atomic_store(&log->executed_sequence, log->sequence);
    atomic_store(&log->tail_sequence, log->sequence);
    atomic_store(&log->tail, log->head);
    return 0;
}

static int rebuild(struct psm *m)
{
    int status;
    m->root = m->root_offset != 0 ? m->space.d + m->root_offset : NULL;
    if ((status = space_map_image(m)) != 0 || (status = m->epoch.store->recover(m)) != 0)
        return status;
    globals_reset_scratch(m);
    if ((status = replay_start(m)) != 0)
        return status;
    if (m->options.flags & PSM_REPLAY_NATIVE)
        status = native_replay(m, m->log.head);
    if (status == 0 && (m->options.flags & PSM_CHECK))
        status = audit_open(m);
    if (status == 0 && !(m->options.flags & PSM_REPLAY_NATIVE))
        status = replay_recover(m, m->log.head);
    if (status != 0 || (status = start_new_life(m)) != 0)
        return status;
    extent_remove(m, UINT64_MAX);
    if ((status = machine_finish(m, m->directory)) != 0 || (status = space_map_d(m)) != 0)
        return status;
    machine_heap_d(m);
    heap_hand_over(&m->heap_p, &m->heap_d);
    globals_restore(m);
    atomic_store(&m->heap_bytes, heap_used(&m->heap_d));
    return 0;
}

int machine_open(struct psm *m, const char *dir, const struct psm_options *options)
{
    struct super super;
    int status;
    m->options = *options;
    m->directory_fd = m->lock_fd = m->super_fd = m->log_fd = m->image_fd = m->journal_fd = -1;
    m->directory = strdup(dir);
    if (m->directory == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for a machine");
    lock_make(&m->lock);
    if ((status = program_load(&m->program)) != 0)
        goto release;
    globals_place(m);
    m->directory_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->directory_fd < 0) {
        status = psm_fail_system("cannot open", dir);
        goto release;
    }
    struct stat s;
    if (fstat(m->directory_fd, &s) != 0 || (s.st_mode & S_IWUSR) == 0
        || faccessat(m->directory_fd, ".", W_OK, 0) != 0) {
        status = psm_fail(PSM_EREADONLY, "the directory %s is read-only", dir);
        goto release;
    }
    if ((status = accept(m, &super)) != 0 || (status = rebuild(m)) != 0)
        goto release;
    if (m->audit != NULL && (status = audit_serve(m)) != 0)
        goto release;
    if ((status = space_sweeper_start(m)) != 0)
        goto release;
    replay_serve(m);
    return 0;
release:
    machine_release(m);
    return status;
}

void machine_release(struct psm *m)
{
    bool child = atomic_load(&m->state) == PSM_EFORK;
    if (m->listed)
        machine_remove(m);
    if (!child) {
        if (m->replay.started) {
            if (atomic_load(&m->state) >= 0) /* never served: nothing is to be replayed */
                atomic_store(&m->state, PSM_EFAILED);
            replay_stop(m);
        }
        space_sweeper_end(m, false);
        epoch_drop(m);
        if (m->log.store != NULL)
            m->log.store->close(m);
        epoch_destroy(m);
    }
    if (m->heap_p.base != NULL)
        heap_close(&m->heap_p);
    if (m->heap_d.base != NULL)
        heap_close(&m->heap_d);
    audit_close(m);
    space_release(m);
    free(m->space.detached);
    if (m->super != NULL && !child)
        munmap(m->super, LAYOUT_SUPER_BYTES);
    close_fd(m->super_fd);
    close_fd(m->log_fd);
    close_fd(m->image_fd);
    close_fd(m->journal_fd);
    close_fd(m->directory_fd);
    close_fd(m->lock_fd); /* last: until now nobody else may come */
    free(m->arg_copy);
    free(m->directory);
}
