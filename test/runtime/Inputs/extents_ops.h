/* extents_ops.h: large blocks, written in a few places, by hand.h. */

/* Free the slot's block, or take one of `bytes` if there is none. */
OP(place)
{
    struct extents *x = root;
    const struct request *r = arg;
    struct block *b = &x->block[AT(r)->slot];
    uint64_t bytes = AT(r)->bytes, *words = NULL;
    (void)size, (void)out;
    if (AT(b)->words != NULL)
        FREE(AT(b)->words);
    else
        words = MALLOC(bytes);
    PUT(AT(b)->words, words);
    PUT(AT(b)->bytes, words != NULL ? bytes : 0);
    for (int i = 0; i < SPOTS && words != NULL; i++)
        PUT(*AT(words + AT(r)->spot[i] % (bytes / 8)), AT(r)->spot[i]);
    PUT(AT(x)->ops, AT(x)->ops + 1);
    return words != NULL;
}

/* Write to the slot's block as it is; or make it longer or shorter, where it is or not. */
OP(write_to)
{
    struct extents *x = root;
    const struct request *r = arg;
    struct block *b = &x->block[AT(r)->slot];
    (void)size, (void)out;
    if (AT(b)->words != NULL && AT(r)->bytes != 0) {
        uint64_t bytes = AT(r)->bytes, *words = REALLOC(AT(b)->words, bytes);
        PUT(AT(b)->words, words != NULL ? words : AT(b)->words);
        PUT(AT(b)->bytes, words != NULL ? bytes : AT(b)->bytes);
    }
    uint64_t *words = AT(b)->words;
    for (int i = 0; i < SPOTS && words != NULL; i++)
        PUT(*AT(words + AT(r)->spot[i] % (AT(b)->bytes / 8)), AT(r)->spot[i]);
    PUT(AT(x)->ops, AT(x)->ops + 1);
    return words != NULL;
}
