#include "ops.h"
#include "names.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    char    *name;
    double   price;
    int64_t  quantity;
    unsigned cheap : 1, pieces : 1, changes : 14;
};

struct policy {
    const char *name;
    double    (*price)(const struct item *item);
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static double value_of(const struct item *item)
{
    return item->price * (double)item->quantity;
}

static int by_value(const void *a, const void *b)
{
    double x = value_of(a), y = value_of(b);
    return x < y ? 1 : x > y ? -1 : by_name(a, b);
}

static int by_value_pointer(const void *a, const void *b)
{
    return by_value(*(struct item *const *)a, *(struct item *const *)b);
}

static double price_up(const struct item *item)
{
    return item->price + sqrt(item->price);
}

static double price_round(const struct item *item)
{
    return floor(item->price * 0.97) + 0.99;
}

static const struct policy policies[] = {{"up", price_up}, {"round", price_round}};

static void set_up(struct warehouse *warehouse)
{
    if (warehouse->policy)
        return;
    warehouse->policy = &policies[0];
    warehouse->by_name.compare = by_name;
    warehouse->by_value.compare = by_value;
}

static void forget_report(struct warehouse *warehouse)
{
    free(warehouse->dearest);
    warehouse->dearest = NULL;
    warehouse->dearest_count = 0;
}

int64_t stock(void *root, const void *arg, size_t arg_size, void *out)
{
    struct warehouse *warehouse = root;
    const struct stock_argument *stock = arg;
    (void)arg_size, (void)out;
    set_up(warehouse);
    warehouse->ops++;
    struct item like = {.name = name_make("item", stock->number)};
    struct item *item = tree_find(&warehouse->by_name, &like);
    if (!item) {
        item = calloc(1, sizeof *item);
        *item = like;
        item->price = stock->price;
        item->pieces = !strcmp(name_unit(item->name), "pcs");
        tree_add(&warehouse->by_name, item);
    } else {
        tree_remove(&warehouse->by_value, item);
        free(like.name);
    }
    item->quantity += stock->change;
    item->changes++;
    item->cheap = value_of(item) < 100;
    if (item->quantity > 0) {
        tree_add(&warehouse->by_value, item);
        return item->quantity;
    }
    forget_report(warehouse);
    tree_remove(&warehouse->by_name, item);
    free(item->name);
    free(item);
    return 0;
}

struct gather {
    struct item **items;
    size_t        count;
};

static void gather_item(void *item, void *context)
{
    struct gather *gather = context;
    gather->items[gather->count++] = item;
}

int64_t report(void *root, const void *arg, size_t arg_size, void *out)
{
    struct warehouse *warehouse = root;
    uint32_t wanted;
    (void)arg_size, (void)out;
    set_up(warehouse);
    warehouse->ops++;
    memcpy(&wanted, arg, sizeof wanted);
    forget_report(warehouse);
    struct gather gather = {malloc((warehouse->by_name.count + 1) * sizeof(struct item *)), 0};
    tree_each(&warehouse->by_name, gather_item, &gather);
    qsort(gather.items, gather.count, sizeof *gather.items, by_value_pointer);
    warehouse->dearest_count = wanted < gather.count ? wanted : gather.count;
    warehouse->dearest = realloc(gather.items, (warehouse->dearest_count + 1) * sizeof *gather.items);
    return (int64_t)warehouse->dearest_count;
}

int64_t reprice(void *root, const void *arg, size_t arg_size, void *out)
{
    struct warehouse *warehouse = root;
    uint32_t which;
    (void)arg_size, (void)out;
    set_up(warehouse);
    warehouse->ops++;
    memcpy(&which, arg, sizeof which);
    warehouse->policy = &policies[which % 2];
    for (size_t i = 0; i < warehouse->dearest_count; i++) {
        struct item *item = warehouse->dearest[i];
        tree_remove(&warehouse->by_value, item);
        item->price = warehouse->policy->price(item);
        tree_add(&warehouse->by_value, item);
    }
    return 0;
}

int64_t count_ops(void *root, const void *arg, size_t arg_size, void *out)
{
    (void)arg, (void)arg_size, (void)out;
    return (int64_t)((struct warehouse *)root)->ops;
}

static void digest_item(void *visited, void *context)
{
    const struct item *item = visited;
    uint64_t *sum = context;
    char line[200];
    snprintf(line, sizeof line, "%s %a %lld %u %u %u", item->name, item->price,
             (long long)item->quantity, item->cheap, item->pieces, item->changes);
    for (const char *c = line; *c; c++)
        *sum = (*sum ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
}

int64_t digest(void *root, const void *arg, size_t arg_size, void *out)
{
    struct warehouse *warehouse = root;
    uint64_t sum = warehouse->ops;
    (void)arg, (void)arg_size;
    tree_each(&warehouse->by_name, digest_item, &sum);
    tree_each(&warehouse->by_value, digest_item, &sum);
    for (size_t i = 0; i < warehouse->dearest_count; i++)
        digest_item(warehouse->dearest[i], &sum);
    *(uint64_t *)out = sum;
    return (int64_t)warehouse->by_name.count;
}
