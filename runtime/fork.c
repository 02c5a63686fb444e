/* fork.c: what a fork does to open machines.
 *
 * The child inherits D as a snapshot, and may read it. For that no op may be under way,
 * and no page of D may still show the image's: both are seen to before the fork. The log,
 * undo and P are not inherited (MADV_DONTFORK), the replay thread neither; rw ops fail in
 * the child with PSM_EFORK. The child closes its copy of the lock's descriptor, or the
 * machine would stay locked as long as the child lives. */
#include <pthread.h>
#include <unistd.h>

#include "error.h"
#include "machine.h"

static void prepare(void)
{
    machine_list_lock();
    for (struct psm *m = machine_first(); m != NULL; m = m->next) {
        if (psm_current != m)
            m->fork_way = lock_enter(&m->lock, true);
        if (m->log.store != NULL && m->log.store->before_fork != NULL)
            m->log.store->before_fork(m);
        space_sweeper_end(m, true);
        if (!atomic_load(&m->space.all_detached))
            space_detach_rest(m);
    }
}

static void parent(void)
{
    for (struct psm *m = machine_first(); m != NULL; m = m->next) {
        if (m->log.store != NULL && m->log.store->after_fork != NULL)
            m->log.store->after_fork(m);
        if (psm_current != m)
            lock_leave(&m->lock, m->fork_way);
    }
    machine_list_unlock();
}

static void child(void)
{
    for (struct psm *m = machine_first(); m != NULL; m = m->next) {
        atomic_store(&m->state, PSM_EFORK);
        close(m->lock_fd);
        m->lock_fd = -1;
        m->replay.started = false;
        /* The globals area has not come with us; a machine that the child opens needs a mirror. */
        if (m->owns_globals)
            mirror_globals(m, false);
        m->owns_globals = false;
        if (psm_current != m)
            lock_leave(&m->lock, m->fork_way);
    }
    machine_list_unlock();
}

void fork_setup(void)
{
    pthread_atfork(prepare, parent, child);
}
