// The reader of notes and the checker take any bytes: whatever is damaged in an
// executable is refused with a message or has no effect, and nothing is read that
// is not there.
//
// RUN: %psmcc -O1 %S/globals.c %S/Inputs/globals-other.c -o %t.program
// RUN: %clang -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=address,undefined \
// RUN:   -fno-sanitize-recover=all -I%runtime %s %runtime/notes.c %runtime/check.c \
// RUN:   %runtime/check_globals.c %runtime/check_report.c -o %t
// RUN: %t %t.program
#include "check.h"

#include <assert.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#undef NDEBUG

static unsigned char *good;
static size_t good_size;
static const char *path;

/* The file is in memory: thousands are written. */
static void write_file(const unsigned char *bytes, size_t size)
{
    static char name[32];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("damaged", 0);
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    }
    path = name;
    assert(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size);
}

/* 0 or -1, and the message in `problem`. */
static int read_back(char *problem, size_t problem_size)
{
    struct notes notes;
    FILE *sink = fopen("/dev/null", "w");

    if (notes_open(&notes, path, problem, problem_size) != 0) {
        assert(*problem != '\0');
        fclose(sink);
        return -1;
    }
    struct check *check = check_program(&notes, CHECK_TYPE);
    assert(check != NULL && check_report(check, sink) == 0);
    for (size_t i = 0; i < check->message_count; i++)
        fputs(check->message[i].text, sink);
    check_free(check);
    notes_close(&notes);
    fclose(sink);
    return 0;
}

static Elf64_Shdr *section(unsigned char *bytes, const char *name)
{
    Elf64_Ehdr *e = (Elf64_Ehdr *)bytes;
    Elf64_Shdr *s = (Elf64_Shdr *)(bytes + e->e_shoff);

    for (int i = 0; i < e->e_shnum; i++)
        if (strcmp((char *)bytes + s[e->e_shstrndx].sh_offset + s[i].sh_name, name) == 0)
            return &s[i];
    assert(!"section is there");
}

static unsigned char *copy(void)
{
    unsigned char *bytes = malloc(good_size);
    memcpy(bytes, good, good_size);
    return bytes;
}

static void expect(unsigned char *bytes, size_t size, const char *text)
{
    char problem[256] = "";

    write_file(bytes, size);
    int result = read_back(problem, sizeof problem);
    if (text == NULL ? result != 0 : result == 0 || strstr(problem, text) == NULL) {
        fprintf(stderr, "wanted '%s', got '%s'\n", text ? text : "success", problem);
        abort();
    }
    free(bytes);
}

#define BREAK(message, ...)                                                        \
    do {                                                                           \
        unsigned char *bytes = copy();                                             \
        Elf64_Ehdr *e = (Elf64_Ehdr *)bytes;                                       \
        Elf64_Phdr *p = (Elf64_Phdr *)(bytes + e->e_phoff);                        \
        Elf64_Shdr *n = section(bytes, "psm_notes");                               \
        Elf64_Shdr *s = section(bytes, "psm_strings");                             \
        struct psm_note *note = (struct psm_note *)(bytes + n->sh_offset);         \
        (void)p, (void)s, (void)note;                                              \
        __VA_ARGS__;                                                               \
        expect(bytes, good_size, message);                                         \
    } while (0)

int main(int argc, char **argv)
{
    char problem[256];
    FILE *f = fopen(argv[1], "r");

    assert(argc == 2 && f != NULL && fseek(f, 0, SEEK_END) == 0);
    good_size = (size_t)ftell(f);
    good = malloc(good_size);
    rewind(f);
    assert(fread(good, 1, good_size, f) == good_size);
    fclose(f);

    BREAK(NULL, (void)0);
    path = "/nonexistent";
    assert(read_back(problem, sizeof problem) == -1 && strstr(problem, "cannot read it"));
    path = "/";
    assert(read_back(problem, sizeof problem) == -1 && strstr(problem, "not an ELF file"));
    write_file(good, good_size); /* `path` is the file again */
    expect(calloc(1, 1), 0, "not an ELF file");
    expect(copy(), 40, "not an ELF file");
    BREAK("not an ELF file", e->e_ident[0] = 0);
    BREAK("not for x86-64", e->e_machine = EM_AARCH64);
    BREAK("program headers are damaged", e->e_phoff = good_size - 8);
    BREAK("program headers are damaged", e->e_phoff += 4);
    BREAK("program headers are damaged", p[2].p_vaddr = UINT64_MAX);
    BREAK("section headers are damaged", e->e_shoff = UINT64_MAX - 7);
    BREAK("section headers are damaged", e->e_shstrndx = e->e_shnum);
    BREAK("section psm_notes is damaged", n->sh_size = good_size);
    BREAK("section psm_notes is damaged", n->sh_offset = UINT64_MAX);
    BREAK("section psm_notes is damaged", n->sh_flags |= SHF_COMPRESSED);
    BREAK("two sections psm_notes", s->sh_name = n->sh_name);
    BREAK("have no strings", s->sh_size--);
    BREAK("cut short", n->sh_size -= 8);
    BREAK("do not begin with a unit", note[0].kind = PSM_NOTE_CALL);
    BREAK("another version", note[0].detail++);
    BREAK("kind (99)", note[1].kind = 99);
    BREAK("a string that is not there", note[1].name = s->sh_size);
    BREAK("a string that is not there", note[1].file = UINT64_MAX);
    for (size_t i = 0;; i++) {
        int done = 0;
        BREAK(NULL, done = note[i].kind == PSM_NOTE_CALL);
        if (!done)
            continue;
        BREAK("a string that is not there", note[i].size = s->sh_size);
        break;
    }
    /* Padding between units is passed over. */
    BREAK(NULL, note[1].kind = 0, memset(&note[1], 0, sizeof note[1]));

    /* Bytes of the headers and of the notes, changed at random. */
    unsigned seed = 1;
    for (int round = 0; round < 1500; round++) {
        unsigned char *bytes = copy();
        Elf64_Ehdr *e = (Elf64_Ehdr *)bytes;
        Elf64_Shdr *n = section(bytes, "psm_notes"), *s = section(bytes, "psm_strings");
        struct { size_t at, size; } part[] = {
            { 0, sizeof *e + e->e_phnum * sizeof(Elf64_Phdr) },
            { e->e_shoff, e->e_shnum * sizeof(Elf64_Shdr) },
            { n->sh_offset, n->sh_size }, { n->sh_offset, n->sh_size },
            { s->sh_offset, s->sh_size },
        };
        int pick = rand_r(&seed) % 5, changes = 1 + rand_r(&seed) % 4;
        while (changes-- > 0)
            bytes[part[pick].at + rand_r(&seed) % part[pick].size] = rand_r(&seed) >> 3;
        write_file(bytes, good_size);
        free(bytes);
        read_back(problem, sizeof problem);
    }
    free(good);
    return 0;
}
