/* patch.h: what an input says, and how it changes a base's files.
 *
 * An input is a head and up to PATCHES_MAX patches. A patch changes a few bytes of one of
 * the structures below, and then, unless it says otherwise, makes the checksums over them
 * right again: what lies behind a checksum is where libpsm has most to check. Any bytes are
 * an input. */
#ifndef PATCH_H
#define PATCH_H
#include "base.h"
#include "heap_layout.h"

enum { HEAD_BASE = 3, HEAD_LOSS = 4, HEAD_POISON = 8, HEAD_NATIVE = 16 }; /* of flags */
struct head {
    uint8_t flags;
    uint8_t ops;   /* to run once it is open: up to 7 */
    uint16_t seed; /* which */
};

enum what {
    IN_SUPER, IN_SLOT, IN_ATTEMPT, IN_SEAL, IN_ENTRY, IN_PAYLOAD, IN_UNDO, IN_HALF, IN_RANGES,
    IN_JOURNAL_SEAL, IN_HEAP, IN_CLASS, IN_BIN, IN_DIRECTORY, IN_MAP, IN_NODE, IN_RING, IN_ROOT, IN_GLOBALS,
    IN_FILE, LENGTH, REMOVED, WHATS
};
enum how { PUT_1, PUT_2, PUT_4, PUT_8, ADD_4, ADD_8, FLIP, FILL, HOWS };
#define UNREPAIRED 0x80 /* of how */

struct patch {
    uint8_t what, how;
    uint16_t index;
    uint32_t offset;
    uint64_t value;
};
static_assert(sizeof(struct patch) == 16, "no padding");
#define PATCHES_MAX 24

/* The files as they shall be before the opening. Where they differ from the base's is
 * noted, so that going back to it costs no more than that. */
#define TOUCHED_MAX (PATCHES_MAX * 8)
struct work {
    const struct base *base;
    struct file file[BASE_FILES];
    bool relaid[BASE_FILES]; /* its length was changed: all of it may differ */
    struct { uint32_t file, page; } touched[TOUCHED_MAX];
    unsigned touches;
};

static void touch(struct work *w, const struct file *f, uint64_t offset, uint64_t size)
{
    for (uint64_t page = offset / PAGE; page <= (offset + size - 1) / PAGE && w->touches < TOUCHED_MAX; page++) {
        w->touched[w->touches].file = (uint32_t)(f - w->file);
        w->touched[w->touches++].page = (uint32_t)page;
    }
}

static uint64_t undo_place(uint64_t area, uint64_t index)
{
    uint64_t per_chunk = LAYOUT_UNDO_CHUNK / LAYOUT_LINE;
    return (2 * (index / per_chunk) + area) * LAYOUT_UNDO_CHUNK + index % per_chunk * LAYOUT_LINE;
}

/* Where the heap keeps region 0's map and nodes, and a class's ring, as the base has it. */
static uint64_t heap_place(const struct work *w, uint32_t unit)
{
    return w->base->globals_bytes + (uint64_t)unit * HEAP_UNIT;
}
static const struct heap_header *base_heap(const struct work *w)
{
    return (const struct heap_header *)(w->base->file[IMAGE].bytes + w->base->globals_bytes);
}

