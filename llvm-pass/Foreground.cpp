//===- Foreground.cpp - what stage 1 does to plain code -------------------===//
//
//   %p = call noalias ptr @malloc(i64 32) #allockind
//     -> %p = call ptr @psm_malloc(i64 32)
//   call i64 @write(…)      -> call void @__psm_guard("write"), then as it was
//   %y = call double @sin(%x) -> the same, nobuiltin
//   llvm.fmuladd, contract  -> fmul and fadd, no contract
//   define void @trace() "psm_skip" -> body between __psm_skip_enter and _leave
//
// Why. The optimizer deletes malloc+free pairs whose block it finds unused: where
// a skipped call was the use, only the shadow's pair would go and all later
// addresses would differ; so the family loses its name, allockind and noalias
// (an unescaped noalias block loses its last stores). qsort and bsearch may call
// back in any order. Folding sin(0.5) at compile time in one copy and calling
// libm in the other may give different bits, as does a contraction in one only.
// Renaming goes by symbol, so that &free is &psm_free as well.
//
// Functions whose result is exact (sqrt, floor, …) keep their builtins: folded or
// called, the bits are the same.
//
//===----------------------------------------------------------------------===//
#include "Foreground.h"
#include "CopiedBytes.h"
#include "Hooks.h"
#include "Options.h"
#include "Rules.h"
#include "Shadow.h"
#include "Versions.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/EscapeEnumerator.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Renamed, "external functions renamed to psm_*");
STATISTIC(Guarded, "calls of forbidden externals guarded");
STATISTIC(Bracketed, "skipped functions bracketed");
STATISTIC(Uncontracted, "fused or fusable multiply-adds taken apart");

