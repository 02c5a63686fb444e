/* wrap_math.c: the functions of math.h that write through a pointer, for each of libm's
 * types, in shadow variants. All others take and return values and are called as they
 * are. libm writes to P itself: for a NaN some of these leave the result alone, and none
 * touches the padding of a long double. See wrap.h. */
#include "wrap.h"
#include <math.h>

/* The value of a long double is 10 bytes. */
#define BYTES(x) (sizeof(x) > 10 ? 10 : sizeof(x))

/* The twin of out-parameter p, announced. */
#define OUT(p) (wrap_announce(wrap_twin(p), BYTES(*(p))), wrap_twin(p))

/* `s` is the name's suffix; lgamma_r has it in the middle. lgamma itself writes the
 * sign to the global signgam in the foreground; the shadow's signgam stays as it is. */
#define FUNCTIONS(type, s)                                                                        \
    type psm_w_frexp##s(type x, int *exponent) { return frexp##s(x, OUT(exponent)); }             \
    type psm_w_modf##s(type x, type *whole) { return modf##s(x, OUT(whole)); }                    \
    type psm_w_remquo##s(type x, type y, int *quotient) { return remquo##s(x, y, OUT(quotient)); }\
    type psm_w_lgamma##s##_r(type x, int *sign) { return lgamma##s##_r(x, OUT(sign)); }           \
    type psm_w_lgamma##s(type x) { return lgamma##s##_r(x, &(int){0}); }                          \
    void psm_w_sincos##s(type x, type *sine, type *cosine)                                        \
    {                                                                                             \
        sincos##s(x, OUT(sine), OUT(cosine));                                                     \
    }                                                                                             \
    int psm_w_canonicalize##s(type *to, const type *from)                                         \
    {                                                                                             \
        return canonicalize##s(OUT(to), wrap_twin(from));                                         \
    }                                                                                             \
    int psm_w_setpayload##s(type *to, type payload) { return setpayload##s(OUT(to), payload); }   \
    int psm_w_setpayloadsig##s(type *to, type payload) { return setpayloadsig##s(OUT(to), payload); }

/* gamma is another name for lgamma; these exist for C's own three types only. */
#define OLD_NAMES(type, s)                                                                        \
    type psm_w_gamma##s(type x) { return psm_w_lgamma##s(x); }                                    \
    type psm_w___lgamma##s##_r(type x, int *sign) { return psm_w_lgamma##s##_r(x, sign); }

FUNCTIONS(double, )
FUNCTIONS(float, f)
FUNCTIONS(long double, l)
FUNCTIONS(_Float32, f32)
FUNCTIONS(_Float64, f64)
FUNCTIONS(_Float32x, f32x)
FUNCTIONS(_Float64x, f64x)
OLD_NAMES(double, )
OLD_NAMES(float, f)
OLD_NAMES(long double, l)
