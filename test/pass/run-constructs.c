// Constructs of C in one op, by turns: aggregates by value and in memory, bit fields,
// arrays of variable length, block copies of all sizes, string functions, loops that
// are vectorized, atomics, computed goto, thread-locals and their addresses, function
// pointers: both copies agree at every level, and every changed byte was announced.
// RUN: %clang -O2 -fno-pie -I%runtime -c %S/Inputs/two-copies.c -o %t.driver.o
// RUN: %clang -O0 -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.0 && %t.0
// RUN: %clang -O1 -g -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.1 && %t.1
// RUN: %clang -Os -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.s && %t.s
// RUN: %clang -O3 -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.3 && %t.3
// RUN: %clang -O3 -march=x86-64-v3 -fno-pie -no-pie -fpass-plugin=%psmpass %s %t.driver.o -o %t.v3 && %t.v3
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

struct block { long words[10]; char tail; };
struct packed { char c; long l; short s; } __attribute__((packed));
struct bits { unsigned a : 3, b : 7, c : 22; unsigned long d : 40; };
struct pair { long a, b; };
typedef long step(long *, long);

struct state {
    long bump; /* the allocator's */
    long matrix[3][16][16];
    float floats[256];
    int ints[256];
    char text[512], other[512];
    struct block blocks[8];
    struct packed packed[9];
    struct bits bits;
    struct pair pairs[16];
    _Atomic long count, flag;
    long *where;
    step *next;
    char bytes[4096];
};

long g_calls;
struct pair g_pairs[4];
static long hidden;
static _Thread_local long local_count;
static const char words[] = "the quick brown fox jumps over the lazy dog";
static const short weights[8] = {3, 1, 4, 1, 5, 9, 2, 6};

static long up(long *p, long x) { return *p += x; }
static long down(long *p, long x) { return *p = *p * 3 - x; }

__attribute__((noinline)) static long sum_block(struct block b)
{
    long sum = b.tail;
    for (int i = 0; i < 10; i++)
        sum += b.words[i]++;
    return sum + b.words[3];
}

__attribute__((noinline)) static struct block make_block(long x)
{
    struct block b;
    memset(&b, 0, sizeof b);
    for (int i = 0; i < 10; i++)
        b.words[i] = x * i;
    b.tail = (char)x;
    return b;
}

__attribute__((noinline)) static struct pair swapped(struct pair p)
{
    return (struct pair){p.b, p.a + 1};
}

static long multiply(struct state *s)
{
    long trace = 0;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            long sum = 0;
            for (int k = 0; k < 16; k++)
                sum += s->matrix[0][i][k] * s->matrix[1][k][j];
            s->matrix[2][i][j] = sum & 0xffff;
        }
    for (int i = 0; i < 16; i++)
        trace += s->matrix[2][i][i] ^ s->matrix[0][i][15 - i]++;
    return trace;
}

static long vectors(struct state *s, long i)
{
    for (int k = 0; k < 256; k++)
        s->floats[k] = s->floats[k] * 0.5f + (float)(k ^ i);
    for (int k = 0; k < 256; k++)
        if (s->ints[k] < 1000)
            s->ints[k] += k + (int)i;
    for (int k = 255; k > 0; k -= 3)
        s->ints[k] = s->ints[k - 1] + 1;
    for (int k = 0; k < 100; k++)
        s->ints[(k * 7) & 255] ^= k;
    long sum = 0;
    for (int k = 0; k < 256; k++)
        sum += s->ints[k] + (long)s->floats[k];
    return sum;
}

static long strings(struct state *s, long i)
{
    size_t length = i % 40;
    memcpy(s->text, words + length / 2, length);
    s->text[length] = 0;
    memmove(s->text + 100, s->text + 95, i % 300);
    memset(s->other + i % 100, (int)i, i % 80);
    char *o = strchr(s->text, 'o');
    if (o)
        *o = 'O';
    char local[64];
    strcpy(local, s->text);
    char *x = memchr(local, 'u', strlen(local));
    if (x)
        *x = 'U';
    strcpy(s->other + 200, local);
    return (long)strlen(s->text) + strcmp(s->text, local) + (o ? o - s->text : -1) +
           (strstr(words, "fox") - words) + memcmp(s->text, s->other, 8);
}

