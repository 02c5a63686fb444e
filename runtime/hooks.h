/* hooks.h: hooks.def as C sees it.
 *
 * Compiled code calls these; their bodies are in hook.c, replay's side, and are the
 * only door through which a shadow variant's stores are announced. The pass declares
 * them from the same table. */
#ifndef PSM_HOOKS_H
#define PSM_HOOKS_H
#include <stdint.h>

#define VOID void
#define PTR  void *
#define I64  uint64_t
#define PSM_HOOK_VARIABLE(id, name, c_type, meaning) extern c_type name;
#define PSM_HOOK(id, name, returns, parameters, meaning) returns name parameters;
#include "hooks.def"
#undef PSM_HOOK_VARIABLE
#undef PSM_HOOK
#undef VOID
#undef PTR
#undef I64

/* The symbol by which a program compiled against another hook ABI fails to link. */
#define PSM_HOOK_PASTE_(a, b) a##b
#define PSM_HOOK_PASTE(a, b)  PSM_HOOK_PASTE_(a, b)
#define PSM_HOOK_ABI_SYMBOL   PSM_HOOK_PASTE(__psm_hook_abi_, PSM_HOOK_ABI)
#endif
