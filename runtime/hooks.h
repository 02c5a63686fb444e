/* hooks.h: hooks.def as C sees it.
 *
 * Compiled code calls these; the pass declares them from the same table. __psm_log and
 * __psm_log_range are the only door through which a shadow variant's stores are
 * announced. */
#ifndef PSM_HOOKS_H
#define PSM_HOOKS_H
#include <stdint.h>

/* The hot path keeps its registers; the declarations from the table inherit this. */
void __psm_log(void *twin, uint64_t size) __attribute__((preserve_most));
void __psm_log_range(void *twin, uint64_t size) __attribute__((preserve_most));
void __psm_log_many(void *a, uint64_t a_size, void *b, uint64_t b_size, void *c, uint64_t c_size)
    __attribute__((preserve_most));
_Noreturn void __psm_trap(void *text);

#define VOID void
#define PTR  void *
#define I64  uint64_t
#define PSM_HOOK_VARIABLE(id, name, c_type, meaning) extern c_type name;
#define PSM_HOOK(id, name, returns, parameters, meaning) returns name parameters;
#include "hooks.def"
#undef VOID
#undef PTR
#undef I64

/* The symbol by which a program compiled against another hook ABI fails to link. */
#define PSM_HOOK_PASTE_(a, b) a##b
#define PSM_HOOK_PASTE(a, b)  PSM_HOOK_PASTE_(a, b)
#define PSM_HOOK_ABI_SYMBOL   PSM_HOOK_PASTE(__psm_hook_abi_, PSM_HOOK_ABI)
#endif
