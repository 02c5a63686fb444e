//===- Hooks.cpp - declarations of the runtime's hooks --------------------===//
//
// See Hooks.h. What a hook does to memory is said as `argmem: read` (it saves the
// old bytes around the twin it is given) and `inaccessiblemem: readwrite` (undo
// log, marks): no store can move above the hook that announces it, yet what the
// program has loaded elsewhere stays in registers. A mark read before a hook may
// then be used after it; that is safe, because marks are only ever set while an op
// runs: the stale answer costs one needless call.
//
//===----------------------------------------------------------------------===//
#include "Hooks.h"
#include "Versions.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

namespace psm {
namespace {

enum HookType { VOID, PTR, I64 };

struct HookDescription {
  StringRef Name;
  HookType Return;
  SmallVector<HookType, 6> Parameters;
};

template <typename... Types> SmallVector<HookType, 6> parameters(Types... List) {
  return {List...};
}

HookDescription describe(Hook H) {
  switch (H) {
#define PSM_HOOK(Id, Name, Return, Parameters, Meaning)                        \
  case Hook::Id:                                                               \
    return {#Name, Return, parameters Parameters};
#define PSM_HOOK_VARIABLE(Id, Name, Type, Meaning)
#include "hooks.def"
  }
  llvm_unreachable("no such hook");
}

StringRef describe(HookVariable V) {
  switch (V) {
#define PSM_HOOK(Id, Name, Return, Parameters, Meaning)
#define PSM_HOOK_VARIABLE(Id, Name, Type, Meaning)                             \
  case HookVariable::Id:                                                       \
    return #Name;
#include "hooks.def"
  }
  llvm_unreachable("no such variable");
}

Type *typeOf(HookType T, LLVMContext &C) {
  switch (T) {
  case VOID:
    return Type::getVoidTy(C);
  case PTR:
    return PointerType::getUnqual(C);
  case I64:
    return Type::getInt64Ty(C);
  }
  llvm_unreachable("no such type");
}

bool isLogger(Hook H) {
  return H == Hook::Log || H == Hook::LogRange || H == Hook::LogMany;
}

void addAttributes(Function &F, Hook H) {
  F.setDoesNotThrow();
  if (isLogger(H)) {
    F.setMemoryEffects(MemoryEffects::argMemOnly(ModRefInfo::Ref) |
                       MemoryEffects::inaccessibleMemOnly());
    F.setCallingConv(CallingConv::PreserveMost);
    F.addFnAttr(Attribute::NonLazyBind);
    F.addFnAttr(Attribute::WillReturn);
  }
  if (H == Hook::Log || H == Hook::LogMany)
    F.addFnAttr(Attribute::Cold);
  if (H == Hook::Trap) {
    F.setDoesNotReturn();
    F.addFnAttr(Attribute::Cold);
  }
}

} // namespace

FunctionCallee getHook(Module &M, Hook H) {
  HookDescription D = describe(H);
  if (Function *F = M.getFunction(D.Name))
    return F;
  LLVMContext &C = M.getContext();
  SmallVector<Type *, 6> Parameters;
  for (HookType T : D.Parameters)
    Parameters.push_back(typeOf(T, C));
  auto *Type = FunctionType::get(typeOf(D.Return, C), Parameters, false);
  auto *F = Function::Create(Type, GlobalValue::ExternalLinkage, D.Name, M);
  addAttributes(*F, H);
  return F;
}

CallInst *callHook(IRBuilderBase &B, Hook H, ArrayRef<Value *> Arguments) {
  Function &Caller = *B.GetInsertBlock()->getParent();
  FunctionCallee Callee = getHook(*Caller.getParent(), H);
  CallInst *Call = B.CreateCall(Callee, Arguments);
  if (auto *F = dyn_cast<Function>(Callee.getCallee()))
    Call->setCallingConv(F->getCallingConv());
  DISubprogram *Scope = Caller.getSubprogram();
  if (!Call->getDebugLoc() && Scope)
    Call->setDebugLoc(DILocation::get(B.getContext(), 0, 0, Scope));
  return Call;
}

Value *readHookVariable(IRBuilderBase &B, HookVariable V, const Twine &Name) {
  Module &M = *B.GetInsertBlock()->getModule();
  Constant *Variable = M.getOrInsertGlobal(describe(V), B.getInt64Ty());
  // A program that is not PIC reads its own or a copied variable, as C code would.
  if (M.getPICLevel() == PICLevel::NotPIC)
    cast<GlobalVariable>(Variable)->setDSOLocal(true);
  LoadInst *Load = B.CreateLoad(B.getInt64Ty(), Variable, Name);
  Load->setMetadata(LLVMContext::MD_invariant_load, MDNode::get(B.getContext(), {}));
  return Load;
}

CallInst *callTrap(IRBuilderBase &B, const Twine &What) {
  CallInst *Call = callHook(B, Hook::Trap, {B.CreateGlobalString(What.str(), "psm.trap")});
  Call->setDoesNotReturn();
  return Call;
}

bool isHookName(StringRef Name) {
#define PSM_HOOK(Id, Symbol, Return, Parameters, Meaning)                      \
  if (Name == #Symbol)                                                         \
    return true;
#define PSM_HOOK_VARIABLE(Id, Symbol, Type, Meaning)
#include "hooks.def"
  return false;
}

void referToHookABI(Module &M) {
  static constexpr StringLiteral ReferenceName = "psm.hook.abi";
  if (M.getNamedGlobal(ReferenceName))
    return;
  LLVMContext &C = M.getContext();
  std::string Symbol = ("__psm_hook_abi_" + Twine(PSM_HOOK_ABI)).str();
  Constant *ABI = M.getOrInsertGlobal(Symbol, Type::getInt8Ty(C));
  auto *Reference =
      new GlobalVariable(M, PointerType::getUnqual(C), /*isConstant=*/true,
                         GlobalValue::PrivateLinkage, ABI, ReferenceName);
  appendToUsed(M, {Reference});
}

} // namespace psm
