//===- Twins.cpp - addresses in P for addresses in D ----------------------===//
//
// See Twins.h.
//
//===----------------------------------------------------------------------===//
#include "Twins.h"
#include "Hooks.h"
#include "Versions.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"

using namespace llvm;

namespace psm {
namespace {

bool isThreadLocal(const Value &V) {
  auto *G = dyn_cast<GlobalVariable>(&V);
  return G && G->isThreadLocal();
}

/// Thread-local variables may stand in instructions without the intrinsic that
/// asks for this thread's instance; put it in, once per function.
void askForThreadAddresses(Function &F) {
  SmallVector<Constant *, 8> Variables;
  for (GlobalVariable &G : F.getParent()->globals())
    if (G.isThreadLocal())
      Variables.push_back(&G);
  if (Variables.empty())
    return;
  expandUsersIn(F, Variables);
  DenseMap<Value *, Value *> Address;
  IRBuilder<> B(&*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  B.SetCurrentDebugLocation(DebugLoc());
  for (Instruction &I : instructions(F)) {
    auto *Intrinsic = dyn_cast<IntrinsicInst>(&I);
    if (Intrinsic && Intrinsic->getIntrinsicID() == Intrinsic::threadlocal_address)
      continue;
    for (Use &U : I.operands()) {
      if (!isThreadLocal(*U.get()))
        continue;
      Value *&A = Address[U.get()];
      if (!A)
        A = B.CreateThreadLocalAddress(cast<GlobalValue>(U.get()));
      U.set(A);
    }
  }
}

/// Collect the values that `Pointer` may be based on: what lies behind offsets,
/// phis and selects. False if there are too many to look at.
bool collectRoots(Value *Pointer, SmallPtrSetImpl<Value *> &Roots) {
  SmallVector<Value *, 8> Work = {Pointer};
  SmallPtrSet<Value *, 16> Seen;
  while (!Work.empty()) {
    Value *V = Work.pop_back_val();
    if (!Seen.insert(V).second)
      continue;
    if (Seen.size() > 32)
      return false;
    if (auto *G = dyn_cast<GEPOperator>(V)) {
      Work.push_back(G->getPointerOperand());
    } else if (auto *P = dyn_cast<PHINode>(V)) {
      append_range(Work, P->incoming_values());
    } else if (auto *S = dyn_cast<SelectInst>(V)) {
      Work.push_back(S->getTrueValue());
      Work.push_back(S->getFalseValue());
    } else {
      Roots.insert(V);
    }
  }
  return true;
}

} // namespace

Twins::Twins(Function &F) : F(F) { makeThreadAddressesCanonical(); }

Value *Twins::delta() {
  if (Delta)
    return Delta;
  IRBuilder<> B(&*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  B.SetCurrentDebugLocation(DebugLoc());
  return Delta = readHookVariable(B, HookVariable::Delta, "delta");
}

void Twins::makeThreadAddressesCanonical() {
  askForThreadAddresses(F);
  SmallVector<IntrinsicInst *, 4> Asked;
  for (Instruction &I : instructions(F))
    if (auto *Intrinsic = dyn_cast<IntrinsicInst>(&I))
      if (Intrinsic->getIntrinsicID() == Intrinsic::threadlocal_address)
        Asked.push_back(Intrinsic);
  for (IntrinsicInst *Real : Asked) {
    Value *Offset = delta();
    IRBuilder<> B(Real->getNextNode());
    auto *Canonical = cast<Instruction>(
        B.CreateGEP(B.getInt8Ty(), Real, B.CreateNeg(Offset), "thread.canonical"));
    Real->replaceUsesWithIf(Canonical, [&](Use &U) { return U.getUser() != Canonical; });
    Thread[Canonical] = Real;
  }
}

Place Twins::place(Value *Pointer) {
  auto Known = Places.find(Pointer);
  if (Known != Places.end())
    return Known->second;
  SmallPtrSet<Value *, 8> Roots;
  bool AllSeen = collectRoots(Pointer, Roots);
  auto All = [&](auto Is) { return AllSeen && all_of(Roots, Is); };
  Place P = Place::State;
  if (All([](Value *V) {
        auto *A = dyn_cast<Argument>(V);
        return isa<AllocaInst>(V) || (A && A->hasByValAttr());
      }))
    P = Place::Stack;
  else if (All([](Value *V) {
             auto *G = dyn_cast<GlobalVariable>(V);
             return G && G->isConstant() && !G->isThreadLocal();
           }))
    P = Place::Constant;
  // The addresses of thread-local variables are wanted one at a time: a phi of
  // them is canonical, and its twin an addition.
  Value *Base = Pointer;
  while (auto *G = dyn_cast<GEPOperator>(Base)) {
    if (Thread.count(Base))
      break;
    Base = G->getPointerOperand();
  }
  if (Thread.count(Base))
    P = Place::Thread;
  return Places[Pointer] = P;
}

bool Twins::isDirect(Value *Pointer) {
  Place P = place(Pointer);
  return P == Place::Stack || P == Place::Constant;
}

Value *Twins::addDeltaAsInteger(IRBuilderBase &B, Value *Pointer) {
  Type *IntType = B.getInt64Ty();
  Value *Offset = delta();
  if (auto *V = dyn_cast<FixedVectorType>(Pointer->getType())) {
    IntType = V->getWithNewType(IntType);
    Offset = B.CreateVectorSplat(V->getElementCount(), Offset);
  }
  Value *Sum = B.CreateAdd(B.CreatePtrToInt(Pointer, IntType), Offset);
  return B.CreateIntToPtr(Sum, Pointer->getType(), "twin");
}

Value *Twins::addDelta(IRBuilderBase &B, Value *Pointer) {
  return B.CreateGEP(B.getInt8Ty(), Pointer, delta(), "twin");
}

Value *Twins::makeTwin(Instruction &Pointer) {
  BasicBlock::iterator After = afterDefinition(Pointer);
  auto *G = dyn_cast<GetElementPtrInst>(&Pointer);
  if (!G) {
    IRBuilder<> B(After->getParent(), After);
    B.SetCurrentDebugLocation(Pointer.getDebugLoc());
    return addDelta(B, &Pointer);
  }
  Value *Base = twin(G->getPointerOperand(), G);
  auto *Field = cast<GetElementPtrInst>(G->clone());
  Field->dropPoisonGeneratingFlags();
  Field->setOperand(GetElementPtrInst::getPointerOperandIndex(), Base);
  Field->setName(G->getName());
  Field->insertAfter(G);
  return Field;
}

Value *Twins::twin(Value *Pointer, Instruction *Before) {
  if (isDirect(Pointer))
    return Pointer;
  if (Value *Real = Thread.lookup(Pointer))
    return Real;
  if (isa<Constant>(Pointer)) {
    IRBuilder<> B(Before);
    return addDeltaAsInteger(B, Pointer);
  }
  if (Value *Twin = Made.lookup(Pointer))
    return Twin;
  Value *Twin;
  if (auto *I = dyn_cast<Instruction>(Pointer)) {
    Twin = makeTwin(*I);
  } else {
    auto *Offset = cast<Instruction>(delta());
    IRBuilder<> B(Offset->getNextNode());
    B.SetCurrentDebugLocation(DebugLoc());
    Twin = addDelta(B, Pointer);
  }
  return Made[Pointer] = Twin;
}

Value *Twins::canonical(IRBuilderBase &B, Value *Returned) {
  Value *Back = B.CreateGEP(B.getInt8Ty(), Returned, B.CreateNeg(delta()));
  return B.CreateSelect(B.CreateIsNull(Returned), Returned, Back, "canonical");
}

} // namespace psm
