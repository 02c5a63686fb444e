"""What the state of a random program is made of.

A container has a member of struct state, helper code, actions that an op may take on
it (statements using `s`, the state, and get(r), the next number), and a statement that
folds its content into the digest `h`. @C@ stands for its name, @T@ for its struct.
"""


class Container:
    MEMBER = GLOBALS = CODE = FOLD = ""
    ACTIONS = []

    def __init__(self, name, struct, chance):
        self.name, self.struct = name, struct
        self.prepare(chance)

    def prepare(self, chance):
        pass

    def fill(self, text):
        return text.replace("@C@", self.name).replace("@T@", self.struct.name)

    def member(self):
        return self.fill(self.MEMBER)

    def globals(self):
        return self.fill(self.GLOBALS)

    def code(self):
        return self.fill(self.CODE)

    def fold(self):
        return self.fill(self.FOLD)

    def action(self, chance):
        return self.fill(chance.choice(self.ACTIONS))


class List(Container):
    """Doubly linked, bounded; nodes hold their struct."""
    MEMBER = "struct @C@_node { struct @C@_node *next, *previous; struct @T@ item; } *@C@_first, *@C@_last; uint32_t @C@_count;"
    CODE = r"""
static void @C@_drop(struct state *s, struct @C@_node *n)
{
    *(n->previous ? &n->previous->next : &s->@C@_first) = n->next;
    *(n->next ? &n->next->previous : &s->@C@_last) = n->previous;
    clear_@T@(&n->item);
    free(n);
    s->@C@_count--;
}
static void @C@_add(struct state *s, uint64_t x)
{
    struct @C@_node *n = x & 1 ? calloc(1, sizeof *n) : malloc(sizeof *n);
    set_@T@(&n->item, x);
    struct @C@_node *after = x & 2 ? s->@C@_last : NULL;
    n->previous = after;
    n->next = after ? after->next : s->@C@_first;
    *(n->previous ? &n->previous->next : &s->@C@_first) = n;
    *(n->next ? &n->next->previous : &s->@C@_last) = n;
    if (++s->@C@_count > 60)
        @C@_drop(s, x & 4 ? s->@C@_first : s->@C@_last);
}
static struct @C@_node *@C@_at(struct state *s, uint64_t x)
{
    struct @C@_node *n = s->@C@_first;
    for (uint64_t i = s->@C@_count ? x % s->@C@_count : 0; i && n; i--)
        n = n->next;
    return n;
}
static void @C@_reverse(struct state *s)
{
    struct @C@_node *n = s->@C@_first;
    s->@C@_first = s->@C@_last;
    s->@C@_last = n;
    while (n) {
        struct @C@_node *next = n->next;
        n->next = n->previous;
        n->previous = next;
        n = next;
    }
}
"""
    ACTIONS = [
        "@C@_add(s, get(r));",
        "for (uint64_t n = get(r) % 7; n; n--) @C@_add(s, get(r));",
        "if (s->@C@_first) @C@_drop(s, @C@_at(s, get(r)));",
        "@C@_reverse(s);",
        "for (struct @C@_node *n = s->@C@_first; n; n = n->next) change_@T@(&n->item, get(r));",
        "{ struct @C@_node *n = @C@_at(s, get(r)); if (n) n->item = made_@T@(n->item, get(r)); }",
        "while (s->@C@_count > 20) @C@_drop(s, s->@C@_last);",
    ]
    FOLD = "for (struct @C@_node *n = s->@C@_first; n; n = n->next) h = fold_@T@(&n->item, h);"


