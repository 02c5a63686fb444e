//===- Hooks.h - what compiled code calls in the runtime --------*- C++ -*-===//
//
// The one place in the pass that knows the runtime's symbols. Names and types come
// from runtime/hooks.def, which the runtime includes as well; what the optimizer
// and the code generator may believe of them is added here:
//
//   Log…           read the old bytes and write where the program cannot look;
//                  calling convention preserve_most, so that the call on the cold
//                  path costs the hot one no registers; not through a PLT, whose
//                  lazy binding would clobber what preserve_most keeps
//   Delta, Marks   invariant: read once per function
//
//===----------------------------------------------------------------------===//
#ifndef PSM_HOOKS_H
#define PSM_HOOKS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace psm {

/// Branch weight, against 1, of the way that is nearly always taken.
constexpr uint32_t LikelyWeight = (1u << 20) - 1;

enum class Hook {
#define PSM_HOOK(Id, Name, Return, Parameters, Meaning) Id,
#define PSM_HOOK_VARIABLE(Id, Name, Type, Meaning)
#include "hooks.def"
};

enum class HookVariable {
#define PSM_HOOK(Id, Name, Return, Parameters, Meaning)
#define PSM_HOOK_VARIABLE(Id, Name, Type, Meaning) Id,
#include "hooks.def"
};

/// The declaration of a hook in M, made at its first use.
llvm::FunctionCallee getHook(llvm::Module &M, Hook H);

/// Call a hook at B's place, with the hook's calling convention and B's debug
/// location, or line 0 of the function if B has none.
llvm::CallInst *callHook(llvm::IRBuilderBase &B, Hook H,
                         llvm::ArrayRef<llvm::Value *> Arguments);

/// Read a hook variable at B's place; the value never changes.
llvm::Value *readHookVariable(llvm::IRBuilderBase &B, HookVariable V,
                              const llvm::Twine &Name = "");

/// Call Trap at B's place: this program point is not supported, because of `What`.
/// The caller makes what follows unreachable.
llvm::CallInst *callTrap(llvm::IRBuilderBase &B, const llvm::Twine &What);

/// Whether `Name` is a hook's.
bool isHookName(llvm::StringRef Name);

/// Make M refer to the symbol that says which hook ABI it was compiled for, so
/// that objects and a runtime that disagree do not link.
void referToHookABI(llvm::Module &M);

} // namespace psm
#endif
