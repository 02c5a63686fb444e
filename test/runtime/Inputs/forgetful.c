/* A wrapper of a library's function as check-bytes.c has it, compiled without the pass:
 * it writes to the image, and says so or not, as it is compiled. */
#include <stdint.h>
#include <string.h>

void __psm_log_range(void *twin, uint64_t size) __attribute__((preserve_most));

void stamp(char *text)
{
    memcpy(text, "stamped", 8);
}

void psm_w_stamp(char *text)
{
    char *twin = text + 0x110000000000;
#if SAYS_SO == 1
    __psm_log_range(twin, 8);
#endif
    memcpy(twin, "stamped", 8);
#if SAYS_SO == 2
    __psm_log_range(twin, 8);
#endif
}
