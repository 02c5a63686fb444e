/* run.c: see run.h. */
#include "run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../machine.h"
#include "../program.h"
#include "trace.h"

#define LAG_NS 300000
#define THREADS_MAX 3

#pragma clang section text = "psm_crashtest_run" /* for places.c to know it */

static bool __attribute__((format(printf, 2, 3))) wrong(struct life *life, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t used = (size_t)vsnprintf(life->trouble, sizeof life->trouble, format, arguments);
    va_end(arguments);
    if (life->said[0] != '\0' && used < sizeof life->trouble)
        snprintf(life->trouble + used, sizeof life->trouble - used, " (%s)", life->said);
    return false;
}

static void hear(void *context, enum psm_log_level level, const char *line)
{
    struct life *life = context;
    if (level != PSM_LOG_INFO)
        snprintf(life->said, sizeof life->said, "%s", line);
}

/* A life is that of a new process: what the program keeps outside its state has its first
 * value. Of the program are the globals that the pass has noted; psm_init sees to those that
 * are state. */
static void restart_globals(void)
{
    static unsigned char *first;
    const struct program *p;
    size_t at = 0;
    bool saves = first == NULL;
    if (program_load(&p) != 0)
        return; /* psm_init says why */
    for (uint32_t i = 0; saves && i < p->global_count; i++)
        at += p->global[i].size;
    if (saves && (first = malloc(at + 1)) == NULL) {
        fprintf(stderr, "psm-crashtest: no memory for a copy of the program's globals\n");
        exit(2);
    }
    at = 0;
    for (uint32_t i = 0; i < p->global_count; at += p->global[i++].size) {
        const struct program_global *g = &p->global[i];
        void *global = (void *)(uintptr_t)g->address;
        if (g->address < p->data_low || g->address + g->size > p->data_high || g->kind == PROGRAM_STATE)
            continue;
        if (saves)
            memcpy(first + at, global, g->size);
        else if (memcmp(global, first + at, g->size) != 0)
            memcpy(global, first + at, g->size);
    }
}

/* What would differ from run to run comes from here, so that images are alike if what has
 * led to them is: they are counted by their bytes. */
static int64_t clock_ns;
static uint64_t salt_seed;

static int64_t next_time(void)
{
    return __atomic_add_fetch(&clock_ns, 1000, __ATOMIC_RELAXED);
}

static uint64_t next_salt(void)
{
    return psm_crashtest_random(&salt_seed);
}

static void set_outside(const struct life *life)
{
    clock_ns = INT64_C(1700000000000000000) + (int64_t)life->number * INT64_C(1000000000000);
    salt_seed = life->number * UINT64_C(0x9e3779b97f4a7c15);
    oplog_clock = next_time;
    machine_new_salt = next_salt;
}

static int open_machine(struct life *life, psm_t **m, uint32_t flags)
{
    struct psm_options o = life->test->options;
    o.epoch_ops_max = life->sequence->epoch_ops_max;
    o.flags |= flags;
    if (life->sequence->lockstep) /* replayed in step, and compared in step */
        o.flags |= PSM_CHECK;
    if (o.log == NULL) {
        o.log = hear;
        o.log_context = life;
    }
    return psm_init(m, life->directory, &o);
}

static bool check_state(struct life *life, psm_t *m)
{
    const char *why = life->test->check != NULL ? life->test->check(psm_root(m)) : NULL;
    return why == NULL || wrong(life, "the program's own check says: %s", why);
}

/* The state must be the one after some number of ops that is allowed. The log's own count
 * says which, and its digest must be that one's. */
static bool find_prefix(struct life *life, psm_t *m)
{
    struct states *s = life->states;
    uint64_t digest = life->test->digest(psm_root(m)), entry = m->log.sequence, n = 0, count = life->sequence->count;
    if (life->first) {
        s->digest[0] = digest;
        s->entry[0] = entry;
        life->begins = 0;
        return true;
    }
    while (n < count && s->entry[n] != entry)
        n++;
    life->begins = n;
    if (s->entry[n] != entry)
        return wrong(life, "the log ends at entry %lu, after no op of the sequence", (unsigned long)entry);
    if (n < life->low)
        return wrong(life, "%lu ops were acknowledged, and %lu are there: what was durable is lost",
                     (unsigned long)life->low, (unsigned long)n);
    if (n > life->high)
        return wrong(life, "%lu ops were begun, and %lu are there: one has come back from an earlier life",
                     (unsigned long)life->high, (unsigned long)n);
    if (digest == s->digest[n])
        return true;
    for (uint64_t i = 0; i <= count; i++)
        if (s->digest[i] == digest)
            return wrong(life, "the log has %lu ops, and the state is the one after %lu", (unsigned long)n,
                         (unsigned long)i);
    return wrong(life, "the log has %lu ops, and the state is the one after no number of them", (unsigned long)n);
}

