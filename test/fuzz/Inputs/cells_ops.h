/* cells_ops.h: the ops of cells.h, as plain and as shadow code (hand_ops.h). */
#define CELL_OF(arg) (&((struct root *)root)->cell[AT((const struct request *)(arg))->cell % CELLS])
/* The block's address is good for the slot it was made in, and none that a damaged
 * superblock may name. */
#define IS_SOUND(c)                                                                          \
    (AT(c)->block != NULL && ((uintptr_t)AT(c)->block ^ (uintptr_t)root) < PSM_ARENA_SIZE     \
     && AT(c)->check == cell_check(AT(c)->block, AT(c)->size, (uint32_t)((c) - ((struct root *)root)->cell)))
#define SET(c, p, n)                                                                         \
    do {                                                                                     \
        PUT(AT(c)->block, p);                                                                \
        PUT(AT(c)->size, n);                                                                 \
        PUT(AT(c)->check, cell_check(p, n, (uint32_t)((c) - ((struct root *)root)->cell)));  \
    } while (0)

OP(take)
{
    const struct request *r = arg;
    (void)out;
    if (size < sizeof *r)
        return 0;
    struct cell *c = CELL_OF(arg);
    uint64_t n = AT(r)->size % TAKE_MAX;
    if (AT(c)->block != NULL)
        return 0;
    void *p = MALLOC(n);
    PUT(AT(&tally)->takes, AT(&tally)->takes + 1);
    if (p == NULL)
        return 0;
    COPY(p, r->fill, n < sizeof r->fill ? n : sizeof r->fill);
    SET(c, p, n);
    PUT(AT((struct root *)root)->ops, AT((struct root *)root)->ops + 1);
    return 1;
}

OP(resize)
{
    const struct request *r = arg;
    (void)out;
    if (size < sizeof *r)
        return 0;
    struct cell *c = CELL_OF(arg);
    uint64_t n = AT(r)->size % TAKE_MAX;
    if (!IS_SOUND(c) || n == 0)
        return 0;
    void *p = REALLOC(AT(c)->block, n);
    if (p != NULL)
        SET(c, p, n);
    return 1;
}

OP(give)
{
    (void)out;
    if (size < sizeof(struct request))
        return 0;
    struct cell *c = CELL_OF(arg);
    if (!IS_SOUND(c))
        return 0;
    FREE(AT(c)->block);
    PUT(AT(c)->block, NULL);
    return 1;
}
#undef CELL_OF
#undef IS_SOUND
#undef SET
