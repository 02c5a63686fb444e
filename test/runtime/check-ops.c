// PSM_CHECK names each way in which an op can fail to be a function of its state and its
// argument, and each change of the state outside an op, at the call where it happens; and
// finds nothing in ops that are in order.
//
// RUN: %psmcc -O0 %s -o %t.0
// RUN: %t.0 %pmdir/m | FileCheck %s
// RUN: %psmcc -O2 %s -o %t.2
// RUN: %t.2 %pmdir/n | FileCheck %s
// RUN: %t.2 %filedir/n | FileCheck %s
//
// Mutants seen to fail: the pages that memory wrote, or the image wrote, not compared; the
// pages not closed after an op; persisted globals not compared, before or after; the
// frozen ones not; replay not waited for; strays not noted, of either copy; free blocks
// compared; memory that the heap grows by not watched.
#include <psm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    long count;
    long *block;
    char text[64];
    char far[20000];
};

static long total;                             /* state: ops write it */
static long limit = 10;                        /* frozen: ops read it */
static long seen __attribute__((psm_scratch)); /* neither */
/* no op is seen to touch it; in a block of its own, since the shadow looks once at each */
static long outside __attribute__((aligned(32)));

#define OP(name) \
    __attribute__((psm_op)) int64_t name(void *root, const void *arg, size_t size, void *out)
#define UNUSED (void)root, (void)arg, (void)size, (void)out

OP(good)
{
    UNUSED;
    struct state *s = root;
    s->count++;
    total += s->count;
    long *block = malloc(300);
    block[s->count % 30] = s->count < limit;
    free(s->block);
    s->block = block;
    if (s->count % 5 == 0) {
        char *large = malloc(3 << 20);
        memset(large, 1, 1000);
        free(large);
    }
    return s->count;
}

OP(counts_in_scratch)
{
    UNUSED;
    ((struct state *)root)->block[3] = ++seen;
    return 0;
}

OP(hashes_stack_address)
{
    UNUSED;
    volatile char local;
    total += (long)((uintptr_t)&local >> 4) % 1021;
    return 0;
}

OP(hashes_thread_address)
{
    UNUSED;
    static _Thread_local char of_thread;
    ((struct state *)root)->block[1] = (long)((uintptr_t)&of_thread % 8191);
    return 0;
}

__attribute__((noinline)) static void set(char *bytes, long n)
{
    for (int i = 0; i < 5000; i++)
        bytes[i] = (char)(i * n);
}

__attribute__((noinline)) static char read_some(const char *bytes)
{
    char sum = 0;
    for (int i = 0; i < 5000; i++)
        sum = (char)(sum * 3 + bytes[i]);
    return sum;
}

__attribute__((noinline)) static void make_noise(long n)
{
    char bytes[5000];
    set(bytes, n);
}

__attribute__((noinline)) static char sum_noise(void)
{
    char bytes[5000];
    return read_some(bytes);
}

OP(reads_stack_noise)
{
    UNUSED;
    ((struct state *)root)->text[5] = sum_noise();
    return 0;
}

OP(grows)
{
    UNUSED;
    struct state *s = root;
    free(s->block);
    s->block = malloc(8 << 20);
    return 0;
}

OP(spills_into_freed)
{
    UNUSED;
    char *gone = malloc(500);
    memset(gone, sum_noise(), 500);
    free(gone);
    return 0;
}

OP(writes_aside)
{
    UNUSED;
    *(long *)(*(const uintptr_t *)arg) = 3;
    return 0;
}

__attribute__((psm_skip)) void peek(struct state *s)
{
    s->far[9000] = 77;
}

OP(skips_a_change)
{
    UNUSED;
    peek(root);
    return 0;
}

OP(skips_a_change_beside_its_own)
{
    UNUSED;
    ((struct state *)root)->far[9001]++;
    peek(root);
    return 0;
}

OP(branches_on_scratch)
{
    UNUSED;
    if (seen > 100)
        ((struct state *)root)->block = malloc(2000);
    return 0;
}

OP(reads)
{
    UNUSED;
    return ((struct state *)root)->count;
}

__attribute__((psm_ro)) int64_t sneaks(void *root, const void *arg, size_t size, void *out)
{
    UNUSED;
    ((struct state *)root)->text[40]++;
    return 0;
}

static void say(void *context, enum psm_log_level level, const char *line)
{
    (void)context;
    if (level == PSM_LOG_ERROR)
        printf("  log: %s\n", line);
}

static psm_t *machine;

static void show(const char *name, int64_t result)
{
    printf("%s: %s%s%s\n", name, psm_is_error(result) ? psm_strerror(result) : "fine",
           psm_is_error(result) ? "; " : "", psm_is_error(result) ? psm_error_detail() : "");
}

