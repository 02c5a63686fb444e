//===- Clone.cpp - stage 1: every definition gets a shadow variant --------===//
//
//   define i64 @f(…)   ->   define i64 @f(…) !psm.shadow !{ptr @f.psm}
//                           define hidden i64 @f.psm(…) "psm-shadow"="f"
//                                  section ".text.psm.f"
//
// At the start of the pipeline, once per module, after the marks have been read
// and the foreground prepared. The variant is weak or linkonce when f is, in a
// comdat of its own; internal when f is internal or only available_externally.
// Nothing that the optimizer looks at is attached to f.
//
// Instead of f's body a variant may hold
//   - a call of f, on which the rules then act, when f is skipped, replaced or
//     forbidden (f.psm stands in tables of variants and other units call it), or
//     when f is an external on the list whose address is taken;
//   - psm.unsupported, when a second copy of f cannot be made: naked functions,
//     coroutines.
//
// Variants of functions whose address is taken are kept for stage 2 and for
// link-time optimizers; unused others may go.
//
//===----------------------------------------------------------------------===//
#include "Foreground.h"
#include "Marks.h"
#include "Options.h"
#include "Rules.h"
#include "Shadow.h"
#include "Variants.h"
#include "Versions.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Cloned, "functions cloned");
STATISTIC(Thunks, "shadow variants that only call");

namespace psm {

namespace {

constexpr StringLiteral DoneFlag = "psm-cloned";

class Cloner {
public:
  Cloner(Module &M) : M(M), C(M.getContext()), R(Rules::forModule(M)) {}
  void run();

private:
  Function *makeVariant(Function &F, unsigned Marks);
  Function *cloneBody(Function &F);
  Function *makeEmpty(Function &F, GlobalValue::LinkageTypes Linkage);
  Function *makeThunk(Function &F, GlobalValue::LinkageTypes Linkage);
  void place(Function &Variant, Function &F);
  void makeAliases();
  void makeExternals();

