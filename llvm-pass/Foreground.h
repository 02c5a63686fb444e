//===- Foreground.h - what stage 1 does to plain code -----------*- C++ -*-===//
//
// The program's own code stays as it is but for the following, done before it is
// cloned, so that both copies have it: everything here is needed either for D and
// P to come out bit-equal or to stop an op before it is acknowledged.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_FOREGROUND_H
#define PSM_FOREGROUND_H

namespace llvm {
class Function;
class Module;
}

namespace psm {

class Rules;

/// Names (malloc to psm_malloc, qsort to psm_qsort), guards, skip brackets,
/// floating point, in all of M.
void prepareForeground(llvm::Module &M, const Rules &R);

/// Zero the local variables of `F` that may be copied with bytes never written
/// (Zero.cpp).
void zeroLocals(llvm::Function &F);

} // namespace psm
#endif
