//===- LocalAddresses.cpp - computing with the address of a local ---------===//
//
// See LocalAddresses.h. A negated address (0 - p, ~p) is half of a difference, made by
// the optimizer for loops; adding what is not constant may be the other half.
//
//===----------------------------------------------------------------------===//
#include "LocalAddresses.h"
#include "CopiedBytes.h"
#include "PointerSources.h"
#include "Shadow.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace psm {
namespace {

/// What `Pointer` points into, if that lies elsewhere in replay; else empty.
StringRef foreignPlace(Value *Pointer, const DataLayout &DL) {
  Value *Base = getUnderlyingObject(baseOf(Pointer, DL).first);
  if (isa<AllocaInst>(Base))
    return "a local variable";
  if (auto *Call = dyn_cast<IntrinsicInst>(Base))
    if (Call->getIntrinsicID() == Intrinsic::threadlocal_address)
      return "a thread-local variable";
  if (auto *Global = dyn_cast<GlobalVariable>(Base))
    return Global->isThreadLocal() ? "a thread-local variable" : "";
  if (auto *Parameter = dyn_cast<Argument>(Base)) {
    if (Parameter->hasByValAttr())
      return "a local variable";
    if (Parameter->getParent()->hasFnAttribute(OpAttr) && Parameter->getArgNo() == 1)
      return "the op's argument";
    if (Parameter->getParent()->hasFnAttribute(OpAttr) && Parameter->getArgNo() == 3)
      return "the op's out";
  }
  return "";
}

enum class Flow { Ends, GoesOn, Mixed };

Flow flowThrough(const User &U, const Value &Address) {
  if (isa<CastInst, PHINode, SelectInst>(U))
    return isa<IntToPtrInst>(U) ? Flow::Ends : Flow::GoesOn;
  auto *Operator = dyn_cast<BinaryOperator>(&U);
  if (!Operator)
    return Flow::Ends;
  bool First = Operator->getOperand(0) == &Address;
  auto *Other = dyn_cast<Constant>(Operator->getOperand(First ? 1 : 0));
  switch (Operator->getOpcode()) {
  case Instruction::Add:
  case Instruction::And:
  case Instruction::Or:
    return Other ? Flow::GoesOn : Flow::Ends;
  case Instruction::Sub:
    return Other && First ? Flow::GoesOn : Flow::Ends;
  case Instruction::Xor:
    return Other && Other->isAllOnesValue() ? Flow::Ends : Flow::Mixed;
  case Instruction::Mul:
  case Instruction::UDiv:
  case Instruction::SDiv:
  case Instruction::URem:
  case Instruction::SRem:
    return Flow::Mixed;
  case Instruction::Shl:
  case Instruction::LShr:
  case Instruction::AShr:
    return First ? Flow::Mixed : Flow::Ends;
  default:
    return Flow::Ends;
  }
}

} // namespace

AddressUse findAddressArithmetic(const PtrToIntInst &Cast) {
  const DataLayout &DL = Cast.getModule()->getDataLayout();
  StringRef Of = foreignPlace(Cast.getOperand(0), DL);
  if (Of.empty())
    return {};
  SmallPtrSet<const Value *, 16> Seen;
  SmallVector<const Value *> Work = {&Cast};
  while (!Work.empty()) {
    const Value *V = Work.pop_back_val();
    if (!Seen.insert(V).second)
      continue;
    for (const User *U : V->users()) {
      if (auto *Store = dyn_cast<StoreInst>(U)) { // a variable, before the optimizer
        if (Store->getValueOperand() == V && isFollowedLocal(Store->getPointerOperand()))
          for (const User *Reader : Store->getPointerOperand()->users())
            if (isa<LoadInst>(Reader))
              Work.push_back(Reader);
        continue;
      }
      Flow F = flowThrough(*U, *V);
      if (F == Flow::Mixed)
        return {cast<Instruction>(U), Of};
      if (F == Flow::GoesOn)
        Work.push_back(U);
    }
  }
  return {};
}

} // namespace psm
