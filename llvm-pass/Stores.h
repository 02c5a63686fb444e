//===- Stores.h - which stores are announced to the runtime -----*- C++ -*-===//
//
// The choice of hooks, made before anything is changed (Emit.cpp makes them).
// What is promised: when a store of a shadow clone runs, a hook with every byte of
// it has run earlier in the same op, unless the store is
//
//   to the stack        the replay thread's own; gone after the op
//   to a thread-local   likewise the thread's own
//   of no bytes
//
// Hooks are saved, never weakened:
//
//   covered   a store that a hook dominates whose range holds it needs none: marks
//             are cleared between ops only, and the address is the same SSA value
//   merged    stores at constant distances from one address in one block, with
//             nothing between them that might not come back, share one hook
//   widened   a store of alignment 16 makes sure of 16 bytes: they lie in the same
//             32-byte block. Alignment is taken at its word, as by the compiler.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_STORES_H
#define PSM_STORES_H

#include "Accesses.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace llvm {
class DominatorTree;
}

namespace psm {

class Twins;

/// Hooks of at most so many bytes test the marks in line.
constexpr uint64_t InlineSizeMax = 64;

enum class SkipReason { Stack, Thread, Empty, Covered, Merged };

llvm::StringRef describe(SkipReason R);

/// One hook: First's bytes, or, of fixed shape, those that its and other stores come
/// to: Size bytes, or Length, from Base plus Low on.
struct PlannedHook {
  Access First;                  ///< the store that it is for, or the first of them
  llvm::Instruction *Before;     ///< where it goes: First, or the end of a loop's preheader
  llvm::Value *Base = nullptr;   ///< Fixed: First's address without constant offsets
  int64_t Low = 0;               ///< Fixed: where the range begins, from Base
  bool AtFirst = true;           ///< Fixed: it begins where First does
  uint64_t Size = 0;             ///< Fixed: its length in bytes
  llvm::Value *Length = nullptr; ///< Fixed: its length, if not known when compiling
  llvm::Align Alignment = {};    ///< Fixed: of where it begins
  unsigned StoreCount = 1;       ///< stores that share the hook
  /// Fixed: hooks of stores that follow, made together with this one (HookGroups).
  std::vector<PlannedHook> Companions = {};
};

struct SkippedStore {
  Access Store;
  SkipReason Reason;
};

struct StorePlan {
  llvm::SmallVector<PlannedHook, 16> Hooks; ///< in dominance order
  llvm::SmallVector<SkippedStore, 16> Skipped;
};

/// Decide about every writing access of F. Changes nothing.
StorePlan planStores(llvm::Function &F, llvm::ArrayRef<Access> Accesses, Twins &T,
                     const llvm::DominatorTree &DT, const Rules &R);

} // namespace psm
#endif
