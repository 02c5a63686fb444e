//===- Unsupported.h - what op code cannot do -------------------*- C++ -*-===//
//
// The allow-list's other side: every instruction of a shadow clone that would do
// something the pass does not translate. Notes.cpp reports those that an op can
// reach as errors; all become traps, so that none is met with silence.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_UNSUPPORTED_H
#define PSM_UNSUPPORTED_H

#include "llvm/IR/Function.h"
#include <string>
#include <vector>

namespace psm {

class Rules;

struct Unsupported {
  llvm::Instruction *I;
  std::string What; ///< "inline assembly", as the subject of "is not supported in ops"
};

/// What `Clone` holds that has no meaning on P. Changes nothing.
std::vector<Unsupported> findUnsupported(llvm::Function &Clone, const Rules &R);

/// Make each of them, and each call marked "psm-forbid", a trap.
void trapUnsupported(llvm::Function &Clone, const Rules &R);

} // namespace psm
#endif
