// What the built-in list refuses, it refuses with a reason that says what to do instead;
// what it skips may be called, but its result not be used; outside ops anything goes.
//
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -I%include -O1 -c -D_GNU_SOURCE %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
// RUN: not %clang -fpass-plugin=%psmpass -fno-pie -gline-tables-only -I%include -O0 -c -D_GNU_SOURCE %s -o %t.o 2>&1 | FileCheck %s --implicit-check-not error:
#include <locale.h>
#include <math.h>
#include <psm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OP __attribute__((annotate("psm_op"))) int64_t
#define PARAMETERS void *root, const void *arg, size_t size, void *out

// CHECK-DAG: externals-refused.c:[[#@LINE+1]]:{{[0-9]+}}: error: op 'clock_op' has a call of 'time', which reads a clock: use psm_time()
OP clock_op(PARAMETERS) { return *(time_t *)root = time(NULL); }

// CHECK-DAG: error: op 'random_op' has a call of '{{rand|random}}', which draws from libc's generator, which is not part of the state: use psm_random()
OP random_op(PARAMETERS) { return *(int *)root = rand(); }

static FILE *helper(const char *name) { return fopen(name, "r"); }
// CHECK-DAG: error: op 'file_op' {{(has|reaches) a call of 'fopen(64)?'}}, which is about files, which are not part of the state: open and close them outside the ops, or in a psm_skip function
OP file_op(PARAMETERS) { return helper(arg) != NULL; }

// CHECK-DAG: error: op 'zone_op' has a call of 'localtime', which depends on the host's time zone: use gmtime_r, timegm
OP zone_op(PARAMETERS) { return localtime(arg)->tm_hour; }

// CHECK-DAG: error: op 'result_op' has using the result of {{printf|puts}}, whose call is skipped
OP result_op(PARAMETERS) { return *(int *)root = printf("%s %d\n", (const char *)arg, 1); }

// Neither of these is an error.
OP prints(PARAMETERS)
{
    printf("%zu bytes\n", size);
    fprintf(stderr, "%s", (const char *)arg);
    perror("no");
    puts("done");
    return 0;
}
int outside(void) { return rand() + (int)time(NULL) + printf("x\n") + getpid(); }
