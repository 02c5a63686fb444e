//===- CopiedBytes.cpp - what is copied as a whole out of a variable ------===//
//
// See CopiedBytes.h. It works before the optimizer: a pointer variable is seen
// through if it is given one value only, which parameters and what alloca() returns
// are as a rule.
//
//===----------------------------------------------------------------------===//
#include "CopiedBytes.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace psm {
namespace {

constexpr unsigned StepsMax = 8; ///< pointer variables seen through, one behind the other
constexpr unsigned DepthMax = 8; ///< calls that hand a pointer on

/// What the variable `Slot` holds whenever it is read; null if that is not one value.
Value *onlyValue(AllocaInst &Slot) {
  Value *Only = nullptr;
  for (User *U : Slot.users()) {
    if (auto *Store = dyn_cast<StoreInst>(U)) {
      if (Store->getValueOperand() == &Slot || (Only && Only != Store->getValueOperand()))
        return nullptr;
      if (!isa<Constant>(Store->getValueOperand())) // the zero it begins as
        Only = Store->getValueOperand();
    } else if (!isa<LoadInst>(U) && !cast<Instruction>(U)->isLifetimeStartOrEnd()) {
      return nullptr;
    }
  }
  return Only;
}

} // namespace

std::pair<Value *, int64_t> baseOf(Value *Pointer, const DataLayout &DL) {
  APInt Offset(DL.getIndexTypeSizeInBits(Pointer->getType()), 0);
  for (unsigned Step = 0; Step != StepsMax; ++Step) {
    Pointer = Pointer->stripAndAccumulateConstantOffsets(DL, Offset, true);
    auto *Load = dyn_cast<LoadInst>(Pointer);
    auto *Slot = Load ? dyn_cast<AllocaInst>(Load->getPointerOperand()) : nullptr;
    Value *Held = Slot && Load->getType()->isPointerTy() ? onlyValue(*Slot) : nullptr;
    if (!Held || !Held->getType()->isPointerTy())
      break;
    Pointer = Held;
  }
  return {Pointer, Offset.getSExtValue()};
}

void CopiedBytes::collect(Function &F, Ranges &Found) {
  const DataLayout &DL = F.getParent()->getDataLayout();
  auto Add = [&](Value *Pointer, ByteRange Bytes) {
    auto [Base, Offset] = baseOf(Pointer, DL);
    if (isa<AllocaInst, Argument>(Base) && !Bytes.empty())
      Found[Base].add({Bytes.Low + Offset, Bytes.High + Offset});
  };
  for (Instruction &I : instructions(F)) {
    if (auto *Copy = dyn_cast<MemTransferInst>(&I)) {
      if (auto *Length = dyn_cast<ConstantInt>(Copy->getLength()))
        Add(Copy->getRawSource(), {0, Length->getSExtValue()});
      continue;
    }
    auto *Call = dyn_cast<CallBase>(&I);
    if (!Call || isa<IntrinsicInst>(Call))
      continue;
    Function *Callee = Call->getCalledFunction();
    for (unsigned Index = 0; Index != Call->arg_size(); ++Index) {
      Value *Argument = Call->getArgOperand(Index);
      if (Type *Passed = Call->getParamByValType(Index))
        Add(Argument, {0, int64_t(DL.getTypeAllocSize(Passed).getFixedValue())});
      else if (Callee && Argument->getType()->isPointerTy() && Index < Callee->arg_size())
        Add(Argument, throughParameter(*Callee, Index));
    }
  }
}

ByteRange CopiedBytes::throughParameter(Function &Callee, unsigned Index) {
  if (Callee.isDeclaration() || Depth == DepthMax)
    return {};
  auto [At, New] = Parameters.try_emplace(&Callee);
  if (New) { // and empty while it is being looked at, which ends recursion
    Ranges Found;
    ++Depth;
    collect(Callee, Found);
    --Depth;
    auto &All = Parameters[&Callee];
    for (Argument &A : Callee.args())
      All.push_back(Found.lookup(&A));
    return All[Index];
  }
  return Index < At->second.size() ? At->second[Index] : ByteRange{};
}

DenseMap<Value *, ByteRange> CopiedBytes::locals(Function &F) {
  Ranges Found;
  collect(F, Found);
  return Found;
}

} // namespace psm