class Tree(Container):
    """Unbalanced search tree; its comparator is kept in the state."""
    MEMBER = "struct @C@_node { struct @C@_node *child[2]; struct @T@ item; } *@C@; int (*@C@_compare)(const void *, const void *);"
    CODE = r"""
static struct @C@_node **@C@_find(struct state *s, const struct @T@ *like)
{
    if (!s->@C@_compare)
        s->@C@_compare = compare_@T@;
    struct @C@_node **link = &s->@C@;
    for (int order; *link && (order = s->@C@_compare(like, &(*link)->item)); )
        link = &(*link)->child[order > 0];
    return link;
}
static void @C@_toggle(struct state *s, uint64_t x)
{
    struct @T@ like = {.key = x % 4096 % 97};
    struct @C@_node **link = @C@_find(s, &like), *n = *link;
    if (!n) {
        n = malloc(sizeof *n);
        set_@T@(&n->item, x);
        n->item.key = like.key;
        n->child[0] = n->child[1] = NULL;
        *link = n;
    } else if (n->child[0] && n->child[1]) {
        change_@T@(&n->item, x);
    } else {
        *link = n->child[!n->child[0]];
        clear_@T@(&n->item);
        free(n);
    }
}
static uint64_t @C@_walk(struct @C@_node *n, uint64_t h, uint64_t (*visit)(const struct @T@ *, uint64_t))
{
    if (!n)
        return h;
    h = @C@_walk(n->child[0], h, visit);
    h = visit(&n->item, h);
    return @C@_walk(n->child[1], h, visit);
}
static void @C@_free(struct @C@_node *n)
{
    if (!n)
        return;
    @C@_free(n->child[0]);
    @C@_free(n->child[1]);
    clear_@T@(&n->item);
    free(n);
}
"""
    ACTIONS = [
        "@C@_toggle(s, get(r));",
        "for (uint64_t n = get(r) % 11; n; n--) @C@_toggle(s, get(r));",
        "if (get(r) % 32 == 0) { @C@_free(s->@C@); s->@C@ = NULL; }",
        "r->last = @C@_walk(s->@C@, r->last, fold_@T@);",
    ]
    FOLD = "h = @C@_walk(s->@C@, h, fold_@T@);"


class Array(Container):
    """Growing array of structs, sorted and searched by libc with callbacks."""
    MEMBER = "struct @T@ *@C@; size_t @C@_count, @C@_room;"
    CODE = r"""
static int @C@_by_key_down(const void *a, const void *b) { return compare_@T@(b, a); }
static void @C@_append(struct state *s, struct @T@ item)
{
    if (s->@C@_count == s->@C@_room) {
        s->@C@_room = s->@C@_room * 3 / 2 + 2;
        s->@C@ = realloc(s->@C@, s->@C@_room * sizeof item);
    }
    s->@C@[s->@C@_count++] = item;
}
static void @C@_remove(struct state *s, uint64_t x)
{
    if (!s->@C@_count)
        return;
    size_t at = x % s->@C@_count;
    clear_@T@(&s->@C@[at]);
    memmove(&s->@C@[at], &s->@C@[at + 1], (--s->@C@_count - at) * sizeof *s->@C@);
}
static void @C@_more(struct state *s, uint64_t x)
{
    struct @T@ item = {0};
    set_@T@(&item, x);
    @C@_append(s, made_@T@(item, x >> 3));
    if (s->@C@_count > 70)
        @C@_remove(s, x >> 5);
}
static void @C@_swap(struct state *s, uint64_t x, uint64_t y)
{
    if (!s->@C@_count)
        return;
    struct @T@ *a = &s->@C@[x % s->@C@_count], *b = &s->@C@[y % s->@C@_count], t = *a;
    *a = *b;
    memcpy(b, &t, sizeof t);
}
"""
    ACTIONS = [
        "@C@_more(s, get(r));",
        "for (uint64_t n = get(r) % 9; n; n--) @C@_more(s, get(r));",
        "@C@_remove(s, get(r));",
        "{ uint64_t x = get(r); @C@_swap(s, x, get(r)); }",
        "for (size_t i = 0; i < s->@C@_count; i++) s->@C@[i].key = s->@C@[i].key * 64 + i;"
        " if (s->@C@_count) qsort(s->@C@, s->@C@_count, sizeof *s->@C@, get(r) & 1 ? compare_@T@ : @C@_by_key_down);"
        " for (size_t i = 0; i < s->@C@_count; i++) s->@C@[i].key = s->@C@[i].key / 64 % 4096;",
        "if (s->@C@_count) { struct @T@ like = s->@C@[get(r) % s->@C@_count];"
        " struct @T@ *found = bsearch(&like, s->@C@, 1, sizeof like, compare_@T@);"
        " if (found) change_@T@(found, get(r)); }",
        "for (size_t i = 0; i < s->@C@_count; i += 3) change_@T@(&s->@C@[i], get(r));",
    ]
    FOLD = "for (size_t i = 0; i < s->@C@_count; i++) h = fold_@T@(&s->@C@[i], h);"


