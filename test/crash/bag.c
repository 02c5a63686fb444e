// A program's ops, with lists, text, arrays and a global as state, survive a power cut at
// every point, in ops and in recovery, on both media.
//
// RUN: %psmcc -O2 -g -std=gnu11 -Wall -Wextra -Werror %s -lpsmcrashtest -o %t
// RUN: %t --images 8000 --per-sequence 400 --keep %t.wrong
// RUN: %t --medium file --images 3000 --per-sequence 200 --keep %t.wrong
//
// Mutants that it has caught, within seconds: no settle at the end of recover (replay.c) or in
// start_new_life; no fence in undo_begin, after new records, in undo_commit, in undo_recover, in
// oplog_publish; no flush in undo_commit, of logged or of fresh blocks, or in undo_recover; no
// settle in undo_recover, or no epoch burnt there; every block taken for fresh; one undo area; one
// commit slot; the tail published at end_epoch; a checksum of log, undo log or slots not looked
// at; every seal believed. Within 60,000 images: one epoch burnt in undo_recover, not two; the
// salt kept in start_new_life.
#include "Inputs/bag.h"
#include "psm_crashtest.h"

static size_t random_put(void *arg, uint64_t seed)
{
    uint64_t key = psm_crashtest_random(&seed) % 4, size = psm_crashtest_random(&seed);
    size = size % 8 == 0 ? size / 8 % 3000 : size / 8 % 80;
    memcpy(arg, &key, sizeof key);
    memset((char *)arg + sizeof key, 'a' + (int)(psm_crashtest_random(&seed) % 26), size);
    return sizeof key + size;
}

static size_t random_take(void *arg, uint64_t seed)
{
    uint64_t key = seed % 4;
    memcpy(arg, &key, sizeof key);
    return sizeof key;
}

static uint64_t digest(const void *root)
{
    const struct bag *bag = root;
    uint64_t hash = psm_crashtest_hash(bag->sizes, bag->puts * sizeof *bag->sizes, total);
    for (const struct item *i = bag->first; i != NULL; i = i->next)
        hash = psm_crashtest_hash(i->text, i->size, hash + i->key);
    return hash;
}

static const char *check(const void *root)
{
    const struct bag *bag = root;
    uint64_t count = 0, bytes = 0;
    for (const struct item *i = bag->first; i != NULL; i = i->next) {
        if (i->next != NULL && i->next->previous != i)
            return "the list's links do not fit each other";
        count++;
        bytes += i->size;
    }
    return count != bag->count ? "the list's length is not the count" : bytes != total ? "the total is wrong" : NULL;
}

int main(int argc, char **argv)
{
    static const struct psm_crashtest_op ops[] = {
        { "put", put, random_put, 0 }, { "take", take, random_take, sizeof(size_t) }, { "turn", turn, NULL, 0 },
    };
    static const struct psm_crashtest test = {
        .options = { .root_size = sizeof(struct bag) },
        .ops = ops, .op_count = 3, .arg_size_max = 4096, .digest = digest, .check = check,
    };
    return psm_crashtest_main(&test, argc, argv);
}
