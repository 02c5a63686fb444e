/* replay.c: the replay thread. See replay.h.
 *
 * The order of things in an epoch is DESIGN's R1-R6; which fence orders what is said in
 * undo.c. The tail of a commit is published (log space reusable, drains answered) when
 * it is known durable: at the next epoch's first fence, or by a fence of its own when
 * the thread is idle or somebody waits. */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "error.h"
#include "fault.h"
#include "futex.h"
#include "machine.h"
#include "program.h"
#include "wrap.h"

#define NAP_NS_MIN 200000   /* shorter ones make epochs of a few ops, at two fences each */
#define NAP_NS_MAX 20000000
/* With somebody waiting for space, epochs end after this many ops. */
#define OPS_WHEN_WANTED 1024

static void publish_tail(struct psm *m)
{
    struct replay *r = &m->replay;
    if (r->published)
        return;
    r->published = true;
    atomic_store_explicit(&m->log.tail_sequence, m->commit.sequence, memory_order_relaxed);
    /* All reads of the entries before it come before anybody's writing over them. */
    atomic_store_explicit(&m->log.tail, m->commit.position, memory_order_release);
    atomic_fetch_add(&r->progress, 1);
    if (atomic_load(&r->wants) != 0)
        futex_wake(&r->progress);
    if (r->extents) {
        r->extents = false;
        extent_remove(m, m->commit.sequence);
    }
}

static void settle(struct psm *m)
{
    if (m->replay.published)
        return;
    if (m->epoch.store->settle(m) != 0)
        psm_replay_fail("%s", psm_error_detail());
    publish_tail(m);
}

void replay_begin_epoch(struct psm *m)
{
    epoch_begin(m);
    heap_epoch_begin(&m->heap_p);
    publish_tail(m);
}

static void note_attempt(struct psm *m, uint64_t sequence, uint64_t count)
{
    struct attempt *a = m->replay.attempt;
    a->sequence = sequence;
    a->count = count;
    a->checksum = hash_bytes(&a->sequence, sizeof *a - sizeof a->checksum, m->machine_salt);
}

static const void *map_extent(struct psm *m, const struct log_entry *e, size_t *size)
{
    const struct log_extent *extent = (const struct log_extent *)(e + 1);
    int fd = extent_open(m, e->sequence, extent->bytes);
    const void *arg = fd >= 0 ? space_map_extent(m, fd, extent->bytes) : NULL;
    if (arg == NULL)
        psm_replay_fail("cannot read its argument, extent-%" PRIx64 ": %s", e->sequence, strerror(errno));
    close(fd);
    *size = extent->bytes;
    return arg;
}

static void run_entry(struct psm *m, const struct log_entry *e, uint64_t position, uint64_t next)
{
    struct replay *r = &m->replay;
    if (e->kind == LOG_REFUSAL)
        return;
    r->refused_from = UINT64_MAX;
    r->growths = r->draws = 0;
    if (next < r->limit) {
        const struct log_entry *after = oplog_at(&m->log, next);
        const struct log_refusal *refusal = (const struct log_refusal *)(after + 1);
        if (after->kind == LOG_REFUSAL && refusal->sequence == e->sequence)
            r->refused_from = refusal->growth;
    }
    const void *arg = NULL;
    size_t size = e->length;
    if (e->kind == LOG_OP_EXTENT)
        arg = map_extent(m, e, &size);
    else if (size != 0)
        arg = m->space.window + PSM_WINDOW_LOG + (position & m->log.mask) + sizeof *e;
    void *out = NULL;
    if (e->flags & LOG_OUT) {
        out = space_out(m, e->out_bytes);
        if (out == NULL)
            psm_replay_fail("no memory for its out of %u bytes", e->out_bytes);
    }
    r->in_op = true;
    errno = 0; /* as in the foreground */
    psm_ops_replayed++;
    m->program->op[e->op].shadow(m->root, arg, size, out);
    r->in_op = false;
    if (e->kind == LOG_OP_EXTENT) {
        space_unmap_extent(m);
        r->extents = true;
    }
}

__attribute__((noinline)) static void litter(void)
{
    volatile unsigned char rubbish[65536];
    for (size_t i = 0; i < sizeof rubbish; i++)
        rubbish[i] = (unsigned char)(0xa5 ^ i >> 3);
}

