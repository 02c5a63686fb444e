/* error.c: codes, their sentences, and the story behind the last one.
 *
 * The text lives in a thread-local buffer, so that reporting an error allocates
 * nothing and works when memory is what was short. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

static __thread char detail[1024];

const char *psm_strerror(int64_t code)
{
    if (code == 0)
        return "no error";
    switch (code) {
#define PSM_ERROR(name, number, text) \
    case PSM_##name:                  \
        return text;
#include "psm_errors.def"
#undef PSM_ERROR
    }
    return "not a PSM error code";
}

const char *psm_error_detail(void)
{
    return detail;
}

int psm_fail(int code, const char *format, ...)
{
    /* The arguments may point into the buffer (wrapping an earlier detail). */
    char text[sizeof detail];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(detail, text, sizeof text);
    return code;
}

int psm_fail_system(const char *what, const char *path)
{
    int reason = errno;
    int code = PSM_EIO;
    switch (reason) {
    case EFBIG:
        return psm_fail(PSM_ENOSPC, "%s %s: this process may not make a file so long: RLIMIT_FSIZE (ulimit -f)",
                        what, path);
    case ENOSPC:
    case EDQUOT:
        code = PSM_ENOSPC;
        break;
    case EROFS:
    case EACCES:
    case EPERM:
        code = PSM_EREADONLY;
        break;
    case ENOMEM:
        code = PSM_ENOMEM;
        break;
    }
    return psm_fail(code, "%s %s: %s", what, path, strerror(reason));
}

void psm_fatal(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    int length = snprintf(line, sizeof line, "psm: ");
    va_start(arguments, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    /* A replayed op that frees what it may not ends, with its machine; not the process. */
    if (psm_replaying != NULL)
        psm_replay_trap("%s", line + strlen("psm: "));
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        ; /* nowhere left to complain to */
    abort();
}

void psm_say(struct psm *m, enum psm_log_level level, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (m != NULL && m->options.log != NULL)
        m->options.log(m->options.log_context, level, line);
    else if (level != PSM_LOG_INFO) {
        bool named = m == NULL || strncmp(line, m->directory, strlen(m->directory)) == 0;
        fprintf(stderr, "psm: %s%s%s\n", named ? "" : m->directory, named ? "" : ": ", line);
    }
}
