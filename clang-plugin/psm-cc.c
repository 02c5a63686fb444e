/* psm-cc.c: clang with PSM in place.
 *
 *     psm-cc -O2 -c kv.c            psm-cc kv.o main.o -o kv
 *     psm-c++ ...                   the same for C++ (by the name it is called by)
 *
 * Guarantees: whatever the command line, it is clang's own driver that reads it;
 * psm-cc adds options around it, in front those that the user's may override, at
 * the end the library. A compilation without a link is an exec, nothing more.
 * After a link the program's notes are checked as psm_init would check them; on an
 * error the output is deleted and the exit code is 1, so that make stops. A program
 * without ops is linked and left alone.
 *
 * Relies on its siblings: ../lib/libpsmclang.so (which loads libpsmpass.so),
 * ../lib/libpsm.a and ../include/psm.h, seen from where this program lies. */
#include "check.h"
#include "notes.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "psm-cc: clang with the PSM plugin, pass and library. All of clang's options, and\n"
    "  --psm-rules=FILE    rules about functions, after the built-in ones; may be repeated\n"
    "  --psm-report[=FILE] after a link: what ops reach, which globals are state\n"
    "  --psm-no-check      do not check the linked program (psm_init still does)\n"
      "  --psm-help          this text\n"
    "PSM_CLANG in the environment names the clang to run, else clang-19.\n";

/* Options whose value is the next word: such a word is no input file. */
static const char *const with_value[] = {
    "-o", "-x", "-I", "-L", "-D", "-U", "-F", "-T", "-u", "-z", "-e", "-b", "-A", "-B", "-l",
    "-MF", "-MT", "-MQ", "-MJ", "-include", "-include-pch", "-imacros", "-isystem", "-iquote",
    "-idirafter", "-iprefix", "-iwithprefix", "-iwithprefixbefore", "-isysroot", "-iframework",
    "-cxx-isystem", "-resource-dir", "-dumpdir", "-Xclang", "-Xlinker", "-Xassembler",
    "-Xpreprocessor", "-Xanalyzer", "-mllvm", "-target", "-arch", "-framework", "-rpath",
    "--sysroot", "--param", "-aux-info", "-dyld-prefix", "-working-directory", NULL,
};

/* Options with which clang does not get as far as a link of a program. */
static const char *const no_link[] = {
    "-c", "-S", "-E", "-M", "-MM", "-fsyntax-only", "-emit-ast", "--analyze", "-r",
    "--precompile", "-module-file-info", "-cc1", "-cc1as", "--version", "--help", "-dumpversion",
    "-dumpmachine", "-verify-pch", "-rewrite-objc", "--compile", "--assemble", "--preprocess",
    "-emit-interface-stubs", "--relocatable", NULL,
};

struct words { char **item; size_t count, room; };

struct plan {
    struct words user;      /* the command line without ours, as given */
    struct words rules;     /* absolute paths */
    const char *output;     /* of the link */
    const char *report;     /* file, "-" for standard output, NULL for none */
    const char *linker;     /* of -fuse-ld=, NULL */
    int inputs;             /* files to work on */
    int links;              /* no option stops before the link */
    int shared, lto, bare;  /* -shared; -flto; -nostdlib and the like */
    int position_independent; /* -pie, -static-pie */
    int is_static;          /* -static, -static-pie */
    int no_check, dry; /* --psm-no-check, -### */
};

_Noreturn __attribute__((format(printf, 1, 2)))
static void die(const char *format, ...)
{
    va_list arguments;

    fputs("psm-cc: error: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void add(struct words *w, const char *word)
{
    if (w->count + 1 >= w->room) {
        w->room = w->room * 2 + 64;
        w->item = realloc(w->item, w->room * sizeof *w->item);
        if (w->item == NULL)
            die("not enough memory");
    }
    w->item[w->count] = strdup(word);
    if (w->item[w->count] == NULL)
        die("not enough memory");
    w->item[++w->count] = NULL;
}

__attribute__((format(printf, 2, 3)))
static void addf(struct words *w, const char *format, ...)
{
    char *word;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&word, format, arguments) < 0)
        die("not enough memory");
    va_end(arguments);
    add(w, word);
    free(word);
}

