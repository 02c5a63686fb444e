//===- Marks.cpp - psm_op and its kin in a module -------------------------===//
//
// See Marks.h. Relies on clang to list annotated functions and variables in
// llvm.global.annotations, declarations included.
//
//===----------------------------------------------------------------------===//
#include "Marks.h"
#include "Rules.h"
#include "Shadow.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

namespace psm {
namespace {

StringRef stringOf(const Constant *C) {
  auto *Variable = dyn_cast<GlobalVariable>(C->stripPointerCasts());
  if (!Variable || !Variable->hasInitializer())
    return "";
  auto *Data = dyn_cast<ConstantDataArray>(Variable->getInitializer());
  return Data && Data->isCString() ? Data->getAsCString() : "";
}

/// Take one annotation; false if it is a psm_ one of no known meaning.
bool takeMark(Function &F, StringRef Mark, FunctionMarks &Marks, Rules &R) {
  std::string Name = F.getName().str();
  int64_t Value;
  if (Mark == "psm_op")
    Marks[&F] |= OpMark;
  else if (Mark == "psm_ro")
    Marks[&F] |= ReadOnlyOpMark;
  else if (Mark == "psm_skip")
    R.add({RuleKind::Skip, Name, "", "", std::nullopt});
  else if (Mark.consume_front("psm_skip:") && !Mark.getAsInteger(0, Value))
    R.add({RuleKind::Skip, Name, "", "", Value});
  else if (Mark.consume_front("psm_shadow:") && !Mark.empty() && Mark != Name)
    R.add({RuleKind::Replace, Name, Mark.str(), "", std::nullopt});
  else
    return false;
  return true;
}

bool takeMark(GlobalVariable &G, StringRef Mark) {
  if (Mark == "psm_state")
    G.addAttribute(StateAttr);
  else if (Mark == "psm_scratch")
    G.addAttribute(ScratchAttr);
  else
    return false;
  return true;
}

bool isCompilersCounter(const GlobalVariable &G) {
  StringRef Section = G.getSection();
  return Section.starts_with("__llvm_prf") || Section.starts_with("__sancov") ||
         G.getName().starts_with("__llvm_gcov") || G.getName().starts_with("__profc_");
}

} // namespace

FunctionMarks readMarks(Module &M, Rules &R) {
  FunctionMarks Marks;
  if (GlobalVariable *List = M.getNamedGlobal("llvm.global.annotations"))
    for (const Use &Entry : List->getInitializer()->operands()) {
      auto *Fields = cast<ConstantStruct>(Entry);
      StringRef Mark = stringOf(Fields->getOperand(1));
      if (!Mark.starts_with("psm_"))
        continue;
      Constant *Marked = Fields->getOperand(0)->stripPointerCasts();
      bool Taken = false;
      if (auto *F = dyn_cast<Function>(Marked))
        Taken = takeMark(*F, Mark, Marks, R);
      else if (auto *G = dyn_cast<GlobalVariable>(Marked))
        Taken = takeMark(*G, Mark);
      if (!Taken)
        M.getContext().emitError("psm: annotation '" + Mark + "' of " +
                                 Marked->getName() + " is not understood");
    }

  SmallVector<GlobalValue *, 8> Kept;
  for (GlobalVariable &G : M.globals()) {
    if (R.isState(G.getName()))
      G.addAttribute(StateAttr);
    if (R.isScratch(G.getName()) || isCompilersCounter(G))
      G.addAttribute(ScratchAttr);
    // Recovery writes it, unseen by an optimizer that would otherwise conclude
    // that what nobody writes is constant.
    if (G.hasAttribute(StateAttr) && G.hasLocalLinkage())
      Kept.push_back(&G);
  }
  if (!Kept.empty())
    appendToCompilerUsed(M, Kept);
  return Marks;
}

} // namespace psm
