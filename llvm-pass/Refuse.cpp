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

} // namespace psm
