#include <stddef.h>
static _Thread_local long mine;
long thread(long x) { return mine += x; }
long assembly(long x)
{
    __asm__("incq (%0)" : : "r"(&x) : "memory");
    return x;
}
size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}
