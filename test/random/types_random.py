"""Random struct types: fields of every kind that C has, with code to set and fold them.

For a struct T, code() defines the type and
    void     set_T(struct T *t, uint64_t x)        every field from x; frees nothing
    void     clear_T(struct T *t)                  frees what its fields own
    void     change_T(struct T *t, uint64_t x)     some fields
    uint64_t fold_T(const struct T *t, uint64_t h) digest, padding left out
    int      compare_T(const struct T *a, const struct T *b)
    struct T made_T(struct T t, uint64_t x)        by value, in and out
"""


class Field:
    """kind -> declaration, statement that sets it from x, statement that folds it."""
    KINDS = {
        "u8": ("uint8_t @;", "t->@ = (uint8_t)x;", "h = fold(h, t->@);"),
        "i16": ("int16_t @;", "t->@ = (int16_t)(x & 0x7fff);", "h = fold(h, (uint64_t)t->@);"),
        "u32": ("uint32_t @;", "t->@ = (uint32_t)(x >> 7);", "h = fold(h, t->@);"),
        "u64": ("uint64_t @;", "t->@ = x * 3;", "h = fold(h, t->@);"),
        "bool": ("bool @;", "t->@ = x & 4;", "h = fold(h, t->@);"),
        "float": ("float @;", "t->@ = (float)(x % 1000) / 3;", "h = fold_double(h, t->@);"),
        "double": ("double @;", "t->@ = sqrt((double)(x % 100000)) * 1.1 + 0.3;",
                   "h = fold_double(h, t->@);"),
        "long double": ("long double @;", "t->@ = (long double)(x % 1000) / 7;",
                        "h = fold_double(h, (double)t->@);"),
        "bits": ("unsigned @_a : 3, @_b : 13; int @_c : 7; uint64_t @_d : 41;",
                 "t->@_a = x & 7; t->@_b = x >> 3 & 0x1fff; t->@_c = (int)(x >> 5 & 63);"
                 " t->@_d = x & 0x1ffffffffff;",
                 "h = fold(h, t->@_a); h = fold(h, t->@_b); h = fold(h, (uint64_t)t->@_c);"
                 " h = fold(h, t->@_d);"),
        "text": ("char @[21];", "snprintf(t->@, sizeof t->@, \"%x-%s\", (unsigned)x,"
                 " x & 1 ? \"odd\" : \"even number\");", "for (const char *c = t->@; *c; c++) h = fold(h, (uint8_t)*c);"),
        "array": ("uint16_t @[9];", "for (int i = 0; i < 9; i++) t->@[i] = (uint16_t)(x >> i);",
                  "for (int i = 0; i < 9; i++) h = fold(h, t->@[i]);"),
        "union": ("union { uint64_t all; uint8_t bytes[8]; double number; } @;",
                  "if (x & 1) t->@.all = x; else for (int i = 0; i < 8; i++) t->@.bytes[7 - i] = (uint8_t)(x >> 8 * i);",
                  "h = fold(h, t->@.all);"),
        "nested": ("struct { uint8_t a; struct { uint32_t b; uint8_t c[3]; } in; } @;",
                   "t->@.a = (uint8_t)x; t->@.in.b = (uint32_t)x; memset(t->@.in.c, (int)(x >> 9 & 127), 3);",
                   "h = fold(h, t->@.a + t->@.in.b); h = fold(h, t->@.in.c[2]);"),
        "packed": ("struct __attribute__((packed)) { uint8_t a; uint64_t b; uint16_t c; } @;",
                   "t->@.a = 7; t->@.b = x; t->@.c = (uint16_t)x;",
                   "h = fold(h, t->@.b ^ t->@.c ^ t->@.a);"),
        "function": ("function_type *@;", "t->@ = functions[x % 4];",
                     "h = fold(h, function_index(t->@)); h = fold(h, t->@(h));"),
        "vector4": ("vector4 @;", "t->@ = (vector4){(unsigned)x, 2, (unsigned)(x >> 32), 4} * 3u;",
                    "h = fold(h, t->@[0]); h = fold(h, t->@[2]);"),
        "vector16": ("vector16 @;", "for (int i = 0; i < 16; i++) t->@[i] = (unsigned short)(x + (unsigned)i);",
                     "h = fold(h, t->@[5]); h = fold(h, t->@[15]);"),
        "wide": ("unsigned __int128 @;", "t->@ = (unsigned __int128)x * x;",
                 "h = fold(h, (uint64_t)(t->@ >> 64)); h = fold(h, (uint64_t)t->@);"),
        "atomic": ("_Atomic uint32_t @;", "atomic_store(&t->@, (uint32_t)x);",
                   "h = fold(h, atomic_load(&((struct NAME *)t)->@));"),
        "volatile": ("volatile uint16_t @;", "t->@ = (uint16_t)x;", "h = fold(h, t->@);"),
        "string": ("char *@;", "{ char text[40]; sprintf(text, \"s%\" PRIu64, x % 1000003); t->@ = strdup(text); }",
                   "for (const char *c = t->@; *c; c++) h = fold(h, (uint8_t)*c);"),
        "block": ("uint32_t *@; uint32_t @_n;",
                  "t->@_n = (uint32_t)(x % 40); t->@ = malloc((t->@_n + 1) * sizeof(uint32_t));"
                  " for (uint32_t i = 0; i <= t->@_n; i++) t->@[i] = (uint32_t)x * i;",
                  "for (uint32_t i = 0; i <= t->@_n; i++) h = fold(h, t->@[i]);"),
    }
    OWNING = {"string": "free(t->@);", "block": "free(t->@);"}
    # How a field may be changed in place, beside being set anew.
    CHANGES = {
        "u8": "t->@++;", "u32": "t->@ ^= (uint32_t)x;", "u64": "t->@ += t->@ >> 3 | 1;",
        "double": "t->@ = floor(t->@ / 2) + 1;", "float": "t->@ *= 0.5f;",
        "bits": "t->@_a++; t->@_b ^= 5;", "array": "memmove(t->@ + 1, t->@, 8 * sizeof *t->@);",
        "text": "for (char *c = t->@; *c; c++) *c = (char)toupper((unsigned char)*c);",
        "vector4": "t->@ += t->@ >> 1;", "vector16": "t->@ ^= (vector16){1, 2, 3} + t->@;",
        "atomic": "atomic_fetch_add(&t->@, 5); { uint32_t was = 3; atomic_compare_exchange_strong(&t->@, &was, 4); }",
        "wide": "t->@ = t->@ * 3 + 1;", "nested": "t->@.in.c[x % 3] ^= 1;",
        "function": "t->@ = functions[t->@(x) % 4];",
        "block": "t->@_n = t->@_n * 2 % 70; t->@ = realloc(t->@, (t->@_n + 1) * sizeof(uint32_t));"
                 " for (uint32_t i = 0; i <= t->@_n; i++) t->@[i] = i + (uint32_t)x;",
        "string": "{ size_t n = strlen(t->@); char *more = malloc(n + 2); memcpy(more, t->@, n); more[n] = 'z';"
                  " more[n + 1] = 0; free(t->@); t->@ = n > 20 ? (free(more), strdup(\"short\")) : more; }",
        "union": "t->@.bytes[x & 7]++;", "packed": "t->@.b += 0x1ff;",
    }

    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.declaration, self.setting, self.folding = (text.replace("@", name) for text in self.KINDS[kind])
        self.freeing = self.OWNING.get(kind, "").replace("@", name)
        self.change = self.CHANGES.get(kind, "").replace("@", name)


