/* fault.c: the signal handler behind fault.h. */
#include "fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "audit.h"
#include "error.h"
#include "machine.h"
#include "program.h"

static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT };
#define CAUGHT (sizeof caught / sizeof caught[0])
static struct sigaction before[CAUGHT];

void fault_describe(const struct psm *m, uint64_t twin, char *text, size_t size)
{
    uint64_t a = twin - PSM_DELTA, window = (uint64_t)m->space.window, d = (uint64_t)m->space.d;
    if (a < 65536 || twin < 65536)
        snprintf(text, size, "it follows a null pointer");
    else if (a - d < PSM_ARENA_SIZE)
        snprintf(text, size, "it reaches %#lx, beyond the end of the heap", (unsigned long)a);
    else if (a - (window + PSM_WINDOW_STACK) < PSM_STACK_SIZE)
        snprintf(text, size, "its stack of %lu MiB overflows", (unsigned long)(PSM_STACK_SIZE >> 20));
    else if (a - window < PSM_WINDOW_SIZE)
        snprintf(text, size, "it reaches beyond its argument or out (%#lx)", (unsigned long)a);
    else if (twin - (window + PSM_WINDOW_STACK) < PSM_STACK_SIZE)
        snprintf(text, size, "its stack of %lu MiB overflows", (unsigned long)(PSM_STACK_SIZE >> 20));
    else if (a - PSM_ARENA_LOW < PSM_ARENA_HIGH - PSM_ARENA_LOW)
        snprintf(text, size, "it reaches %#lx, in another machine's state", (unsigned long)a);
    else
        snprintf(text, size, "it reaches %#lx, which is no part of the state: libc's heap, a stack or a "
                 "library's data", (unsigned long)a);
}

static void say(struct psm *m, int number, const siginfo_t *info)
{
    struct replay *r = &m->replay;
    char text[256];
    switch (number) {
    case SIGBUS: /* files are where the heap is: their medium fails, not the op */
        if (info->si_code > 0) {
            snprintf(text, sizeof text, "the medium fails (SIGBUS) at %p", info->si_addr);
            r->in_op = false;
            break;
        }
        /* fallthrough */
    case SIGSEGV:
        if (info->si_code > 0) {
            /* A non-canonical address comes without its value. */
            if (info->si_addr == NULL)
                snprintf(text, sizeof text, "it follows a null or a wild pointer");
            else
                fault_describe(m, (uint64_t)info->si_addr, text, sizeof text);
            break;
        }
        /* fallthrough */
    default:
        snprintf(text, sizeof text, "it dies of signal %d (%s)", number, sigabbrev_np(number));
        break;
    case SIGFPE:
        snprintf(text, sizeof text, "it divides by zero, or the like (SIGFPE)");
        break;
    case SIGABRT:
        snprintf(text, sizeof text, "it calls abort, or an assertion in it fails");
        break;
    }
    snprintf(r->trouble, sizeof r->trouble, "%s", text);
}

/* A write to a page that is there, but read-only, is how PSM_CHECK learns of it. */
static bool is_watched(int number, const siginfo_t *info, const void *context)
{
    const ucontext_t *c = context;
    return number == SIGSEGV && info->si_code == SEGV_ACCERR && (c->uc_mcontext.gregs[REG_ERR] & 2) != 0
           && audit_fault(info->si_addr, (const void *)c->uc_mcontext.gregs[REG_RIP]);
}

static void handler(int number, siginfo_t *info, void *context)
{
    struct psm *m = psm_replaying;
    if (is_watched(number, info, context))
        return;
    if (m != NULL) {
        say(m, number, info);
        siglongjmp(m->replay.escape, 1);
    }
    for (size_t i = 0; i < CAUGHT; i++) {
        if (caught[i] != number)
            continue;
        if (before[i].sa_flags & SA_SIGINFO) {
            before[i].sa_sigaction(number, info, context);
            return;
        }
        if (before[i].sa_handler == SIG_IGN)
            return;
        if (before[i].sa_handler != SIG_DFL) {
            before[i].sa_handler(number);
            return;
        }
        sigaction(number, &before[i], NULL);
        /* A fault happens again on return and then kills; what was sent must be sent again. */
        if (info->si_code <= 0)
            raise(number);
        return;
    }
}

static void install(void)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < CAUGHT; i++)
        sigaction(caught[i], &action, &before[i]);
}

void fault_setup(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}

void fault_enter_thread(void)
{
    stack_t alternate = { .ss_sp = psm_replaying->replay.signal_stack, .ss_size = FAULT_STACK_BYTES };
    sigset_t mask;
    sigaltstack(&alternate, &psm_replaying->replay.signal_stack_before);
    sigfillset(&mask);
    for (size_t i = 0; i < CAUGHT; i++)
        sigdelset(&mask, caught[i]);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

void fault_leave_thread(void)
{
    sigaltstack(&psm_replaying->replay.signal_stack_before, NULL); /* a sanitizer's */
}

static _Thread_local sigjmp_buf *catcher;

void fault_catch(sigjmp_buf *escape)
{
    catcher = escape;
}

static _Noreturn void leave(const char *why)
{
    struct psm *m = psm_replaying;
    if (m == NULL)
        psm_fatal("%s", why);
    snprintf(m->replay.trouble, sizeof m->replay.trouble, "%s", why);
    siglongjmp(m->replay.escape, 1);
}

void psm_replay_trap(const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    leave(why);
}

void psm_replay_fail(const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (psm_replaying != NULL)
        psm_replaying->replay.in_op = false;
    else if (catcher != NULL) {
        psm_fail(PSM_EFAILED, "%s", why);
        siglongjmp(*catcher, 1);
    }
    leave(why);
}
