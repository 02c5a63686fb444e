/* wrap_process.c: what shadow variants see of the process they run in: errno, ctype's
 * tables, locks, and the ways to end. See wrap.h. */
#include "wrap.h"
#include "addresses.h"
#include "machine.h"
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>

/* --- errno and ctype's tables ------------------------------------------------------------ */

/* The replay thread's own errno. Its thread-local storage lies on its stack in the
 * window, where a twin exists already; elsewhere the address is made up so that its
 * twin is the real thing. */
int *psm_w___errno_location(void)
{
    uintptr_t address = (uintptr_t)&errno;
    if (address >= PSM_WINDOW_LOW && address < PSM_WINDOW_HIGH)
        return &errno;
    return wrap_canonical(&errno);
}

/* Op code follows two pointers, so both must be found at +delta: the table, and the
 * variable that says where the table is. */
#define TABLE(name, type)                                                           \
    const type **psm_w_##name(void)                                                 \
    {                                                                               \
        static __thread const type *table;                                          \
        table = wrap_canonical(*name());                                            \
        return wrap_canonical(&table);                                              \
    }

TABLE(__ctype_b_loc, unsigned short)
TABLE(__ctype_tolower_loc, int32_t)
TABLE(__ctype_toupper_loc, int32_t)

/* --- locks: made and unmade; locking is skipped ------------------------------------------------------ */

#define LOCK_INIT(name, lock_type, attribute_type)                                  \
    int psm_w_##name(lock_type *lock, const attribute_type *attributes)             \
    {                                                                               \
        wrap_announce(wrap_twin(lock), sizeof *lock);                               \
        return name(wrap_twin(lock), wrap_twin(attributes));                        \
    }
#define LOCK_DESTROY(name, lock_type)                                               \
    int psm_w_##name(lock_type *lock)                                               \
    {                                                                               \
        wrap_announce(wrap_twin((const void *)lock), sizeof *lock);                 \
        return name(wrap_twin((const void *)lock));                                 \
    }

LOCK_INIT(pthread_mutex_init, pthread_mutex_t, pthread_mutexattr_t)
LOCK_INIT(pthread_rwlock_init, pthread_rwlock_t, pthread_rwlockattr_t)
LOCK_INIT(pthread_cond_init, pthread_cond_t, pthread_condattr_t)
LOCK_DESTROY(pthread_mutex_destroy, pthread_mutex_t)
LOCK_DESTROY(pthread_rwlock_destroy, pthread_rwlock_t)
LOCK_DESTROY(pthread_cond_destroy, pthread_cond_t)
LOCK_DESTROY(pthread_spin_destroy, pthread_spinlock_t)

int psm_w_pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    wrap_announce(wrap_twin((const void *)lock), sizeof *lock);
    return pthread_spin_init(wrap_twin((const void *)lock), shared);
}

/* --- the ends of a process ----------------------------------------------------------------------------- */

#define END(name)                                                                   \
    _Noreturn void psm_w_##name(int status)                                         \
    {                                                                               \
        psm_replay_trap("the op called " #name "(%d)", status);                     \
    }

END(exit)
END(_exit)
END(_Exit)
END(quick_exit)

_Noreturn void psm_w_abort(void)
{
    psm_replay_trap("the op called abort()");
}

_Noreturn void psm_w___assert_fail(const char *condition, const char *file, unsigned line,
                                   const char *function)
{
    psm_replay_trap("%s:%u: %s: assertion failed: %s", (char *)wrap_twin(file), line,
                    function ? (char *)wrap_twin(function) : "?", (char *)wrap_twin(condition));
}

_Noreturn void psm_w___assert(const char *condition, const char *file, int line)
{
    psm_w___assert_fail(condition, file, (unsigned)line, NULL);
}

_Noreturn void psm_w___assert_perror_fail(int number, const char *file, unsigned line,
                                          const char *function)
{
    psm_w___assert_fail(wrap_canonical(strerror(number)), file, line, function);
}

/* error(0, ...) only prints, which is the foreground's; any other ends the process. */
void psm_w_error(int status, int number, const char *format, ...)
{
    (void)number, (void)format;
    if (status != 0)
        psm_replay_trap("the op called error(%d)", status);
}

void psm_w_error_at_line(int status, int number, const char *file, unsigned line,
                         const char *format, ...)
{
    (void)file, (void)line;
    psm_w_error(status, number, format);
}

_Noreturn void psm_w_err(int status, const char *format, ...)
{
    psm_replay_trap("the op called err(%d, \"%s\")", status,
              format ? (char *)wrap_twin(format) : "");
}

_Noreturn void psm_w_errx(int status, const char *format, ...)
{
    psm_replay_trap("the op called errx(%d, \"%s\")", status,
              format ? (char *)wrap_twin(format) : "");
}

_Noreturn void psm_w_verr(int status, const char *format, va_list list)
{
    (void)list;
    psm_w_err(status, format);
}

_Noreturn void psm_w_verrx(int status, const char *format, va_list list)
{
    (void)list;
    psm_w_errx(status, format);
}

/* --- C++: no exceptions in ops, so whatever throws, or unwinds, ends the process ------------------------ */

#pragma clang diagnostic ignored "-Wunused-parameter"
#define THROW(name, what, ...)                                                      \
    _Noreturn void psm_w_##name(__VA_ARGS__)                                        \
    {                                                                               \
        psm_replay_trap("the op threw " what);                                     \
    }

THROW(_ZSt17__throw_bad_allocv, "std::bad_alloc", void)
THROW(_ZSt28__throw_bad_array_new_lengthv, "std::bad_array_new_length", void)
THROW(_ZSt25__throw_bad_function_callv, "std::bad_function_call", void)
THROW(_ZSt20__throw_length_errorPKc, "std::length_error", const char *what)
THROW(_ZSt19__throw_logic_errorPKc, "std::logic_error", const char *what)
THROW(_ZSt20__throw_out_of_rangePKc, "std::out_of_range", const char *what)
THROW(_ZSt24__throw_invalid_argumentPKc, "std::invalid_argument", const char *what)
THROW(_ZSt24__throw_out_of_range_fmtPKcz, "std::out_of_range", const char *what, ...)
THROW(_Unwind_Resume, "an exception", void *exception)
THROW(__cxa_begin_catch, "an exception", void *exception)
THROW(__cxa_end_catch, "an exception", void)
