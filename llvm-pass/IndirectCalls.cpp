//===- IndirectCalls.cpp - calls through pointers, in clones --------------===//
//
// See IndirectCalls.h.
//
// __psm_resolve stops the machine when there is no variant, but psm.resolve is
// speculatable, and the optimizer does move it above the test that a pointer is not
// null. So the look-up is made at the call, not where psm.resolve stands; where
// callees were merged (phi, select), the function pointers are merged anew.
//
//===----------------------------------------------------------------------===//
#include "IndirectCalls.h"
#include "Hooks.h"
#include "Shadow.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace psm {
namespace {

/// Finds the function pointers that callees came from.
class Canonicals {
public:
  explicit Canonicals(Module &M) : M(M) {}

  /// The pointer that `Callee` is the resolution of; null if that is not known.
  Value *find(Value *Callee) { return isKnown(Callee) ? make(Callee) : nullptr; }

private:
  /// What needs no merging; null if it is not known.
  Value *leaf(Value *Callee) {
    if (isResolve(*Callee))
      return cast<CallBase>(Callee)->getArgOperand(0);
    if (isa<UndefValue, ConstantPointerNull>(Callee))
      return Callee;
    auto *Variant = dyn_cast<Function>(Callee);
    if (!Variant || !isShadow(*Variant))
      return nullptr;
    Function *F = M.getFunction(foregroundName(*Variant));
    return F && shadowOf(*F) == Variant ? F : nullptr;
  }

  bool isKnown(Value *Callee) {
    SmallVector<Value *, 8> Work = {Callee};
    SmallPtrSet<Value *, 8> Seen;
    while (!Work.empty()) {
      Value *V = Work.pop_back_val();
      if (!Seen.insert(V).second)
        continue;
      if (auto *S = dyn_cast<SelectInst>(V))
        Work.append({S->getTrueValue(), S->getFalseValue()});
      else if (auto *P = dyn_cast<PHINode>(V))
        append_range(Work, P->incoming_values());
      else if (!leaf(V))
        return false;
    }
    return true;
  }

  Value *make(Value *Callee) {
    if (Value *Known = Made.lookup(Callee))
      return Known;
    if (auto *S = dyn_cast<SelectInst>(Callee)) {
      Value *True = make(S->getTrueValue()), *False = make(S->getFalseValue());
      return Made[S] = IRBuilder<>(S).CreateSelect(S->getCondition(), True, False);
    }
    auto *P = dyn_cast<PHINode>(Callee);
    if (!P)
      return leaf(Callee);
    PHINode *Merged =
        IRBuilder<>(P).CreatePHI(P->getType(), P->getNumIncomingValues(), "canonical");
    Made[P] = Merged; // before its operands: a loop comes back to it
    for (unsigned Index = 0; Index != P->getNumIncomingValues(); ++Index)
      Merged->addIncoming(make(P->getIncomingValue(Index)), P->getIncomingBlock(Index));
    return Merged;
  }

  Module &M;
  DenseMap<Value *, Value *> Made;
};

GlobalVariable *makeCache(Module &M) {
  Type *Word = Type::getInt64Ty(M.getContext());
  auto *Cache = new GlobalVariable(M, Word, /*isConstant=*/false, GlobalValue::PrivateLinkage,
                                   ConstantInt::getAllOnesValue(Word), "psm.cache");
  Cache->setAlignment(Align(8));
  return Cache;
}

/// Look the function pointer `Pointer` up, before `Before`.
Value *expand(Value *Pointer, Instruction *Before) {
  Module &M = *Before->getModule();
  MDBuilder MD(M.getContext());
  GlobalVariable *Cache = makeCache(M);
  DebugLoc Location = Before->getDebugLoc();

  IRBuilder<> B(Before);
  LoadInst *Entry = B.CreateLoad(B.getInt64Ty(), Cache);
  Entry->setAtomic(AtomicOrdering::Monotonic);
  Value *Known = B.CreateAnd(Entry, UINT32_MAX);
  Value *Wanted = B.CreatePtrToInt(Pointer, B.getInt64Ty());
  Value *Cached = B.CreateIntToPtr(B.CreateLShr(Entry, 32), Pointer->getType());
  BasicBlock *Head = Before->getParent();
  Instruction *Miss = SplitBlockAndInsertIfThen(B.CreateICmpNE(Known, Wanted), Before, false,
                                                MD.createBranchWeights(1, LikelyWeight));

  B.SetInsertPoint(Miss);
  B.SetCurrentDebugLocation(Location);
  CallInst *Found = callHook(B, Hook::Resolve, {Pointer});
  Value *Shadow = B.CreatePtrToInt(Found, B.getInt64Ty());
  Value *High = B.CreateLShr(B.CreateOr(Shadow, Wanted), 32);
  Instruction *Fits = SplitBlockAndInsertIfThen(B.CreateIsNull(High), Miss, false);
  B.SetInsertPoint(Fits);
  B.SetCurrentDebugLocation(Location);
  StoreInst *Keep = B.CreateStore(B.CreateOr(B.CreateShl(Shadow, 32), Wanted), Cache);
  Keep->setAtomic(AtomicOrdering::Monotonic);

  B.SetInsertPoint(Before);
  PHINode *Callee = B.CreatePHI(Pointer->getType(), 2, "callee");
  Callee->addIncoming(Cached, Head);
  Callee->addIncoming(Found, Miss->getParent());
  return Callee;
}

/// Delete the phis, selects and psm.resolves behind `Callees` that only serve each
/// other, in circles too. What is used otherwise stays.
void eraseUnused(ArrayRef<Value *> Callees) {
  SmallSetVector<Instruction *, 16> Unused;
  SmallVector<Value *, 16> Work(Callees);
  while (!Work.empty()) {
    auto *I = dyn_cast<Instruction>(Work.pop_back_val());
    if (I && (isa<PHINode, SelectInst>(I) || isResolve(*I)) && Unused.insert(I))
      append_range(Work, I->operands());
  }
  auto IsUsed = [&](Instruction *I) {
    return any_of(I->users(), [&](User *U) { return !Unused.count(cast<Instruction>(U)); });
  };
  while (Unused.remove_if(IsUsed)) {
  }
  for (Instruction *I : Unused)
    I->dropAllReferences();
  for (Instruction *I : Unused)
    I->eraseFromParent();
}

} // namespace

void expandResolves(Function &F) {
  Canonicals C(*F.getParent());
  SmallVector<CallBase *, 8> Calls;
  for (Instruction &I : instructions(F))
    if (auto *Call = dyn_cast<CallBase>(&I))
      if (Call->isIndirectCall())
        Calls.push_back(Call);
  SmallVector<Value *, 8> Old;
  for (CallBase *Call : Calls)
    if (Value *Pointer = C.find(Call->getCalledOperand())) {
      Old.push_back(Call->getCalledOperand());
      Call->setCalledOperand(expand(Pointer, Call));
    }
  eraseUnused(Old);

  // What is used otherwise is looked up where it stands.
  SmallVector<CallBase *, 4> Left;
  for (Instruction &I : instructions(F))
    if (isResolve(I))
      Left.push_back(cast<CallBase>(&I));
  for (CallBase *Resolve : Left) {
    if (!Resolve->use_empty())
      Resolve->replaceAllUsesWith(expand(Resolve->getArgOperand(0), Resolve));
    Resolve->eraseFromParent();
  }
}

} // namespace psm
