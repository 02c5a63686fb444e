//===- HookGroups.h - neighbouring hooks under one fence --------*- C++ -*-===//
//
// On persistent memory a block's old bytes must be safe before the block changes: one
// fence per call of a logger, and most of what the call costs. Stores that follow each
// other, to a list's neighbours or a tree's rotated nodes,
//
//     [hook a] *a = x;  [hook b] *b = y;     ->    [hook a, b] *a = x;  *b = y;
//
// are announced together before the first of them, in one call if any of their blocks
// is not marked yet, so that the runtime can do with one fence.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_HOOK_GROUPS_H
#define PSM_HOOK_GROUPS_H

#include "Stores.h"

namespace psm {

/// Make hooks of `Plan` companions of earlier ones in their blocks, where their
/// addresses can be known that early; computations of addresses are moved up for it.
/// Returns how many were.
unsigned groupHooks(StorePlan &Plan, const llvm::DominatorTree &DT);

} // namespace psm
#endif
