//===- PointerSources.cpp - where a pointer comes from --------------------===//
//
// A walk up the def-use chains, over address arithmetic, phis, selects, integers
// made from pointers, loads from local variables that nothing but plain loads and
// stores touch, and loads from globals, which give what their initial value points
// to: all of it, whatever is loaded. It ends at what PointerSources.h lists. The walk
// is bounded: past the bound a source may be missed, which the hook at the store then
// catches.
//
//===----------------------------------------------------------------------===//
#include "PointerSources.h"
#include "Rules.h"
#include "Shadow.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/BuildLibCalls.h"

using namespace llvm;

namespace psm {

static constexpr unsigned MaxVisited = 200;
static constexpr unsigned MaxLoads = 16;

bool isFollowedLocal(const Value *Pointer) {
  const auto *Local = dyn_cast<AllocaInst>(Pointer);
  return Local && all_of(Local->users(), [Local](const User *U) {
           if (const auto *Store = dyn_cast<StoreInst>(U))
             return Store->getValueOperand() != Local;
           const auto *I = dyn_cast<IntrinsicInst>(U);
           return isa<LoadInst>(U) || (I && I->isLifetimeStartOrEnd()) ||
                  isa<MemSetInst>(U); // stage 1 zeroes locals
         });
}

/// The name by which the rules know the external that `Call` calls, empty if none.
static StringRef libraryName(const Function &Callee, const Rules &R) {
  if (const Rule *Wrapped = R.findWrapper(Callee.getName()))
    return Wrapped->Name;
  return Callee.getName();
}

/// What LLVM infers about a declaration of that name, made for the question.
static SmallVector<ArgumentUse> inferArgumentUse(const CallBase &Call, StringRef LibraryName) {
  Module Scratch("", Call.getContext());
  Scratch.setTargetTriple(Call.getModule()->getTargetTriple());
  Scratch.setDataLayout(Call.getModule()->getDataLayout());
  auto *F = Function::Create(Call.getFunctionType(), GlobalValue::ExternalLinkage,
                             LibraryName, Scratch);
  TargetLibraryInfoImpl Known{Triple(Scratch.getTargetTriple())};
  inferNonMandatoryLibFuncAttrs(*F, TargetLibraryInfo(Known));
  SmallVector<ArgumentUse> Uses;
  for (unsigned I = 0; I < F->arg_size(); ++I)
    Uses.push_back({!F->hasParamAttribute(I, Attribute::WriteOnly),
                    !F->onlyReadsMemory() && !F->hasParamAttribute(I, Attribute::ReadOnly) &&
                        !F->hasParamAttribute(I, Attribute::ReadNone),
                    F->hasParamAttribute(I, Attribute::Returned)});
  return Uses;
}

ArgumentUse libraryArgumentUse(const CallBase &Call, StringRef LibraryName,
                               unsigned Argument) {
  static thread_local StringMap<SmallVector<ArgumentUse>> Known;
  auto [At, New] = Known.try_emplace(LibraryName);
  if (New)
    At->second = inferArgumentUse(Call, LibraryName);
  if (Argument < At->second.size())
    return At->second[Argument];
  return {true, LibraryName.contains("scanf"), false}; // printf("%s", p), scanf("%d", p)
}

/// Append the values that the result of `Call` may be; false if it is a source.
static bool followCall(CallBase &Call, const Rules &R, SmallVectorImpl<Value *> &Work) {
  if (Call.getIntrinsicID() == Intrinsic::threadlocal_address ||
      Call.getIntrinsicID() == Intrinsic::launder_invariant_group ||
      Call.getIntrinsicID() == Intrinsic::strip_invariant_group ||
      Call.getIntrinsicID() == Intrinsic::ptrmask) {
    Work.push_back(Call.getArgOperand(0));
    return true;
  }
  if (Value *Returned = Call.getReturnedArgOperand()) {
    Work.push_back(Returned);
    return true;
  }
  const Function *Callee = Call.getCalledFunction();
  if (!Callee || isShadow(*Callee))
    return false;
  StringRef Name = libraryName(*Callee, R);
  const Rule *Found = R.find(Name);
  if (!Found)
    return true;
  if (Found->ReturnsArg >= 0 && unsigned(Found->ReturnsArg) < Call.arg_size()) {
    Work.push_back(Call.getArgOperand(Found->ReturnsArg));
    return true;
  }
  if (Found->Kind == RuleKind::Wrap)
    for (unsigned I = 0; I < Call.getFunctionType()->getNumParams(); ++I)
      if (Call.getArgOperand(I)->getType()->isPointerTy() &&
          libraryArgumentUse(Call, Name, I).Returned)
        Work.push_back(Call.getArgOperand(I));
  return true;
}

namespace {

/// What loads may give, by the initial values of the globals that they load from.
using Contents = MapVector<LoadInst *, SmallSetVector<GlobalVariable *, 4>>;

PointerSources walk(Value *Pointer, const Rules &R, Contents &Loaded) {
  PointerSources Found;
  SmallPtrSet<Value *, 16> Seen;
  SmallVector<Value *, 16> Work = {Pointer};
  while (!Work.empty() && Seen.size() < MaxVisited) {
    Value *V = Work.pop_back_val();
    if (!Seen.insert(V).second)
      continue;
    if (isa<GlobalVariable, Argument>(V)) {
      Found.insert(V);
    } else if (auto *Alias = dyn_cast<GlobalAlias>(V)) {
      Work.push_back(Alias->getAliasee());
    } else if (auto *Select = dyn_cast<SelectInst>(V)) {
      Work.append({Select->getTrueValue(), Select->getFalseValue()});
    } else if (auto *Phi = dyn_cast<PHINode>(V)) {
      append_range(Work, Phi->incoming_values());
    } else if (auto *Call = dyn_cast<CallBase>(V)) {
      if (!followCall(*Call, R, Work) && Call->getCalledFunction())
        Found.insert(Call);
    } else if (auto *Load = dyn_cast<LoadInst>(V)) {
      if (isFollowedLocal(Load->getPointerOperand()))
        for (User *U : Load->getPointerOperand()->users())
          if (auto *Store = dyn_cast<StoreInst>(U))
            Work.push_back(Store->getValueOperand());
      if (Loaded.size() < MaxLoads || Loaded.count(Load))
        append_range(Work, Loaded[Load]);
    } else if (auto *O = dyn_cast<Operator>(V)) {
      // Address arithmetic of any kind; an index leads to no source that a pointer
      // could have been made from, unless it was made from one.
      if (isa<GEPOperator>(O))
        Work.push_back(O->getOperand(0));
      else if (isa<CastInst, BinaryOperator, FreezeInst, ConstantExpr>(O))
        append_range(Work, O->operands());
    }
  }
  return Found;
}

/// Add the globals that `C`, an initial value, points to.
void addPointedTo(Constant *C, SmallSetVector<GlobalVariable *, 4> &To) {
  SmallVector<Constant *, 16> Work = {C};
  while (!Work.empty()) {
    Constant *Part = Work.pop_back_val();
    if (auto *G = dyn_cast<GlobalVariable>(Part))
      To.insert(G);
    else if (!isa<GlobalValue, BlockAddress, ConstantData>(Part))
      for (Use &Operand : Part->operands())
        Work.push_back(cast<Constant>(Operand));
  }
}

/// Bring what the loads met so far may give up to date; false if nothing is new.
bool growContents(Contents &Loaded, const Rules &R) {
  bool Grown = false;
  for (size_t I = 0; I < Loaded.size(); ++I) {
    LoadInst *Load = (Loaded.begin() + I)->first;
    SmallSetVector<GlobalVariable *, 4> Now;
    for (Value *Source : walk(Load->getPointerOperand(), R, Loaded))
      if (auto *G = dyn_cast<GlobalVariable>(Source); G && G->hasInitializer())
        addPointedTo(G->getInitializer(), Now);
    auto &Known = Loaded[Load];
    size_t Before = Known.size();
    Known.insert(Now.begin(), Now.end());
    Grown |= Known.size() != Before;
  }
  return Grown;
}

} // namespace

PointerSources pointerSources(Value *Pointer, const Rules &R) {
  Contents Loaded;
  PointerSources Found = walk(Pointer, R, Loaded);
  while (growContents(Loaded, R))
    Found = walk(Pointer, R, Loaded);
  return Found;
}

} // namespace psm
