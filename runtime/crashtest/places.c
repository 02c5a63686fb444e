/* places.c: see places.h. Functions' names come from the executable's symbol table. */
#include "places.h"

#include <elf.h>
#include <err.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../hash.h"
#include "trace.h"

struct place *places;

void places_setup(void)
{
    places = mmap(NULL, PLACES_MAX * sizeof *places, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (places == MAP_FAILED)
        err(2, "no memory");
    void *warm[4];
    backtrace(warm, 4); /* loads what it needs, once */
}

/* run.c's section: what calls the runtime from there is no part of the location. */
extern const char __start_psm_crashtest_run[], __stop_psm_crashtest_run[];

static uint32_t find(uint64_t hash, const struct place *is, void **frame)
{
    uint32_t i = 1 + (uint32_t)(hash >> 20) % (PLACES_MAX - 1);
    for (uint32_t tries = 0; tries < PLACES_MAX; tries++, i = i % (PLACES_MAX - 1) + 1) {
        struct place *p = &places[i];
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(&p->hash, &none, hash)) {
            p->kind = is->kind;
            p->nth = is->nth;
            p->frames = is->frames;
            memcpy(p->frame, frame, is->frames * sizeof *frame);
            return i;
        }
        if (none == hash)
            return i;
    }
    return 0; /* more of them than are told apart */
}

uint32_t place_at(uint8_t kind, void *address)
{
    struct place is = { .kind = kind, .frames = 1 };
    return find(hash_fold((uintptr_t)address ^ HASH_2, kind + HASH_3) | 1, &is, &address);
}

#define MARKS_TOLD_APART 3

uint32_t place_of_mark(uint8_t kind, unsigned n)
{
    struct place is = { .kind = kind, .nth = (uint8_t)(n < MARKS_TOLD_APART ? n : MARKS_TOLD_APART) };
    return find(hash_fold(kind + HASH_1, is.nth + HASH_2) | 1, &is, NULL);
}

uint32_t place_here(uint8_t kind)
{
    void *frame[PLACE_FRAMES + 2];
    int found = backtrace(frame, PLACE_FRAMES + 2) - 2, count = 0; /* not this, nor the medium's function */
    while (count < found && !((char *)frame[count + 2] >= __start_psm_crashtest_run
                              && (char *)frame[count + 2] < __stop_psm_crashtest_run))
        count++;
    struct place is = { .kind = kind, .frames = (uint8_t)count };
    return find(hash_bytes(frame + 2, (size_t)count * sizeof *frame, kind + HASH_1) | 1, &is, frame + 2);
}

/* The symbol table, mapped at the first question. */
static const Elf64_Sym *symbols;
static size_t symbol_count;
static const char *strings;

static void read_symbols(void)
{
    struct stat s;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (symbols != NULL || fd < 0 || fstat(fd, &s) != 0)
        return;
    const char *file = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED)
        return;
    const Elf64_Ehdr *header = (const void *)file;
    const Elf64_Shdr *section = (const void *)(file + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++)
        if (section[i].sh_type == SHT_SYMTAB) {
            symbols = (const void *)(file + section[i].sh_offset);
            symbol_count = section[i].sh_size / sizeof *symbols;
            strings = file + section[section[i].sh_link].sh_offset;
        }
}

static const char *function_at(uintptr_t address)
{
    for (size_t i = 0; i < symbol_count; i++)
        if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && address - symbols[i].st_value < symbols[i].st_size)
            return strings + symbols[i].st_name;
    return NULL;
}

const char *place_words(uint32_t place, char *text, size_t size)
{
    static const char *const kinds[] = { "store", "copy", "flush", "fence", "write", "size", "sync", "create",
                                         "remove", "directory sync", "op is begun", "aside", "op is acknowledged" };
    const struct place *p = &places[place];
    read_symbols();
    if (place == 0)
        return snprintf(text, size, "end"), text;
    if (p->kind == EVENT_BEGUN || p->kind == EVENT_ACKNOWLEDGED)
        return snprintf(text, size, "%s, the life's %s", kinds[p->kind],
                        p->nth == 0 ? "state found" : p->nth == 1 ? "first" : p->nth == 2 ? "second" : "later ones"), text;
    size_t used = (size_t)snprintf(text, size, "%s in", kinds[p->kind]);
    for (unsigned i = 0; i < p->frames && used < size; i++) {
        const char *name = function_at((uintptr_t)p->frame[i] - 1);
        if (name == NULL)
            break;
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? " " : " < ", name);
    }
    return text;
}

static int rarer(const void *a, const void *b)
{
    const struct place *const *x = a, *const *y = b;
    return (*x)->points < (*y)->points ? -1 : (*x)->points > (*y)->points;
}

void places_print(FILE *to)
{
    const struct place *list[PLACES_MAX];
    char text[200];
    size_t count = 0;
    for (uint32_t i = 0; i < PLACES_MAX; i++)
        if (places[i].points != 0)
            list[count++] = &places[i];
    qsort(list, count, sizeof *list, rarer);
    fprintf(to, "    points    images   of later crashes  right before\n");
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%10lu%10lu%19lu  %s\n", (unsigned long)list[i]->points,
                (unsigned long)(list[i]->images[0] + list[i]->images[1]), (unsigned long)list[i]->images[1],
                place_words((uint32_t)(list[i] - places), text, sizeof text));
}
