//===- LoopHooks.h - hooks of loops, once before the loop -------*- C++ -*-===//
//
// A loop that stores to every element of an array,
//
//     for (i = 0; i != n; i++)          __psm_log_range(a, n * 8);
//         [hook a + i], a[i] = …   ->   for (i = 0; i != n; i++) a[i] = …
//
// announces the whole range before its first round. That is done where it announces
// nothing but what the loop stores to, and surely stores to:
//
//   - the loop is left only at the end of a round, after a number of rounds that is
//     known before it starts, and nothing in it can end or hang the program;
//   - the store is made in every round, at a distance from round to round that is
//     constant and leaves no whole block untouched.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_LOOP_HOOKS_H
#define PSM_LOOP_HOOKS_H

#include "Stores.h"
#include "llvm/IR/PassManager.h"

namespace psm {

/// Turn the hooks of `Plan` that can be made before their loops into such, and add
/// the code for the ranges to F. Returns how many.
unsigned hoistFromLoops(StorePlan &Plan, llvm::Function &F,
                        llvm::FunctionAnalysisManager &FAM);

} // namespace psm
#endif
