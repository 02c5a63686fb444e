//===- Chains.h - what ops must not reach, found at compile time -*- C++ -*-===//
//
// Within one module: walks the direct calls from the ops, and reports what is
// forbidden or unsupported, at its place in the source, with the chain of calls
// that leads there. The checker (runtime/check.c) does the same across modules.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_CHAINS_H
#define PSM_CHAINS_H

#include "llvm/ADT/MapVector.h"
#include "llvm/IR/DebugLoc.h"
#include "llvm/IR/Function.h"
#include <string>
#include <vector>

namespace psm {

/// Where an instruction comes from in the source: the innermost place, and the
/// functions inlined around it, as text that goes before it in a chain:
/// "f (x.c:7) -> ", meaning that f was called at x.c:7. Empty without locations.
struct Place {
  std::string File;
  unsigned Line = 0;
  std::string Via;
};
Place placeOf(const llvm::Instruction &I);

/// What is wrong with a place in a function: "a call of 'time', which reads a clock".
struct Hazard {
  const llvm::Instruction *At;
  std::string What;
};

class CallChains {
public:
  void addCall(llvm::Function &From, llvm::Function &To, const llvm::Instruction &At);
  void addHazard(llvm::Function &In, const llvm::Instruction &At, std::string What);

  /// Emit an error for each hazard in reach of an op.
  void report(llvm::ArrayRef<llvm::Function *> Ops) const;

private:
  struct Step {
    llvm::Function *To;
    const llvm::Instruction *At;
  };
  llvm::DenseMap<llvm::Function *, std::vector<Step>> Calls;
  llvm::DenseMap<llvm::Function *, std::vector<Hazard>> Hazards;
};

} // namespace psm
#endif
