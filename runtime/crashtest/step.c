/* step.c: see step.h. */
#include "step.h"

#include <err.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100

static __thread bool stepping;
static bool (*look_at)(void *address);
static struct sigaction before;

static void trapped(int number, siginfo_t *info, void *context)
{
    greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (info->si_code == TRAP_TRACE) {
        stepping = stepping && look_at((void *)(uintptr_t)reg[REG_RIP]);
        if (!stepping)
            reg[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    } else if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    }
}

void step_begin(bool (*look)(void *address))
{
    struct sigaction now;
    look_at = look;
    stepping = true;
    /* The runtime has its own for SIGTRAP, from the first psm_init on. */
    if (sigaction(SIGTRAP, NULL, &now) == 0 && now.sa_sigaction == trapped)
        return;
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTRAP, &action, &before) != 0)
        err(2, "sigaction");
}

void step_end(void)
{
    step_pause();
    stepping = false;
}

void step_pause(void)
{
    if (stepping)
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::: "cc", "memory");
}

void step_resume(void)
{
    if (stepping)
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::: "cc", "memory");
}
