//===- Stores.cpp - which stores are announced to the runtime -------------===//
//
// See Stores.h. A walk of the dominator tree with a table of the byte ranges, per
// base address, that hooks made so far make sure of; what a subtree added is taken
// out when the walk leaves it.
//
// The base of an address is what is left without constant offsets. Two stores with
// the same SSA value as base mean the same address even in loops: were the value
// computed again between hook and store, the path from there to the store would
// avoid the hook, and the hook would not dominate the store.
//
//===----------------------------------------------------------------------===//
#include "Stores.h"
#include "Options.h"
#include "Rules.h"
#include "Twins.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace psm {
namespace {

const Align BlockAlign = Align(32); ///< PSM_BLOCK, and what the heap aligns to
constexpr unsigned LookAhead = 64;      ///< instructions searched for stores to merge

struct Range {
  int64_t Low, High; ///< bytes relative to a base: [Low, High)
};

struct Located {
  Value *Base;
  Range Bytes;
};

/// The kind of a write, as -psm-forget names it.
StringRef kindOf(const Access &A) {
  if (auto *Store = dyn_cast<StoreInst>(A.I))
    return Store->getValueOperand()->getType()->isVectorTy() ? "vector" : "store";
  if (isa<MemIntrinsic>(A.I))
    return "memory";
  if (isa<IntrinsicInst>(A.I))
    return A.Shape == Extent::Scattered ? "scatter" : "masked";
  return "of a call";
}

class Planner {
public:
  Planner(const Function &F, ArrayRef<Access> Accesses, Twins &T, const Rules &R)
      : T(T), R(R), DL(F.getParent()->getDataLayout()) {
    for (const Access &A : Accesses)
      if (A.Writes && !is_contained(options::Forget, kindOf(A)))
        Writes[A.I].push_back(A);
  }

  StorePlan run(const DominatorTree &DT);

private:
  void visit(BasicBlock &BB);
  void decide(const Access &A);
  void planFixed(const Access &A);
  Located locate(const Access &A);
  Align alignmentOf(Value *Base);
  Range widen(Range Bytes, Align AtLow, Align OfBase);
  bool isCovered(const Located &L);
  void cover(Value *Base, Range Bytes);
  void skip(const Access &A, SkipReason Reason) { Plan.Skipped.push_back({A, Reason}); }

