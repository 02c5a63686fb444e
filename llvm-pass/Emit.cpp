//===- Emit.cpp - the code of a hook --------------------------------------===//
//
// See Emit.h.
//
//===----------------------------------------------------------------------===//
#include "Emit.h"
#include "Hooks.h"
#include "Twins.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace psm {
namespace {

constexpr uint64_t BlockSize = 32;

/// Code for when `Condition` holds, before `Before`: a new block or the block
/// `Then`. Returns the new block's terminator.
Instruction *emitIf(Value *Condition, Instruction *Before, bool Likely,
                    BasicBlock *Then = nullptr) {
  MDBuilder MD(Before->getContext());
  MDNode *Weights =
      MD.createBranchWeights(Likely ? LikelyWeight : 1, Likely ? 1 : LikelyWeight);
  return SplitBlockAndInsertIfThen(Condition, Before, /*Unreachable=*/false, Weights,
                                   static_cast<DomTreeUpdater *>(nullptr), nullptr, Then);
}

/// Where a range of Size bytes that begins at an address of `Alignment` has to be
/// looked at, so that each block it may touch is seen: offsets from its begin.
SmallVector<uint64_t, 4> blockProbes(uint64_t Size, Align Alignment) {
  SmallVector<uint64_t, 4> Probes;
  for (uint64_t Offset = 0; Offset < Size; Offset += BlockSize)
    Probes.push_back(Offset);
  uint64_t BehindLast = Size - Probes.back();
  if (BehindLast > Alignment.value())
    Probes.push_back(Size - 1);
  return Probes;
}

} // namespace

