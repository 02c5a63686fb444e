//===- Accesses.cpp - where an instruction touches memory -----------------===//
//
// See Accesses.h. The notes are made before Prepare.cpp makes atomics plain, hooks and
// twins after it, so atomics are known here too. Vectors are of fixed length on the
// target.
//
//===----------------------------------------------------------------------===//
#include "Accesses.h"
#include "Rules.h"
#include "Shadow.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace psm {
namespace {

/// struct __va_list_tag of the x86-64 System V ABI.
constexpr uint64_t VaListSize = 24;
const Align VaListAlign = Align(8);

using List = SmallVectorImpl<Access>;

Access fixed(Instruction &I, unsigned Operand, bool Writes, uint64_t Size,
             Align Alignment) {
  Access A{&I, Operand, Writes};
  A.Size = Size;
  A.Alignment = Alignment;
  return A;
}

/// `Length` bytes, which may be a constant.
Access bytes(Instruction &I, unsigned Operand, bool Writes, Value *Length,
             Align Alignment) {
  if (auto *C = dyn_cast<ConstantInt>(Length))
    return fixed(I, Operand, Writes, C->getZExtValue(), Alignment);
  Access A{&I, Operand, Writes};
  A.Shape = Extent::Length;
  A.Count = Length;
  A.Alignment = Alignment;
  return A;
}

/// The elements of vector type `Type` that `Mask` selects.
Access lanes(Instruction &I, unsigned Operand, bool Writes, Extent Shape, Type *Vector,
             Value *Mask) {
  Access A{&I, Operand, Writes};
  A.Shape = Shape;
  A.Mask = Mask;
  A.ElementSize = I.getModule()->getDataLayout().getTypeStoreSize(Vector->getScalarType());
  return A;
}

/// The last of its vectors of i1: vectors of i1 are never loaded or stored here.
Value *maskOf(IntrinsicInst &I) {
  Value *Mask = nullptr;
  for (Value *V : I.args())
    if (auto *T = dyn_cast<VectorType>(V->getType()); T && T->getElementType()->isIntegerTy(1))
      Mask = V;
  return Mask;
}

bool isScalable(const Type *T) { return isa<ScalableVectorType>(T); }

/// Whether elements lie in memory byte by byte; vectors of i1 or i24 are packed.
bool hasByteElements(VectorType &V, const DataLayout &DL) {
  return DL.typeSizeEqualsStoreSize(V.getElementType());
}

bool collectLoadStore(Instruction &I, List &L) {
  bool Writes = isa<StoreInst>(I);
  Type *T = getLoadStoreType(&I);
  if (isScalable(T))
    return false;
  unsigned Operand = Writes ? StoreInst::getPointerOperandIndex()
                            : LoadInst::getPointerOperandIndex();
  L.push_back(fixed(I, Operand, Writes, I.getModule()->getDataLayout().getTypeStoreSize(T),
                    getLoadStoreAlignment(&I)));
  return true;
}

/// Machine intrinsics that read where their pointer arguments say and have no
/// other effect: maskload, gather, lddqu.
bool isTargetRead(const IntrinsicInst &I) {
  if (!I.getCalledFunction()->getName().starts_with("llvm.x86.") ||
      I.getType()->isPtrOrPtrVectorTy() || I.getType()->isVoidTy())
    return false;
  return I.onlyReadsMemory() && !I.doesNotAccessMemory() && I.willReturn();
}

/// Intrinsics that give away where code or data of this run lie, or come from the
/// machine's state, although they count as touching no memory.
bool readsTheMachine(const IntrinsicInst &I) {
  switch (I.getIntrinsicID()) {
  case Intrinsic::returnaddress:
  case Intrinsic::addressofreturnaddress:
  case Intrinsic::frameaddress:
  case Intrinsic::sponentry:
  case Intrinsic::localaddress:
  case Intrinsic::thread_pointer:
    return true;
  default:
    return I.getCalledFunction()->getName().starts_with("llvm.coro.");
  }
}

/// Intrinsics that follow no address: arithmetic, and these by name.
bool isInert(const IntrinsicInst &I) {
  if (I.doesNotAccessMemory())
    return !readsTheMachine(I);
  if (isa<DbgInfoIntrinsic, ConstrainedFPIntrinsic>(I))
    return true;
  switch (I.getIntrinsicID()) {
  case Intrinsic::assume:
  case Intrinsic::codeview_annotation:
  case Intrinsic::debugtrap:
  case Intrinsic::donothing:
  case Intrinsic::experimental_noalias_scope_decl:
  case Intrinsic::invariant_end:
  case Intrinsic::invariant_start:
  case Intrinsic::launder_invariant_group:
  case Intrinsic::lifetime_end:
  case Intrinsic::lifetime_start:
  case Intrinsic::objectsize:
  case Intrinsic::pseudoprobe:
  case Intrinsic::ptr_annotation:
  case Intrinsic::sideeffect:
  case Intrinsic::stackrestore:
  case Intrinsic::stacksave:
  case Intrinsic::trap:
  case Intrinsic::ubsantrap:
  case Intrinsic::var_annotation:
  case Intrinsic::x86_sse_sfence:
  case Intrinsic::x86_sse2_lfence:
  case Intrinsic::x86_sse2_mfence:
  case Intrinsic::x86_sse2_pause:
    return true;
  default:
    return false;
  }
}

bool collectIntrinsic(IntrinsicInst &I, List &L) {
  if (isInert(I))
    return true;
  if (auto *M = dyn_cast<AnyMemIntrinsic>(&I)) {
    L.push_back(bytes(I, 0, true, M->getLength(), M->getDestAlign().valueOrOne()));
    if (auto *T = dyn_cast<AnyMemTransferInst>(&I))
      L.push_back(bytes(I, 1, false, T->getLength(), T->getSourceAlign().valueOrOne()));
    return true;
  }
  const DataLayout &DL = I.getModule()->getDataLayout();
  Type *Stored = I.arg_size() ? I.getArgOperand(0)->getType() : nullptr;
  for (Type *T : {Stored, I.getType()})
    if (auto *V = dyn_cast_or_null<VectorType>(T); V && !hasByteElements(*V, DL))
      return false;
  switch (I.getIntrinsicID()) {
  case Intrinsic::masked_load:
    L.push_back(lanes(I, 0, false, Extent::Masked, I.getType(), maskOf(I)));
    return !isScalable(I.getType());
  case Intrinsic::masked_store:
    L.push_back(lanes(I, 1, true, Extent::Masked, Stored, maskOf(I)));
    return !isScalable(Stored);
  case Intrinsic::masked_gather:
    L.push_back(lanes(I, 0, false, Extent::Scattered, I.getType(), maskOf(I)));
    return !isScalable(I.getType());
  case Intrinsic::masked_scatter:
    L.push_back(lanes(I, 1, true, Extent::Scattered, Stored, maskOf(I)));
    return !isScalable(Stored);
  case Intrinsic::masked_expandload:
    L.push_back(lanes(I, 0, false, Extent::Compressed, I.getType(), maskOf(I)));
    return !isScalable(I.getType());
  case Intrinsic::masked_compressstore:
    L.push_back(lanes(I, 1, true, Extent::Compressed, Stored, maskOf(I)));
    return !isScalable(Stored);
  case Intrinsic::vastart:
    L.push_back(fixed(I, 0, true, VaListSize, VaListAlign));
    return true;
  case Intrinsic::vaend:
    L.push_back(fixed(I, 0, false, VaListSize, VaListAlign));
    return true;
  case Intrinsic::vacopy:
    L.push_back(fixed(I, 0, true, VaListSize, VaListAlign));
    L.push_back(fixed(I, 1, false, VaListSize, VaListAlign));
    return true;
  case Intrinsic::prefetch:
    L.push_back(fixed(I, 0, false, 1, Align(1)));
    return true;
  default:
    break;
  }
  if (!isTargetRead(I))
    return false;
  for (const Use &U : I.args())
    if (U->getType()->isPtrOrPtrVectorTy())
      L.push_back(fixed(I, U.getOperandNo(), false, 1, Align(1)));
  return true;
}

void collectCall(CallBase &Call, const Rules &R, List &L) {
  const DataLayout &DL = Call.getModule()->getDataLayout();
  bool Pure = pureRule(Call, R);
  for (unsigned Index = 0; Index != Call.arg_size(); ++Index) {
    if (!Call.getArgOperand(Index)->getType()->isPtrOrPtrVectorTy())
      continue;
    Align Alignment = Call.getParamAlign(Index).valueOrOne();
    if (Type *Copied = Call.getParamByValType(Index))
      L.push_back(fixed(Call, Index, false, DL.getTypeStoreSize(Copied), Alignment));
    else if (Type *Result = Pure ? Call.getParamStructRetType(Index) : nullptr)
      L.push_back(fixed(Call, Index, true, DL.getTypeStoreSize(Result), Alignment));
    else if (Pure)
      L.push_back(fixed(Call, Index, false, 1, Align(1)));
  }
}

} // namespace