static struct state *begin(const char *dir, const char *name)
{
    char path[4096];
    struct psm_options options = { .root_size = sizeof(struct state), .log_bytes = 65536, .flags = PSM_CHECK,
                                   .log = say };
    snprintf(path, sizeof path, "%s-%s", dir, name);
    int status = psm_init(&machine, path, &options);
    if (status != 0)
        show("psm_init", status);
    for (int i = 0; i < 6 && status == 0; i++)
        if ((status = (int)psm_invoke_rw(machine, good, NULL, 0, NULL, 0)) > 0)
            status = 0;
        else
            show("a good op", status);
    if (status != 0)
        exit(1);
    return psm_root(machine);
}

static void end(void)
{
    show("then", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
    psm_close(machine);
}

static void try(const char *dir, const char *name, psm_op_fn *op, const void *arg, size_t size)
{
    begin(dir, name);
    show(name, psm_invoke_rw(machine, op, arg, size, NULL, 0));
    end();
}
#define TRY(op, arg, size) try(argv[1], #op, op, arg, size)

static void *change(void *text)
{
    *(char *)text = 1;
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t thread;
    uintptr_t where = (uintptr_t)&outside;
    setvbuf(stdout, NULL, _IOLBF, 0);

    // CHECK: good: fine
    // CHECK-NEXT: then: fine
    // CHECK-NEXT: reads: fine
    // CHECK-NEXT: then: fine
    // CHECK-NEXT: counts_in_scratch: fine
    // CHECK-NEXT: then: fine
    TRY(good, NULL, 0);
    TRY(reads, NULL, 0);
    TRY(counts_in_scratch, NULL, 0);

    // What has been freed is nobody's business.
    // CHECK-NEXT: spills_into_freed: fine
    // CHECK-NEXT: then: fine
    begin(argv[1], "spills");
    for (long n = 1; n < 20; n++) {
        make_noise(n);
        int64_t result = psm_invoke_rw(machine, spills_into_freed, NULL, 0, NULL, 0);
        if (psm_is_error(result) || n == 19)
            show("spills_into_freed", result);
    }
    end();

    // CHECK-NEXT: log: {{.*}} entry 7, op 'counts_in_scratch', is not deterministic{{.*}} differ after it, first in block {{.*}} of 320 bytes, offset 24: 0x{{0*}}c9 in memory, 0x{{0*}}2 in the image, 0x{{0*}} before it
    // CHECK-NEXT: scratch set aside: the image differs from memory{{.*}}entry 7, op 'counts_in_scratch'
    // CHECK-NEXT: then: the machine has failed{{.*}}entry 7, op 'counts_in_scratch'
    begin(argv[1], "scratch");
    seen = 200;
    show("scratch set aside", psm_invoke_rw(machine, counts_in_scratch, NULL, 0, NULL, 0));
    end();

    // The heap's own data comes first, as it did for the op.
    // CHECK-NEXT: log: {{.*}} op 'branches_on_scratch', is not{{.*}} the heap's own data: {{.*}}: only the run in memory changed it
    // CHECK-NEXT: branches_on_scratch: the image differs
    // CHECK-NEXT: then: the machine has failed
    seen = 0;
    begin(argv[1], "branch");
    seen = 200;
    show("branches_on_scratch", psm_invoke_rw(machine, branches_on_scratch, NULL, 0, NULL, 0));
    end();

    // CHECK-NEXT: log: {{.*}} op 'branches_on_scratch', is not{{.*}} the heap's own data: {{.*}}: only the replay changed it
    // CHECK-NEXT: the other way round: the image differs
    // CHECK-NEXT: then: the machine has failed
    seen = 200;
    begin(argv[1], "reverse");
    seen = 0;
    show("the other way round", psm_invoke_rw(machine, branches_on_scratch, NULL, 0, NULL, 0));
    end();

    // CHECK-NEXT: log: {{.*}} op 'hashes_stack_address', is not{{.*}} first in global 'total', offset 0
    // CHECK-NEXT: hashes_stack_address: the image differs
    // CHECK-NEXT: then: the machine has failed
    TRY(hashes_stack_address, NULL, 0);

    // CHECK-NEXT: log: {{.*}} op 'hashes_thread_address', is not{{.*}} of 320 bytes, offset 8
    // CHECK-NEXT: hashes_thread_address: the image differs
    // CHECK-NEXT: then: the machine has failed
    TRY(hashes_thread_address, NULL, 0);

    // The caller's stack is not the replay thread's.
    // CHECK-NEXT: log: {{.*}} op 'reads_stack_noise', is not{{.*}}, offset 16: {{.*}} in memory, {{.*}} in the image
    // CHECK-NEXT: reads_stack_noise: the image differs
    // CHECK-NEXT: then: the machine has failed
    begin(argv[1], "noise");
    for (long n = 1; n < 20; n++) {
        make_noise(n);
        int64_t result = psm_invoke_rw(machine, reads_stack_noise, NULL, 0, NULL, 0);
        if (psm_is_error(result)) {
            show("reads_stack_noise", result);
            break;
        }
    }
    end();

    // CHECK-NEXT: log: {{.*}} op 'writes_aside', cannot be replayed: it writes through a pointer to the global 'outside'
    // CHECK-NEXT: writes_aside: the machine has failed
    // CHECK-NEXT: then: the machine has failed
    TRY(writes_aside, &where, sizeof where);

    // CHECK-NEXT: log: {{.*}} op 'writes_aside', cannot be replayed: it reaches {{.*}}, which is no part of the state
    // CHECK-NEXT: writes_aside into libc's heap: the machine has failed
    // CHECK-NEXT: then: the machine has failed
    begin(argv[1], "heap");
    where = (uintptr_t)malloc(64);
    show("writes_aside into libc's heap", psm_invoke_rw(machine, writes_aside, &where, sizeof where, NULL, 0));
    end();

    // A skipped function may be the first to write to a page, or not.
    // CHECK-NEXT: log: {{.*}} op 'skips_a_change', is not{{.*}} first in block {{.*}}: only the run in memory changed it
    // CHECK-NEXT: skips_a_change: the image differs
    // CHECK-NEXT: then: the machine has failed
    // CHECK-NEXT: log: {{.*}} op 'skips_a_change_beside_its_own', is not{{.*}} first in block
    // CHECK-NEXT: skips_a_change_beside_its_own: the image differs
    // CHECK-NEXT: then: the machine has failed
    TRY(skips_a_change, NULL, 0);
    TRY(skips_a_change_beside_its_own, NULL, 0);

    // CHECK-NEXT: log: {{.*}} code outside of any op changes block {{.*}}, offset 25, at code address 0x{{.*}}(addr2line -f -e {{.*}}): only rw ops may change the state
    // CHECK-NEXT: a change outside: the image differs
    // CHECK-NEXT: then: the machine has failed
    struct state *s = begin(argv[1], "outside");
    s->text[9] = 1;
    show("a change outside", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
    end();

    // CHECK-NEXT: log: {{.*}} code outside of any op changes block
    // CHECK-NEXT: by another thread: the image differs
    // CHECK-NEXT: then: the machine has failed
    s = begin(argv[1], "thread");
    pthread_create(&thread, NULL, change, &s->far[17000]);
    pthread_join(thread, NULL);
    show("by another thread", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
    end();

    // In memory that the heap has just got, and in memory that has been freed and reused.
    // CHECK-NEXT: log: {{.*}} code outside of any op changes block {{.*}}, offset 5000000
    // CHECK-NEXT: in new memory: the image differs
    // CHECK-NEXT: then: the machine has failed
    // CHECK-NEXT: log: {{.*}} code outside of any op changes block {{.*}}, offset 5000000
    // CHECK-NEXT: in reused memory: the image differs
    // CHECK-NEXT: then: the machine has failed
    for (int reused = 0; reused < 2; reused++) {
        s = begin(argv[1], reused ? "reused" : "new");
        for (int i = 0; i <= 2 * reused; i++)
            psm_invoke_rw(machine, grows, NULL, 0, NULL, 0);
        ((volatile char *)s->block)[5000000] = 1;
        show(reused ? "in reused memory" : "in new memory", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
        end();
    }

    // CHECK-NEXT: log: {{.*}} code outside of any op, or a read-only op, has changed global 'total', offset 0 since entry 6
    // CHECK-NEXT: a global changed outside: the image differs
    // CHECK-NEXT: then: the machine has failed
    begin(argv[1], "total");
    total++;
    show("a global changed outside", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
    end();

    // CHECK-NEXT: a frozen global: a global that ops only read differs{{.*}}'limit'
    // CHECK-NEXT: then: fine
    begin(argv[1], "limit");
    limit++;
    show("a frozen global", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
    limit--;
    end();

    // CHECK-NEXT: log: {{.*}} read-only op 'sneaks' changes block {{.*}}, offset 56, at code address
    // CHECK-NEXT: a read that writes: the image differs
    // CHECK-NEXT: then: the machine has failed
    begin(argv[1], "sneaks");
    show("a read that writes", psm_invoke_ro(machine, sneaks, NULL, 0, NULL, 0));
    end();

    // CHECK-NEXT: log: {{.*}} code outside of any op writes to the image of block {{.*}}, offset 25
    // CHECK-NEXT: a change of the image: the image differs
    // CHECK-NEXT: then: the machine has failed
    s = begin(argv[1], "image");
    s = (struct state *)((char *)s + 0x110000000000);
    s->text[9] = 1;
    show("a change of the image", psm_invoke_rw(machine, good, NULL, 0, NULL, 0));
    end();

    // CHECK-NEXT: end
    puts("end");
    return 0;
}
