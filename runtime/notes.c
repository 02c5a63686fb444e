/* notes.c: reads notes, build id and segments from an ELF file.
 *
 * Guarantees: any bytes are fit as input; every offset and count of the file is
 * checked against the file's size before it is used, so what is handed on can be
 * walked without further checks. Relies on the file not being cut short while it
 * is mapped: it is the linker's fresh output, or the running executable, which the
 * kernel does not let anybody truncate. */
#include "notes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
    struct notes *notes;
    const unsigned char *bytes;
    size_t size;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *section;
    const char *section_names;
    size_t section_names_size;
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 2, 3)))
static int fail(struct reader *r, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(r->error, r->error_size, format, arguments);
    va_end(arguments);
    return -1;
}

/* The `size` bytes at `offset` of the file, 8-aligned as ELF wants its tables; NULL
 * if they are not all there. */
static const void *at(const struct reader *r, uint64_t offset, uint64_t size)
{
    if (offset % 8 != 0 || offset > r->size || size > r->size - offset)
        return NULL;
    return r->bytes + offset;
}

static int read_header(struct reader *r)
{
    r->header = at(r, 0, sizeof *r->header);
    if (r->header == NULL || memcmp(r->header->e_ident, ELFMAG, SELFMAG) != 0)
        return fail(r, "not an ELF file");
    if (r->header->e_ident[EI_CLASS] != ELFCLASS64 ||
        r->header->e_ident[EI_DATA] != ELFDATA2LSB || r->header->e_machine != EM_X86_64)
        return fail(r, "not for x86-64");
    r->notes->fixed = r->header->e_type == ET_EXEC;
    return 0;
}

/* Build ids lie among the file's other ELF notes, each a header, a name and a
 * description, padded to 4 bytes. */
static void read_build_id(struct reader *r, const Elf64_Phdr *segment)
{
    struct notes *n = r->notes;
    uint64_t offset = segment->p_offset, end = offset + segment->p_filesz;

    if (end < offset || end > r->size)
        return;
    while (end - offset >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        memcpy(&note, r->bytes + offset, sizeof note);
        offset += sizeof note;
        uint64_t name = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        uint64_t description = ((uint64_t)note.n_descsz + 3) & ~UINT64_C(3);
        if (name > end - offset || description > end - offset - name)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(r->bytes + offset, "GNU", 4) == 0 && note.n_descsz > 0) {
            n->build_id_size = note.n_descsz < sizeof n->build_id ? note.n_descsz
                                                                 : sizeof n->build_id;
            memcpy(n->build_id, r->bytes + offset + name, n->build_id_size);
            return;
        }
        offset += name + description;
    }
}

static int read_segments(struct reader *r)
{
    struct notes *n = r->notes;
    size_t count = r->header->e_phnum;
    const Elf64_Phdr *program = at(r, r->header->e_phoff, count * sizeof *program);

    if (count == 0)
        return 0; /* an object file */
    if (program == NULL || r->header->e_phentsize != sizeof *program)
        return fail(r, "its program headers are damaged");
    n->segment = calloc(count, sizeof *n->segment);
    if (n->segment == NULL)
        return fail(r, "not enough memory");
    for (size_t i = 0; i < count; i++) {
        const Elf64_Phdr *p = &program[i];
        uint64_t high = p->p_vaddr + p->p_memsz;
        if (high < p->p_vaddr)
            return fail(r, "its program headers are damaged");
        if (p->p_type == PT_NOTE && n->build_id_size == 0)
            read_build_id(r, p);
        if (p->p_type == PT_GNU_RELRO)
            n->relro_low = p->p_vaddr, n->relro_high = high;
        /* gcc and clang mark programs, PIE ones too, by an interpreter; static
         * ones by their type. */
        if (p->p_type == PT_INTERP || n->fixed)
            n->executable = 1;
        if (p->p_type != PT_LOAD || p->p_memsz == 0)
            continue;
        if (n->segment_count > 0 && p->p_vaddr < n->segment[n->segment_count - 1].high)
            return fail(r, "its segments overlap");
        n->segment[n->segment_count++] = (struct notes_segment){
            .low = p->p_vaddr, .high = high,
            .writable = (p->p_flags & PF_W) != 0, .executable = (p->p_flags & PF_X) != 0,
        };
    }
    return 0;
}

static int read_section_headers(struct reader *r)
{
    size_t count = r->header->e_shnum, names = r->header->e_shstrndx;

    if (count == 0)
        return 0; /* sections are gone; that is legal, and means no notes */
    r->section = at(r, r->header->e_shoff, count * sizeof *r->section);
    if (r->section == NULL || r->header->e_shentsize != sizeof *r->section || names >= count)
        return fail(r, "its section headers are damaged");
    const Elf64_Shdr *table = &r->section[names];
    if (table->sh_offset > r->size || table->sh_size > r->size - table->sh_offset ||
        table->sh_size == 0 || r->bytes[table->sh_offset + table->sh_size - 1] != '\0')
        return fail(r, "its section names are damaged");
    r->section_names = (const char *)r->bytes + table->sh_offset;
    r->section_names_size = table->sh_size;
    return 0;
}