class Hash(Container):
    """Chained hash of strings to structs, growing."""
    MEMBER = "struct @C@_entry { struct @C@_entry *next; struct @T@ item; char name[]; } **@C@; uint32_t @C@_size, @C@_count;"
    CODE = r"""
static uint32_t @C@_hash(const char *name)
{
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}
static void @C@_grow(struct state *s)
{
    uint32_t size = s->@C@_size ? s->@C@_size * 2 : 4;
    struct @C@_entry **table = calloc(size, sizeof *table);
    for (uint32_t i = 0; i < s->@C@_size; i++)
        while (s->@C@[i]) {
            struct @C@_entry *e = s->@C@[i];
            s->@C@[i] = e->next;
            struct @C@_entry **link = &table[@C@_hash(e->name) % size];
            e->next = *link;
            *link = e;
        }
    free(s->@C@);
    s->@C@ = table;
    s->@C@_size = size;
}
static void @C@_put(struct state *s, uint64_t x)
{
    char name[64];
    int length = snprintf(name, sizeof name, "%s/%04x", x & 1 ? "left" : "right", (unsigned)(x >> 8 & 127));
    if (s->@C@_count >= s->@C@_size)
        @C@_grow(s);
    struct @C@_entry **link = &s->@C@[@C@_hash(name) % s->@C@_size];
    while (*link && strcmp((*link)->name, name))
        link = &(*link)->next;
    struct @C@_entry *e = *link;
    if (e && x >> 20 & 1) {
        *link = e->next;
        clear_@T@(&e->item);
        free(e);
        s->@C@_count--;
    } else if (e) {
        change_@T@(&e->item, x);
    } else {
        e = malloc(sizeof *e + (size_t)length + 1);
        set_@T@(&e->item, x);
        strcpy(e->name, name);
        e->next = NULL;
        *link = e;
        s->@C@_count++;
    }
}
"""
    ACTIONS = ["@C@_put(s, get(r));", "for (uint64_t n = get(r) % 13; n; n--) @C@_put(s, get(r));"]
    FOLD = ("for (uint32_t i = 0; i < s->@C@_size; i++) for (struct @C@_entry *e = s->@C@[i]; e; e = e->next)"
            " h = fold_@T@(&e->item, fold(h, @C@_hash(e->name)));")