/* Step `i` has been run: the state after it. Within a group the caller has the lock. */
static bool note_state(struct life *life, psm_t *m, uint32_t i)
{
    struct states *s = life->states;
    if (life->together)
        return true;
    struct psm *section = psm_current; /* the digest may use malloc, and it shall be libc's */
    psm_current = NULL;
    uint64_t digest = life->test->digest(psm_root(m)), entry = m->log.sequence;
    psm_current = section;
    if (life->first) {
        s->digest[i + 1] = digest;
        s->entry[i + 1] = entry;
    } else if (entry != s->entry[i + 1]) {
        return wrong(life, "after op %u the log is at entry %lu, and was at %lu in the first run", i + 1,
                     (unsigned long)entry, (unsigned long)s->entry[i + 1]);
    } else if (!(life->test->flags & PSM_CRASHTEST_TIMED) && digest != s->digest[i + 1]) {
        return wrong(life, "going on after the crash, op %u leads to another state than without it: %016lx, "
                     "not %016lx", i + 1, (unsigned long)digest, (unsigned long)s->digest[i + 1]);
    }
    return true;
}

static bool run_step(struct life *life, psm_t *m, uint32_t i, bool in_group, void *arg, void *out)
{
    const struct step *step = &life->sequence->step[i];
    const struct psm_crashtest_op *op = &life->test->ops[step->op];
    size_t size = op->argument != NULL ? op->argument(arg, step->seed) : 0;
    int64_t status;
    if (size > life->test->arg_size_max) {
        fprintf(stderr, "psm-crashtest: %s made an argument of %zu bytes, and arg_size_max is %zu\n", op->name,
                size, life->test->arg_size_max);
        exit(2);
    }
    recorder_mark(EVENT_BEGUN, i + 1);
    if (op->out_size != 0)
        memset(out, 0, op->out_size);
    if (in_group) {
        op->op(psm_root(m), size != 0 ? arg : NULL, size, NULL); /* no out, as in its replay */
        status = psm_append(m, op->op, arg, size);
    } else {
        status = psm_invoke_rw(m, op->op, arg, size, op->out_size != 0 ? out : NULL, op->out_size);
    }
    if (psm_is_error(status))
        return wrong(life, "op %u, %s, fails: %s: %s", i + 1, op->name, psm_strerror(status), psm_error_detail());
    if (!in_group)
        recorder_mark(EVENT_ACKNOWLEDGED, i + 1);
    return note_state(life, m, i);
}

static bool run_ops(struct life *life, psm_t *m, void *arg, void *out)
{
    const struct sequence *s = life->sequence;
    bool in_group = false;
    for (uint32_t i = (uint32_t)life->begins; i < s->count; i++) {
        bool grouped = s->step[i].grouped;
        if (grouped && !in_group) {
            if (psm_begin(m) != 0)
                return wrong(life, "psm_begin: %s", psm_error_detail());
            in_group = true;
        }
        if (!run_step(life, m, i, in_group, arg, out))
            return false;
        if (in_group && !grouped) {
            if (psm_commit(m) != 0)
                return wrong(life, "psm_commit: %s", psm_error_detail());
            recorder_mark(EVENT_ACKNOWLEDGED, i + 1);
            in_group = false;
        }
        if (s->lockstep && !in_group && psm_drain(m) != 0)
            return wrong(life, "psm_drain: %s", psm_error_detail());
    }
    return true;
}

/* Ops by other threads, whose fences are not those of the one that opens and closes. */
struct errand {
    pthread_t thread;
    struct life *life, own; /* own: its troubles */
    psm_t *m;
    _Atomic uint32_t *next; /* step to be taken; NULL: all of them by this thread */
    size_t out_size;
    bool fine;
};

