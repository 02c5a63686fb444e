//===- Prepare.cpp - shadow clones before and after instrumentation -------===//
//
// See Prepare.h.
//
// What stays because it stays true: `nonnull`, `align`, `noundef` and `range` speak
// of canonical values, which do not change, and delta is a multiple of every
// alignment; !tbaa, !alias.scope, !noalias and !invariant.load speak of accesses,
// and two accesses overlap in P if and only if they overlapped in D. Hook calls
// carry no such metadata, so they are ordered with every store.
//
//===----------------------------------------------------------------------===//
#include "Prepare.h"
#include "Accesses.h"
#include "Hooks.h"
#include "Versions.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"
#include "llvm/Transforms/Utils/Local.h"
#include "llvm/Transforms/Utils/LowerAtomic.h"

using namespace llvm;

namespace psm {
namespace {

bool isDropped(const Instruction &I) {
  auto *Intrinsic = dyn_cast<IntrinsicInst>(&I);
  if (!Intrinsic)
    return isa<FenceInst>(I);
  switch (Intrinsic->getIntrinsicID()) {
  case Intrinsic::assume:
  case Intrinsic::invariant_start:
  case Intrinsic::invariant_end:
    return true;
  default:
    return false;
  }
}

/// memcpy and its like that promise not to tear elements; the C library has no
/// such function.
bool isByElements(const Instruction &I) {
  auto *Intrinsic = dyn_cast<IntrinsicInst>(&I);
  switch (Intrinsic ? Intrinsic->getIntrinsicID() : Intrinsic::not_intrinsic) {
  case Intrinsic::memcpy_element_unordered_atomic:
  case Intrinsic::memmove_element_unordered_atomic:
  case Intrinsic::memset_element_unordered_atomic:
    return true;
  default:
    return false;
  }
}

void makePlain(AnyMemIntrinsic &I) {
  IRBuilder<> B(&I);
  Value *To = I.getDest(), *Length = I.getLength();
  if (auto *Set = dyn_cast<AnyMemSetInst>(&I))
    B.CreateMemSet(To, Set->getValue(), Length, I.getDestAlign());
  else if (auto *Move = dyn_cast<AnyMemMoveInst>(&I))
    B.CreateMemMove(To, I.getDestAlign(), Move->getRawSource(), Move->getSourceAlign(),
                    Length);
  else {
    auto *Copy = cast<AnyMemCpyInst>(&I);
    B.CreateMemCpy(To, I.getDestAlign(), Copy->getRawSource(), Copy->getSourceAlign(),
                   Length);
  }
  I.eraseFromParent();
}

void makePlain(Instruction &I) {
  if (auto *L = dyn_cast<LoadInst>(&I))
    L->setAtomic(AtomicOrdering::NotAtomic);
  else if (auto *S = dyn_cast<StoreInst>(&I))
    S->setAtomic(AtomicOrdering::NotAtomic);
  else if (auto *X = dyn_cast<AtomicCmpXchgInst>(&I))
    lowerAtomicCmpXchgInst(X);
  else if (auto *RMW = dyn_cast<AtomicRMWInst>(&I))
    lowerAtomicRMWInst(RMW);
  else if (isByElements(I))
    makePlain(cast<AnyMemIntrinsic>(I));
}

/// Split the edge that an invoke's result arrives by, if others come in there.
void makeRoomAfter(InvokeInst &I) {
  BasicBlock *To = I.getNormalDest();
  if (To->getSinglePredecessor() && !isa<PHINode>(To->front()))
    return;
  SplitEdge(I.getParent(), To);
}

AttributeMask brokenFunctionPromises() {
  AttributeMask Mask;
  for (auto Kind :
       {Attribute::Memory, Attribute::NoSync, Attribute::NoFree, Attribute::WillReturn,
        Attribute::Speculatable, Attribute::AllocSize, Attribute::AllocKind,
        Attribute::NoCallback})
    Mask.addAttribute(Kind);
  Mask.addAttribute("alloc-family");
  return Mask;
}

AttributeMask brokenPointerPromises() {
  AttributeMask Mask;
  for (auto Kind :
       {Attribute::ReadOnly, Attribute::ReadNone, Attribute::WriteOnly,
        Attribute::Dereferenceable, Attribute::DereferenceableOrNull, Attribute::NoAlias,
        Attribute::NoFree, Attribute::AllocatedPointer, Attribute::AllocAlign})
    Mask.addAttribute(Kind);
  for (auto Kind : NewerPointerPromises)
    Mask.addAttribute(Kind);
  return Mask;
}

AttributeList strip(AttributeList List, LLVMContext &C, unsigned ParameterCount) {
  AttributeMask Pointer = brokenPointerPromises();
  List = List.removeFnAttributes(C, brokenFunctionPromises());
  List = List.removeRetAttributes(C, Pointer);
  for (unsigned Index = 0; Index != ParameterCount; ++Index)
    List = List.removeParamAttributes(C, Index, Pointer);
  return List;
}

/// Whether what is said about the call is said about twins, or about no address.
bool keepsPromises(const CallBase &Call, const Rules &R) {
  if (Call.isInlineAsm() || pureRule(Call, R))
    return true;
  const Function *Callee = Call.getCalledFunction();
  return Callee && (Callee->isIntrinsic() || isHookName(Callee->getName()));
}

} // namespace

void makePlain(Function &F) {
  SmallVector<InvokeInst *, 8> Invokes;
  for (Instruction &I : make_early_inc_range(instructions(F))) {
    if (isDropped(I)) {
      I.replaceAllUsesWith(PoisonValue::get(I.getType()));
      I.eraseFromParent();
    } else if (auto *Invoke = dyn_cast<InvokeInst>(&I)) {
      Invokes.push_back(Invoke);
    } else {
      makePlain(I);
    }
  }
  for (InvokeInst *I : Invokes)
    makeRoomAfter(*I);
}

void stripPromises(Function &F, const Rules &R) {
  LLVMContext &C = F.getContext();
  F.setAttributes(strip(F.getAttributes(), C, F.arg_size()));
  for (Instruction &I : instructions(F)) {
    I.setMetadata(LLVMContext::MD_dereferenceable, nullptr);
    I.setMetadata(LLVMContext::MD_dereferenceable_or_null, nullptr);
    auto *Call = dyn_cast<CallBase>(&I);
    if (Call && !keepsPromises(*Call, R))
      Call->setAttributes(strip(Call->getAttributes(), C, Call->arg_size()));
  }
}

} // namespace psm