  Module &M;
  LLVMContext &C;
  Rules R;
  SmallVector<Function *, 0> Variants; ///< with a body, calls not yet rewritten
  SmallVector<GlobalValue *, 0> Kept;
};

GlobalValue::LinkageTypes variantLinkage(const Function &F) {
  return F.hasLocalLinkage() || F.hasAvailableExternallyLinkage()
             ? GlobalValue::InternalLinkage
             : F.getLinkage();
}

/// What a variant does not inherit: other instrumentation would look at its
/// translated addresses or count it as the function itself.
void dropInstrumentation(Function &Variant) {
  for (Attribute::AttrKind Kind :
       {Attribute::SanitizeAddress, Attribute::SanitizeThread, Attribute::SanitizeMemory,
        Attribute::SanitizeHWAddress, Attribute::SanitizeMemTag, Attribute::SafeStack})
    Variant.removeFnAttr(Kind);
  for (StringRef Name : {"instrument-function-entry", "instrument-function-entry-inlined",
                         "instrument-function-exit-inlined", "patchable-function-entry",
                         "patchable-function"})
    Variant.removeFnAttr(Name);
  Variant.addFnAttr(Attribute::NoProfile);
  Variant.addFnAttr(Attribute::NoSanitizeCoverage);
  // Nothing unwinds through a variant that does not throw; a debugger has -g's own
  // tables. They would be an eighth of the loaded text.
  if (Variant.doesNotThrow())
    Variant.removeFnAttr(Attribute::UWTable);
  Variant.eraseMetadata(LLVMContext::MD_type);
  Variant.setPrefixData(nullptr);
  Variant.setPrologueData(nullptr);
  for (Instruction &I : make_early_inc_range(instructions(Variant)))
    if (auto *Call = dyn_cast<IntrinsicInst>(&I);
        Call && Call->getCalledFunction()->getName().starts_with("llvm.instrprof."))
      I.eraseFromParent();
}

/// What __attribute__((malloc)) says of a program's own allocator: that what is stored to
/// its blocks is dead when no call but a skipped one has seen them. It is state all the same.
void dropNoAlias(Function &Variant) {
  Variant.removeRetAttr(Attribute::NoAlias);
  for (Instruction &I : instructions(Variant))
    if (auto *Call = dyn_cast<CallBase>(&I))
      Call->removeRetAttr(Attribute::NoAlias);
}

/// Class hierarchies are checked, and calls devirtualized by them, in the foreground:
/// -fwhole-program-vtables would take psm.resolve(p), p from a vtable, for a virtual
/// call, and have it call what p is.
void dropTypeTests(Function &Variant) {
  for (Instruction &I : make_early_inc_range(instructions(Variant))) {
    auto *Test = dyn_cast<IntrinsicInst>(&I);
    if (!Test)
      continue;
    IRBuilder<> B(Test);
    Intrinsic::ID ID = Test->getIntrinsicID();
    Value *Result = nullptr;
    if (ID == Intrinsic::type_test || ID == Intrinsic::public_type_test) {
      Result = B.getTrue();
    } else if (ID == Intrinsic::type_checked_load) {
      Value *Slot = B.CreateGEP(B.getInt8Ty(), Test->getArgOperand(0), Test->getArgOperand(1));
      Result = PoisonValue::get(Test->getType());
      Result = B.CreateInsertValue(Result, B.CreateLoad(B.getPtrTy(), Slot), 0);
      Result = B.CreateInsertValue(Result, B.getTrue(), 1);
    }
    if (!Result)
      continue;
    Test->replaceAllUsesWith(Result);
    Test->eraseFromParent();
  }
}

void Cloner::place(Function &Variant, Function &F) {
  // A program may have declared the name: a test, or libpsm.
  std::string Name = (F.getName() + ShadowSuffix).str();
  if (Function *Declared = M.getFunction(Name); Declared && Declared->isDeclaration()) {
    Variant.takeName(Declared);
    Declared->replaceAllUsesWith(&Variant);
    Declared->eraseFromParent();
  }
  Variant.setName(Name);
  Variant.addFnAttr(ShadowAttr, F.getName());
  Variant.setSection((".text.psm." + F.getName()).str());
  Variant.setComdat(nullptr);
  if (Variant.hasLocalLinkage()) {
    Variant.setVisibility(GlobalValue::DefaultVisibility);
    Variant.setDSOLocal(true);
  } else {
    bool Comdat = F.hasComdat() || F.isDeclaration();
    if (Comdat)
      Variant.setComdat(M.getOrInsertComdat(Variant.getName()));
    if (!options::Visible || F.isDeclaration()) {
      Variant.setVisibility(GlobalValue::HiddenVisibility);
      Variant.setDSOLocal(true);
    }
  }
  Variant.setDLLStorageClass(GlobalValue::DefaultStorageClass);
  dropInstrumentation(Variant);
  dropTypeTests(Variant);
  dropNoAlias(Variant);
  Variants.push_back(&Variant);
}

Function *Cloner::cloneBody(Function &F) {
  ValueToValueMapTy Map;
  declareLabelTables(F, Map);
  Function *Variant = CloneFunction(&F, Map);
  defineLabelTables(Map);
  Variant->setLinkage(variantLinkage(F));
  ++Cloned;
  return Variant;
}

Function *Cloner::makeEmpty(Function &F, GlobalValue::LinkageTypes Linkage) {
  auto *Variant = Function::Create(F.getFunctionType(), Linkage, F.getAddressSpace(),
                                   "", &M);
  Variant->copyAttributesFrom(&F);
  Variant->setLinkage(Linkage);
  Variant->setPersonalityFn(nullptr);
  // What is known of F need not hold for what the rules put in its place.
  AttributeMask Facts;
  for (Attribute::AttrKind Kind :
       {Attribute::Naked, Attribute::PresplitCoroutine, Attribute::Memory,
        Attribute::AllocKind, Attribute::AllocSize, Attribute::NoReturn,
        Attribute::WillReturn, Attribute::NoBuiltin, Attribute::ReturnsTwice})
    Facts.addAttribute(Kind);
  Variant->removeFnAttrs(Facts);
  BasicBlock::Create(C, "", Variant);
  return Variant;
}

Function *Cloner::makeThunk(Function &F, GlobalValue::LinkageTypes Linkage) {
  Function *Variant = makeEmpty(F, Linkage);
  IRBuilder<> B(&Variant->getEntryBlock());
  SmallVector<Value *, 8> Arguments;
  for (Argument &A : Variant->args())
    Arguments.push_back(&A);
  CallInst *Call = B.CreateCall(&F, Arguments);
  AttributeList Attributes = F.getAttributes();
  Call->setAttributes(Attributes.removeFnAttributes(C));
  Call->setCallingConv(F.getCallingConv());
  if (F.doesNotReturn())
    Call->setDoesNotReturn();
  // Forwards the unnamed arguments as well.
  if (F.isVarArg())
    Call->setTailCallKind(CallInst::TCK_MustTail);
  if (Call->getType()->isVoidTy())
    B.CreateRetVoid();
  else
    B.CreateRet(Call);
  ++Thunks;
  return Variant;
}

Function *Cloner::makeVariant(Function &F, unsigned Marks) {
  const Rule *Rule = R.governing(F);
  Function *Variant;
  if (Rule) {
    Variant = makeThunk(F, variantLinkage(F));
  } else if (F.hasFnAttribute(Attribute::Naked) || F.isPresplitCoroutine()) {
    Variant = makeEmpty(F, variantLinkage(F));
    auto *End = new UnreachableInst(C, &Variant->getEntryBlock());
    makeUnsupported(*End, F.isPresplitCoroutine() ? "a coroutine" : "a naked function");
  } else {
    Variant = cloneBody(F);
  }
  place(*Variant, F);
  F.setMetadata("psm.shadow", MDNode::get(C, {ValueAsMetadata::get(Variant)}));
  if (Marks & OpMark)
    Variant->addFnAttr(OpAttr);
  if (Marks & ReadOnlyOpMark)
    Variant->addFnAttr(ReadOnlyOpAttr);
  if (Rule && Rule->Kind == RuleKind::Skip)
    Variant->addFnAttr(SkipAttr);
  return Variant;
}

/// Other units may call through an alias: they know its variant by its name.
void Cloner::makeAliases() {
  for (GlobalAlias &Alias : make_early_inc_range(M.aliases())) {
    auto *F = dyn_cast<Function>(Alias.getAliasee()->stripPointerCastsAndAliases());
    Function *Variant = F && !F->isDeclaration() ? shadowOf(*F) : nullptr;
    if (!Variant || Alias.hasLocalLinkage())
      continue;
    auto *Shadow = GlobalAlias::create(Alias.getLinkage(), Alias.getName() + ShadowSuffix,
                                       Variant);
    if (!options::Visible) {
      Shadow->setVisibility(GlobalValue::HiddenVisibility);
      Shadow->setDSOLocal(true);
    }
  }
}

/// Externals whose address is taken can be reached through a pointer: the table of
/// variants wants a variant of those on the list, and the weak name of others.
void Cloner::makeExternals() {
  SmallVector<Function *, 16> Taken;
  for (Function &F : M)
    if (F.isDeclaration() && !F.isIntrinsic() && isAddressTaken(F))
      Taken.push_back(&F);
  for (Function *F : Taken) {
    const Rule *Rule = R.find(F->getName());
    Function *Variant;
    if (Rule && Rule->Kind != RuleKind::Own) {
      Variant = makeThunk(*F, GlobalValue::LinkOnceODRLinkage);
      place(*Variant, *F);
    } else {
      Variant = getVariant(*F);
    }
    Kept.push_back(Variant);
  }
}

void Cloner::run() {
  FunctionMarks Marks = readMarks(M, R);
  prepareForeground(M, R);

  SmallVector<Function *, 0> Definitions;
  SmallPtrSet<Function *, 32> Taken;
  for (Function &F : M)
    if (!F.isDeclaration() && !isShadow(F)) {
      Definitions.push_back(&F);
      if (isAddressTaken(F))
        Taken.insert(&F);
    }
  makeExternals();
  for (Function *F : Definitions) {
    Function *Variant = makeVariant(*F, Marks.lookup(F));
    if (Taken.count(F) || Marks.count(F))
      Kept.push_back(Variant);
  }
  makeAliases();
  for (Function *F : Definitions)
    guardForbiddenCalls(*F, R);

  for (Function *Variant : Variants) {
    refuseIfuncs(*Variant);
    refuseFastMath(*Variant);
    resolveIndirectCalls(*Variant);
    applyRules(*Variant, R);
    refuseLabelsInAssembly(*Variant);
    refuseEscapingLabels(*Variant);
  }
  if (!Kept.empty())
    appendToCompilerUsed(M, Kept);
}

} // namespace

PreservedAnalyses ClonePass::run(Module &M, ModuleAnalysisManager &) {
  if (M.getModuleFlag(DoneFlag))
    return PreservedAnalyses::all();
  M.addModuleFlag(Module::Max, DoneFlag, 1);
  Cloner(M).run();
  return PreservedAnalyses::none();
}

} // namespace psm
