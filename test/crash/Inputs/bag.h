/* bag.h: a user's program in small: entries by name, in a list and a table of their own. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "psm.h"

struct item { struct item *next, *previous; char *text; size_t size; uint64_t key; };
struct bag { struct item *first; uint64_t count, puts; uint64_t *sizes; uint64_t sizes_room; };

static uint64_t total; /* a global that is state: bytes in all */

static struct item *find(struct bag *bag, uint64_t key)
{
    struct item *i = bag->first;
    while (i != NULL && i->key != key)
        i = i->next;
    return i;
}

__attribute__((psm_op)) static int64_t put(void *root, const void *arg, size_t size, void *out)
{
    struct bag *bag = root;
    uint64_t key;
    (void)out;
    memcpy(&key, arg, sizeof key);
    size -= sizeof key;
    struct item *i = find(bag, key);
    if (i == NULL) {
        i = calloc(1, sizeof *i);
        if (i == NULL)
            return -1;
        i->key = key;
        i->next = bag->first;
        if (bag->first != NULL)
            bag->first->previous = i;
        bag->first = i;
        bag->count++;
    }
    char *text = malloc(size + 1);
    if (text == NULL)
        return -1;
    memcpy(text, (const char *)arg + sizeof key, size);
    text[size] = '\0';
    free(i->text);
    total += size - i->size;
    i->text = text;
    i->size = size;
    if (bag->puts == bag->sizes_room) {
        uint64_t *sizes = realloc(bag->sizes, (bag->sizes_room * 2 + 4) * sizeof *sizes);
        if (sizes == NULL)
            return -1;
        bag->sizes = sizes;
        bag->sizes_room = bag->sizes_room * 2 + 4;
    }
    bag->sizes[bag->puts++] = size;
    return (int64_t)bag->puts;
}

__attribute__((psm_op)) static int64_t take(void *root, const void *arg, size_t size, void *out)
{
    struct bag *bag = root;
    uint64_t key;
    (void)size;
    memcpy(&key, arg, sizeof key);
    struct item *i = find(bag, key);
    if (i == NULL)
        return 0;
    if (out != NULL)
        memcpy(out, &i->size, sizeof i->size);
    if (i->previous != NULL)
        i->previous->next = i->next;
    else
        bag->first = i->next;
    if (i->next != NULL)
        i->next->previous = i->previous;
    total -= i->size;
    free(i->text);
    free(i);
    bag->count--;
    return 1;
}

__attribute__((psm_op)) static int64_t turn(void *root, const void *arg, size_t size, void *out)
{
    struct bag *bag = root;
    (void)arg, (void)size, (void)out;
    for (struct item *i = bag->first; i != NULL; i = i->previous) {
        struct item *next = i->next;
        i->next = i->previous;
        i->previous = next;
        bag->first = i;
        for (char *a = i->text, *b = i->text + i->size; a + 1 < b; a++) {
            char c = *a;
            *a = *--b;
            *b = c;
        }
    }
    return (int64_t)bag->count;
}