class Text(Container):
    """A string edited by everything in string.h."""
    MEMBER = "char *@C@; size_t @C@_size;"
    CODE = r"""
static void @C@_set(struct state *s, char *text)
{
    free(s->@C@);
    s->@C@ = text;
    s->@C@_size = strlen(text);
}
static void @C@_ensure(struct state *s)
{
    if (!s->@C@)
        @C@_set(s, strdup("the quick brown fox 42 -7 0x1f"));
}
static void @C@_append(struct state *s, const char *format, ...)
{
    va_list list;
    char small[48];
    @C@_ensure(s);
    va_start(list, format);
    int n = vsnprintf(small, sizeof small, format, list);
    va_end(list);
    size_t add = (size_t)n < sizeof small ? (size_t)n : sizeof small - 1;
    s->@C@ = realloc(s->@C@, s->@C@_size + add + 1);
    memcpy(s->@C@ + s->@C@_size, small, add + 1);
    s->@C@_size += add;
    if (s->@C@_size > 2000)
        @C@_set(s, strndup(s->@C@ + 900, 300));
}
static void @C@_upper(struct state *s, uint64_t x)
{
    @C@_ensure(s);
    for (char *c = strchr(s->@C@, (int)('a' + x % 26)); c; c = strchr(c + 1, *c | 32))
        *c = (char)toupper((unsigned char)*c);
}
static void @C@_cut(struct state *s, uint64_t x)
{
    @C@_ensure(s);
    size_t from = x % (s->@C@_size + 1), length = (x >> 32) % 20;
    if (from + length > s->@C@_size)
        length = s->@C@_size - from;
    memmove(s->@C@ + from, s->@C@ + from + length, s->@C@_size - from - length + 1);
    s->@C@_size -= length;
}
static void @C@_words(struct state *s)
{
    @C@_ensure(s);
    char *copy = strdup(s->@C@), *save = NULL, *result = calloc(1, s->@C@_size + 2);
    for (char *w = strtok_r(copy, " /", &save); w; w = strtok_r(NULL, " /", &save)) {
        char *end;
        long number = strtol(w, &end, 0);
        if (*end == 0 && number > 50)
            continue;
        if (*result)
            strcat(result, " ");
        strncat(result, w, 12);
    }
    free(copy);
    @C@_set(s, result);
}
static uint64_t @C@_scan(struct state *s)
{
    unsigned a = 0, b = 0;
    char word[12] = "";
    @C@_ensure(s);
    const char *at = strstr(s->@C@, "fox");
    int n = sscanf(at ? at : s->@C@, "%11s %u %u", word, &a, &b);
    return (uint64_t)n * 1000003 + a + b * 7 + strspn(word, "abcdefghijklmnopqrstuvwxyz");
}
"""
    ACTIONS = [
        "{ unsigned x = (unsigned)get(r); @C@_append(s, \" %s %d %5.2f\", x & 1 ? \"fox\" : \"dog\", (int)(x % 99), (double)(x % 1000) / 8); }",
        "@C@_upper(s, get(r));",
        "@C@_cut(s, get(r));",
        "if (get(r) % 4 == 0) @C@_words(s);",
        "r->last += @C@_scan(s);",
    ]
    FOLD = "for (size_t i = 0; i < s->@C@_size; i++) h = fold(h, (unsigned char)s->@C@[i]);"


class Globals(Container):
    """State that does not lie under the root: statics of a file, of a function, arrays."""
    MEMBER = "uint32_t @C@_dummy;"
    GLOBALS = ("static struct @T@ @C@_global[5]; struct @T@ *@C@_pointer; uint64_t @C@_numbers[37] = {1, 2, 3};\n"
               "static bool @C@_ready; _Atomic uint64_t @C@_counter = 10; static char @C@_line[50] = \"start\";")
    CODE = r"""
static uint64_t @C@_tick(void)
{
    static uint64_t ticks = 3;
    return ticks += 2;
}
static void @C@_prepare(void)
{
    if (@C@_ready)
        return;
    for (unsigned i = 0; i < 5; i++)
        set_@T@(&@C@_global[i], i);
    @C@_ready = true;
}
static void @C@_point(uint64_t x)
{
    @C@_prepare();
    if (@C@_pointer && (@C@_pointer < @C@_global || @C@_pointer >= @C@_global + 5)) {
        clear_@T@(@C@_pointer);
        free(@C@_pointer);
    }
    if (x & 1) {
        @C@_pointer = &@C@_global[x / 2 % 5];
    } else {
        @C@_pointer = malloc(sizeof *@C@_pointer);
        set_@T@(@C@_pointer, x);
    }
}
"""
    ACTIONS = [
        "@C@_prepare(); change_@T@(&@C@_global[get(r) % 5], get(r));",
        "@C@_point(get(r));",
        "if (@C@_pointer) change_@T@(@C@_pointer, get(r));",
        "@C@_numbers[get(r) % 37] += @C@_tick();",
        "for (int i = 36; i > 0; i--) @C@_numbers[i] ^= @C@_numbers[i - 1] + r->last;",
        "memmove(@C@_numbers + 3, @C@_numbers, 20 * sizeof *@C@_numbers);",
        "atomic_fetch_xor(&@C@_counter, get(r)); snprintf(@C@_line, sizeof @C@_line, \"%s%u\", @C@_line[0] ? \"a\" : \"b\", (unsigned)get(r));",
    ]
    FOLD = ("@C@_prepare_for_digest(&h);")

    def code(self):
        return super().code() + self.fill(r"""
static void @C@_prepare_for_digest(uint64_t *h)
{
    for (unsigned i = 0; @C@_ready && i < 5; i++)
        *h = fold_@T@(&@C@_global[i], *h);
    for (unsigned i = 0; i < 37; i++)
        *h = fold(*h, @C@_numbers[i]);
    if (@C@_pointer)
        *h = fold_@T@(@C@_pointer, *h);
    *h = fold(fold(*h, @C@_counter), (unsigned char)@C@_line[1]);
}
""")