static void *run_errand(void *argument)
{
    struct errand *e = argument;
    void *arg = aligned_alloc(16, (e->own.test->arg_size_max + 31) & ~(size_t)15), *out = malloc(e->out_size + 1);
    e->fine = arg != NULL && out != NULL;
    if (e->fine && e->next == NULL)
        e->fine = run_ops(&e->own, e->m, arg, out);
    while (e->fine && e->next != NULL) {
        uint32_t step = atomic_fetch_add(e->next, 1);
        if (step >= e->own.sequence->count)
            break;
        e->fine = run_step(&e->own, e->m, step, false, arg, out);
    }
    free(arg);
    free(out);
    return NULL;
}

static bool run_ops_elsewhere(struct life *life, psm_t *m, size_t out_size)
{
    struct errand errand[THREADS_MAX];
    uint32_t threads = life->together ? life->sequence->threads : 1;
    _Atomic uint32_t next = 0;
    bool fine = true;
    for (uint32_t i = 0; i < threads; i++) {
        errand[i] = (struct errand){ .own = *life, .m = m, .next = life->together ? &next : NULL, .out_size = out_size };
        if (pthread_create(&errand[i].thread, NULL, run_errand, &errand[i]) != 0) {
            fprintf(stderr, "psm-crashtest: cannot start a thread\n");
            exit(2);
        }
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(errand[i].thread, NULL);
        if (fine && !errand[i].fine) {
            fine = false;
            memcpy(life->trouble, errand[i].own.trouble, sizeof life->trouble);
        }
    }
    if (fine && life->together) {
        life->states->digest[life->sequence->count] = life->test->digest(psm_root(m));
        life->states->entry[life->sequence->count] = m->log.sequence;
    }
    return fine;
}

static bool verify(struct life *life, psm_t *m, const char *when)
{
    int status = psm_verify(m);
    return status == 0 || wrong(life, "psm_verify %s: %s", when, psm_error_detail());
}

static bool close_machine(struct life *life, psm_t *m)
{
    int status = psm_close(m);
    return status == 0 || wrong(life, "psm_close: %s: %s", psm_strerror(status), psm_error_detail());
}

static bool live(struct life *life, void *arg, void *out, size_t out_size)
{
    psm_t *m;
    int status = open_machine(life, &m, PSM_OPEN);
    if (status != 0)
        return wrong(life, "psm_init: %s: %s", psm_strerror(status), psm_error_detail());
    bool fine = find_prefix(life, m);
    if (fine) {
        /* The program has seen this state: what it is not part of is gone for good. */
        recorder_mark(EVENT_BEGUN, life->begins);
        recorder_mark(EVENT_ACKNOWLEDGED, life->begins);
    }
    fine = fine && check_state(life, m) && (life->first || verify(life, m, "after the recovery"))
           && (life->sequence->threads != 0 ? run_ops_elsewhere(life, m, out_size) : run_ops(life, m, arg, out))
           && check_state(life, m)
           && (!life->verify_after || verify(life, m, "after going on"));
    uint64_t digest = fine ? life->test->digest(psm_root(m)) : 0;
    if (!fine) {
        psm_close(m);
        return false;
    }
    if (!close_machine(life, m) || !life->reopen)
        return life->trouble[0] == '\0';
    if (open_machine(life, &m, PSM_OPEN) != 0)
        return wrong(life, "psm_init after psm_close: %s", psm_error_detail());
    fine = life->test->digest(psm_root(m)) == digest || wrong(life, "the state after psm_close is not as before it");
    return close_machine(life, m) && fine;
}

bool life_run(struct life *life)
{
    size_t out_size = 0;
    for (size_t i = 0; i < life->test->op_count; i++)
        if (life->test->ops[i].out_size > out_size)
            out_size = life->test->ops[i].out_size;
    void *arg = aligned_alloc(16, (life->test->arg_size_max + 31) & ~(size_t)15), *out = malloc(out_size + 1);
    if (arg == NULL || out == NULL) {
        fprintf(stderr, "psm-crashtest: no memory for arguments\n");
        exit(2);
    }
    life->trouble[0] = life->said[0] = '\0';
    set_outside(life);
    restart_globals();
    recorder_lag(life->sequence->lag ? LAG_NS : 0);
    bool fine = live(life, arg, out, out_size);
    free(arg);
    free(out);
    return fine;
}