/* The structure that a patch is about: which file, where, how long. */
static struct file *locate(struct work *w, const struct patch *p, uint64_t *at, uint64_t *size)
{
    const struct base *b = w->base;
    const struct heap_header *heap = base_heap(w);
    uint64_t in_heap = heap_place(w, 0);
    unsigned i = p->index;
#define PLACE(f, where, length) return *at = (where), *size = (length), &w->file[f]
    switch (p->what % WHATS) {
    case IN_SUPER:        PLACE(SUPER, 0, 256);
    case IN_SLOT:         PLACE(SUPER, (uint64_t)LAYOUT_SLOT_OFFSET(i / 2 % 2, i % 2), sizeof(struct slot));
    case IN_ATTEMPT:      PLACE(SUPER, LAYOUT_ATTEMPT_OFFSET, sizeof(struct attempt));
    case IN_SEAL:         PLACE(SUPER, LAYOUT_SEAL_OFFSET, sizeof(struct seal));
    case IN_ENTRY:        PLACE(LOG, b->entry[i % (b->entries + 1)] % BASE_LOG, sizeof(struct log_entry));
    case IN_PAYLOAD:      PLACE(LOG, b->entry[i % (b->entries + 1)] % BASE_LOG + sizeof(struct log_entry), 64);
    case IN_UNDO:         PLACE(JOURNAL, undo_place(i & 1, i / 2 % 64), sizeof(struct undo_record));
    case IN_HALF:         PLACE(JOURNAL, journal_offset(i & 1, 0), sizeof(struct journal_head));
    case IN_RANGES:       PLACE(JOURNAL, journal_offset(i & 1, 0) + sizeof(struct journal_head), 4096);
    case IN_JOURNAL_SEAL: PLACE(JOURNAL, JOURNAL_SEAL(i), sizeof(struct journal_seal));
    case IN_HEAP:         PLACE(IMAGE, in_heap, offsetof(struct heap_header, classes));
    case IN_CLASS:        PLACE(IMAGE, in_heap + offsetof(struct heap_header, classes[i % HEAP_CLASSES]), 32);
    case IN_BIN:          PLACE(IMAGE, in_heap + offsetof(struct heap_header, bins[i % HEAP_BINS]), 8);
    case IN_DIRECTORY:    PLACE(IMAGE, in_heap + offsetof(struct heap_header, directory[i % 4]), 4);
    case IN_MAP:          PLACE(IMAGE, heap_place(w, heap->directory[0]), heap->top + 4);
    case IN_NODE:         PLACE(IMAGE, heap_place(w, heap->directory[0]) + HEAP_REGION_UNITS
                                + i % (heap->top + 1) * sizeof(struct heap_node), sizeof(struct heap_node));
    case IN_RING:         PLACE(IMAGE, heap_place(w, heap->classes[i % HEAP_CLASSES].ring), 256);
    case IN_ROOT:         PLACE(IMAGE, in_heap + ((const struct super *)b->file[SUPER].bytes)->root_offset,
                                sizeof(struct root));
    case IN_GLOBALS:      PLACE(IMAGE, 0, b->globals_bytes);
    default:
        *at = 0;
        *size = w->file[i % b->files].size;
        return &w->file[i % b->files];
    }
#undef PLACE
}

/* ---- checksums ---- */

static uint64_t super_salt(const struct work *w)
{
    return ((const struct super *)w->file[SUPER].bytes)->salt;
}

/* As most structures have it: a checksum first, of all that follows. */
static void repair_line(const struct work *w, unsigned char *p, size_t size)
{
    uint64_t sum = hash_bytes(p + 8, size - 8, super_salt(w));
    memcpy(p, &sum, sizeof sum);
}

static void repair_half(struct work *w, unsigned area)
{
    struct file *f = &w->file[JOURNAL];
    struct journal_head *head = (struct journal_head *)(f->bytes + journal_offset(area, 0));
    uint64_t room = f->size > journal_offset(area, 0) ? f->size - journal_offset(area, 0) : 0;
    touch(w, f, journal_offset(area, 0), sizeof *head);
    if (head->bytes >= sizeof *head && head->bytes <= JOURNAL_CHUNK && head->bytes <= room)
        head->body = hash_bytes(head + 1, head->bytes - sizeof *head, super_salt(w));
    repair_line(w, (unsigned char *)head, sizeof *head);
}

static void repair_entry(struct work *w, uint64_t position)
{
    struct log_entry *e = (struct log_entry *)(w->file[LOG].bytes + position % BASE_LOG);
    touch(w, &w->file[LOG], position % BASE_LOG, sizeof *e);
    if (position % BASE_LOG + sizeof *e + e->length <= BASE_LOG)
        e->checksum = log_checksum(e, position, w->base->log_salt, e + 1);
}

static void repair(struct work *w, const struct patch *p, unsigned char *where)
{
    struct super *super = (struct super *)w->file[SUPER].bytes;
    switch (p->what % WHATS) {
    case IN_SUPER:        super->checksum = super_checksum(super); break;
    case IN_SLOT:         repair_line(w, where, sizeof(struct slot)); break;
    case IN_ATTEMPT:      repair_line(w, where, sizeof(struct attempt)); break;
    case IN_SEAL:         repair_line(w, where, sizeof(struct seal)); break;
    case IN_UNDO:         repair_line(w, where, sizeof(struct undo_record)); break;
    case IN_JOURNAL_SEAL: repair_line(w, where, sizeof(struct journal_seal)); break;
    case IN_ENTRY:
    case IN_PAYLOAD:      repair_entry(w, w->base->entry[p->index % (w->base->entries + 1)]); break;
    case IN_HALF:
    case IN_RANGES:       repair_half(w, p->index & 1); break;
    }
}

/* ---- changing bytes ---- */

static void change(struct work *w, const struct patch *p, struct file *f, uint64_t from)
{
    static const unsigned sizes[HOWS] = { 1, 2, 4, 8, 4, 8, 8, 1 };
    unsigned how = (p->how & ~UNREPAIRED) % HOWS;
    uint64_t size = sizes[how], old = 0, new = p->value, left = f->size - from;
    unsigned char *to = f->bytes + from;
    if (how == FILL) {
        size = (p->value >> 8 & 0xfff) + 1;
        size = size < left ? size : left;
        touch(w, f, from, size);
        memset(to, (int)p->value, size);
        return;
    }
    if (size > left)
        return;
    touch(w, f, from, size);
    memcpy(&old, to, size);
    if (how == ADD_4 || how == ADD_8)
        new = old + p->value;
    else if (how == FLIP)
        new = old ^ p->value;
    memcpy(to, &new, size);
}

