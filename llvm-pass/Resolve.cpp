//===- Resolve.cpp - from canonical function pointers to variants ---------===//
//
//   call i32 %fp(…)   ->   %v = call ptr @psm.resolve(ptr %fp)
//                          call i32 %v(…)
//
// in shadow variants. Without it the optimizer, once it knows that %fp is @f,
// would call and inline the *foreground's* body, skipped calls and untranslated
// addresses included. psm.resolve is a function of its argument alone, so it moves
// and merges like an add; wherever a peephole optimizer runs, psm.resolve(@f)
// becomes @f.psm. What stays is looked up at run time (stage 2).
//
//===----------------------------------------------------------------------===//
#include "Shadow.h"
#include "Variants.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Indirect, "indirect calls in shadow variants");
STATISTIC(Folded, "indirect calls whose target became known");

namespace psm {

bool isResolve(const Value &V) {
  auto *Call = dyn_cast<CallInst>(&V);
  const Function *Callee = Call ? Call->getCalledFunction() : nullptr;
  return Callee && Callee->getName() == ResolveName;
}

static FunctionCallee getResolve(Module &M) {
  auto *Pointer = PointerType::getUnqual(M.getContext());
  FunctionCallee Resolve = M.getOrInsertFunction(ResolveName, Pointer, Pointer);
  auto *F = cast<Function>(Resolve.getCallee());
  F->setDoesNotAccessMemory();
  F->setDoesNotThrow();
  F->setWillReturn();
  F->addFnAttr(Attribute::Speculatable);
  F->addFnAttr(Attribute::NoCallback);
  return Resolve;
}

void resolveIndirectCalls(Function &F) {
  for (Instruction &I : instructions(F)) {
    auto *Call = dyn_cast<CallBase>(&I);
    if (!Call || Call->isInlineAsm() || isResolve(*Call->getCalledOperand()))
      continue;
    Value *Target = Call->getCalledOperand()->stripPointerCasts();
    if (isa<Function>(Target) || isa<GlobalAlias>(Target))
      continue;
    IRBuilder<> B(Call);
    Call->setCalledOperand(B.CreateCall(getResolve(*F.getParent()), {Target}));
    ++Indirect;
  }
}

bool foldResolves(Function &F) {
  Function *Resolve = F.getParent()->getFunction(ResolveName);
  if (!Resolve || !isShadow(F))
    return false;
  bool Changed = false;
  for (Instruction &I : make_early_inc_range(instructions(F))) {
    if (!isResolve(I))
      continue;
    Value *Target = I.getOperand(0)->stripPointerCastsAndAliases();
    auto *Known = dyn_cast<Function>(Target);
    Function *Variant = Known ? shadowOf(*Known) : nullptr;
    if (!Variant)
      continue;
    I.replaceAllUsesWith(Variant);
    I.eraseFromParent();
    ++Folded;
    Changed = true;
  }
  return Changed;
}

PreservedAnalyses ResolveFoldPass::run(Function &F, FunctionAnalysisManager &) {
  if (!foldResolves(F))
    return PreservedAnalyses::all();
  PreservedAnalyses Preserved;
  Preserved.preserveSet<CFGAnalyses>();
  return Preserved;
}

bool isAddressTaken(const Function &F) {
  SmallVector<const Use *, 16> Uses(make_pointer_range(F.uses()));
  while (!Uses.empty()) {
    const Use &U = *Uses.pop_back_val();
    const User *By = U.getUser();
    if (auto *Call = dyn_cast<CallBase>(By); Call && Call->isCallee(&U))
      continue;
    if (isa<BlockAddress>(By) || isa<Function>(By)) // a label; a personality
      continue;
    if (auto *G = dyn_cast<GlobalVariable>(By); G && G->getName().starts_with("llvm."))
      continue;
    if (!isa<Constant>(By) || (isa<GlobalValue>(By) && !isa<GlobalAlias>(By)))
      return true;
    append_range(Uses, make_pointer_range(By->uses()));
  }
  return false;
}

void pinTakenExternals(Module &M) {
  if (M.getPICLevel() != PICLevel::NotPIC)
    return; // addresses differ per run anyway, and `.long f` would not link
  auto *Int32 = Type::getInt32Ty(M.getContext());
  SmallVector<Constant *, 16> Addresses;
  for (Function &F : M)
    if (F.isDeclarationForLinker() && !F.isIntrinsic() && !isShadow(F) &&
        !F.getName().starts_with("psm.") && isAddressTaken(F))
      Addresses.push_back(ConstantExpr::getPtrToInt(&F, Int32));
  if (Addresses.empty())
    return;
  auto *Type = ArrayType::get(Int32, Addresses.size());
  auto *Pins = new GlobalVariable(M, Type, /*isConstant=*/true, GlobalValue::PrivateLinkage,
                                  ConstantArray::get(Type, Addresses), "psm.pin");
  Pins->setSection("psm_pin");
  Pins->setAlignment(Align(4));
  appendToUsed(M, {Pins});
}

} // namespace psm
