//===- HookGroups.cpp - neighbouring hooks under one fence ----------------===//
//
// See HookGroups.h. A hook made early is a hook for a store that surely follows:
// nothing between the two may end the op or fail to return.
//
//===----------------------------------------------------------------------===//
#include "HookGroups.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace psm {
namespace {

constexpr unsigned GroupMax = 3;  ///< ranges that __psm_log_many takes
constexpr unsigned Distance = 64; ///< instructions between a group's stores
constexpr unsigned MovedMax = 8;  ///< instructions moved for one address

bool canBeGrouped(const PlannedHook &H) {
  return H.First.Shape == Extent::Fixed && !H.Length && H.Size <= InlineSizeMax;
}

bool surelyFollows(Instruction *From, Instruction *To) {
  unsigned Steps = 0;
  for (Instruction *I = From; I != To; I = I->getNextNode())
    if (++Steps > Distance || I->isTerminator() ||
        !isGuaranteedToTransferExecutionToSuccessor(I))
      return false;
  return true;
}

/// Find what must move for V to be known at `To`, operands first. False if it cannot.
bool collectMoves(Value *V, Instruction *To, const DominatorTree &DT,
                  SmallSetVector<Instruction *, 8> &Moves) {
  auto *I = dyn_cast<Instruction>(V);
  if (!I || Moves.contains(I) || DT.dominates(I, To))
    return true;
  if (I->getParent() != To->getParent() || isa<PHINode>(I) || I->mayReadOrWriteMemory() ||
      I->mayHaveSideEffects())
    return false;
  for (Value *Operand : I->operands())
    if (!collectMoves(Operand, To, DT, Moves))
      return false;
  Moves.insert(I);
  return Moves.size() <= MovedMax;
}

bool join(PlannedHook &Leader, PlannedHook &H, const DominatorTree &DT) {
  Instruction *At = Leader.Before;
  if (Leader.Companions.size() + 1 == GroupMax || !At->comesBefore(H.Before) ||
      !surelyFollows(At, H.Before))
    return false;
  SmallSetVector<Instruction *, 8> Moves;
  if (!collectMoves(H.AtFirst ? H.First.address() : H.Base, At, DT, Moves))
    return false;
  for (Instruction *I : Moves)
    I->moveBefore(*At->getParent(), At->getIterator());
  H.Before = At;
  Leader.Companions.push_back(H);
  return true;
}

} // namespace

unsigned groupHooks(StorePlan &Plan, const DominatorTree &DT) {
  DenseMap<BasicBlock *, size_t> Leaders; ///< the newest of each block
  SmallVector<PlannedHook, 16> Kept;
  for (PlannedHook &H : Plan.Hooks) {
    if (canBeGrouped(H)) {
      auto [Found, New] = Leaders.try_emplace(H.Before->getParent(), Kept.size());
      if (!New && join(Kept[Found->second], H, DT))
        continue;
      Found->second = Kept.size();
    }
    Kept.push_back(H);
  }
  unsigned Joined = Plan.Hooks.size() - Kept.size();
  Plan.Hooks = std::move(Kept);
  return Joined;
}

} // namespace psm