static void set_length(struct work *w, unsigned i, uint64_t size)
{
    const struct file *was = &w->base->file[i];
    struct file *f = &w->file[i];
    w->relaid[i] = true;
    if (size > was->size + BASE_ROOM)
        size = was->size + size % BASE_ROOM;
    if (size > f->size)
        memset(f->bytes + f->size, 0, size - f->size);
    f->size = size;
}

static void apply(struct work *w, const struct patch *p)
{
    uint64_t at, size;
    if (p->what % WHATS == LENGTH) {
        set_length(w, p->index % w->base->files, p->value);
        return;
    }
    if (p->what % WHATS == REMOVED && p->index % 8 == 0) {
        w->file[p->offset % w->base->files].name[0] = 0;
        return;
    }
    struct file *f = locate(w, p, &at, &size);
    if (size == 0 || at >= f->size)
        return;
    uint64_t from = at + p->offset % size;
    if (from >= f->size)
        return;
    change(w, p, f, from);
    if (p->how & UNREPAIRED || at + size > f->size)
        return;
    touch(w, f, at, 8);
    repair(w, p, f->bytes + at);
}

/* ---- mutation ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static uint64_t interesting(uint64_t random)
{
    static const uint64_t values[] = { 0, 1, 2, 8, 31, 32, 63, 64, 4095, 4096, 16384, 65535, 65536, 1 << 20, 1 << 21,
                                       UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 36, INT64_MAX,
                                       UINT64_C(1) << 63, UINT64_MAX };
    uint64_t value = values[random % (sizeof values / sizeof values[0])];
    switch (random >> 8 & 7) {
    case 0:  return value - 1;
    case 1:  return value + 1;
    case 2:  return random >> 16 & 0xff;
    case 3:  return (random >> 16 & 0xff) - 128; /* a small step, with ADD */
    case 4:  return UINT64_C(1) << (random >> 16 & 63);
    case 5:  return random >> 16;
    default: return value;
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state = hash_fold(*state ^ HASH_1, HASH_3);
    return *state;
}

static struct patch new_patch(uint64_t *state)
{
    uint64_t r = next_random(state), s = next_random(state);
    return (struct patch){ .what = (uint8_t)(r % WHATS), .how = (uint8_t)((r >> 8) % HOWS | ((r >> 16) % 8 == 0 ? UNREPAIRED : 0)),
                           .index = (uint16_t)(r >> 20), .offset = (uint32_t)(s % 2 ? s >> 8 : (s >> 8) % 64 * 4),
                           .value = interesting(next_random(state)) };
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    uint64_t state = seed + HASH_2;
    struct patch patch[PATCHES_MAX + 1];
    size_t count = size > sizeof(struct head) ? (size - sizeof(struct head)) / sizeof(struct patch) : 0;
    if (max < sizeof(struct head) + sizeof(struct patch) * (PATCHES_MAX + 1))
        return LLVMFuzzerMutate(data, size, max);
    if (size < sizeof(struct head))
        memset(data, 0, sizeof(struct head));
    if (count > PATCHES_MAX)
        count = PATCHES_MAX;
    if (count != 0)
        memcpy(patch, data + sizeof(struct head), count * sizeof *patch);
    uint64_t r = next_random(&state);
    struct patch *p = count != 0 ? &patch[(r >> 8) % count] : NULL;
    switch (p == NULL ? 0 : r % 10) {
    case 0:
    case 1:
    case 2:
        patch[count++] = new_patch(&state);
        break;
    case 3:
        *p = patch[--count];
        break;
    case 4:
        p->value = interesting(next_random(&state));
        break;
    case 5:
        p->offset = (uint32_t)(r >> 16) % 4 == 0 ? (uint32_t)(r >> 20) : p->offset + (uint32_t)(r >> 20) % 33 - 16;
        break;
    case 6:
        p->index = (uint16_t)((r >> 16) % 2 ? p->index + 1 : (r >> 20));
        break;
    case 7:
        p->how = (uint8_t)(r >> 16);
        break;
    case 8:
        LLVMFuzzerMutate((uint8_t *)p, sizeof *p, sizeof *p);
        break;
    case 9:
        for (size_t i = 0; i < sizeof(struct head); i++)
            if (r >> (16 + i) & 1)
                data[i] = (uint8_t)(r >> (24 + 8 * i));
        break;
    }
    if (count > PATCHES_MAX)
        count = PATCHES_MAX;
    memcpy(data + sizeof(struct head), patch, count * sizeof *patch);
    return sizeof(struct head) + count * sizeof *patch;
}
#endif
