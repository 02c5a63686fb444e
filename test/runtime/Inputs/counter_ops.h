/* counter_ops.h: state in a global, by hand.h. */
OP(count_one)
{
    (void)root, (void)arg, (void)size, (void)out;
    PUT(*AT(&counter), *AT(&counter) + 1);
    return 0;
}
