#include <time.h>
long stamp(void) {
    return time(0);
}