static long atomics(struct state *s, long i)
{
    long expected = i & 1;
    long old = atomic_fetch_add(&s->count, i);
    old += atomic_exchange(&s->flag, (i + 1) & 1);
    old += atomic_compare_exchange_strong(&s->flag, &expected, 5);
    atomic_thread_fence(memory_order_seq_cst);
    old += atomic_fetch_or(&s->count, 1) + atomic_load(&s->flag) + expected;
    atomic_store(&s->flag, i & 1);
    return old;
}

static long interpret(const char *code, long *x)
{
    static void *const actions[] = {&&add, &&twice, &&store, &&end};
    long value = 1;
    goto *actions[(unsigned char)*code++];
add:
    value += *x;
    goto *actions[(unsigned char)*code++];
twice:
    value *= 2;
    goto *actions[(unsigned char)*code++];
store:
    *x = value & 0xffff;
    goto *actions[(unsigned char)*code++];
end:
    return value;
}

__attribute__((noinline)) static void bump(long *p) { ++*p; }

static long locals(struct state *s, long i)
{
    long n = 1 + i % 9, array[n], *pointer = &array[n / 2];
    for (long k = 0; k < n; k++)
        array[k] = s->bytes[k] + k;
    long **indirect = &pointer;
    bump(*indirect);
    bump(&local_count);
    local_count += i;
    long *either = i & 1 ? pointer : &s->blocks[i & 7].words[2];
    *either += 3;
    bump(either);
    s->where = i & 2 ? &s->pairs[i & 15].b : &hidden;
    *s->where += array[n - 1];
    return array[n / 2] + local_count;
}

static long variable(int count, ...)
{
    va_list list, again;
    long sum = 0;
    va_start(list, count);
    va_copy(again, list);
    for (int i = 0; i < count; i++)
        sum = sum * 7 + va_arg(list, long);
    for (int i = 0; i < count; i++)
        sum += va_arg(again, long);
    va_end(again);
    va_end(list);
    return sum;
}

static long switches(struct state *s, long i)
{
    switch (i % 11) {
    case 0: s->bits.a++; return s->bits.a;
    case 1: s->bits.b += 3; return s->bits.b;
    case 2: s->bits.c = (unsigned)i; return s->bits.c;
    case 3: s->bits.d ^= i * 77777; return s->bits.d;
    case 4: s->packed[i % 9].l += i; return s->packed[i % 9].l;
    case 5: s->packed[i % 9].s -= 3; return s->packed[i % 9].s;
    case 6: s->packed[i % 9] = s->packed[(i + 1) % 9]; return 6;
    case 7: s->blocks[i & 7] = make_block(i); return 7;
    case 8: return sum_block(s->blocks[i & 7]);
    case 9: s->pairs[i & 15] = swapped(s->pairs[i & 7]); return s->pairs[i & 15].a;
    default: g_pairs[i & 3] = swapped(g_pairs[(i + 1) & 3]); return g_pairs[i & 3].b;
    }
}

long op(void *arena, long i)
{
    struct state *s = arena;
    static const char program[] = {0, 1, 2, 0, 1, 1, 2, 3};
    long result = weights[i & 7] + switches(s, i);
    if (!s->next)
        s->next = up;
    result += s->next(&s->pairs[i & 15].a, i);
    s->next = s->next == up ? down : up;
    switch (i % 7) {
    case 0: result += multiply(s); break;
    case 1: result += vectors(s, i); break;
    case 2: result += strings(s, i); break;
    case 3: result += atomics(s, i); break;
    case 4: result += interpret(program, &s->pairs[3].b); break;
    case 5: result += locals(s, i); break;
    default: result += variable(4, i, result, s->bump, s->pairs[1].a);
    }
    memcpy(s->bytes + (i * 37) % 4000, s->bytes + (i * 53) % 4000, 16);
    s->bytes[(i * 37) % 4096] = (char)result;
    g_calls++;
    hidden++;
    return result + hidden;
}