static int is_one_of(const char *word, const char *const *list)
{
    while (*list != NULL && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

static int begins(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

/*-- reading the command line ----------------------------------------------------*/

static void read_word(struct plan *p, const char *word, const char *next);

/* Words of a response file, as clang splits them: blanks separate, quotes keep
 * together, a backslash takes the next character as it is. */
static struct words read_response_file(const char *path)
{
    struct words words = { 0 };
    FILE *file = fopen(path, "r");
    char *word = NULL;
    size_t length = 0;
    int inside = 0, quote = 0, c;

    if (file == NULL)
        return words; /* clang takes it for an input, and will say what is wrong */
    FILE *to = open_memstream(&word, &length);
    if (to == NULL)
        die("not enough memory");
    do {
        c = getc(file);
        if (c == EOF || (quote == 0 && isspace(c))) {
            if (inside) {
                fflush(to);
                add(&words, word);
                rewind(to);
                fflush(to);
            }
            inside = 0;
            continue;
        }
        if (!inside)
            rewind(to);
        inside = 1;
        if (quote == 0 && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote)
            quote = 0;
        else {
            if (c == '\\' && quote != '\'' && (c = getc(file)) == EOF)
                continue;
            putc(c, to);
        }
    } while (c != EOF);
    fclose(to);
    free(word);
    fclose(file);
    return words;
}

static void read_words(struct plan *p, char **word, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++) {
        if (word[i][0] == '@' && depth < 16) {
            struct words inner = read_response_file(word[i] + 1);
            read_words(p, inner.item, inner.count, depth + 1);
            continue;
        }
        read_word(p, word[i], i + 1 < count ? word[i + 1] : NULL);
        if (is_one_of(word[i], with_value))
            i++;
    }
}

static void read_word(struct plan *p, const char *word, const char *next)
{
    if (word[0] != '-' || word[1] == '\0')
        p->inputs++;
    if (is_one_of(word, no_link) || begins(word, "-print-") || begins(word, "--print-"))
        p->links = 0;
    p->dry |= strcmp(word, "-###") == 0;
    if (strcmp(word, "-o") == 0 && next != NULL)
        p->output = next;
    else if (begins(word, "-o") && strcmp(word, "-o") != 0 && !begins(word, "-obj"))
        p->output = word + 2;
    else if (begins(word, "--output="))
        p->output = word + strlen("--output=");
    else if (strcmp(word, "-shared") == 0 || strcmp(word, "--shared") == 0)
        p->shared = 1;
    else if (strcmp(word, "-pie") == 0 || strcmp(word, "-static-pie") == 0)
        p->position_independent = 1, p->is_static |= strcmp(word, "-static-pie") == 0;
    else if (strcmp(word, "-no-pie") == 0 || strcmp(word, "-nopie") == 0)
        p->position_independent = 0;
    else if (strcmp(word, "-static") == 0 || strcmp(word, "--static") == 0)
        p->is_static = 1;
    else if (strcmp(word, "-nostdlib") == 0 || strcmp(word, "-nodefaultlibs") == 0)
        p->bare = 1;
    else if (strcmp(word, "-flto") == 0 || begins(word, "-flto="))
        p->lto = 1;
    else if (strcmp(word, "-fno-lto") == 0)
        p->lto = 0;
    else if (begins(word, "-fuse-ld="))
        p->linker = word + strlen("-fuse-ld=");
}

/* Take our own options out; true if `word` was one. */
static int read_own(struct plan *p, const char *word)
{
    char path[PATH_MAX];

    if (!begins(word, "--psm-"))
        return 0;
    if (begins(word, "--psm-rules=")) {
        const char *file = word + strlen("--psm-rules=");
        if (realpath(file, path) == NULL)
            die("--psm-rules: %s: %s", file, strerror(errno));
        add(&p->rules, path);
    } else if (strcmp(word, "--psm-report") == 0) {
        p->report = "-";
    } else if (begins(word, "--psm-report=")) {
        p->report = word + strlen("--psm-report=");
    } else if (strcmp(word, "--psm-no-check") == 0) {
        p->no_check = 1;
    } else if (strcmp(word, "--psm-help") == 0) {
        fputs(usage, stdout);
        exit(0);
    } else {
        die("unknown option %s\n%s", word, usage);
    }
    return 1;
}

/*-- the command that is run --------------------------------------------------------*/

/* The directory above the one this program lies in. */
static const char *home(void)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length <= 0)
        die("cannot tell where it lies: /proc/self/exe: %s", strerror(errno));
    path[length] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    return path;
}

static void add_compile_options(struct words *w, const struct plan *p)
{
    addf(w, "-fplugin=%s/lib/libpsmclang.so", home());
    addf(w, "-idirafter%s/include", home());
    add(w, "-fno-pie");
    add(w, "-ffp-contract=off");
    for (size_t i = 0; i < p->rules.count; i++) {
        add(w, "-mllvm");
        addf(w, "-psm-rules=%s", p->rules.item[i]);
    }
}

/* The runtime must lie in the program, and what it offers be seen by the program's
 * shared libraries, which may have been compiled with the pass too. */
static void add_libraries(struct words *w)
{
    add(w, "-Wl,--push-state,--as-needed");
    add(w, "-Xlinker"); /* not an input of clang's: -x may be in force, and after a */
    addf(w, "%s/lib/libpsm.a", home()); /* crash clang preprocesses its inputs */
    add(w, "-lpmem");
    add(w, "-lpthread");
    add(w, "-lm");
    add(w, "-Wl,--pop-state");
}

static struct words command(const struct plan *p, int cplusplus)
{
    const char *clang = getenv("PSM_CLANG");
    struct words w = { 0 };

