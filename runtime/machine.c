/* machine.c: the list of open machines, and what concerns a machine as a whole. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "futex.h"

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct psm *list;

void machine_list_lock(void)
{
    pthread_mutex_lock(&list_mutex);
}

void machine_list_unlock(void)
{
    pthread_mutex_unlock(&list_mutex);
}

struct psm *machine_first(void)
{
    return list;
}

void machine_add(struct psm *m)
{
    m->next = list;
    list = m;
}

void machine_remove(struct psm *m)
{
    machine_list_lock();
    for (struct psm **at = &list; *at != NULL; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    machine_list_unlock();
}

void machine_each(void (*visit)(struct psm *m, void *context), void *context)
{
    machine_list_lock();
    for (struct psm *m = list; m != NULL; m = m->next)
        visit(m, context);
    machine_list_unlock();
}

struct psm *machine_of(const void *address)
{
    struct psm *found = NULL;
    machine_list_lock();
    for (struct psm *m = list; m != NULL; m = m->next)
        if ((uintptr_t)address - (uintptr_t)m->space.d < PSM_ARENA_SIZE)
            found = m;
    machine_list_unlock();
    return found;
}

void machine_fail(struct psm *m, const char *why)
{
    if (atomic_load(&m->state) < 0 || atomic_exchange(&m->failing, true))
        return;
    snprintf(m->trouble, sizeof m->trouble, "%s", why);
    for (int state = atomic_load(&m->state); state >= 0;)
        if (atomic_compare_exchange_weak(&m->state, &state, PSM_EFAILED))
            break;
    psm_say(m, PSM_LOG_ERROR, "the machine has failed and acknowledges nothing more: %s", why);
    lock_close_gate(&m->lock); /* reads look at the state again */
    /* Those who wait for the tail look at the state. */
    atomic_fetch_add(&m->replay.progress, 1);
    futex_wake(&m->replay.progress);
}