  Twins &T;
  const Rules &R;
  const DataLayout &DL;
  DenseMap<Instruction *, SmallVector<Access, 1>> Writes;
  DenseMap<Value *, SmallVector<Range, 4>> Covered;
  SmallVector<Value *, 32> Additions; ///< bases in the order they were added to
  DenseMap<Instruction *, bool> Merged;
  StorePlan Plan;
};

StorePlan Planner::run(const DominatorTree &DT) {
  struct Level {
    const DomTreeNode *Node;
    DomTreeNode::const_iterator Next;
    size_t AdditionsBefore;
  };
  SmallVector<Level, 32> Path;
  auto Enter = [&](const DomTreeNode *N) {
    Path.push_back({N, N->begin(), Additions.size()});
    visit(*N->getBlock());
  };
  Enter(DT.getRootNode());
  while (!Path.empty()) {
    Level &Top = Path.back();
    if (Top.Next != Top.Node->end()) {
      Enter(*Top.Next++);
      continue;
    }
    while (Additions.size() > Top.AdditionsBefore)
      Covered[Additions.pop_back_val()].pop_back();
    Path.pop_back();
  }
  return std::move(Plan);
}

void Planner::visit(BasicBlock &BB) {
  for (Instruction &I : BB) {
    auto Found = Writes.find(&I);
    if (Found == Writes.end())
      continue;
    for (const Access &A : Found->second)
      decide(A);
  }
}

void Planner::decide(const Access &A) {
  Place P = A.Shape == Extent::Scattered ? Place::State : T.place(A.address());
  if (P == Place::Stack)
    return skip(A, SkipReason::Stack);
  if (P == Place::Thread)
    return skip(A, SkipReason::Thread);
  if (A.Shape == Extent::Fixed)
    return planFixed(A);
  Plan.Hooks.push_back({A, A.I});
}

Located Planner::locate(const Access &A) {
  int64_t Offset = 0;
  Value *Base = GetPointerBaseWithConstantOffset(A.address(), Offset, DL);
  return {Base, {Offset, Offset + int64_t(A.Size)}};
}

/// Blocks of the arena's heap begin at multiples of 32.
Align Planner::alignmentOf(Value *Base) {
  Align Known = Base->getPointerAlignment(DL);
  if (auto *Call = dyn_cast<CallBase>(Base))
    if (const Function *Callee = Call->getCalledFunction())
      if (const Rule *Found = R.findWrapper(Callee->getName()))
        if (Found->Kind == RuleKind::Alloc)
          Known = std::max(Known, BlockAlign);
  return std::min(Known, BlockAlign);
}

/// The bytes that lie in the same blocks as `Bytes` whatever the base is.
Range Planner::widen(Range Bytes, Align AtLow, Align OfBase) {
  AtLow = std::min(AtLow, BlockAlign);
  Bytes.High = Bytes.Low + alignTo(Bytes.High - Bytes.Low, AtLow);
  int64_t Step = OfBase.value();
  return {Bytes.Low & -Step, (Bytes.High + Step - 1) & -Step};
}

bool Planner::isCovered(const Located &L) {
  auto Found = Covered.find(L.Base);
  if (Found == Covered.end())
    return false;
  int64_t Reached = L.Bytes.Low;
  bool Moved = true;
  while (Moved && Reached < L.Bytes.High) {
    Moved = false;
    for (const Range &C : Found->second)
      if (C.Low <= Reached && Reached < C.High) {
        Reached = C.High;
        Moved = true;
      }
  }
  return Reached >= L.Bytes.High;
}

void Planner::cover(Value *Base, Range Bytes) {
  Covered[Base].push_back(Bytes);
  Additions.push_back(Base);
}

void Planner::planFixed(const Access &A) {
  if (A.Size == 0)
    return skip(A, SkipReason::Empty);
  Located L = locate(A);
  if (isCovered(L))
    return skip(A, Merged.lookup(A.I) ? SkipReason::Merged : SkipReason::Covered);

  Align OfBase = alignmentOf(L.Base);
  Range Whole = L.Bytes;
  Align AtLow = A.Alignment;
  unsigned Count = 1;
  cover(L.Base, widen(L.Bytes, A.Alignment, OfBase));
  Instruction *I = A.I;
  for (unsigned Steps = 0; Steps != LookAhead; ++Steps) {
    if (I->isTerminator() || !isGuaranteedToTransferExecutionToSuccessor(I))
      break;
    I = I->getNextNode();
    auto Found = Writes.find(I);
    if (Found == Writes.end())
      continue;
    for (const Access &Other : Found->second) {
      if (Other.Shape != Extent::Fixed || Other.Size == 0)
        continue;
      Located M = locate(Other);
      Range Union = {std::min(Whole.Low, M.Bytes.Low), std::max(Whole.High, M.Bytes.High)};
      if (M.Base != L.Base || Union.High - Union.Low > int64_t(InlineSizeMax))
        continue;
      if (M.Bytes.Low < Whole.Low)
        AtLow = Other.Alignment;
      Whole = Union;
      cover(L.Base, widen(M.Bytes, Other.Alignment, OfBase));
      Merged[Other.I] = true;
      ++Count;
    }
  }

  PlannedHook H = {A, A.I};
  H.Base = L.Base;
  H.Low = Whole.Low;
  H.AtFirst = Whole.Low == L.Bytes.Low;
  H.Size = Whole.High - Whole.Low;
  H.Alignment = std::max(AtLow, commonAlignment(OfBase, Whole.Low));
  H.StoreCount = Count;
  Plan.Hooks.push_back(H);
}

} // namespace

StringRef describe(SkipReason R) {
  switch (R) {
  case SkipReason::Stack:
    return "to the stack";
  case SkipReason::Thread:
    return "to a thread-local variable";
  case SkipReason::Empty:
    return "of no bytes";
  case SkipReason::Covered:
    return "covered by an earlier hook";
  case SkipReason::Merged:
    return "merged with an earlier hook";
  }
  llvm_unreachable("no such reason");
}

StorePlan planStores(Function &F, ArrayRef<Access> Accesses, Twins &T,
                     const DominatorTree &DT, const Rules &R) {
  return Planner(F, Accesses, T, R).run(DT);
}

} // namespace psm
