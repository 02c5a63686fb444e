/* psm.c: the public functions. What they promise is in psm.h; this is the order in which
 * they do it.
 *
 * An rw op is A1 to A4 of the design: look it up and make room, append its entry, run it,
 * fence and publish. The fence comes after the op, which hides most of its cost, and
 * before the lock is left, by the core that made the stores.
 *
 * Both copies of an op must see the same: an argument of no bytes is NULL in both, and
 * one that is not 16-aligned is copied, as it is aligned in the log. */
#include "psm.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "error.h"
#include "fault.h"
#include "machine.h"
#include "program.h"

static int nested(void)
{
    return psm_fail(PSM_ENESTED, "called by an op, or between psm_begin and psm_commit");
}

static bool is_nested(void)
{
    return psm_current != NULL || psm_reading != NULL || psm_replaying != NULL;
}

static int refuse(struct psm *m)
{
    int state = atomic_load(&m->state);
    if (state == PSM_EFORK)
        return psm_fail(state, "%s was opened before a fork; this is the child", m->directory);
    return psm_fail(state, "%s: %s", m->directory, m->trouble);
}

/* Whether there is a machine, or a place for one. */
enum { NOT_THERE, THERE, FOREIGN };
static int look(const char *dir, int *status)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = NOT_THERE;
    *status = 0;
    if (fd < 0) {
        if (errno == ENOENT)
            return NOT_THERE;
        if (errno == ENOTDIR)
            *status = psm_fail(PSM_ENOTPSM, "%s is not a directory", dir);
        else
            *status = psm_fail_system("cannot open", dir);
        return FOREIGN;
    }
    if (faccessat(fd, "super", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        found = THERE;
        close(fd);
        return found;
    }
    DIR *d = fdopendir(fd);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            found = FOREIGN;
    if (d != NULL)
        closedir(d);
    if (found == FOREIGN)
        *status = psm_fail(PSM_ENOTPSM, "%s holds files, but no superblock", dir);
    return found;
}

static int ensure(const char *dir, const struct psm_options *o)
{
    int status, found = look(dir, &status);
    if (status != 0)
        return status;
    if (found == THERE)
        return (o->flags & PSM_CREATE) ? psm_fail(PSM_EEXIST, "%s holds a machine", dir) : 0;
    if (o->flags & PSM_OPEN)
        return psm_fail(PSM_ENOENT, "%s holds no machine, and is not to be made", dir);
    const struct program *program;
    if ((status = program_load(&program)) != 0)
        return status;
    if (o->root_size == 0 && !program->ops_write_globals)
        return psm_fail(PSM_EROOT, "options.root_size is 0, and no op writes a global: there would be no state");
    status = machine_create(dir, o);
    /* Another process was faster: as good, unless we were to make it. */
    return status == PSM_EEXIST && !(o->flags & PSM_CREATE) ? 0 : status;
}

static void setup(void)
{
    lock_setup();
    fork_setup();
}

