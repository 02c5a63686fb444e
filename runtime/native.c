/* native.c: recovery without shadow code (PSM_REPLAY_NATIVE), the last resort and the
 * tests' oracle: the plain variants run on a private D over the image, and what they
 * have changed is then written back as one epoch, block by block, under the undo log. */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "fault.h"
#include "machine.h"
#include "program.h"

int64_t machine_run_op(struct psm *m, psm_op_fn *op, const void *arg, size_t arg_size, void *out)
{
    m->op_growths = 0;
    m->op_refused = false;
    errno = 0; /* as in replay: no op depends on what was before it */
    psm_current = m;
    int64_t result = op(m->root, arg, arg_size, out);
    psm_current = NULL;
    return result;
}

/* The argument where the op can have it: 16-aligned, its own copy. */
static void *load_argument(struct psm *m, const struct log_entry *e, size_t *size)
{
    *size = e->length;
    const struct log_extent *extent = (const struct log_extent *)(e + 1);
    if (e->kind == LOG_OP_EXTENT)
        *size = extent->bytes;
    void *arg = aligned_alloc(16, (*size + 16) & ~(size_t)15);
    if (arg == NULL)
        return NULL;
    if (e->kind != LOG_OP_EXTENT)
        return memcpy(arg, e + 1, *size);
    int fd = extent_open(m, e->sequence, *size);
    size_t done = 0;
    for (ssize_t got; fd >= 0 && done < *size; done += (size_t)got)
        if ((got = pread(fd, (char *)arg + done, *size - done, (off_t)done)) <= 0)
            break;
    if (fd >= 0)
        close(fd);
    if (done == *size)
        return arg;
    free(arg);
    return NULL;
}

static int run_one(struct psm *m, const struct log_entry *e)
{
    size_t size;
    void *arg = load_argument(m, e, &size), *out = NULL;
    if (e->flags & LOG_OUT)
        out = calloc(1, e->out_bytes + (size_t)1);
    if (arg == NULL || ((e->flags & LOG_OUT) && out == NULL)) {
        free(arg);
        free(out);
        return psm_fail(PSM_ENOMEM, "no memory for the argument of entry %lu", (unsigned long)e->sequence);
    }
    m->op_sequence = e->sequence;
    m->op_time = e->time;
    m->op_draws = 0;
    machine_run_op(m, m->program->op[e->op].foreground, size != 0 ? arg : NULL, size, out);
    free(arg);
    free(out);
    return 0;
}

/* Announce and copy what differs, page by page and then block by block. */
static void write_back(struct psm *m, const unsigned char *from, unsigned char *twin, uint64_t size)
{
    for (uint64_t page = 0; page < size; page += LAYOUT_PAGE) {
        uint64_t end = size - page < LAYOUT_PAGE ? size : page + LAYOUT_PAGE;
        if (memcmp(from + page, twin + page, end - page) == 0)
            continue;
        for (uint64_t at = page; at < end; at += PSM_BLOCK) {
            uint64_t part = end - at < PSM_BLOCK ? end - at : PSM_BLOCK;
            if (memcmp(from + at, twin + at, part) == 0)
                continue;
            epoch_note(m, twin + at, part);
            memcpy(twin + at, from + at, part);
        }
    }
}

static void write_back_globals(struct psm *m)
{
    for (uint32_t i = 0; m->owns_globals && i < m->program->global_count; i++) {
        const struct program_global *g = &m->program->global[i];
        if (g->kind == PROGRAM_STATE)
            write_back(m, (unsigned char *)g->address, (unsigned char *)g->address + PSM_DELTA, g->size);
    }
}

static int write_all_back(struct psm *m)
{
    sigjmp_buf escape;
    if (sigsetjmp(escape, 0) != 0) {
        fault_catch(NULL);
        return PSM_EFAILED;
    }
    fault_catch(&escape);
    replay_begin_epoch(m);
    write_back(m, m->space.d, m->space.p, heap_end(&m->heap_d));
    write_back_globals(m);
    fault_catch(NULL);
    return 0;
}

int native_replay(struct psm *m, uint64_t until)
{
    uint64_t position = m->commit.position;
    int status = space_map_d(m);
    if (status != 0)
        return status;
    machine_heap_d(m);
    const char *why;
    if (heap_open(&m->heap_d, atomic_load(&m->space.arena_bytes), &why) != 0)
        return psm_fail(PSM_EFAILED, "%s: the heap cannot be used: %s", m->directory, why);
    globals_restore(m);
    uint64_t ops = 0;
    m->native = true;
    while (position < until && status == 0) {
        const struct log_entry *e = oplog_at(&m->log, position);
        position += oplog_entry_size(e->length);
        if (e->kind == LOG_REFUSAL)
            continue;
        const struct log_entry *after = oplog_at(&m->log, position);
        const struct log_refusal *refusal = (const struct log_refusal *)(after + 1);
        m->native_refused = position < until && after->kind == LOG_REFUSAL && refusal->sequence == e->sequence
                                ? refusal->growth : UINT64_MAX;
        status = run_one(m, e);
        if (status == 0 && m->native_failed != 0) {
            errno = m->native_failed;
            status = psm_fail_system("there is no room for what the log's ops allocate in", m->directory);
        }
        ops++;
    }
    m->native = false;
    if (status != 0)
        return status;
    m->replay.ops_recovered = ops;
    if ((status = write_all_back(m)) != 0)
        return status;
    struct commit next = m->commit;
    next.epoch = m->epoch.number;
    next.position = until;
    next.sequence = m->log.sequence;
    next.time = m->log.time;
    next.image_bytes = m->space.globals_bytes + atomic_load(&m->space.arena_bytes);
    if ((status = epoch_commit(m, &next)) != 0)
        return status;
    m->replay.published = false;
    /* As if it had never been: D is mapped anew from the image that it has become. */
    heap_close(&m->heap_d);
    heap_close(&m->heap_p);
    machine_heap_p(m);
    if (heap_open(&m->heap_p, atomic_load(&m->space.arena_bytes), &why) != 0)
        return psm_fail(PSM_EFAILED, "%s: the ops have left the heap damaged: %s", m->directory, why);
    free(m->space.detached);
    m->space.detached = NULL;
    m->space.private_bytes = 0;
    m->space.d_mapped = false;
    m->heap_d.base = NULL;
    return 0;
}
