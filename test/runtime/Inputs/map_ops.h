/* map_ops.h: a chained hash map of 8-byte keys and values of any size, by hand.h. Where
 * there is no memory, -1, and nothing has changed. */
OP(map_put)
{
    struct map *map = root;
    const uint64_t *key = arg;
    size_t length = size - sizeof *key;
    struct entry **at = &map->bucket[map_hash(*AT(key)) % MAP_BUCKETS], *e;
    (void)out;
    while ((e = *AT(at)) != NULL && AT(e)->key != *AT(key))
        at = &e->next;
    void *old = e != NULL ? AT(e)->value : NULL, *value = MALLOC(length != 0 ? length : 1);
    if (value == NULL)
        return -1;
    if (e == NULL) {
        e = MALLOC(sizeof *e);
        if (e == NULL) {
            FREE(value);
            return -1;
        }
        PUT(AT(e)->key, *AT(key));
        PUT(AT(e)->next, NULL);
        PUT(AT(e)->value, NULL);
        PUT(*AT(at), e);
        PUT(AT(map)->count, AT(map)->count + 1);
    }
    COPY(value, key + 1, length);
    PUT(AT(e)->value, value);
    PUT(AT(e)->size, length);
    if (old != NULL)
        FREE(old);
    PUT(AT(map)->puts, AT(map)->puts + 1);
    return (int64_t)AT(map)->puts;
}

OP(map_drop)
{
    struct map *map = root;
    const uint64_t *key = arg;
    struct entry **at = &map->bucket[map_hash(*AT(key)) % MAP_BUCKETS], *e;
    (void)out, (void)size;
    while ((e = *AT(at)) != NULL && AT(e)->key != *AT(key))
        at = &e->next;
    if (e == NULL)
        return 0;
    PUT(*AT(at), AT(e)->next);
    FREE(AT(e)->value);
    FREE(e);
    PUT(AT(map)->count, AT(map)->count - 1);
    return 1;
}