Value *HookEmitter::marks() {
  if (Marks)
    return Marks;
  IRBuilder<> B(&*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  B.SetCurrentDebugLocation(DebugLoc());
  Value *Table = readHookVariable(B, HookVariable::Marks);
  return Marks = B.CreateIntToPtr(Table, B.getPtrTy(), "marks");
}

Value *HookEmitter::isMarked(IRBuilderBase &B, Value *Address) {
  Value *Word = B.CreateLoad(
      B.getInt32Ty(), B.CreateGEP(B.getInt32Ty(), marks(), B.CreateLShr(Address, 10)));
  Value *Bit = B.CreateAnd(B.CreateTrunc(B.CreateLShr(Address, 5), B.getInt32Ty()), 31);
  return B.CreateTrunc(B.CreateLShr(Word, Bit), B.getInt1Ty(), "marked");
}

/// The call for ranges some of whose blocks are not marked.
static void callLogger(IRBuilderBase &B, ArrayRef<const PlannedHook *> Hooks,
                       ArrayRef<Value *> Twins) {
  if (Hooks.size() == 1) {
    uint64_t Size = Hooks[0]->Size;
    callHook(B, Size <= BlockSize ? Hook::Log : Hook::LogRange, {Twins[0], B.getInt64(Size)});
    return;
  }
  SmallVector<Value *, 6> Arguments;
  for (auto [H, Twin] : zip_equal(Hooks, Twins))
    Arguments.append({Twin, B.getInt64(H->Size)});
  if (Hooks.size() == 2)
    Arguments.append({ConstantPointerNull::get(B.getPtrTy()), B.getInt64(0)});
  callHook(B, Hook::LogMany, Arguments);
}

void HookEmitter::emitTested(const PlannedHook &Leader) {
  SmallVector<const PlannedHook *, 3> Hooks = {&Leader};
  append_range(Hooks, make_pointer_range(Leader.Companions));
  SmallVector<Value *, 3> Twins;
  for (const PlannedHook *H : Hooks)
    Twins.push_back(begin(*H));

  BasicBlock *Slow = nullptr;
  for (auto [H, Twin] : zip_equal(Hooks, Twins)) {
    for (uint64_t Offset : blockProbes(H->Size, H->Alignment)) {
      IRBuilder<> B(Leader.Before);
      Value *Address = B.CreatePtrToInt(Twin, B.getInt64Ty());
      Value *Probe = Offset ? B.CreateAdd(Address, B.getInt64(Offset)) : Address;
      Value *Missing = B.CreateNot(isMarked(B, Probe));
      Instruction *End = emitIf(Missing, Leader.Before, /*Likely=*/false, Slow);
      if (Slow)
        continue;
      Slow = End->getParent();
      B.SetInsertPoint(End);
      B.SetCurrentDebugLocation(Leader.First.I->getDebugLoc());
      callLogger(B, Hooks, Twins);
    }
  }
  // Whichever test fails, the one call sees to all.
  Slow->getTerminator()->setSuccessor(0, Leader.Before->getParent());
}

/// The twin of where H's range begins, at H's place.
Value *HookEmitter::begin(const PlannedHook &H) {
  Value *Twin = T.twin(H.AtFirst ? H.First.address() : H.Base, H.Before);
  if (H.AtFirst || !H.Low)
    return Twin;
  IRBuilder<> B(H.Before);
  return B.CreateGEP(B.getInt8Ty(), Twin, B.getInt64(H.Low));
}

void HookEmitter::emitFixed(const PlannedHook &H) {
  if (!H.Length && H.Size <= InlineSizeMax)
    return emitTested(H);
  Value *Twin = begin(H);
  IRBuilder<> B(H.Before);
  B.SetCurrentDebugLocation(H.First.I->getDebugLoc());
  callHook(B, Hook::LogRange, {Twin, H.Length ? H.Length : B.getInt64(H.Size)});
}

/// From the first to the last lane that is stored to.
void HookEmitter::emitMasked(const Access &A, Value *Twin) {
  IRBuilder<> B(A.I);
  unsigned Lanes = cast<FixedVectorType>(A.Mask->getType())->getNumElements();
  Value *Bits = B.CreateBitCast(A.Mask, B.getIntNTy(Lanes));
  B.SetInsertPoint(emitIf(B.CreateIsNotNull(Bits), A.I, /*Likely=*/true));
  B.SetCurrentDebugLocation(A.I->getDebugLoc());
  auto Zeros = [&](Intrinsic::ID ID) {
    return B.CreateZExtOrTrunc(B.CreateBinaryIntrinsic(ID, Bits, B.getTrue()),
                               B.getInt64Ty());
  };
  Value *First = Zeros(Intrinsic::cttz);
  Value *Count = B.CreateSub(B.CreateSub(B.getInt64(Lanes), Zeros(Intrinsic::ctlz)), First);
  Value *Size = B.getInt64(A.ElementSize);
  Value *Begin = B.CreateGEP(B.getInt8Ty(), Twin, B.CreateMul(First, Size));
  callHook(B, Hook::LogRange, {Begin, B.CreateMul(Count, Size)});
}

void HookEmitter::emitCompressed(const Access &A, Value *Twin) {
  IRBuilder<> B(A.I);
  unsigned Lanes = cast<FixedVectorType>(A.Mask->getType())->getNumElements();
  Value *Bits = B.CreateBitCast(A.Mask, B.getIntNTy(Lanes));
  // A count of lanes need not fit into as many bits as there are lanes.
  Value *Wide = B.CreateZExtOrTrunc(Bits, B.getIntNTy(std::max(Lanes, 64u)));
  Value *Count = B.CreateUnaryIntrinsic(Intrinsic::ctpop, Wide);
  Count = B.CreateZExtOrTrunc(Count, B.getInt64Ty());
  callHook(B, Hook::LogRange, {Twin, B.CreateMul(Count, B.getInt64(A.ElementSize))});
}

void HookEmitter::emitScattered(const Access &A, Value *Twins) {
  unsigned Lanes = cast<FixedVectorType>(A.Mask->getType())->getNumElements();
  for (unsigned Lane = 0; Lane != Lanes; ++Lane) {
    IRBuilder<> B(A.I);
    Value *Stored = B.CreateExtractElement(A.Mask, Lane);
    Value *Twin = B.CreateExtractElement(Twins, Lane);
    B.SetInsertPoint(emitIf(Stored, A.I, /*Likely=*/true));
    B.SetCurrentDebugLocation(A.I->getDebugLoc());
    callHook(B, Hook::LogRange, {Twin, B.getInt64(A.ElementSize)});
  }
}

void HookEmitter::emit(const PlannedHook &H) {
  const Access &A = H.First;
  if (A.Shape == Extent::Fixed)
    return emitFixed(H);
  Value *Twin = T.twin(A.address(), A.I);
  switch (A.Shape) {
  case Extent::Fixed:
    break;
  case Extent::Length: {
    IRBuilder<> B(A.I);
    callHook(B, Hook::LogRange, {Twin, B.CreateZExt(A.Count, B.getInt64Ty())});
    return;
  }
  case Extent::Masked:
    return emitMasked(A, Twin);
  case Extent::Compressed:
    return emitCompressed(A, Twin);
  case Extent::Scattered:
    return emitScattered(A, Twin);
  }
}

} // namespace psm