    add(&w, clang != NULL && *clang != '\0' ? clang : "clang-19");
    if (p->user.count > 0 && (strcmp(p->user.item[0], "-cc1") == 0 ||
                              strcmp(p->user.item[0], "-cc1as") == 0)) {
        for (size_t i = 0; i < p->user.count; i++)
            add(&w, p->user.item[i]);
        return w;
    }
    if (cplusplus)
        add(&w, "--driver-mode=g++");
    int program = p->links && p->inputs > 0 && !p->shared;
    add(&w, "--start-no-unused-arguments");
    add_compile_options(&w, p);
    if (program && p->is_static && !p->bare)
        die("-static: the runtime needs libpmem and what that loads, which are shared libraries");
    if (program) {
        add(&w, "-no-pie");
        add(&w, "-Wl,--build-id=sha1");
        addf(&w, "-L%s/lib", home()); /* for -lpsmcrashtest */
        add(&w, "-Wl,--export-dynamic-symbol=psm_*");
        add(&w, "-Wl,--export-dynamic-symbol=__psm_*");
    }
    if (p->links && p->lto) {
        if (p->linker != NULL && !begins(p->linker, "lld") && strstr(p->linker, "ld.lld") == NULL)
            die("-flto needs lld, not %s: the pass runs in the linker", p->linker);
        if (p->linker == NULL)
            add(&w, "-fuse-ld=lld");
        addf(&w, "-Wl,--load-pass-plugin=%s/lib/libpsmpass.so", home());
    }
    add(&w, "--end-no-unused-arguments");
    for (size_t i = 0; i < p->user.count; i++)
        add(&w, p->user.item[i]);
    if (program && !p->bare)
        add_libraries(&w);
    return w;
}

_Noreturn static void exec_clang(const struct words *w)
{
    execvp(w->item[0], w->item);
#ifdef PSM_CLANG_DEFAULT
    if (errno == ENOENT && getenv("PSM_CLANG") == NULL)
        execv(PSM_CLANG_DEFAULT, w->item);
#endif
    fprintf(stderr, "psm-cc: error: cannot run %s: %s (PSM_CLANG names another)\n", w->item[0],
            strerror(errno));
    _exit(1);
}

static void run_clang(const struct words *w)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0)
        exec_clang(w);
    if (child < 0)
        die("cannot fork: %s", strerror(errno));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die("cannot wait for clang: %s", strerror(errno));
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
        exit(1);
    }
    if (WEXITSTATUS(status) != 0)
        exit(WEXITSTATUS(status));
}

/*-- after the link -----------------------------------------------------------------*/

static void print_message(const struct check_message *m)
{
    if (*m->file != '\0' && m->line != 0)
        fprintf(stderr, "%s:%u: ", m->file, m->line);
    else if (*m->file != '\0')
        fprintf(stderr, "%s: ", m->file);
    fprintf(stderr, "%s: %s\n", m->is_error ? "error" : "warning", m->text);
}

static void report(const struct plan *p, const struct check *check)
{
    FILE *to = strcmp(p->report, "-") == 0 ? stdout : fopen(p->report, "w");

    if (to == NULL)
        die("--psm-report: %s: %s", p->report, strerror(errno));
    if (check_report(check, to) != 0)
        die("not enough memory");
    if ((to == stdout ? fflush(to) : fclose(to)) != 0)
        die("--psm-report: %s: %s", p->report, strerror(errno));
}

/* Returns the exit code. */
static int check_output(const struct plan *p)
{
    const char *output = p->output != NULL ? p->output : "a.out";
    struct notes notes;
    struct stat status;
    char problem[256];
    size_t errors;

    /* /dev/null, a linker script's raw image: nothing to look into. */
    if (stat(output, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    if (notes_open(&notes, output, problem, sizeof problem) != 0) {
        if (strcmp(problem, "not an ELF file") == 0)
            return 0;
        fprintf(stderr, "psm-cc: error: %s: %s\n", output, problem);
        unlink(output);
        return 1;
    }
    struct check *check = check_program(&notes, p->report ? CHECK_TYPE : CHECK_POINTER);
    if (check == NULL)
        die("not enough memory to check %s", output);
    errors = check->error_count;
    for (size_t i = 0; i < check->message_count; i++)
        print_message(&check->message[i]);
    if (check->op_count > 0 && !notes.fixed) {
        fprintf(stderr, "psm-cc: error: %s is linked as a position-independent program, so "
                "pointers in its state would not be true in the next run: leave out -pie\n", output);
        errors++;
    }
    if (p->report != NULL)
        report(p, check);
    check_free(check);
    notes_close(&notes);
    if (errors > 0)
        unlink(output);
    return errors > 0;
}

int main(int argc, char **argv)
{
    struct plan p = { .links = 1 };
    const char *name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];

    for (int i = 1; i < argc; i++)
        if (!read_own(&p, argv[i]))
            add(&p.user, argv[i]);
    read_words(&p, p.user.item, p.user.count, 0);

    struct words w = command(&p, strstr(name, "++") != NULL);
    if (!p.links || p.inputs == 0 || p.shared || p.no_check || p.dry)
        exec_clang(&w);
    run_clang(&w);
    return check_output(&p);
}
