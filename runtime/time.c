/* time.c: psm_time, psm_random, psm_root: what an op may know of the world.
 *
 * In an op both copies compute them from the op's entry; elsewhere they are the real
 * time and the kernel's random bits. */
#include <sys/random.h>
#include <time.h>

#include "error.h"
#include "hash.h"
#include "machine.h"

static uint64_t draw(uint64_t salt, uint64_t sequence, int64_t time, uint64_t n)
{
    uint64_t a = hash_fold(salt ^ HASH_1, sequence * HASH_3 ^ HASH_2);
    return hash_fold(a ^ (uint64_t)time, (n + 1) * HASH_2 ^ HASH_1);
}

int64_t psm_time(void)
{
    if (psm_current != NULL && !psm_current->in_section)
        return psm_current->op_time;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t psm_random(void)
{
    struct psm *m = psm_current;
    if (m != NULL && !m->in_section)
        return draw(m->machine_salt, m->op_sequence, m->op_time, m->op_draws++);
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
        psm_fatal("getrandom failed");
    return bits;
}

void *psm_root(psm_t *m)
{
    return m != NULL ? m->root : NULL;
}

/* The same in shadow variants. */

int64_t psm_w_psm_time(void)
{
    return psm_replaying->replay.time;
}

uint64_t psm_w_psm_random(void)
{
    struct replay *r = &psm_replaying->replay;
    return draw(psm_replaying->machine_salt, r->entry->sequence, r->entry->time, r->draws++);
}

void *psm_w_psm_root(psm_t *m)
{
    (void)m; /* a canonical pointer from the state or a global; there is one machine here */
    return psm_replaying->root;
}