/* Once more, for PSM_CHECK: what lies on the stack, and where, shall make no difference. */
__attribute__((noinline)) static void run_elsewhere(struct psm *m, const struct log_entry *e, uint64_t position,
                                                    uint64_t next)
{
    volatile unsigned char apart[5008];
    apart[0] = 1;
    litter();
    run_entry(m, e, position, next);
    apart[1] = apart[0];
}

/* Commit the open epoch. */
static void end_epoch(struct psm *m)
{
    struct replay *r = &m->replay;
    struct commit next = m->commit;
    next.epoch = m->epoch.number;
    next.position = r->position;
    next.sequence = r->sequence;
    next.time = r->time;
    next.image_bytes = m->space.globals_bytes + atomic_load(&m->space.arena_bytes);
    if (epoch_commit(m, &next) != 0)
        psm_replay_fail("%s", psm_error_detail());
    r->published = false;
    if (m->epoch.store->commit_is_durable)
        publish_tail(m);
}

/* To a few milliseconds; a precise clock would cost a short op some percent. */
static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Whether the epoch has to end though there may be more to replay. */
static bool is_enough(struct psm *m)
{
    struct replay *r = &m->replay;
    const struct psm_options *o = &m->options;
    return (o->epoch_ops_max != 0 && r->epoch_ops >= o->epoch_ops_max)
           || m->epoch.store->is_full(m) || now_ns() - r->epoch_began_ns >= m->epoch.store->age_ns_max
           || (r->epoch_ops >= OPS_WHEN_WANTED && atomic_load_explicit(&r->wants, memory_order_relaxed) != 0);
}

/* Replay up to r->limit, which moves on while the machine serves, in an epoch: that which
 * is open, or a new one. Commits it if it is enough; else leaves it open. */
static void run_entries(struct psm *m)
{
    struct replay *r = &m->replay;
    struct oplog *log = &m->log;
    bool serves = r->attempt == NULL, audited = m->audit != NULL;
    if (!m->epoch.open) {
        r->epoch_ops = 0;
        r->epoch_began_ns = now_ns();
        replay_begin_epoch(m);
    }
    while (r->position < r->limit) {
        const struct log_entry *e = oplog_at(log, r->position);
        uint64_t next = r->position + oplog_entry_size(e->length);
        __builtin_prefetch(oplog_at(log, next));
        r->entry = e;
        r->time = e->time;
        if (!serves)
            note_attempt(m, e->sequence, r->earlier.sequence == e->sequence ? r->earlier.count + 1 : 1);
        if (__builtin_expect(audited, 0))
            audit_begin_entry(m);
        run_entry(m, e, r->position, next);
        if (__builtin_expect(audited, 0)) {
            if (audit_again(m))
                run_elsewhere(m, e, r->position, next);
            audit_end_entry(m, next);
        }
        r->entry = NULL;
        r->position = next;
        r->sequence = e->sequence + 1;
        if (e->kind != LOG_REFUSAL) {
            r->epoch_ops++;
            if (!serves)
                count_add(&r->ops_recovered, 1);
        }
        if (is_enough(m)) {
            end_epoch(m);
            return;
        }
        if (serves && r->position == r->limit)
            r->limit = atomic_load_explicit(&log->executed, memory_order_acquire);
    }
}

static void nap(struct psm *m, int64_t ns)
{
    struct replay *r = &m->replay;
    atomic_store(&r->naps, 1);
    if (atomic_load(&m->log.executed) == r->position && atomic_load(&r->phase) == REPLAY_SERVES
        && (atomic_load(&r->wants) == 0 || r->published))
        futex_wait(&r->naps, 1, ns);
    atomic_store_explicit(&r->naps, 0, memory_order_relaxed);
}

/* Nothing is left to replay: whether the open epoch is committed now. */
static bool is_time(struct psm *m, uint32_t phase, int64_t idle_ns)
{
    int64_t linger_ns = m->epoch.store->linger_ns;
    if (m->audit != NULL && linger_ns == 0)
        linger_ns = m->epoch.store->age_ns_max; /* or each op would be an epoch, and none the second of one */
    return phase == REPLAY_STOPS || idle_ns >= linger_ns || atomic_load(&m->replay.wants) != 0;
}