class Numbers(Container):
    """Loops that the vectorizer and the idiom recognizer change the shape of."""
    MEMBER = "uint32_t @C@_a[67]; double @C@_b[33]; uint8_t @C@_c[129]; uint16_t *@C@_d;"
    CODE = r"""
static void @C@_loops(struct state *s, uint64_t x)
{
    uint32_t n = (uint32_t)(x % 67);
    for (uint32_t i = 0; i < n; i++)
        s->@C@_a[i] = s->@C@_a[i] * 5 + i + (uint32_t)(x >> 17);
    for (int i = 0; i < 33; i++)
        s->@C@_b[i] = s->@C@_b[i] / 2 + (double)(s->@C@_a[i * 2] & 1023);
    for (uint32_t i = 0; i < n; i++)
        if (s->@C@_a[i] & 1)
            s->@C@_c[i] = (uint8_t)s->@C@_a[i];
    if (!s->@C@_d)
        s->@C@_d = calloc(200, sizeof *s->@C@_d);
    for (uint32_t i = 0; i < 3 * n && i < 200; i += 3)
        s->@C@_d[i] = (uint16_t)(s->@C@_c[i % 129] + i);
}
static void @C@_copies(struct state *s, uint64_t x)
{
    unsigned char buffer[300];
    size_t n = x % 129;
    memset(buffer, (int)(x >> 8 & 255), sizeof buffer);
    memcpy(buffer + 7, s->@C@_c, n);
    for (size_t i = 0; i < n; i++)
        s->@C@_c[i] = buffer[n + 6 - i];
    unsigned char *stack = alloca(n + 1);
    memcpy(stack, s->@C@_c, n + 0);
    stack[n] = 0;
    for (size_t i = 1; i <= n; i++)
        stack[i - 1] ^= stack[i];
    memmove(s->@C@_c + (129 - n), stack, n);
    memset(s->@C@_a + n % 60, 0, (x >> 20) % 7 * sizeof *s->@C@_a);
}
"""
    ACTIONS = ["@C@_loops(s, get(r));", "@C@_copies(s, get(r));",
               "for (uint64_t n = get(r) % 4; n; n--) { @C@_loops(s, get(r)); @C@_copies(s, r->last); }"]
    FOLD = ("for (int i = 0; i < 67; i++) h = fold(h, s->@C@_a[i]); for (int i = 0; i < 33; i++) h = fold_double(h, s->@C@_b[i]);"
            " for (int i = 0; i < 129; i++) h = fold(h, s->@C@_c[i]); for (int i = 0; s->@C@_d && i < 200; i++) h = fold(h, s->@C@_d[i]);")


