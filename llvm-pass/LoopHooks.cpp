//===- LoopHooks.cpp - hooks of loops, once before the loop ---------------===//
//
// See LoopHooks.h. Stores that the plan left out because such a hook covers them stay
// covered: the hook before the loop runs earlier still, and holds the same bytes.
//
//===----------------------------------------------------------------------===//
#include "LoopHooks.h"
#include "Versions.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/LoopUtils.h"
#include "llvm/Transforms/Utils/ScalarEvolutionExpander.h"

using namespace llvm;

namespace psm {
namespace {

/// Stores further apart might leave blocks between them untouched.
constexpr int64_t StrideMax = 64;
/// What the code before the loop may cost, in instructions about.
constexpr unsigned Budget = 8;

class Hoister {
public:
  Hoister(Function &F, FunctionAnalysisManager &FAM)
      : DL(F.getParent()->getDataLayout()), DT(FAM.getResult<DominatorTreeAnalysis>(F)),
        LI(FAM.getResult<LoopAnalysis>(F)), SE(FAM.getResult<ScalarEvolutionAnalysis>(F)),
        TTI(FAM.getResult<TargetIRAnalysis>(F)), Expander(expander(SE, DL, "range")) {}

  bool hoist(PlannedHook &H);

private:
  bool runsToItsEnd(Loop &L);
  const SCEV *lastRound(Loop &L);
  bool place(PlannedHook &H, Loop &L, const SCEV *Begin, const SCEV *Length);

  const DataLayout &DL;
  DominatorTree &DT;
  LoopInfo &LI;
  ScalarEvolution &SE;
  TargetTransformInfo &TTI;
  SCEVExpander Expander;
  DenseMap<Loop *, bool> RunsToItsEnd;
};

bool Hoister::runsToItsEnd(Loop &L) {
  auto [Known, New] = RunsToItsEnd.try_emplace(&L, false);
  if (!New)
    return Known->second;
  BasicBlock *Latch = L.getLoopLatch();
  if (!Latch || L.getExitingBlock() != Latch)
    return false;
  for (BasicBlock *BB : L.blocks())
    for (Instruction &I : *BB)
      if (!I.isTerminator() && !isGuaranteedToTransferExecutionToSuccessor(&I))
        return false;
  return RunsToItsEnd[&L] = true;
}

/// The number of the last round, from 0, as a 64-bit number; null if not known.
const SCEV *Hoister::lastRound(Loop &L) {
  const SCEV *Taken = SE.getBackedgeTakenCount(&L);
  if (isa<SCEVCouldNotCompute>(Taken) || SE.getTypeSizeInBits(Taken->getType()) > 64)
    return nullptr;
  return SE.getNoopOrZeroExtend(Taken, Type::getInt64Ty(SE.getContext()));
}

bool Hoister::place(PlannedHook &H, Loop &L, const SCEV *Begin, const SCEV *Length) {
  BasicBlock *Before = L.getLoopPreheader();
  BasicBlock *Entering = Before ? Before : L.getLoopPredecessor();
  if (!Entering)
    return false;
  Instruction *At = Entering->getTerminator();
  if (!Expander.isSafeToExpandAt(Begin, At) || !Expander.isSafeToExpandAt(Length, At) ||
      Expander.isHighCostExpansion({Begin, Length}, &L, Budget, &TTI, At))
    return false;
  if (!Before)
    Before = InsertPreheaderForLoop(&L, &DT, &LI, nullptr, /*PreserveLCSSA=*/false);
  if (!Before)
    return false;
  At = Before->getTerminator();
  H.Base = Expander.expandCodeFor(Begin, PointerType::getUnqual(SE.getContext()), At);
  H.Low = 0;
  H.AtFirst = false;
  H.Before = At;
  if (auto *C = dyn_cast<SCEVConstant>(Length))
    H.Size = C->getAPInt().getZExtValue();
  else
    H.Length = Expander.expandCodeFor(Length, Type::getInt64Ty(SE.getContext()), At);
  return true;
}

bool Hoister::hoist(PlannedHook &H) {
  Loop *L = LI.getLoopFor(H.Before->getParent());
  if (H.First.Shape != Extent::Fixed || !L || !runsToItsEnd(*L) ||
      !DT.dominates(H.Before->getParent(), L->getLoopLatch()))
    return false;
  const SCEV *Last = lastRound(*L);
  const SCEV *Address = SE.getSCEVAtScope(H.Base, L);
  if (!Last || isa<SCEVCouldNotCompute>(Address))
    return false;
  Type *Int64 = Type::getInt64Ty(SE.getContext());
  Address = SE.getAddExpr(Address, SE.getConstant(Int64, H.Low, /*isSigned=*/true));
  const SCEV *Size = SE.getConstant(Int64, H.Size);
  if (SE.isLoopInvariant(Address, L))
    return place(H, *L, Address, Size);

  auto *Walk = dyn_cast<SCEVAddRecExpr>(Address);
  auto *Step = Walk ? dyn_cast<SCEVConstant>(Walk->getStepRecurrence(SE)) : nullptr;
  if (!Walk || Walk->getLoop() != L || !Walk->isAffine() || !Step)
    return false;
  int64_t Stride = Step->getAPInt().getSExtValue();
  if (std::abs(Stride) > StrideMax)
    return false;
  const SCEV *Way = SE.getMulExpr(SE.getConstant(Int64, std::abs(Stride)), Last);
  const SCEV *Begin = Walk->getStart();
  if (Stride < 0)
    Begin = SE.getAddExpr(Begin, SE.getNegativeSCEV(Way));
  return place(H, *L, Begin, SE.getAddExpr(Way, Size));
}

} // namespace

unsigned hoistFromLoops(StorePlan &Plan, Function &F, FunctionAnalysisManager &FAM) {
  Hoister Loops(F, FAM);
  unsigned Count = 0;
  for (PlannedHook &H : Plan.Hooks)
    Count += Loops.hoist(H);
  return Count;
}

} // namespace psm
