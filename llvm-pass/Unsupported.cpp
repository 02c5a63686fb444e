//===- Unsupported.cpp - what op code cannot do ---------------------------===//
//
// See Unsupported.h. Intrinsics and instructions are judged by what Accesses.cpp
// knows; here are the things that touch no memory and yet do not belong into an op:
// reading the machine, leaving by other ways than return, talking to the assembler.
//
//===----------------------------------------------------------------------===//
#include "Unsupported.h"
#include "Accesses.h"
#include "Hooks.h"
#include "InlineAssembly.h"
#include "Shadow.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Trapped, "unsupported constructs made traps");

namespace psm {
namespace {

/// The string that a placeholder of stage 1 was given.
std::string textOf(const CallBase &Placeholder) {
  StringRef Text;
  getConstantStringInfo(Placeholder.getArgOperand(0), Text);
  return Text.str();
}

bool followsOtherAddressSpace(const Instruction &I) {
  return any_of(I.operands(), [](const Use &U) {
    auto *P = dyn_cast<PointerType>(U->getType()->getScalarType());
    return P && P->getAddressSpace() != 0;
  });
}

std::string judgeCall(CallBase &Call) {
  if (isa<CallBrInst>(Call))
    return "asm goto";
  if (auto *Asm = dyn_cast<InlineAsm>(Call.getCalledOperand()))
    return isPureArithmetic(*Asm) ? "" : "inline assembly with effects beyond its registers";
  if (Call.hasFnAttr(Attribute::ReturnsTwice))
    return "a call that returns twice (setjmp, vfork)";
  for (unsigned Index = 0; Index != Call.arg_size(); ++Index)
    for (auto Kind : {Attribute::InAlloca, Attribute::Preallocated, Attribute::SwiftError})
      if (Call.paramHasAttr(Index, Kind))
        return "a parameter that is passed by " + Attribute::getNameFromAttrKind(Kind).str();
  const Function *Callee = Call.getCalledFunction();
  if (!Callee)
    return "";
  if (Callee->getName() == UnsupportedName)
    return textOf(Call);
  if (Callee->getName().starts_with(SkippedName) && !Call.use_empty())
    return "using the result of " + textOf(Call) + ", whose call is skipped";
  if (Callee->getName() == "__cxa_throw" || Callee->getName() == "__cxa_rethrow")
    return "throwing an exception";
  return "";
}

std::string judge(Instruction &I, const Rules &R) {
  if (isa<CatchSwitchInst, FuncletPadInst, CatchReturnInst, CleanupReturnInst>(I))
    return "structured exception handling";
  if (followsOtherAddressSpace(I))
    return "an address space other than the default";
  auto *Intrinsic = dyn_cast<IntrinsicInst>(&I);
  if (auto *Call = dyn_cast<CallBase>(&I); Call && !Intrinsic)
    return judgeCall(*Call);
  SmallVector<Access, 2> Accesses;
  if (isa<FenceInst>(I) || collectAccesses(I, R, Accesses))
    return "";
  if (Intrinsic)
    return ("the intrinsic " + Intrinsic->getCalledFunction()->getName()).str();
  return (Twine("the instruction ") + I.getOpcodeName()).str();
}

/// What rules the whole function out, if anything does.
std::string judge(const Function &F) {
  if (F.hasFnAttribute(Attribute::Naked))
    return "a naked function";
  if (F.isPresplitCoroutine())
    return "a coroutine";
  return "";
}

} // namespace

std::vector<Unsupported> findUnsupported(Function &Clone, const Rules &R) {
  std::vector<Unsupported> Found;
  std::string Whole = judge(Clone);
  if (!Whole.empty()) {
    Found.push_back({&*Clone.getEntryBlock().getFirstNonPHIOrDbg(), Whole});
    return Found;
  }
  for (Instruction &I : instructions(Clone)) {
    std::string What = judge(I, R);
    if (!What.empty())
      Found.push_back({&I, What});
  }
  return Found;
}

void trapUnsupported(Function &Clone, const Rules &R) {
  struct Trap {
    WeakVH Where; ///< null once an earlier trap has made it unreachable
    std::string What;
  };
  std::vector<Trap> Traps;
  for (Unsupported &U : findUnsupported(Clone, R))
    Traps.push_back({U.I, U.What});
  for (Instruction &I : instructions(Clone))
    if (auto *Call = dyn_cast<CallBase>(&I); Call && Call->hasFnAttr(ForbidAttr))
      Traps.push_back({Call, "a call of " + Call->getFnAttr(ForbidAttr).getValueAsString().str()});
  Clone.removeFnAttr(Attribute::Naked);
  for (Trap &T : Traps) {
    auto *I = cast_or_null<Instruction>(static_cast<Value *>(T.Where));
    if (!I)
      continue;
    IRBuilder<> B(I);
    callTrap(B, T.What);
    changeToUnreachable(I);
    ++Trapped;
  }
}

} // namespace psm