static void serve(struct psm *m)
{
    struct replay *r = &m->replay;
    int64_t nap_ns = NAP_NS_MIN, idle_ns = 0;
    for (;;) {
        uint32_t phase = atomic_load(&r->phase); /* before executed: none is added after STOPS */
        r->limit = atomic_load_explicit(&m->log.executed, memory_order_acquire);
        if (r->position != r->limit) {
            run_entries(m);
            if (atomic_load(&r->wants) != 0 && !m->epoch.open)
                settle(m);
            nap_ns = NAP_NS_MIN;
            idle_ns = 0;
            continue;
        }
        if (m->epoch.open && is_time(m, phase, idle_ns))
            end_epoch(m);
        if (!m->epoch.open)
            settle(m);
        if (phase == REPLAY_STOPS)
            return;
        nap(m, nap_ns);
        idle_ns += nap_ns;
        nap_ns = nap_ns * 2 < NAP_NS_MAX ? nap_ns * 2 : NAP_NS_MAX;
    }
}

static void recover(struct psm *m)
{
    struct replay *r = &m->replay;
    r->limit = r->recover_until;
    while (r->position != r->limit)
        run_entries(m);
    if (m->epoch.open)
        end_epoch(m);
    /* By the thread that stored it: the fences of the one that commits next are not for
     * this commit, and two commits in flight could both be torn. */
    settle(m);
}

static uint32_t wait_for_phase(struct replay *r, uint32_t not_this)
{
    pthread_mutex_lock(&r->mutex);
    while (atomic_load(&r->phase) == not_this)
        pthread_cond_wait(&r->changed, &r->mutex);
    uint32_t phase = atomic_load(&r->phase);
    pthread_mutex_unlock(&r->mutex);
    return phase;
}

static void set_phase(struct replay *r, enum replay_phase phase)
{
    pthread_mutex_lock(&r->mutex);
    atomic_store(&r->phase, phase);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

static void recovered(struct replay *r, int result)
{
    pthread_mutex_lock(&r->mutex);
    r->result = result;
    r->recovered = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

/* A fault or a trap has brought us here; trouble says which. Nothing of the epoch is
 * committed, and this thread will not touch the image again. */
static void give_up(struct psm *m)
{
    struct replay *r = &m->replay;
    char why[768];
    const struct log_entry *e = r->entry;
    if (e != NULL)
        snprintf(why, sizeof why, "entry %" PRIu64 ", op '%s', cannot be replayed: %s", e->sequence,
                 e->op < m->program->op_count ? m->program->op[e->op].name : "?", r->trouble);
    else
        snprintf(why, sizeof why, "replay failed: %s", r->trouble);
    memcpy(r->trouble, why, sizeof r->trouble - 1);
    if (r->attempt != NULL) {
        if (r->in_op && e != NULL)
            note_attempt(m, e->sequence, REPLAY_ATTEMPTS_MAX);
        recovered(r, r->in_op ? PSM_EPOISON : PSM_EFAILED);
        wait_for_phase(r, REPLAY_RECOVERS);
        return;
    }
    machine_fail(m, r->trouble);
    if (atomic_load(&r->phase) == REPLAY_SERVES)
        wait_for_phase(r, REPLAY_SERVES);
}

static void replay_loop(void *argument)
{
    struct psm *m = argument;
    struct replay *r = &m->replay;
    if (sigsetjmp(r->escape, 0) != 0) {
        give_up(m);
        return;
    }
    uint32_t phase = wait_for_phase(r, REPLAY_WAITS);
    if (phase == REPLAY_RECOVERS) {
        recover(m);
        recovered(r, 0);
        phase = wait_for_phase(r, REPLAY_RECOVERS);
    }
    if (phase != REPLAY_ENDS)
        serve(m);
}

/* Call f(argument) on the stack that ends at top, which is 16-aligned. */
__attribute__((naked)) static void call_on_stack(void (*f)(void *), void *argument, void *top)
{
    __asm__("pushq %rbp\n\t"
            ".cfi_def_cfa_offset 16\n\t"
            ".cfi_offset %rbp, -16\n\t"
            "movq %rsp, %rbp\n\t"
            ".cfi_def_cfa_register %rbp\n\t"
            "movq %rdx, %rsp\n\t"
            "movq %rdi, %rax\n\t"
            "movq %rsi, %rdi\n\t"
            "callq *%rax\n\t"
            "movq %rbp, %rsp\n\t"
            "popq %rbp\n\t"
            ".cfi_def_cfa %rsp, 8\n\t"
            "retq");
}

/* Shadow code runs on the stack in the window, which has a twin. The thread's own stack,
 * with its control block and thread-locals, is an ordinary one: the window's is shared
 * memory, and a forked child, which tidies up its copy of glibc's list of threads, would
 * write to the parent's there. Stores of ops to thread-locals (errno) are let through. */
static void *replay_main(void *argument)
{
    struct psm *m = argument;
    pthread_attr_t attributes;
    void *own = NULL;
    size_t own_size = 0;
    psm_replaying = m;
    fault_enter_thread();
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &own, &own_size);
        pthread_attr_destroy(&attributes);
    }
    space_mark(own, own_size, true);
    call_on_stack(replay_loop, m, m->space.window + PSM_WINDOW_STACK + PSM_STACK_SIZE);
    space_mark(own, own_size, false);
    fault_leave_thread();
    return NULL;
}