/* Section `name` and its bytes; returns 0 with *found NULL if there is none. */
static int find_section(struct reader *r, const char *name, const Elf64_Shdr **found)
{
    *found = NULL;
    for (size_t i = 0; r->section != NULL && i < r->header->e_shnum; i++) {
        const Elf64_Shdr *s = &r->section[i];
        if (s->sh_name >= r->section_names_size ||
            strcmp(r->section_names + s->sh_name, name) != 0)
            continue;
        if (*found != NULL)
            return fail(r, "it has two sections %s", name);
        if (s->sh_type != SHT_PROGBITS || (s->sh_flags & SHF_COMPRESSED) != 0 ||
            s->sh_offset > r->size || s->sh_size > r->size - s->sh_offset)
            return fail(r, "its section %s is damaged", name);
        *found = s;
    }
    return 0;
}

static int has_via(uint32_t kind)
{
    return kind == PSM_NOTE_CALL || kind == PSM_NOTE_EXTERNAL || kind == PSM_NOTE_INDIRECT ||
           kind == PSM_NOTE_TRAP || kind == PSM_NOTE_WARNING;
}

static int check_note(struct reader *r, const struct psm_note *note)
{
    const struct notes *n = r->notes;

    if (note->kind > PSM_NOTE_ACCESS)
        return fail(r, "its notes are of a kind (%u) that this version does not know",
                    note->kind);
    if (note->name >= n->strings_size || note->file >= n->strings_size ||
        (has_via(note->kind) && note->size >= n->strings_size) ||
        (note->kind == PSM_NOTE_EXTERNAL && note->detail == PSM_RULE_FORBID &&
         note->other >= n->strings_size))
        return fail(r, "its notes refer to a string that is not there");
    return 0;
}

/* Copy the records, which may lie at any offset of the file, without the padding
 * between the units. */
static int read_notes(struct reader *r)
{
    struct notes *n = r->notes;
    const Elf64_Shdr *notes, *strings;

    if (find_section(r, PSM_NOTES_SECTION, &notes) != 0 ||
        find_section(r, PSM_STRINGS_SECTION, &strings) != 0)
        return -1;
    if (notes == NULL || notes->sh_size == 0)
        return 0;
    if (strings == NULL || strings->sh_size == 0 ||
        r->bytes[strings->sh_offset + strings->sh_size - 1] != '\0')
        return fail(r, "its notes have no strings");
    n->strings = (const char *)r->bytes + strings->sh_offset;
    n->strings_size = strings->sh_size;

    const unsigned char *from = r->bytes + notes->sh_offset;
    const unsigned char *end = from + notes->sh_size;
    n->copy = calloc(notes->sh_size / sizeof *n->copy + 1, sizeof *n->copy);
    if (n->copy == NULL)
        return fail(r, "not enough memory");
    n->note = n->copy;
    while (end - from >= 8) {
        struct psm_note note;
        uint32_t kind;
        memcpy(&kind, from, sizeof kind);
        if (kind == PSM_NOTE_PADDING) {
            from += 8;
            continue;
        }
        if ((size_t)(end - from) < sizeof note)
            return fail(r, "its notes are cut short");
        memcpy(&note, from, sizeof note);
        if (n->count == 0 && note.kind != PSM_NOTE_UNIT)
            return fail(r, "its notes do not begin with a unit");
        if (note.kind == PSM_NOTE_UNIT && note.detail != PSM_NOTES_MAGIC)
            return fail(r, "its notes are of another version of the pass");
        if (check_note(r, &note) != 0)
            return -1;
        n->copy[n->count++] = note;
        from += sizeof note;
    }
    return 0;
}

int notes_open(struct notes *notes, const char *path, char *error, size_t error_size)
{
    struct reader r = { .notes = notes, .error = error, .error_size = error_size };
    struct stat status;
    int file;

    memset(notes, 0, sizeof *notes);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        fail(&r, "cannot read it: %s", strerror(errno));
        goto fail_open;
    }
    if (!S_ISREG(status.st_mode) || status.st_size == 0) {
        fail(&r, "not an ELF file");
        goto fail_open;
    }
    notes->map_size = (size_t)status.st_size;
    notes->map = mmap(NULL, notes->map_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (notes->map == MAP_FAILED) {
        notes->map = NULL;
        fail(&r, "cannot map it: %s", strerror(errno));
        goto fail_open;
    }
    close(file);
    r.bytes = notes->map;
    r.size = notes->map_size;
    if (read_header(&r) != 0 || read_segments(&r) != 0 || read_section_headers(&r) != 0 ||
        read_notes(&r) != 0) {
        notes_close(notes);
        return -1;
    }
    return 0;

fail_open:
    if (file >= 0)
        close(file);
    return -1;
}

void notes_close(struct notes *notes)
{
    free(notes->copy);
    free(notes->segment);
    if (notes->map != NULL)
        munmap(notes->map, notes->map_size);
    memset(notes, 0, sizeof *notes);
}

const char *notes_string(const struct notes *notes, uint64_t field)
{
    return notes->strings + field;
}
