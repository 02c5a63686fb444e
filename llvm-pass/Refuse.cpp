//===- Refuse.cpp - what stage 1 finds that cannot be cloned --------------===//
//
//   call void asm "the_label: …"()   ->   call void @psm.unsupported(ptr @text)
//                                         unreachable
//
// Stage 1 refuses nothing by itself: what no op reaches is no error. The call marks
// the place for stage 2, which reports it with the chain from the op that reaches
// it, and makes it a trap.
//
//===----------------------------------------------------------------------===//
#include "Shadow.h"
#include "Variants.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Unclonable, "functions and places that cannot be cloned");

namespace psm {

void makeUnsupported(Instruction &At, const Twine &What) {
  IRBuilder<> B(&At);
  FunctionCallee Unsupported =
      At.getModule()->getOrInsertFunction(UnsupportedName, B.getVoidTy(), B.getPtrTy());
  auto *F = cast<Function>(Unsupported.getCallee());
  F->setDoesNotReturn();
  F->setDoesNotThrow();
  F->addFnAttr(Attribute::Cold);
  B.CreateCall(Unsupported, {B.CreateGlobalString(What.str(), "psm.text")});
  changeToUnreachable(&At);
  ++Unclonable;
}

/// A second copy of a label that assembly defines would not assemble.
static bool definesLabel(const CallBase &Call) {
  auto *Asm = dyn_cast<InlineAsm>(Call.getCalledOperand());
  if (!Asm)
    return false;
  SmallVector<StringRef, 8> Lines;
  SplitString(Asm->getAsmString(), Lines, "\n;");
  return any_of(Lines, [](StringRef Line) {
    auto [Label, Rest] = Line.trim().split(':');
    return Label.size() < Line.trim().size() && !Label.empty() && !isDigit(Label[0]) &&
           all_of(Label, [](char C) { return isAlnum(C) || C == '_' || C == '.' || C == '$'; });
  });
}

void refuseLabelsInAssembly(Function &Variant) {
  SmallVector<CallBase *, 4> Refused;
  for (Instruction &I : instructions(Variant))
    if (auto *Call = dyn_cast<CallBase>(&I); Call && definesLabel(*Call))
      Refused.push_back(Call);
  for (CallBase *Call : reverse(Refused))
    makeUnsupported(*Call, "assembly that defines a label");
}

/// An ifunc (target_clones makes them, too) in `C`, null if there is none.
static const GlobalIFunc *findIfunc(const Constant &C) {
  if (auto *Ifunc = dyn_cast<GlobalIFunc>(&C))
    return Ifunc;
  if (auto *Alias = dyn_cast<GlobalAlias>(&C))
    return findIfunc(*Alias->getAliasee());
  if (isa<GlobalValue>(C))
    return nullptr;
  for (const Use &U : C.operands())
    if (auto *Part = dyn_cast<Constant>(U))
      if (const GlobalIFunc *Found = findIfunc(*Part))
        return Found;
  return nullptr;
}

/// What an ifunc is, the loader decides in each run; its variant would be another
/// function, and its address in the state would not be true in the next run.
void refuseIfuncs(Function &Variant) {
  SmallVector<std::pair<Instruction *, const GlobalIFunc *>, 4> Refused;
  for (Instruction &I : instructions(Variant))
    for (const Use &U : I.operands())
      if (auto *C = dyn_cast<Constant>(U))
        if (const GlobalIFunc *Ifunc = findIfunc(*C)) {
          Refused.push_back({&I, Ifunc});
          break;
        }
  for (auto [I, Ifunc] : reverse(Refused))
    makeUnsupported(*I, "a use of '" + Ifunc->getName() +
                            "', an ifunc (or with target_clones)");
}

/// Reassociated in one copy and not in the other, or so on another processor, a sum
/// has other bits.
void refuseFastMath(Function &Variant) {
  for (Instruction &I : instructions(Variant)) {
    if (!isa<FPMathOperator>(I))
      continue;
    FastMathFlags Flags = I.getFastMathFlags();
    Flags.setAllowContract(false); // that one is taken away everywhere
    if (Flags.any()) {
      makeUnsupported(I, "floating-point arithmetic under -ffast-math or a part of it");
      return;
    }
  }
}

} // namespace psm