static int init(psm_t **machine, const char *dir, const struct psm_options *options)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct psm_options checked;
    struct timespec begin, end;
    int status;
    if (machine == NULL || dir == NULL || dir[0] == '\0')
        return psm_fail(PSM_EINVAL, "psm_init: %s is NULL or empty", machine == NULL ? "machine" : "dir");
    if (is_nested())
        return nested();
    if ((status = options_check(&checked, options)) != 0)
        return status;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pthread_once(&once, setup);
    if ((status = space_setup()) != 0 || (status = ensure(dir, &checked)) != 0)
        return status;
    fault_setup();
    struct psm *m = aligned_alloc(_Alignof(struct psm), sizeof *m);
    if (m == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for a machine");
    memset(m, 0, sizeof *m);
    if ((status = machine_open(m, dir, &checked)) != 0) {
        free(m);
        return status;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    m->recovery_us = (uint64_t)((end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000);
    *machine = m;
    return 0;
}

int psm_init(psm_t **machine, const char *dir, const struct psm_options *options)
{
    struct medium_limit limit;
    medium_limit_begin(&limit);
    int status = init(machine, dir, options);
    medium_limit_end(&limit);
    return status;
}

int psm_close(psm_t *m)
{
    if (m == NULL)
        return psm_fail(PSM_EINVAL, "psm_close: machine is NULL");
    if (is_nested())
        return nested();
    enum lock_way way = lock_enter(&m->lock, true);
    if (way == LOCK_NESTED)
        return nested();
    lock_leave(&m->lock, way);
    int status = 0;
    if (atomic_load(&m->state) != PSM_EFORK) {
        if (m->log.store != NULL && atomic_load(&m->state) >= 0)
            m->log.store->wait(m, m->log.head);
        status = replay_stop(m);
        if (status != 0)
            status = psm_fail(status, "%s: %s", m->directory, m->trouble);
        else
            oplog_seal(m);
    }
    machine_release(m);
    lock_destroy(&m->lock);
    free(m);
    return status;
}

/* An op's number in the log, through a small cache: the table is searched by address. */
static inline int64_t op_id(struct psm *m, psm_op_fn *op)
{
    size_t at = ((uintptr_t)op >> 4) % MACHINE_OP_CACHE;
    if (__builtin_expect(m->op_cache[at].function == op, 1))
        return m->op_cache[at].id;
    int index = program_op_by_function(m->program, op);
    if (index < 0)
        return -1;
    m->op_cache[at].function = op;
    m->op_cache[at].id = m->program->op[index].id;
    return m->op_cache[at].id;
}

static int unknown_op(psm_op_fn *op)
{
    return psm_fail(PSM_EOP, "the function at %p is not an op of this program: mark it psm_op and compile it with "
                    "the pass", (void *)(uintptr_t)op);
}

static int check_call(const void *arg, size_t arg_size, const void *out, size_t out_size)
{
    if (arg_size > PSM_ARG_SIZE_MAX)
        return psm_fail(PSM_EARGSIZE, "the argument has %zu bytes, and may have %zu", arg_size, PSM_ARG_SIZE_MAX);
    if ((arg == NULL && arg_size != 0) || (out == NULL && out_size != 0) || out_size > UINT32_MAX)
        return psm_fail(PSM_EINVAL, "arg or out is NULL though it has a size, or out is 4 GiB or more");
    return 0;
}

/* The argument as the op shall have it; NULL without memory. */
static const void *aligned_argument(struct psm *m, const void *arg, size_t size)
{
    if (size > m->arg_copy_bytes) {
        size_t room = (size + size / 2 + 4096) & ~(size_t)15;
        void *copy = aligned_alloc(16, room);
        if (copy == NULL)
            return NULL;
        free(m->arg_copy);
        m->arg_copy = copy;
        m->arg_copy_bytes = room;
    }
    return memcpy(m->arg_copy, arg, size);
}

static int64_t run_rw(struct psm *m, psm_op_fn *op, const void *arg, size_t arg_size, void *out, size_t out_size)
{
    int state = atomic_load_explicit(&m->state, memory_order_relaxed), status;
    if (__builtin_expect(state != 0, 0)) {
        if (state < 0)
            return refuse(m);
        if ((status = audit_before_op(m)) != 0)
            return status;
    }
    int64_t id = op_id(m, op);
    if (__builtin_expect(id < 0, 0))
        return unknown_op(op);
    if (arg_size == 0)
        arg = NULL;
    else if (__builtin_expect(((uintptr_t)arg & 15) != 0, 0)
             && (arg = aligned_argument(m, arg, arg_size)) == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for a copy of the argument");
    status = oplog_append(m, (uint32_t)id, arg, arg_size, out != NULL, out_size);
    if (__builtin_expect(status != 0, 0))
        return status;
    int64_t result = machine_run_op(m, op, arg, arg_size, out);
    state = atomic_load_explicit(&m->state, memory_order_relaxed);
    if (__builtin_expect(state < 0, 0))
        return refuse(m); /* it has found the heap damaged, perhaps */
    count_add(&m->ops, 1);
    atomic_store_explicit(&m->heap_bytes, heap_used(&m->heap_d), memory_order_relaxed);
    oplog_publish(m);
    if (__builtin_expect(state != 0, 0) && (status = audit_after_op(m, (uint32_t)id)) != 0)
        return status;
    return result;
}

int64_t psm_invoke_rw(psm_t *m, psm_op_fn *op, const void *arg, size_t arg_size, void *out, size_t out_size)
{
    if (__builtin_expect(m == NULL || op == NULL, 0))
        return psm_fail(PSM_EINVAL, "psm_invoke_rw: machine or op is NULL");
    if (__builtin_expect(is_nested(), 0))
        return nested();
    int status = check_call(arg, arg_size, out, out_size);
    if (__builtin_expect(status != 0, 0))
        return status;
    enum lock_way way = lock_enter(&m->lock, true);
    if (__builtin_expect(way == LOCK_NESTED, 0))
        return nested();
    int64_t result = run_rw(m, op, arg, arg_size, out, out_size);
    const struct log_store *store = m->log.store;
    uint64_t head = m->log.head;
    lock_leave(&m->lock, way);
    if (store != NULL && !psm_is_error(result) && (status = store->wait(m, head)) != 0)
        return status;
    return result;
}

/* A read with everything to be looked at; sees to it that the next one need not. */
int64_t psm_invoke_ro_slowly(psm_t *m, psm_op_fn *op, const void *arg, size_t arg_size, void *out,
                             size_t out_size)
{
    if (m == NULL || op == NULL || (arg == NULL && arg_size != 0) || (out == NULL && out_size != 0))
        return psm_fail(PSM_EINVAL, "psm_invoke_ro: machine, op, arg or out is NULL");
    if (is_nested())
        return nested();
    enum lock_way way = lock_enter(&m->lock, false);
    if (way == LOCK_NESTED)
        return nested();
    const struct log_store *store = m->options.flags & PSM_RO_NOWAIT ? NULL : m->log.store;
    int state = atomic_load_explicit(&m->state, memory_order_relaxed);
    if (state == PSM_EFAILED) {
        lock_leave(&m->lock, way);
        return refuse(m);
    }
    if (way == LOCK_BIASED && store == NULL && state != MACHINE_CHECKED && m->lock.gate.root == NULL)
        lock_open_gate(&m->lock, m->root, &m->state);
    psm_reading = m;
    int64_t result = op(m->root, arg, arg_size, out);
    psm_reading = NULL;
    uint64_t head = m->log.head;
    int status = m->audit != NULL && state >= 0 ? audit_after_read(m, op) : 0;
    lock_leave(&m->lock, way);
    if (status == 0 && store != NULL && state >= 0)
        status = store->wait(m, head);
    if (status != 0)
        return status;
    return result;
}

/* For those who do not inline it, or call it by its address. */
int64_t psm_invoke_ro(psm_t *m, psm_op_fn *op, const void *arg, size_t arg_size, void *out, size_t out_size)
{
    return psm_invoke_ro_slowly(m, op, arg, arg_size, out, out_size);
}

int psm_begin(psm_t *m)
{
    if (m == NULL)
        return psm_fail(PSM_EINVAL, "psm_begin: machine is NULL");
    if (is_nested())
        return nested();
    enum lock_way way = lock_enter(&m->lock, true);
    if (way == LOCK_NESTED)
        return nested();
    if (atomic_load_explicit(&m->state, memory_order_relaxed) < 0) {
        lock_leave(&m->lock, way);
        return refuse(m);
    }
    if (m->audit != NULL && !m->logs_after)
        audit_release_memory(m);
    m->section_way = way;
    m->in_section = true;
    m->logs_after = true;
    m->op_refused = false;
    psm_current = m;
    return 0;
}

int psm_append(psm_t *m, psm_op_fn *op, const void *arg, size_t arg_size)
{
    if (m == NULL || op == NULL || psm_current != m || !m->in_section)
        return psm_fail(PSM_EINVAL, "psm_append: machine or op is NULL, or not between psm_begin and psm_commit");
    int status = check_call(arg, arg_size, NULL, 0);
    if (status != 0)
        return status;
    if (atomic_load_explicit(&m->state, memory_order_relaxed) < 0)
        return refuse(m);
    int64_t id = op_id(m, op);
    if (id < 0)
        return unknown_op(op);
    if ((status = oplog_append(m, (uint32_t)id, arg, arg_size, false, 0)) == 0)
        count_add(&m->ops, 1);
    return status;
}

int psm_commit(psm_t *m)
{
    if (m == NULL || psm_current != m || !m->in_section)
        return psm_fail(PSM_EINVAL, "psm_commit: no psm_begin before it");
    atomic_store_explicit(&m->heap_bytes, heap_used(&m->heap_d), memory_order_relaxed);
    oplog_publish(m);
    const struct log_store *store = m->log.store;
    uint64_t head = m->log.head;
    int state = atomic_load_explicit(&m->state, memory_order_relaxed);
    m->in_section = false;
    psm_current = NULL;
    lock_leave(&m->lock, m->section_way);
    if (state < 0)
        return refuse(m);
    return store != NULL ? store->wait(m, head) : 0;
}

/* Wait until all that has been acknowledged is in the image. */
static int drain(struct psm *m, uint64_t head)
{
    if (m->log.store != NULL) {
        int status = m->log.store->wait(m, head);
        if (status != 0)
            return status;
    }
    return replay_wait(m, head);
}

int psm_drain(psm_t *m)
{
    if (m == NULL)
        return psm_fail(PSM_EINVAL, "psm_drain: machine is NULL");
    if (is_nested())
        return nested();
    enum lock_way way = lock_enter(&m->lock, true);
    if (way == LOCK_NESTED)
        return nested();
    uint64_t head = m->log.head;
    int state = atomic_load(&m->state);
    lock_leave(&m->lock, way);
    return state < 0 ? refuse(m) : drain(m, head);
}

int psm_verify(psm_t *m)
{
    if (m == NULL)
        return psm_fail(PSM_EINVAL, "psm_verify: machine is NULL");
    if (is_nested())
        return nested();
    enum lock_way way = lock_enter(&m->lock, true);
    if (way == LOCK_NESTED)
        return nested();
    int status = atomic_load(&m->state) < 0 ? refuse(m) : drain(m, m->log.head);
    if (status == 0)
        status = verify_machine(m);
    if (status == 0)
        status = globals_check_frozen(m, (unsigned char *)m->space.globals_low + PSM_DELTA);
    lock_leave(&m->lock, way);
    return status;
}

int psm_stats(psm_t *m, struct psm_statistics *statistics)
{
    if (m == NULL || statistics == NULL)
        return psm_fail(PSM_EINVAL, "psm_stats: machine or statistics is NULL");
    const struct oplog *log = &m->log;
    uint64_t tail = atomic_load(&log->tail), tail_sequence = atomic_load(&log->tail_sequence);
    uint64_t executed = atomic_load(&log->executed), executed_sequence = atomic_load(&log->executed_sequence);
    *statistics = (struct psm_statistics){
        .ops = m->ops,
        .ops_recovered = m->replay.ops_recovered,
        .ops_behind = executed_sequence > tail_sequence ? executed_sequence - tail_sequence : 0,
        .log_bytes = log->bytes,
        .log_bytes_used = executed > tail ? executed - tail : 0,
        .epochs = m->epoch.epochs,
        .blocks_logged = m->epoch.blocks_logged,
        .blocks_fresh = m->epoch.blocks_fresh,
        .medium_bytes = m->bytes_foreground + m->epoch.bytes_written,
        .fences_foreground = m->fences_foreground,
        .fences_replay = m->epoch.fences,
        .pages_detached = atomic_load(&m->space.pages_detached),
        .heap_bytes = m->heap_bytes,
        .heap_capacity = heap_capacity(&m->heap_d),
        .recovery_us = m->recovery_us,
        .medium = m->medium.kind,
        .failed = atomic_load(&m->state) == PSM_EFAILED,
    };
    return 0;
}
