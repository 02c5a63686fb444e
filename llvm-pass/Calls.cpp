//===- Calls.cpp - what the rules make of calls in shadow variants --------===//
//
//   call @g(…)        call @g.psm(…)       of this unit or, weak, of another
//   call @strcpy(…)   call @psm_w_strcpy(…)            wrap, alloc
//   call @psm_qsort   call @psm_qsort.psm              own
//   call @puts(…)     nothing; its result is VALUE     skip
//   call @save(…)     call @save_shadow.psm(…)         replace
//   call @fork()      the same, "psm-forbid"="fork"    forbid: stage 2's business
//
// Run before any optimization, so that the optimizer knows psm_w_strcpy for no
// library function, and again after it for the calls that it made up (bcmp, puts,
// exp2, …): for a call already rewritten there is nothing to do.
//
// A skipped function that does not return becomes a trap: falling through would
// run code that the program never runs. A result whose value no rule states comes
// from psm.skipped.<type>; it is an error for stage 2 if the optimizer has left
// anyone who uses it.
//
//===----------------------------------------------------------------------===//
#include "Hooks.h"
#include "Rules.h"
#include "Shadow.h"
#include "Variants.h"
#include "Versions.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Retargeted, "direct calls to shadow variants");
STATISTIC(Wrapped, "calls of wrappers");
STATISTIC(Skipped, "calls skipped");
STATISTIC(Forbidden, "calls of forbidden functions");

namespace psm {

Function *shadowOf(const Function &F) {
  if (MDNode *Node = F.getMetadata("psm.shadow")) {
    auto *Value = dyn_cast_or_null<ValueAsMetadata>(Node->getOperand(0).get());
    return Value ? dyn_cast<Function>(Value->getValue()->stripPointerCasts()) : nullptr;
  }
  if (F.hasLocalLinkage())
    return nullptr;
  // Outside one module a name is all there is, and it is reliable.
  auto *M = const_cast<Module *>(F.getParent());
  Function *Shadow = M->getFunction((F.getName() + ShadowSuffix).str());
  return Shadow && isShadow(*Shadow) ? Shadow : nullptr;
}

/// Attributes that describe how a call is made, not what the callee does.
static AttributeList callingAttributes(LLVMContext &C, AttributeList From,
                                       unsigned Parameters) {
  static constexpr Attribute::AttrKind Kept[] = {
      Attribute::ZExt,  Attribute::SExt,      Attribute::InReg,
      Attribute::ByVal, Attribute::StructRet, Attribute::Alignment,
      Attribute::Nest,  Attribute::ElementType};
  auto Filter = [&](AttributeSet Set) {
    AttrBuilder B(C);
    for (Attribute::AttrKind Kind : Kept)
      if (Set.hasAttribute(Kind))
        B.addAttribute(Set.getAttribute(Kind));
    return AttributeSet::get(C, B);
  };
  AttrBuilder Fn(C);
  for (Attribute::AttrKind Kind : {Attribute::NoUnwind, Attribute::NoReturn})
    if (From.hasFnAttr(Kind))
      Fn.addAttribute(Kind);
  SmallVector<AttributeSet, 8> Arguments;
  for (unsigned I = 0; I != Parameters; ++I)
    Arguments.push_back(Filter(From.getParamAttrs(I)));
  return AttributeList::get(C, AttributeSet::get(C, Fn), Filter(From.getRetAttrs()),
                            Arguments);
}

static Function *declareVariant(Function &F) {
  Module &M = *F.getParent();
  std::string Name = (F.getName() + ShadowSuffix).str();
  if (Function *Known = M.getFunction(Name))
    return Known;
  auto *Variant = Function::Create(F.getFunctionType(), GlobalValue::ExternalWeakLinkage,
                                   Name, M);
  Variant->setAttributes(F.getAttributes());
  Variant->setCallingConv(F.getCallingConv());
  Variant->addFnAttr(ShadowAttr, F.getName());
  Variant->removeFnAttr(Attribute::AllocKind);
  // Hidden, so that a variant which nobody defines is a null pointer for every
  // linker and needs no entry in the dynamic symbol table.
  Variant->setVisibility(GlobalValue::HiddenVisibility);
  Variant->setDSOLocal(true);
  return Variant;
}

Function *getVariant(Function &F) {
  if (Function *Known = shadowOf(F))
    return Known;
  return F.isDeclaration() ? declareVariant(F) : nullptr;
}

namespace {

class CallRewriter {
public:
  CallRewriter(Function &F, const Rules &R) : M(*F.getParent()), R(R) {}
  bool rewrite(CallBase &Call);

private:
  bool rewriteTo(CallBase &Call, Function &Callee, unsigned Depth);
  void retarget(CallBase &Call, Function &Callee);
  void wrap(CallBase &Call, Function &Callee, const Rule &Rule);
  void own(CallBase &Call, Function &Callee, const Rule &Rule);
  void skip(CallBase &Call, const Rule &Rule);
  Value *skippedResult(CallBase &Call, const Rule &Rule);
  void markSkipped(CallBase &Call, const Rule &Rule);
  Function &named(StringRef Name, CallBase &Call);

