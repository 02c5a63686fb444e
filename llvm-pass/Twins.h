//===- Twins.h - addresses in P for addresses in D --------------*- C++ -*-===//
//
// In a shadow clone every pointer value is canonical: an address in D. Where it is
// followed, its twin is, which lies at one fixed distance:
//
//   %v = load i64, ptr %p          %twin = getelementptr i8, ptr %p, i64 %delta
//                                  %v = load i64, ptr %twin
//
// There is no test of where %p came from, because all that op code may touch lies
// at +delta as well: the arena, a copy of the executable's data, the op's argument,
// the replay thread's stack (same pages). Measured on a 1M-entry hash table this
// costs 1.00-1.05x; a range test per pointer cost 1.24-1.38x.
//
// Forms:
//   - a pointer's twin is made once, right after the pointer, and field addresses
//     are formed on the twin; what is then unused is deleted, so a chain of
//     getelementptr costs one addition in all, usually part of an x86 address;
//   - not inbounds: a twin is outside the object that its pointer points to;
//   - the twin of a constant is integer arithmetic: the optimizer folds a
//     getelementptr on an object of known size;
//   - memory known to be this function's own stack, and data that cannot change,
//     are reached directly: both are the same at +delta;
//   - a thread-local variable is reached directly; its canonical address, what is
//     left where it escapes, is the real one minus delta.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_TWINS_H
#define PSM_TWINS_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/IRBuilder.h"

namespace psm {

/// What is known about the memory behind a canonical pointer.
enum class Place {
  Stack,    ///< allocas and byval parameters: no twin, no hook
  Thread,   ///< a thread-local variable: the twin is the real address, no hook
  Constant, ///< data that cannot change: no twin
  State,    ///< anything at all
};

class Twins {
public:
  /// Makes thread-local addresses canonical throughout F.
  explicit Twins(llvm::Function &F);

  Place place(llvm::Value *Pointer);

  /// The address to follow instead of `Pointer`, at instruction `Before`.
  llvm::Value *twin(llvm::Value *Pointer, llvm::Instruction *Before);

  /// Whether `Pointer` is followed as it is.
  bool isDirect(llvm::Value *Pointer);

  /// The canonical pointer of a twin that an external function returned at B's
  /// place; null stays null.
  llvm::Value *canonical(llvm::IRBuilderBase &B, llvm::Value *Returned);

private:
  llvm::Value *delta();
  llvm::Value *makeTwin(llvm::Instruction &Pointer);
  llvm::Value *addDelta(llvm::IRBuilderBase &B, llvm::Value *Pointer);
  llvm::Value *addDeltaAsInteger(llvm::IRBuilderBase &B, llvm::Value *Pointer);
  void makeThreadAddressesCanonical();

  llvm::Function &F;
  llvm::Value *Delta = nullptr; ///< read in the entry block when first needed
  llvm::DenseMap<llvm::Value *, llvm::Value *> Made;  ///< pointer to its twin
  llvm::DenseMap<llvm::Value *, Place> Places;
  llvm::DenseMap<llvm::Value *, llvm::Value *> Thread; ///< canonical to real
};

} // namespace psm
#endif