const Rule *pureRule(const CallBase &Call, const Rules &R) {
  const Function *Callee = Call.getCalledFunction();
  if (!Callee || Callee->isIntrinsic() || isShadow(*Callee))
    return nullptr;
  const Rule *Found = R.governing(*Callee);
  return Found && Found->Kind == RuleKind::Pure ? Found : nullptr;
}

bool collectAccesses(Instruction &I, const Rules &R, SmallVectorImpl<Access> &List) {
  if (isa<LoadInst, StoreInst>(I))
    return collectLoadStore(I, List);
  if (isa<AtomicRMWInst, AtomicCmpXchgInst>(I)) { // plain by the time of hooks, not of notes
    Type *T = I.getOperand(1)->getType();
    List.push_back(fixed(I, 0, true, I.getModule()->getDataLayout().getTypeStoreSize(T), Align(1)));
    return true;
  }
  if (isa<VAArgInst>(I)) { // reads and advances the list
    List.push_back(fixed(I, 0, true, VaListSize, VaListAlign));
    return true;
  }
  if (auto *Intrinsic = dyn_cast<IntrinsicInst>(&I)) {
    size_t Before = List.size();
    bool Known = collectIntrinsic(*Intrinsic, List);
    if (!Known)
      List.truncate(Before);
    return Known;
  }
  if (auto *Call = dyn_cast<CallBase>(&I)) {
    collectCall(*Call, R, List);
    return true;
  }
  return !I.mayReadOrWriteMemory();
}

} // namespace psm