  Module &M;
  const Rules &R;
};

Function &CallRewriter::named(StringRef Name, CallBase &Call) {
  if (Function *F = M.getFunction(Name))
    return *F;
  return *Function::Create(Call.getFunctionType(), GlobalValue::ExternalLinkage, Name, M);
}

void CallRewriter::retarget(CallBase &Call, Function &Callee) {
  Function *Variant = getVariant(Callee);
  if (!Variant)
    return makeUnsupported(Call, "a call of " + Callee.getName() +
                                     ", which has no shadow variant");
  Call.setCalledOperand(Variant);
  ++Retargeted;
}

void CallRewriter::wrap(CallBase &Call, Function &Callee, const Rule &Rule) {
  LLVMContext &C = M.getContext();
  unsigned Fixed = Call.getFunctionType()->getNumParams();
  FunctionCallee Wrapper = M.getOrInsertFunction(
      "psm_w_" + Rule.Name, Call.getFunctionType(),
      callingAttributes(C, Callee.getAttributes(), Fixed));
  Call.setCalledOperand(Wrapper.getCallee());
  Call.setAttributes(callingAttributes(C, Call.getAttributes(), Call.arg_size()));
  ++Wrapped;
}

void CallRewriter::own(CallBase &Call, Function &Callee, const Rule &Rule) {
  std::string Name = "psm_" + Rule.Name;
  Function &Own = Callee.getName() == Name ? Callee : named(Name, Call);
  Function *Variant = getVariant(Own);
  if (Variant->isDeclaration()) {
    // libpsm's: surely there, and not hidden in libpsm.so.
    Variant->setLinkage(GlobalValue::ExternalLinkage);
    Variant->setDSOLocal(false);
    Variant->setVisibility(GlobalValue::DefaultVisibility);
  }
  Call.setCalledOperand(Variant);
  ++Retargeted;
}

Value *CallRewriter::skippedResult(CallBase &Call, const Rule &Rule) {
  Type *T = Call.getType();
  IRBuilder<> B(&Call);
  if (!Rule.Value) {
    std::string Name;
    raw_string_ostream(Name) << SkippedName << '.' << *T;
    FunctionCallee Result = M.getOrInsertFunction(Name, T, B.getPtrTy());
    auto *F = cast<Function>(Result.getCallee());
    F->setDoesNotAccessMemory();
    F->setDoesNotThrow();
    F->setWillReturn();
    return B.CreateCall(Result, {B.CreateGlobalString(Rule.Name, "psm.name")});
  }
  if (T->isIntegerTy())
    return ConstantInt::getSigned(T, *Rule.Value);
  if (T->isFloatingPointTy())
    return ConstantFP::get(T, double(*Rule.Value));
  if (T->isPointerTy() && *Rule.Value)
    return ConstantExpr::getIntToPtr(B.getInt64(*Rule.Value), T);
  return Constant::getNullValue(T);
}

void CallRewriter::skip(CallBase &Call, const Rule &Rule) {
  ++Skipped;
  if (Call.doesNotReturn()) {
    IRBuilder<> B(&Call);
    callTrap(B, "the skipped function " + Rule.Name + " does not return");
    changeToUnreachable(&Call);
    return;
  }
  if (Type *Struct = Call.getParamStructRetType(0)) {
    // The result is written by the callee, so whether it is used cannot be seen.
    if (!Rule.Value)
      return makeUnsupported(Call, "the result of " + Rule.Name +
                                       ", which is skipped, is a struct");
    const DataLayout &DL = M.getDataLayout();
    IRBuilder<>(&Call).CreateMemSet(Call.getArgOperand(0),
                                    ConstantInt::get(Type::getInt8Ty(M.getContext()), 0),
                                    DL.getTypeAllocSize(Struct), Call.getParamAlign(0));
  }
  CallBase *Plain = &Call;
  if (auto *Invoke = dyn_cast<InvokeInst>(&Call))
    Plain = changeToCall(Invoke);
  if (!Plain->use_empty())
    Plain->replaceAllUsesWith(skippedResult(*Plain, Rule));
  if (Rule.BuiltIn)
    markSkipped(*Plain, Rule);
  Plain->eraseFromParent();
}

void CallRewriter::markSkipped(CallBase &Call, const Rule &Rule) {
  IRBuilder<> B(&Call);
  FunctionCallee Mark =
      M.getOrInsertFunction(SkippedMarkName, B.getVoidTy(), B.getPtrTy());
  auto *F = cast<Function>(Mark.getCallee());
  F->setMemoryEffects(MemoryEffects::inaccessibleMemOnly()); // it is to last until stage 2
  F->setDoesNotThrow();
  F->setWillReturn();
  B.CreateCall(Mark, {B.CreateGlobalString(Rule.Name, "psm.name")});
}

bool CallRewriter::rewriteTo(CallBase &Call, Function &Callee, unsigned Depth) {
  const Rule *Rule = R.governing(Callee);
  if (!Rule) {
    retarget(Call, Callee);
    return true;
  }
  switch (Rule->Kind) {
  case RuleKind::Pure:
    Call.setCalledOperand(&Callee);
    return Depth > 0;
  case RuleKind::Wrap:
  case RuleKind::Alloc:
    wrap(Call, Callee, *Rule);
    return true;
  case RuleKind::Own:
    own(Call, Callee, *Rule);
    return true;
  case RuleKind::Skip:
    skip(Call, *Rule);
    return true;
  case RuleKind::Replace:
    if (Depth > 8) {
      M.getContext().emitError("psm: the rules replace " + Rule->Name + " in a circle");
      return false;
    }
    return rewriteTo(Call, named(Rule->Target, Call), Depth + 1);
  case RuleKind::Forbid:
    Call.setCalledOperand(&Callee);
    Call.addFnAttr(Attribute::get(M.getContext(), ForbidAttr, Callee.getName()));
    Call.setIsNoInline();
    ++Forbidden;
    return true;
  }
  llvm_unreachable("no such rule");
}

bool CallRewriter::rewrite(CallBase &Call) {
  Value *Operand = Call.getCalledOperand()->stripPointerCasts();
  if (auto *Alias = dyn_cast<GlobalAlias>(Operand)) {
    // An alias that another unit may define goes by its own name.
    auto *Shadow = M.getNamedAlias((Alias->getName() + ShadowSuffix).str());
    if (Alias->isInterposable() && Shadow) {
      Call.setCalledOperand(Shadow);
      return true;
    }
    Operand = Alias->getAliaseeObject();
  }
  auto *Callee = dyn_cast_or_null<Function>(Operand);
  if (!Callee || Callee->isIntrinsic() || isShadow(*Callee) ||
      Callee->getName().starts_with("psm.") || isHookName(Callee->getName()) ||
      R.findWrapper(Callee->getName()) || Call.hasFnAttr(ForbidAttr))
    return false;
  return rewriteTo(Call, *Callee, 0);
}

} // namespace

bool applyRules(Function &F, const Rules &R) {
  SmallVector<CallBase *, 32> Calls;
  for (Instruction &I : instructions(F))
    if (auto *Call = dyn_cast<CallBase>(&I); Call && !Call->isInlineAsm())
      Calls.push_back(Call);
  // Backwards: a call that does not return takes what follows it away.
  CallRewriter Rewriter(F, R);
  bool Changed = false;
  for (CallBase *Call : reverse(Calls))
    Changed |= Rewriter.rewrite(*Call);
  return Changed;
}

} // namespace psm