class Struct:
    def __init__(self, name, chance):
        self.name = name
        kinds = chance.choices(list(Field.KINDS), k=chance.randint(2, 9))
        self.fields = [Field(f"f{i}", kind) for i, kind in enumerate(kinds)]
        chance.shuffle(self.fields)
        changes = [f for f in self.fields if f.change]
        self.changed = chance.sample(changes, min(len(changes), chance.randint(1, 4)))

    def code(self):
        lines = [f"struct {self.name} {{", "    uint64_t key;"]
        lines += [f"    {f.declaration}" for f in self.fields]
        lines += ["};", "", f"static void set_{self.name}(struct {self.name} *t, uint64_t x)", "{",
                  "    t->key = x % 4096;"]
        lines += [f"    x = mix(x + 1);\n    {f.setting}" for f in self.fields]
        lines += ["}", "", f"static void clear_{self.name}(struct {self.name} *t)", "{", "    (void)t;"]
        lines += [f"    {f.freeing}" for f in self.fields if f.freeing]
        lines += ["}", "", f"static void change_{self.name}(struct {self.name} *t, uint64_t x)", "{",
                  "    (void)t, (void)x;"]
        lines += [f"    if (x >> {i} & 1) {{ {f.change} }}" for i, f in enumerate(self.changed)]
        lines += ["}", "", f"static uint64_t fold_{self.name}(const struct {self.name} *t, uint64_t h)", "{",
                  "    h = fold(h, t->key);"]
        lines += [f"    {f.folding.replace('NAME', self.name)}" for f in self.fields]
        lines += ["    return h;", "}", ""]
        return "\n".join(lines) + COMMON.replace("@T@", self.name)


COMMON = r"""
int compare_@T@(const void *a, const void *b)
{
    uint64_t x = ((const struct @T@ *)a)->key, y = ((const struct @T@ *)b)->key;
    return (x > y) - (x < y);
}

__attribute__((noinline)) static struct @T@ made_@T@(struct @T@ t, uint64_t x)
{
    t.key ^= x & 0xfff;
    change_@T@(&t, x);
    return t;
}
"""
