/* limits_ops.h: ops at the edges, by hand.h. */

/* Keep the argument, whole, in place of the one before. */
OP(keep)
{
    struct limits *l = root;
    void *p = size != 0 ? MALLOC(size) : NULL;
    (void)out;
    if (p == NULL && size != 0) {
        PUT(AT(l)->refused, AT(l)->refused + 1);
        return -1;
    }
    if (size != 0)
        COPY(p, arg, size);
    if (AT(l)->kept != NULL)
        FREE(AT(l)->kept);
    PUT(AT(l)->kept, p);
    PUT(AT(l)->size, size);
    PUT(AT(l)->ops, AT(l)->ops + 1);
    return (int64_t)size;
}

/* Change every block of what is kept. */
OP(dirty)
{
    struct limits *l = root;
    unsigned char *p = AT(l)->kept;
    (void)arg, (void)size, (void)out;
    for (size_t i = 0; i < AT(l)->size; i += 32)
        PUT(*AT(p + i), (unsigned char)(*AT(p + i) + 1));
    PUT(AT(l)->ops, AT(l)->ops + 1);
    return 0;
}

/* A list of *arg objects, made or, for 0, freed, in one op. */
OP(list)
{
    struct limits *l = root;
    const uint64_t *count = arg;
    (void)size, (void)out;
    for (uint64_t i = 0; i < *AT(count); i++) {
        struct object *o = MALLOC(sizeof *o);
        if (o == NULL) {
            PUT(AT(l)->refused, AT(l)->refused + 1);
            break;
        }
        PUT(AT(o)->next, AT(l)->first);
        PUT(AT(o)->number, i);
        PUT(AT(l)->first, o);
    }
    for (struct object *o; *AT(count) == 0 && (o = AT(l)->first) != NULL;) {
        PUT(AT(l)->first, AT(o)->next);
        FREE(o);
    }
    PUT(AT(l)->ops, AT(l)->ops + 1);
    return 0;
}

/* Add *arg to the sum; out gets it. */
OP(add)
{
    struct limits *l = root;
    const uint64_t *n = arg;
    (void)size;
    PUT(AT(l)->sum, AT(l)->sum + *AT(n));
    PUT(AT(l)->ops, AT(l)->ops + 1);
    if (out != NULL)
        PUT(*AT((uint64_t *)out), AT(l)->sum);
    return (int64_t)AT(l)->sum;
}

/* Go wrong, in replay only, in the way *arg says. */
OP(go_wrong)
{
    struct limits *l = root;
    const uint64_t *how = arg;
    volatile uint64_t zero = 0;
    (void)size;
    PUT(AT(l)->ops, AT(l)->ops + 1);
    if (!IN_SHADOW)
        return 0;
    switch (*AT(how)) {
    case 0:
        PUT(*AT((uint64_t *)0), 1);
        break;
    case 1: /* libc's heap */
        PUT(*AT((uint64_t *)UINT64_C(0x5500001000)), 1);
        break;
    case 2:
        return (int64_t)(size / zero); /* 1 / x would be a comparison */
    case 3:
        abort();
    case 4:
        PUT(*AT((uint64_t *)arg), 1);
        break;
    case 5:
        if (out != NULL)
            COPY((char *)out + 8192, (char *)root, 1 << 16);
        break;
    case 6: { /* beyond the heap */
        unsigned char *end = (unsigned char *)root + (UINT64_C(40) << 30);
        PUT(*AT(end), 1);
        break;
    }
    case 7:
        __psm_trap((void *)"a construct");
    case 8:
        FREE((char *)root + 32);
        break;
    case 9:
        zero = overflow_stack(1000000000);
        break;
    case 100:
        _exit(7);
    case 10: {
        static uint64_t other;
        PUT(*AT(&other), 1);
        break;
    }
    }
    return 0;
}
