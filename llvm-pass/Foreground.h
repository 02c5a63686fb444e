//===- Foreground.h - what stage 1 does to plain code -----------*- C++ -*-===//
//
// The program's own code stays as it is but for the following. What is needed for
// D and P to come out bit-equal is done before it is cloned, so that both copies
// have it; the guards, which stop an op before it is acknowledged, after that.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_FOREGROUND_H
#define PSM_FOREGROUND_H

namespace llvm {
class Function;
class Module;
}

namespace psm {

class CopiedBytes;
class Rules;

/// Names (malloc to psm_malloc, qsort to psm_qsort), skip brackets, floating point
/// and zeroed locals, in all of M.
void prepareForeground(llvm::Module &M, const Rules &R);

/// Before each call of a forbidden function in `F`: the hook that stops the process
/// if an op got there.
void guardForbiddenCalls(llvm::Function &F, const Rules &R);

/// Zero the local variables of `F` that may be copied with bytes never written
/// (Zero.cpp).
void zeroLocals(llvm::Function &F, CopiedBytes &Copied);

} // namespace psm
#endif