class Machine(Container):
    """An interpreter of argument bytes: computed goto, switch, varargs, recursion."""
    MEMBER = "uint64_t @C@_registers[8]; function_type *@C@_vector[4]; struct @T@ *@C@_box;"
    CODE = r"""
static uint64_t @C@_sum(int count, ...)
{
    va_list list;
    uint64_t sum = 0;
    va_start(list, count);
    for (int i = 0; i < count; i++) {
        uint64_t *place = va_arg(list, uint64_t *);
        sum += *place + (uint64_t)va_arg(list, double);
        *place ^= sum;
    }
    va_end(list);
    return sum;
}
static void @C@_run(struct state *s, uint64_t program, int depth)
{
    static const void *const labels[] = {&&end, &&add, &&turn, &&call, &&box, &&many, &&deeper, &&choose};
    uint64_t *g = s->@C@_registers;
    goto *labels[program & 7];
add:
    g[program >> 3 & 7] += program;
    program >>= 7;
    goto *labels[program & 7];
turn:
    g[program >> 3 & 7] ^= g[program >> 5 & 7] << 3;
    program >>= 6;
    goto *labels[program & 7];
call:
    if (!s->@C@_vector[program & 3])
        s->@C@_vector[program & 3] = functions[program >> 4 & 3];
    g[0] = s->@C@_vector[program & 3](g[0]);
    program >>= 5;
    goto *labels[program & 7];
box:
    if (s->@C@_box) {
        clear_@T@(s->@C@_box);
        free(s->@C@_box);
        s->@C@_box = NULL;
    } else {
        s->@C@_box = aligned_alloc(64, (sizeof *s->@C@_box + 63) / 64 * 64);
        set_@T@(s->@C@_box, program);
    }
    program >>= 4;
    goto *labels[program & 7];
many:
    g[7] += @C@_sum(3, &g[1], 1.5, &g[program >> 3 & 3], 2.5, &g[3], (double)(program & 15));
    program >>= 6;
    goto *labels[program & 7];
deeper:
    if (depth < 4)
        @C@_run(s, mix(program), depth + 1);
    program >>= 3;
    goto *labels[program & 7];
choose:
    switch (program >> 3 & 15) {
    case 0: g[2]++; break;
    case 1: g[3] = ~g[3]; break;
    case 2: g[4] = g[4] % 1000 * 3; /* fall through */
    case 5: s->@C@_vector[1] = f_mix; break;
    case 9: s->@C@_vector[2] = functions[g[2] & 3]; break;
    case 11: g[5] = (uint64_t)psm_time() ? g[5] + 1 : g[5]; break;
    case 12: g[6] |= 1; break;
    default: g[6] -= 3;
    }
    program >>= 7;
    goto *labels[program & 7];
end:
    return;
}
"""
    ACTIONS = ["@C@_run(s, get(r), 0);", "for (uint64_t n = get(r) % 5; n; n--) @C@_run(s, get(r) | 4, 1);"]
    FOLD = ("for (int i = 0; i < 8; i++) h = fold(h, s->@C@_registers[i]);"
            " for (int i = 0; i < 4; i++) h = fold(h, s->@C@_vector[i] ? function_index(s->@C@_vector[i]) : 7);"
            " if (s->@C@_box) h = fold_@T@(s->@C@_box, h);")


class Blocks(Container):
    """Blocks of all sizes, small and large, aligned, grown in place, given back."""
    MEMBER = "struct { unsigned char *bytes; size_t size; } @C@[24];"
    CODE = r"""
static void @C@_turn(struct state *s, uint64_t x)
{
    static const size_t sizes[] = {1, 31, 32, 33, 100, 500, 4000, 40000, 300000};
    unsigned i = (unsigned)(x % 24);
    size_t size = sizes[x >> 8 & 15 & 7] + (x >> 16 & 31);
    if ((x >> 50 & 63) == 0)
        size += 1200000;
    unsigned char *bytes = s->@C@[i].bytes;
    if (!bytes) {
        bytes = x & 64 ? malloc(size) : x & 128 ? calloc(1, size) : memalign_like(x, size);
        memset(bytes, (int)(x >> 12 & 255), size);
    } else if (x & 64) {
        free(bytes);
        bytes = NULL;
        size = 0;
    } else {
        size_t old = s->@C@[i].size;
        bytes = realloc(bytes, size);
        if (size > old)
            memset(bytes + old, 1, size - old);
    }
    s->@C@[i].bytes = bytes;
    s->@C@[i].size = size;
}
"""
    ACTIONS = ["@C@_turn(s, get(r));", "for (uint64_t n = get(r) % 6; n; n--) @C@_turn(s, get(r));",
               "for (int i = 0; i < 24; i++) if (s->@C@[i].size) s->@C@[i].bytes[get(r) % s->@C@[i].size]++;"]
    FOLD = ("for (int i = 0; i < 24; i++) for (size_t k = 0; k < s->@C@[i].size; k += 61)"
            " h = fold(h, s->@C@[i].bytes[k]);")

    def code(self):
        return self.fill(r"""
static void *@C@_aligned(uint64_t x, size_t size)
{
    void *block = NULL;
    if (posix_memalign(&block, (size_t)16 << (x >> 30 & 7), size) != 0)
        abort();
    return block;
}
""") + self.fill(self.CODE).replace("memalign_like", f"{self.name}_aligned")


KINDS = [List, Tree, Array, Hash, Text, Globals, Numbers, Machine, Blocks]
