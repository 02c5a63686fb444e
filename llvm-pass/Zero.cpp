//===- Zero.cpp - local variables begin as zero ---------------------------===//
//
//   struct { char c; long l; } s = { c, l };  *state = s;
//
// copies seven bytes of padding. In the plain code they may come from the stack,
// in the shadow they may not be copied at all: what the optimizer makes of bytes
// never written depends on everything around them. So in both copies every local
// variable up to 1 KB begins as zero, temporaries and compound literals included
// (-ftrivial-auto-var-init leaves those two out), and each time its lifetime
// begins anew, since from there on the optimizer takes its bytes for undefined.
// Of larger ones, buffers mostly, only what is copied as a whole (CopiedBytes.h): that
// never costs more than the copy. What is left are larger ones of which the program reads
// bytes by other ways before it has written them; PSM_CHECK and psm_verify find those.
//
// The zeros are ordinary stores before the first use, so what the program
// overwrites anyway costs nothing: scalars and split-up structs become SSA values,
// a memset before a whole copy is a dead store. What remains are buffers and
// structs whose address is given away.
//
// Without lifetime markers one zero at entry is enough, also in loops: what a
// later round finds is what the earlier one left, the same in both copies.
//
//===----------------------------------------------------------------------===//
#include "CopiedBytes.h"
#include "Foreground.h"
#include "Options.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Zeroed, "local variables that begin as zero");
STATISTIC(Partly, "large local variables of which what is copied whole begins as zero");
STATISTIC(TooLarge, "local variables too large to zero");
STATISTIC(SetFirst, "local variables not zeroed: set whole before any other use");

namespace psm {
namespace {

constexpr uint64_t ZeroBytesMax = 1024;

/// Whether the first thing that happens to `A` in its own block is a store of a
/// scalar as large as all of it: parameters' homes at -O0, mostly.
bool isSetFirst(const AllocaInst &A, const DataLayout &DL) {
  const Instruction *First = nullptr;
  for (const User *U : A.users()) {
    auto *I = cast<Instruction>(U);
    if (I->getParent() == A.getParent() && (!First || I->comesBefore(First)))
      First = I;
  }
  auto *Store = dyn_cast_or_null<StoreInst>(First);
  if (!Store || Store->getPointerOperand() != &A ||
      Store->getValueOperand() == &A)
    return false;
  Type *T = Store->getValueOperand()->getType();
  return T->isSingleValueType() &&
         DL.getTypeSizeInBits(T) == DL.getTypeAllocSizeInBits(A.getAllocatedType()) &&
         !A.isArrayAllocation();
}

void zero(IRBuilder<> &B, AllocaInst &A, uint64_t Size) {
  Type *T = A.getAllocatedType();
  const DataLayout &DL = A.getModule()->getDataLayout();
  uint64_t Done = 0;
  if (!A.isArrayAllocation() && T->isSingleValueType()) {
    B.CreateAlignedStore(Constant::getNullValue(T), &A, A.getAlign());
    Done = DL.getTypeStoreSize(T).getFixedValue();
  }
  // All of an aggregate; of a long double the last 6 of its 16 bytes.
  if (Done < Size)
    B.CreateMemSet(Done ? B.CreateGEP(B.getInt8Ty(), &A, B.getInt64(Done)) : &A, B.getInt8(0),
                   Size - Done, commonAlignment(A.getAlign(), Done));
}

/// A part of a large one.
void zeroPart(IRBuilder<> &B, AllocaInst &A, ByteRange Bytes) {
  Value *At = Bytes.Low ? B.CreateGEP(B.getInt8Ty(), &A, B.getInt64(Bytes.Low)) : &A;
  B.CreateMemSet(At, B.getInt8(0), Bytes.High - Bytes.Low,
                 commonAlignment(A.getAlign(), Bytes.Low));
}

/// A variable-length array or alloca(): its size is known when it is made. If it is
/// large, what is copied of it, from its beginning on.
void zeroDynamic(AllocaInst &A, uint64_t ElementSize, ByteRange Copied) {
  IRBuilder<> B(A.getNextNode());
  B.SetCurrentDebugLocation(A.getDebugLoc());
  Value *Count = B.CreateZExtOrTrunc(A.getArraySize(), B.getInt64Ty());
  Value *Size = B.CreateMul(Count, B.getInt64(ElementSize));
  Value *Small = B.CreateICmpULE(Size, B.getInt64(ZeroBytesMax));
  Value *OfLarge = B.getInt64(0);
  if (!Copied.empty() && Copied.High > 0)
    OfLarge = B.CreateBinaryIntrinsic(Intrinsic::umin, Size, B.getInt64(Copied.High));
  B.CreateMemSet(&A, B.getInt8(0), B.CreateSelect(Small, Size, OfLarge), A.getAlign());
  ++Zeroed;
}

void zeroStatic(AllocaInst &A, Instruction *AfterAllocas, uint64_t Size, ByteRange Bytes) {
  auto ZeroAt = [&](IRBuilder<> &B) {
    if (Size <= ZeroBytesMax)
      zero(B, A, Size);
    else
      zeroPart(B, A, Bytes);
  };
  SmallVector<Instruction *, 4> Starts;
  for (User *U : A.users())
    if (auto *I = dyn_cast<IntrinsicInst>(U))
      if (I->getIntrinsicID() == Intrinsic::lifetime_start)
        Starts.push_back(I);
  if (Starts.empty()) {
    if (isSetFirst(A, A.getModule()->getDataLayout())) {
      ++SetFirst;
      return;
    }
    IRBuilder<> B(A.comesBefore(AfterAllocas) ? AfterAllocas : A.getNextNode());
    B.SetCurrentDebugLocation(DebugLoc());
    ZeroAt(B);
  }
  for (Instruction *Start : Starts) {
    IRBuilder<> B(Start->getNextNode());
    ZeroAt(B);
  }
  ++(Size <= ZeroBytesMax ? Zeroed : Partly);
}

} // namespace

void zeroLocals(Function &F, CopiedBytes &Copied) {
  if (!options::applies("zero") || F.isPresplitCoroutine())
    return;
  const DataLayout &DL = F.getParent()->getDataLayout();
  SmallVector<AllocaInst *, 32> Locals;
  for (Instruction &I : instructions(F))
    if (auto *A = dyn_cast<AllocaInst>(&I))
      if (!A->isSwiftError() && !A->isUsedWithInAlloca() &&
          A->getAllocatedType()->isSized())
        Locals.push_back(A);

  auto Copies = Copied.locals(F);
  Instruction *AfterAllocas = &*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca();
  for (AllocaInst *A : Locals) {
    TypeSize Element = DL.getTypeAllocSize(A->getAllocatedType());
    if (Element.isScalable() || Element.isZero())
      continue;
    auto Size = A->getAllocationSize(DL);
    ByteRange Bytes = Copies.lookup(A);
    if (Size) {
      Bytes.Low = std::max<int64_t>(Bytes.Low, 0);
      Bytes.High = std::min<int64_t>(Bytes.High, Size->getFixedValue());
    }
    if (Size && Size->getFixedValue() > ZeroBytesMax && Bytes.empty())
      ++TooLarge;
    else if (Size && A->isStaticAlloca())
      zeroStatic(*A, AfterAllocas, Size->getFixedValue(), Bytes);
    else
      zeroDynamic(*A, Element.getFixedValue(), Bytes);
  }
}

} // namespace psm