int replay_start(struct psm *m)
{
    struct replay *r = &m->replay;
    pthread_attr_t attributes;
    sigset_t all, old;
    r->signal_stack = malloc(FAULT_STACK_BYTES);
    if (r->signal_stack == NULL)
        return psm_fail(PSM_ENOMEM, "no memory for the fault handler's stack");
    r->position = m->commit.position;
    r->sequence = m->commit.sequence;
    r->time = m->commit.time;
    r->published = true;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int reason = pthread_create(&r->thread, &attributes, replay_main, m);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    if (reason != 0) {
        errno = reason;
        return psm_fail_system("cannot start", "the replay thread");
    }
    r->started = true;
    return 0;
}

int replay_recover(struct psm *m, uint64_t until)
{
    struct replay *r = &m->replay;
    r->recover_until = until;
    r->attempt = (struct attempt *)(m->super + LAYOUT_ATTEMPT_OFFSET);
    set_phase(r, REPLAY_RECOVERS);
    pthread_mutex_lock(&r->mutex);
    while (!r->recovered)
        pthread_cond_wait(&r->changed, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
    if (r->result == PSM_EPOISON)
        return psm_fail(PSM_EPOISON, "%s: %s. PSM_DROP_POISON drops it and what follows, unless that shows that its caller was told; "
                        "PSM_REPLAY_NATIVE replays it by the plain code", m->directory, r->trouble);
    if (r->result != 0)
        return psm_fail(r->result, "%s: %s", m->directory, r->trouble);
    memset(r->attempt, 0, sizeof *r->attempt);
    r->attempt = NULL;
    return 0;
}

void replay_serve(struct psm *m)
{
    set_phase(&m->replay, REPLAY_SERVES);
}

int replay_stop(struct psm *m)
{
    struct replay *r = &m->replay;
    if (!r->started)
        return 0;
    set_phase(r, atomic_load(&r->phase) == REPLAY_SERVES ? REPLAY_STOPS : REPLAY_ENDS);
    replay_wake(m);
    pthread_join(r->thread, NULL);
    r->started = false;
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->changed);
    free(r->signal_stack);
    int state = atomic_load(&m->state);
    return state < 0 ? state : 0;
}

void replay_wake(struct psm *m)
{
    struct replay *r = &m->replay;
    if (atomic_load_explicit(&r->naps, memory_order_relaxed) != 0 && atomic_exchange(&r->naps, 0) != 0)
        futex_wake(&r->naps);
}

int replay_wait(struct psm *m, uint64_t position)
{
    struct replay *r = &m->replay;
    int status = 0;
    atomic_fetch_add(&r->wants, 1);
    for (;;) {
        uint32_t progress = atomic_load(&r->progress);
        if (atomic_load_explicit(&m->log.tail, memory_order_acquire) >= position)
            break;
        status = atomic_load(&m->state);
        if (status < 0)
            break;
        replay_wake(m);
        futex_wait(&r->progress, progress, 100 * 1000 * 1000);
    }
    atomic_fetch_sub(&r->wants, 1);
    return status >= 0 ? 0 : psm_fail(status, "%s: %s", m->directory, m->trouble);
}