namespace psm {
namespace {

/// What may still be believed of a function of the malloc family under its new
/// name; nothing that lets a call or a store to the block be deleted. Those that
/// allocate set errno, which is memory like any other: no memory() for them, or
/// `errno = 0; malloc(…)` would leave errno 0 in one copy only.
void describeAllocator(Function &F, StringRef Name) {
  static const StringSet<> Makers = {"malloc", "calloc", "realloc", "aligned_alloc",
                                     "memalign"};
  bool Makes = Makers.contains(Name);
  if (!Makes && Name != "free")
    return;
  if (!Makes)
    F.setMemoryEffects(MemoryEffects::inaccessibleOrArgMemOnly());
  F.setDoesNotThrow();
  F.setWillReturn();
}

AttributeList withoutAllocation(LLVMContext &C, AttributeList Attributes) {
  for (Attribute::AttrKind Kind :
       {Attribute::AllocKind, Attribute::AllocSize, Attribute::Builtin, Attribute::Memory})
    Attributes = Attributes.removeFnAttribute(C, Kind);
  return Attributes.removeFnAttribute(C, "alloc-family")
      .removeRetAttribute(C, Attribute::NoAlias);
}

/// Uses of X become uses of psm_X, calls and addresses alike.
void rename(Function &F, const Rule &R) {
  LLVMContext &C = F.getContext();
  FunctionCallee Callee = F.getParent()->getOrInsertFunction(
      "psm_" + R.Name, F.getFunctionType(), withoutAllocation(C, F.getAttributes()));
  if (auto *New = dyn_cast<Function>(Callee.getCallee()); New && R.Kind == RuleKind::Alloc)
    describeAllocator(*New, R.Name);
  for (User *U : F.users())
    if (auto *Call = dyn_cast<CallBase>(U))
      Call->setAttributes(withoutAllocation(C, Call->getAttributes()));
  F.replaceAllUsesWith(Callee.getCallee());
  ++Renamed;
}

void renameExternals(Module &M, const Rules &R) {
  for (Function &F : make_early_inc_range(M)) {
    if (!F.isDeclarationForLinker() || F.isIntrinsic())
      continue;
    const Rule *Rule = R.find(F.getName());
    if (!Rule || F.getName() != Rule->Name)
      continue;
    if (Rule->Kind != RuleKind::Alloc && Rule->Kind != RuleKind::Own)
      continue;
    if (!options::applies(Rule->Kind == RuleKind::Alloc ? "alloc" : "own"))
      continue;
    rename(F, *Rule);
    F.eraseFromParent();
  }
}

/// In a function that replay skips, malloc means libc's. Not inlined, for its
/// effect on malloc has to end with it.
void bracketSkipped(Function &F) {
  F.removeFnAttr(Attribute::AlwaysInline);
  F.removeFnAttr(Attribute::InlineHint);
  F.addFnAttr(Attribute::NoInline);
  BasicBlock &Entry = F.getEntryBlock();
  IRBuilder<> B(&Entry, Entry.getFirstNonPHIOrDbgOrAlloca());
  Value *Handle = callHook(B, Hook::SkipEnter, {});
  EscapeEnumerator Exits(F, "psm.skip.leave", /*HandleExceptions=*/!F.doesNotThrow());
  while (IRBuilder<> *Exit = Exits.Next())
    callHook(*Exit, Hook::SkipLeave, {Handle});
  ++Bracketed;
}

/// Whether libm gives this function's exact result whoever computes it.
bool isExact(StringRef Name) {
  static const StringSet<> Exact = {"sqrt",  "fabs",      "floor", "ceil",     "trunc",
                                    "rint",  "nearbyint", "round", "copysign", "fmod",
                                    "frexp", "ldexp",     "modf",  "scalbn"};
  return Exact.contains(Name) || Exact.contains(Name.drop_back());
}

/// The libm function that computes intrinsic `ID`, or "": those whose last bits
/// the compiler and the library may not agree on.
StringRef libraryName(Intrinsic::ID ID) {
  static const StringSet<> Inexact = {
      "acos", "asin", "atan", "atan2", "cos", "cosh", "exp",  "exp10", "exp2",
      "log",  "log10", "log2", "pow",  "sin", "sinh", "tan", "tanh"};
  StringRef Name = ID ? Intrinsic::getBaseName(ID) : "";
  if (ID == Intrinsic::minnum || ID == Intrinsic::maxnum) // which zero of two
    return ID == Intrinsic::minnum ? "fmin" : "fmax";
  return Name.consume_front("llvm.") && Inexact.contains(Name) ? Name : "";
}

std::string withTypeSuffix(StringRef Name, const Type &T) {
  if (T.isFloatTy())
    return (Name + "f").str();
  if (T.isX86_FP80Ty())
    return (Name + "l").str();
  return T.isDoubleTy() ? Name.str() : "";
}

/// Make this intrinsic what both copies compute alike; false if it is none of
/// those in question.
bool pinIntrinsic(IntrinsicInst &I) {
  IRBuilder<> B(&I);
  if (I.getIntrinsicID() == Intrinsic::fmuladd) {
    if (!options::applies("fp"))
      return false;
    Value *Product = B.CreateFMulFMF(I.getArgOperand(0), I.getArgOperand(1), &I);
    I.replaceAllUsesWith(B.CreateFAddFMF(Product, I.getArgOperand(2), &I));
    I.eraseFromParent();
    ++Uncontracted;
    return true;
  }
  StringRef Library = libraryName(I.getIntrinsicID());
  std::string Name = Library.empty() ? "" : withTypeSuffix(Library, *I.getType());
  if (Name.empty() || !options::applies("libm"))
    return false;
  SmallVector<Value *, 2> Arguments(I.args());
  FunctionCallee Callee =
      I.getModule()->getOrInsertFunction(Name, I.getFunctionType());
  CallInst *Call = B.CreateCall(Callee, Arguments);
  Call->addFnAttr(Attribute::NoBuiltin);
  Call->setDoesNotThrow();
  I.replaceAllUsesWith(Call);
  I.eraseFromParent();
  return true;
}

bool isFloatingPointFunction(const Function &F) {
  if (!F.isDeclaration() || F.isIntrinsic() || isExact(F.getName()))
    return false;
  auto IsFP = [](const Type *T) { return T->getScalarType()->isFloatingPointTy(); };
  return IsFP(F.getReturnType()) || any_of(F.getFunctionType()->params(), IsFP);
}

bool isComparedWithZero(const CallBase &Call) {
  return all_of(Call.users(), [](const User *U) {
    auto *Compare = dyn_cast<ICmpInst>(U);
    return Compare && match(Compare->getOperand(1), PatternMatch::m_Zero());
  });
}

/// strcmp and the like say less or greater, the library by any number, the compiler by 1:
/// where the number matters, it is the library's in both copies.
void pinComparisons(Function &F) {
  static const StringSet<> Comparisons = {"strcmp",     "strncmp",     "memcmp",
                                          "strcasecmp", "strncasecmp", "wcscmp",
                                          "wcsncmp",    "wmemcmp"};
  for (Instruction &I : instructions(F))
    if (auto *Call = dyn_cast<CallBase>(&I))
      if (const Function *Callee = Call->getCalledFunction())
        if (Comparisons.contains(Callee->getName()) && !isComparedWithZero(*Call))
          Call->addFnAttr(Attribute::NoBuiltin);
}

/// C with zero for what it leaves open: padding, which clang does not define in the
/// initial values that it copies to locals.
Constant *definedWhole(Constant *C) {
  if (isa<UndefValue>(C))
    return Constant::getNullValue(C->getType());
  if (!isa<ConstantAggregate>(C))
    return C;
  SmallVector<Constant *, 16> Parts;
  bool Same = true;
  for (Use &U : C->operands()) {
    Parts.push_back(definedWhole(cast<Constant>(U)));
    Same &= Parts.back() == U;
  }
  if (Same)
    return C;
  if (auto *T = dyn_cast<StructType>(C->getType()))
    return ConstantStruct::get(T, Parts);
  if (auto *T = dyn_cast<ArrayType>(C->getType()))
    return ConstantArray::get(T, Parts);
  return ConstantVector::get(Parts);
}

void pinFloatingPoint(Function &F) {
  for (Instruction &I : make_early_inc_range(instructions(F))) {
    if (isa<FPMathOperator>(I) && I.hasAllowContract() && options::applies("fp")) {
      I.setHasAllowContract(false);
      ++Uncontracted;
    }
    if (auto *Intrinsic = dyn_cast<IntrinsicInst>(&I))
      pinIntrinsic(*Intrinsic);
    else if (auto *Call = dyn_cast<CallBase>(&I))
      if (Function *Callee = Call->getCalledFunction())
        if (options::applies("libm") && isFloatingPointFunction(*Callee))
          Call->addFnAttr(Attribute::NoBuiltin);
  }
}

} // namespace

void guardForbiddenCalls(Function &F, const Rules &R) {
  if (!options::applies("guard"))
    return;
  SmallVector<std::pair<CallBase *, StringRef>, 8> Forbidden;
  for (Instruction &I : instructions(F))
    if (auto *Call = dyn_cast<CallBase>(&I))
      if (auto *Callee = dyn_cast<Function>(Call->getCalledOperand()->stripPointerCasts()))
        if (const Rule *Rule = R.governing(*Callee))
          if (Rule->Kind == RuleKind::Forbid && !Call->isMustTailCall())
            Forbidden.push_back({Call, Callee->getName()});
  for (auto [Call, Name] : Forbidden) {
    IRBuilder<> B(Call);
    callHook(B, Hook::Guard, {B.CreateGlobalString(Name, "psm.name")});
    ++Guarded;
  }
}

void prepareForeground(Module &M, const Rules &R) {
  renameExternals(M, R);
  if (options::applies("zero"))
    for (GlobalVariable &G : M.globals())
      if (G.hasInitializer())
        G.setInitializer(definedWhole(G.getInitializer()));
  CopiedBytes Copied;
  for (Function &F : M) {
    if (F.isDeclaration() || F.hasFnAttribute(Attribute::Naked))
      continue;
    const Rule *Rule = R.governing(F);
    bool Skipped = Rule && Rule->Kind == RuleKind::Skip && !F.isDeclarationForLinker();
    pinFloatingPoint(F);
    if (options::applies("own"))
      pinComparisons(F);
    if (Skipped)
      bracketSkipped(F);
    else if (F.getName() != "main") // neither is ever replayed
      zeroLocals(F, Copied);
  }
}

} // namespace psm
