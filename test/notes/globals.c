// Which globals are state and which are frozen does not depend on the optimizer: an
// address may go through local variables, parameters, results and library calls.
//
// RUN: %psmcc -O0 --psm-report %s %S/Inputs/globals-other.c -o %t | FileCheck %s
// RUN: %psmcc -O2 --psm-report %s %S/Inputs/globals-other.c -o %t | FileCheck %s
#include <psm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct list { long length; struct list *next; };

// CHECK-DAG: state assigned 4 bytes, written by put
int assigned;
// CHECK-DAG: frozen compared 4 bytes, read by put
int compared = 1;
// CHECK-DAG: state by_local 16 bytes, written by put
struct list by_local;
// CHECK-DAG: state by_parameter 16 bytes, written by
struct list by_parameter;
// CHECK-DAG: state by_two_units 16 bytes, written by
struct list by_two_units;
// CHECK-DAG: frozen only_measured 16 bytes, read by
struct list only_measured;
// CHECK-DAG: state by_result 16 bytes, written by
struct list by_result[1];
// CHECK-DAG: state by_callback 16 bytes, written by
struct list by_callback;
// CHECK-DAG: state printed_to 32 bytes, written by put
char printed_to[32];
// CHECK-DAG: frozen printed 32 bytes, read by put
char printed[32];
// CHECK-DAG: state scanned 4 bytes, written by put
int scanned;
// CHECK-DAG: state sorted 16 bytes, written by
int sorted[4];
// CHECK-DAG: state copied_to 16 bytes, written by put
int copied_to[4];
// CHECK-DAG: frozen copied_from 16 bytes, read by put
int copied_from[4];
// CHECK-DAG: state by_atomic_only 4 bytes, written by put
_Atomic int by_atomic_only;
// CHECK-DAG: frozen kept_in_memory 16 bytes, read by put
struct list kept_in_memory;
// CHECK-DAG: frozen kept_by_callee 16 bytes, read by put
struct list kept_by_callee;
// CHECK-DAG: state declared_only 4 bytes, written by put
extern int declared_only;
// CHECK-DAG: state by_initial_value 16 bytes, written by put
struct list by_initial_value;
// CHECK-DAG: frozen read_by_initial_value 16 bytes, read by put
struct list read_by_initial_value;
// CHECK-DAG: frozen read_from 8 bytes, read by put
struct list *read_from = &read_by_initial_value;
// CHECK-DAG: state by_two_steps 4 bytes, written by put
int by_two_steps;
// CHECK-DAG: frozen by_table 4 bytes, read by put
int by_table;
int *second_step = &by_two_steps, **first_step = &second_step;
int *const table[2] = { &by_table, 0 };
// CHECK-DAG: state last 16 bytes, written by
// CHECK-DAG: state middle 16 bytes, written by
// CHECK-DAG: state chain 8 bytes, written by put
struct list last, middle = { 1, &last }, *chain = &middle;
// CHECK-DAG: frozen initialized 8 bytes, read by put
struct list *initialized = &by_initial_value;
// CHECK-DAG: state marked 4 bytes, marked
[[psm::state]] int marked;
// CHECK-DAG: scratch noise 4 bytes
[[psm::scratch]] int noise;
// CHECK-DAG: state{{.*}}calls{{.*}} 4 bytes, written by
// CHECK-DAG: state elsewhere 4 bytes, written by
// CHECK-NOT: {{state|frozen}} {{untouched|constant|only_main}}
int untouched;
const int constant[4] = { 1 };
int only_main;

void push_other(struct list *list);
long measure_other(const struct list *list);
void touch_elsewhere(void);
void keep_other(struct list *root, struct list *list);
static void push(struct list *list) { list->length++; }
static struct list *result(int i) { return &by_result[i]; }
static int count(void) { static int calls; return ++calls; }
static int by_value(const void *a, const void *b) { return *(int *)a - *(int *)b; }

[[psm::op]] int64_t put(void *root, const void *arg, size_t size, void *out)
{
    struct list *local = &by_local;
    struct list *top = root;
    void (*callback)(struct list *) = size > 1 ? push : push_other;

    assigned = compared + constant[size & 3] + count() + marked + noise;
    local->length++;
    push(&by_parameter);
    push_other(&by_two_units);
    result(0)->length++;
    callback(&by_callback);
    snprintf(printed_to, sizeof printed_to, "%s", printed);
    sscanf(arg, "%d", &scanned);
    qsort(sorted, 4, sizeof *sorted, by_value);
    memcpy(copied_to, copied_from, sizeof copied_to);
    top->next = &kept_in_memory;
    touch_elsewhere();
    by_atomic_only ^= 1;
    initialized->length++;
    assigned += read_from->length + *table[size & 1];
    **first_step += 1;
    for (struct list *at = chain; at != NULL; at = at->next)
        push(at);
    chain = root;
    keep_other(top, &kept_by_callee);
    declared_only++;
    return measure_other(&only_measured);
}

int main(void) { return only_main++; }
