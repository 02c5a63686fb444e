//===- Shadow.h - what stage 1 leaves behind and stage 2 finds --*- C++ -*-===//
//
// The contract between the two halves of the pass. Stage 1 (Clone.cpp,
// Foreground.cpp) runs before any optimization; stage 2 (Instrument.cpp) after
// all of it. What is between them may rename, specialize, inline and delete, so
// nothing is known by its name:
//
//   a shadow variant   has the function attribute "psm-shadow"="<foreground>",
//                      which survives cloning and specialization; declarations
//                      of other units' variants have it too
//   f -> f.psm         is metadata !psm.shadow on f: no use, so it keeps nothing
//                      alive and changes no code, and follows renaming in LTO
//   marks              are string attributes on the variant (functions) or on
//                      the variable (globals)
//   an indirect call   in a variant calls through psm.resolve(fp)
//
//===----------------------------------------------------------------------===//
#ifndef PSM_SHADOW_H
#define PSM_SHADOW_H

#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/PassManager.h"

namespace psm {

class Rules;

/// On every shadow variant, defined or declared; value: the foreground's name.
inline constexpr llvm::StringLiteral ShadowAttr = "psm-shadow";
/// On shadow variants of marked functions.
inline constexpr llvm::StringLiteral OpAttr = "psm-op";
inline constexpr llvm::StringLiteral ReadOnlyOpAttr = "psm-ro";
inline constexpr llvm::StringLiteral SkipAttr = "psm-skip";
/// On global variables.
inline constexpr llvm::StringLiteral StateAttr = "psm-state";
inline constexpr llvm::StringLiteral ScratchAttr = "psm-scratch";
/// On calls in variants that must become traps; value: the callee's name.
inline constexpr llvm::StringLiteral ForbidAttr = "psm-forbid";
/// Ends the name of a shadow variant.
inline constexpr llvm::StringLiteral ShadowSuffix = ".psm";

/// `ptr @psm.resolve(ptr)`: canonical function pointer to shadow variant.
inline constexpr llvm::StringLiteral ResolveName = "psm.resolve";
/// `void @psm.unsupported(ptr text)`, noreturn: stands where stage 1 found what
/// it cannot clone (a naked function, a coroutine, assembly with labels).
inline constexpr llvm::StringLiteral UnsupportedName = "psm.unsupported";

/// `T @psm.skipped.T(ptr name)`: the result of a skipped function for which no
/// rule states a value. Unused ones vanish; a use left for stage 2 is an error.
inline constexpr llvm::StringLiteral SkippedName = "psm.skipped";

/// `void @psm.skipped(ptr name)`: where a call of a library's function was skipped, by
/// the built-in list; so that the check can tell if the program has one of that name.
inline constexpr llvm::StringLiteral SkippedMarkName = SkippedName;

inline bool isShadow(const llvm::Function &F) {
  return F.hasFnAttribute(ShadowAttr);
}

/// Name of the function that the shadow variant `F` was made from.
inline llvm::StringRef foregroundName(const llvm::Function &F) {
  return F.getFnAttribute(ShadowAttr).getValueAsString();
}

/// The shadow variant of foreground function `F`, or null if it has none (its
/// variant was optimized away, or `F` came after stage 1).
llvm::Function *shadowOf(const llvm::Function &F);

/// Whether `V` is a call of psm.resolve.
bool isResolve(const llvm::Value &V);

/// Whether `F` has uses other than being called, by anyone but llvm.used and
/// the annotations.
bool isAddressTaken(const llvm::Function &F);

/// Give the calls in shadow variant `F` what the rules say. Idempotent: stage 2
/// does it again for calls that the optimizer made up. True if F changed.
bool applyRules(llvm::Function &F, const Rules &R);

/// Replace psm.resolve(@f) by f's variant throughout `F`. True if F changed.
bool foldResolves(llvm::Function &F);

/// Section psm_pin gets one `.long f` for each external f whose address is
/// taken, so that in a non-PIE program &f is a constant of the executable (its
/// PLT entry) and may be kept in the state. Called last by stage 2.
void pinTakenExternals(llvm::Module &M);

/// Stage 1. Once per module.
struct ClonePass : llvm::PassInfoMixin<ClonePass> {
  static bool isRequired() { return true; }
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
};

/// Between the stages, wherever a peephole optimizer runs.
struct ResolveFoldPass : llvm::PassInfoMixin<ResolveFoldPass> {
  llvm::PreservedAnalyses run(llvm::Function &F, llvm::FunctionAnalysisManager &);
};

/// Stage 2 (Instrument.cpp). Once per module, never before a link-time
/// optimizer.
struct InstrumentPass : llvm::PassInfoMixin<InstrumentPass> {
  static bool isRequired() { return true; }
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
};

/// The notes alone, for tests: what InstrumentPass would emit (Notes.cpp).
struct NotesPass : llvm::PassInfoMixin<NotesPass> {
  static bool isRequired() { return true; }
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
};

} // namespace psm
#endif
