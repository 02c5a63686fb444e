/* error.h: the three ways to say that something went wrong.
 *
 *   a caller's or the system's error   return psm_fail(PSM_E…, "what, where, how to go on")
 *   a bad file                         the same, with PSM_ECORRUPT and its like: input, never an assert
 *   our own bug, or a point where      psm_fatal("…"): one line to stderr, then abort; always on
 *   durability can't be promised
 *
 * psm_fail keeps the text for psm_error_detail() of the calling thread; errno, where
 * it matters, is part of the text and crosses no function boundary. */
#ifndef PSM_ERROR_H
#define PSM_ERROR_H
#include "psm.h"

struct psm;

/* Set the calling thread's detail text and return `code`. */
int psm_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Likewise for a system call on `path` that has just failed: appends errno's text;
 * turns ENOSPC, EROFS/EACCES/EPERM and ENOMEM into their own codes, all else into PSM_EIO. */
int psm_fail_system(const char *what, const char *path);

/* Print "psm: …" and abort; on a replay thread fail the machine instead. Safe on any
 * thread, also while holding locks. */
_Noreturn void psm_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line to the machine's log callback, or to stderr; m may be NULL. */
void psm_say(struct psm *m, enum psm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#endif
