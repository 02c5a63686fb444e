/* hand_ops.h: include HAND_OPS, a header with ops, as plain and as shadow code. */
#define OP(name)      int64_t name(void *root, const void *arg, size_t size, void *out)
#define AT(p)         (p)
#define PUT(place, v) ((place) = (v))
#define COPY(to, from, n) memcpy(to, from, n)
#define MALLOC(n)     psm_malloc(n)
#define REALLOC(p, n) psm_realloc(p, n)
#define FREE(p)       psm_free(p)
#define CALL(f)       f
#define IN_SHADOW     0
#include HAND_OPS
#undef OP
#undef AT
#undef PUT
#undef COPY
#undef MALLOC
#undef REALLOC
#undef FREE
#undef CALL
#undef IN_SHADOW
#define OP(name)      int64_t name##_shadow(void *root, const void *arg, size_t size, void *out)
#define AT(p)         ((__typeof__(p))hand_twin(p))
#define PUT(place, v)                            \
    do {                                         \
        __typeof__(place) v_ = (v);              \
        hand_hook(&(place), sizeof(place));      \
        (place) = v_;                            \
    } while (0)
#define COPY(to, from, n)                        \
    do {                                         \
        void *to_ = hand_twin(to);               \
        const void *from_ = hand_twin(from);     \
        size_t n_ = (n);                         \
        __psm_log_range(to_, n_);                \
        memcpy(to_, from_, n_);                  \
    } while (0)
#define MALLOC(n)     psm_w_malloc(n)
#define REALLOC(p, n) psm_w_realloc(p, n)
#define FREE(p)       psm_w_free(p)
#define CALL(f)       f##_shadow
#define IN_SHADOW     1
#include HAND_OPS
