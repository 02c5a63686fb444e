//===- Notes.cpp - what a module tells the checker and the runtime --------===//
//
// See Notes.h and, for the records, runtime/notes.h. How it is decided
//
//  - what a function calls: by the called function of each call instruction; a
//    call through psm.resolve is an indirect one;
//  - which globals it reads and writes: by the sources of every address it follows
//    (PointerSources.h). A global whose address goes to another function is noted
//    as passed, and what that function does with it decides, across modules. Where
//    the address goes elsewhere (kept in a data structure, or in the initial value of
//    a global that the function uses) it counts as read only, unless it is seen to be
//    loaded from there and followed: calling everything written whose address was ever
//    kept would make state of every table and configuration; a write after all is
//    caught by the store's hook, which names the global to be marked psm_state;
//  - whose address is taken: by operands of instructions, and of the initial
//    values of the globals that a function refers to.
//
// Thread-local variables are not noted, a write to one is a warning: the replay
// thread has its own. Constants are not noted. Debug and annotation globals, and
// the counters that -fprofile-*, --coverage and -fsanitize-coverage add, are
// scratch.
//
//===----------------------------------------------------------------------===//
#include "Notes.h"
#include "Accesses.h"
#include "Chains.h"
#include "LocalAddresses.h"
#include "NoteWriter.h"
#include "PointerSources.h"
#include "Rules.h"
#include "Shadow.h"
#include "Unsupported.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace psm {
namespace {

/// FNV-1a over the structure of a type. Named structs count by their members, so
/// that the same type in two modules has one hash.
void hashType(const Type *T, uint32_t &Hash) {
  auto Mix = [&Hash](uint64_t Value) { Hash = (Hash ^ uint32_t(Value)) * 16777619u; };
  Mix(T->getTypeID());
  if (const auto *Integer = dyn_cast<IntegerType>(T))
    Mix(Integer->getBitWidth());
  if (const auto *Vector = dyn_cast<FixedVectorType>(T))
    Mix(Vector->getNumElements());
  if (const auto *Array = dyn_cast<ArrayType>(T))
    Mix(Array->getNumElements());
  if (const auto *Function = dyn_cast<FunctionType>(T))
    Mix(Function->isVarArg());
  Mix(T->getNumContainedTypes());
  for (const Type *Part : T->subtypes())
    hashType(Part, Hash);
}

uint32_t typeHash(const FunctionType *T) {
  uint32_t Hash = 2166136261u;
  hashType(T, Hash);
  return Hash;
}

bool isCompilerCounter(StringRef Name) {
  return Name.starts_with("__prof") || Name.starts_with("__llvm_") ||
         Name.starts_with("__sancov") || Name.starts_with("__gcov") ||
         Name.starts_with("__asan_") || Name.starts_with("llvm.");
}

class NoteTaker {
public:
  NoteTaker(Module &M, const Rules &R) : M(M), R(R) {}
  void run();

private:
  void noteFunction(Function &Shadow);
  void noteInstruction(Instruction &I);
  void noteCall(CallBase &Call);
  void noteIndirect(CallBase &Call);
  void noteSkipped(CallBase &Mark);
  void noteArguments(CallBase &Call, Function *Callee);
  void noteExternal(CallBase &Call, Function &Callee);
  void noteFollowed(Value *Pointer, bool Reads, bool Writes, const Instruction &At);
  void noteReferences();
  void noteTaken(Function &F, const Instruction *At);
  void noteTakenAnywhere();
  void noteGlobal(GlobalVariable &G);

  bool isNoted(const GlobalVariable &G) const;
  bool isScratch(const GlobalVariable &G) const;
  /// The symbol to know G or F by, null where only the name will do.
  GlobalVariable *known(GlobalVariable &G) const { return G.isDeclaration() ? nullptr : &G; }
  Function *knownForeground(Function &F) const;
  const SetVector<GlobalObject *> &reachableFrom(Constant &C);

  void add(Note N, const Instruction *At);
  bool firstTime(unsigned Kind, const void *What, uint64_t More = 0) {
    return Noted.insert({{Kind, What}, More}).second;
  }

  Module &M;
  const Rules &R;
  NoteWriter Writer;
  CallChains Chains;
  SmallVector<Function *> Ops;
  Function *Current = nullptr; ///< the shadow variant being noted
  MapVector<Constant *, Instruction *> References; ///< operands, and where first
  DenseSet<std::pair<std::pair<unsigned, const void *>, uint64_t>> Noted; ///< in it
  DenseSet<const GlobalVariable *> Touched; ///< in it: read, written or passed
  DenseMap<Constant *, SetVector<GlobalObject *>> ReachableCache;
};

void NoteTaker::add(Note N, const Instruction *At) {
  Place P = At ? placeOf(*At) : Place();
  if (At) {
    N.File = P.File;
    N.Line = P.Line;
    N.SizeText = P.Via;
  }
  Writer.add(N);
}

bool NoteTaker::isScratch(const GlobalVariable &G) const {
  return G.hasAttribute(ScratchAttr) || R.isScratch(G.getName()) ||
         isCompilerCounter(G.getName());
}

bool NoteTaker::isNoted(const GlobalVariable &G) const {
  return !G.isConstant() && !G.isThreadLocal() && !isScratch(G) &&
         G.getSection() != "llvm.metadata" && !G.hasAvailableExternallyLinkage();
}

Function *NoteTaker::knownForeground(Function &F) const {
  // A declared function may lie in a shared library: its address is a constant of
  // the program only if pinned (pinTakenExternals), which position-independent
  // code cannot be.
  bool Pinned = M.getPICLevel() == PICLevel::NotPIC;
  return F.isDeclaration() && !Pinned ? nullptr : &F;
}

//===-- globals -----------------------------------------------------------===//

void NoteTaker::noteFollowed(Value *Pointer, bool Reads, bool Writes, const Instruction &At) {
  for (Value *Source : pointerSources(Pointer, R)) {
    if (auto *G = dyn_cast<GlobalVariable>(Source)) {
      if (G->isThreadLocal() && Writes && firstTime(PSM_NOTE_WARNING, G))
        add({PSM_NOTE_WARNING, (Twine("writes the thread-local variable '") + G->getName() +
                                "', which is not part of the state").str()}, &At);
      if (!isNoted(*G))
        continue;
      Touched.insert(G);
      if (Reads && firstTime(PSM_NOTE_READ, G))
        add({.Kind = PSM_NOTE_READ, .Name = G->getName(), .Other = known(*G)}, &At);
      if (Writes && firstTime(PSM_NOTE_WRITE, G))
        add({.Kind = PSM_NOTE_WRITE, .Name = G->getName(), .Other = known(*G)}, &At);
      continue;
    }
    Note N{.Kind = PSM_NOTE_ACCESS};
    N.Detail = (Reads ? PSM_ACCESS_READ : 0) | (Writes ? PSM_ACCESS_WRITE : 0);
    if (auto *Parameter = dyn_cast<Argument>(Source)) {
      if (Parameter->hasByValAttr())
        continue;
      N.Size = Parameter->getArgNo();
    } else {
      N.Other = cast<CallBase>(Source)->getCalledFunction();
      N.Size = PSM_SOURCE_RESULT;
    }
    const void *Key = N.Other ? static_cast<void *>(N.Other) : this;
    if (firstTime(PSM_NOTE_ACCESS * 4 + N.Detail, Key, N.Size))
      Writer.add(N);
  }
}

/// A note of `Kind` for each source of `Pointer`.
static SmallVector<Note> flowNotes(psm_note_kind Kind, const PointerSources &Sources) {
  SmallVector<Note> Notes;
  for (Value *Source : Sources) {
    Note N{.Kind = Kind};
    if (auto *G = dyn_cast<GlobalVariable>(Source)) {
      N.Name = G->getName();
      N.Other = G;
      N.Size = PSM_SOURCE_GLOBAL;
    } else if (auto *Parameter = dyn_cast<Argument>(Source)) {
      if (Parameter->hasByValAttr())
        continue;
      N.Size = Parameter->getArgNo();
    } else {
      N.Other = cast<CallBase>(Source)->getCalledFunction();
      N.Size = PSM_SOURCE_RESULT;
    }
    Notes.push_back(N);
  }
  return Notes;
}

/// Callee: null for a call through a pointer.
void NoteTaker::noteArguments(CallBase &Call, Function *Callee) {
  for (unsigned I = 0; I < Call.arg_size(); ++I) {
    Value *Argument = Call.getArgOperand(I);
    if (!Argument->getType()->isPointerTy())
      continue;
    if (Call.isByValArgument(I)) {
      noteFollowed(Argument, true, false, Call);
      continue;
    }
    for (Note &N : flowNotes(PSM_NOTE_PASS, pointerSources(Argument, R))) {
      if (auto *G = dyn_cast_or_null<GlobalVariable>(N.Other)) {
        if (!isNoted(*G))
          continue;
        Touched.insert(G);
        N.Other = known(*G);
      }
      N.Shadow = Callee;
      N.Detail = I;
      N.Type = Callee ? 0 : typeHash(Call.getFunctionType());
      const void *What = N.Name.empty() ? static_cast<const void *>(N.Other) : N.Name.data();
      const void *To = Callee ? static_cast<const void *>(Callee) : Call.getFunctionType();
      if (firstTime(PSM_NOTE_PASS, What, hash_combine(To, I, N.Size)))
        Writer.add(N);
    }
  }
}

//===-- calls -------------------------------------------------------------===//

void NoteTaker::noteExternal(CallBase &Call, Function &Callee) {
  const Rule *Found = R.findWrapper(Callee.getName());
  if (!Found)
    Found = R.governing(Callee);
  StringRef Forbidden = Call.getFnAttr(ForbidAttr).getValueAsString();
  if (!Forbidden.empty())
    Found = R.find(Forbidden);
  StringRef Name = Found ? StringRef(Found->Name) : Callee.getName();
  Note N{.Kind = PSM_NOTE_EXTERNAL};
  std::string Shown = demangle(Name.str());
  N.Name = Shown;
  if (!Forbidden.empty() || (Found && Found->Kind == RuleKind::Forbid)) {
    StringRef Why = Found && !Found->Why.empty() ? StringRef(Found->Why) : "is forbidden";
    Chains.addHazard(*Current, Call, ("a call of '" + Shown + "', which " + Why).str());
    N.Detail = PSM_RULE_FORBID;
    N.OtherText = Why;
    if (firstTime(PSM_NOTE_EXTERNAL, Name.data(), hash_value(Name)))
      add(N, &Call);
    return;
  }
  if (!Found) {
    // Neither listed nor compiled: the same as a weak variant that nobody defines.
    if (firstTime(PSM_NOTE_CALL, &Callee))
      add({.Kind = PSM_NOTE_CALL, .Name = Shown}, &Call);
    return;
  }
  N.Detail = unsigned(Found->Kind);
  if (firstTime(PSM_NOTE_EXTERNAL, &Callee))
    add(N, &Call);
  for (unsigned I = 0; I < Call.arg_size(); ++I) {
    if (!Call.getArgOperand(I)->getType()->isPointerTy())
      continue;
    ArgumentUse Use = libraryArgumentUse(Call, Name, I);
    if (Found->Kind == RuleKind::Pure)
      Use.Writes = false;
    noteFollowed(Call.getArgOperand(I), Use.Reads, Use.Writes, Call);
  }
}

void NoteTaker::noteSkipped(CallBase &Mark) {
  StringRef Name;
  getConstantStringInfo(Mark.getArgOperand(0), Name);
  if (firstTime(PSM_NOTE_EXTERNAL, nullptr, hash_value(Name)))
    add({.Kind = PSM_NOTE_EXTERNAL, .Name = Name, .Detail = unsigned(RuleKind::Skip)}, &Mark);
}

void NoteTaker::noteIndirect(CallBase &Call) {
  uint32_t Type = typeHash(Call.getFunctionType());
  if (firstTime(PSM_NOTE_INDIRECT, nullptr, Type))
    add({.Kind = PSM_NOTE_INDIRECT, .Type = Type}, &Call);
  noteArguments(Call, nullptr);
}

void NoteTaker::noteCall(CallBase &Call) {
  Value *Called = Call.getCalledOperand()->stripPointerCasts();
  auto *Callee = dyn_cast<Function>(Called);
  if (!Callee) {
    if (!Call.isInlineAsm())
      noteIndirect(Call);
    return;
  }
  if (isShadow(*Callee)) {
    Chains.addCall(*Current, *Callee, Call);
    std::string Name = demangle(foregroundName(*Callee).str());
    Function *Weak = M.getFunction(foregroundName(*Callee));
    bool MayBeNull = Weak && Weak->hasExternalWeakLinkage();
    if (firstTime(PSM_NOTE_CALL, Callee))
      add({.Kind = PSM_NOTE_CALL, .Name = Name, .Shadow = Callee,
           .Other = MayBeNull ? Weak : nullptr, .Detail = MayBeNull ? PSM_CALL_WEAK : 0u}, &Call);
    noteArguments(Call, Callee);
    return;
  }
  // Intrinsics' accesses are seen as memory accesses; ours (psm.resolve, hooks)
  // are nobody's business.
  StringRef Name = Callee->getName();
  if (Name == SkippedMarkName)
    noteSkipped(Call);
  else if (!Callee->isIntrinsic() && !Name.starts_with("psm.") && !Name.starts_with("__psm_"))
    noteExternal(Call, *Callee);
}

void NoteTaker::noteInstruction(Instruction &I) {
  auto *Call = dyn_cast<CallBase>(&I);
  for (Use &Operand : I.operands())
    if (auto *C = dyn_cast<Constant>(Operand); C && !(Call && Call->isCallee(&Operand)))
      References.insert({C, &I});
  if (Call)
    noteCall(*Call);
  if (auto *Cast = dyn_cast<PtrToIntInst>(&I)) {
    AddressUse Use = findAddressArithmetic(*Cast);
    if (Use.At && firstTime(PSM_NOTE_WARNING, Use.At))
      add({PSM_NOTE_WARNING, (Twine("computes with the address of ") + Use.Of +
                              ", which is another one when the op is replayed").str()}, Use.At);
  }
  if (auto *Return = dyn_cast<ReturnInst>(&I)) {
    Value *Result = Return->getReturnValue();
    if (!Result || !Result->getType()->isPointerTy())
      return;
    for (Note &N : flowNotes(PSM_NOTE_RETURN, pointerSources(Result, R))) {
      if (auto *G = dyn_cast_or_null<GlobalVariable>(N.Other)) {
        if (!isNoted(*G))
          continue;
        Touched.insert(G);
        N.Other = known(*G);
      }
      const void *What = N.Name.empty() ? static_cast<const void *>(N.Other) : N.Name.data();
      if (firstTime(PSM_NOTE_RETURN, What, N.Size))
        Writer.add(N);
    }
  }
  if (Call && !isa<IntrinsicInst>(I))
    return; // its arguments have been seen to
  SmallVector<Access, 4> Accesses;
  collectAccesses(I, R, Accesses);
  for (const Access &A : Accesses) {
    bool ReadsToo = isa<AtomicRMWInst, AtomicCmpXchgInst>(I);
    if (!isFollowedLocal(A.address()))
      noteFollowed(A.address(), !A.Writes || ReadsToo, A.Writes, I);
  }
}

//===-- addresses taken ---------------------------------------------------===//

/// The functions and globals whose address is in C, or in the initial value of a
/// global that is.
const SetVector<GlobalObject *> &NoteTaker::reachableFrom(Constant &C) {
  auto [At, New] = ReachableCache.try_emplace(&C);
  if (!New)
    return At->second;
  SetVector<GlobalObject *> Found;
  SmallPtrSet<Constant *, 16> Seen;
  SmallVector<Constant *> Work = {&C};
  while (!Work.empty()) {
    Constant *Part = Work.pop_back_val();
    if (!Seen.insert(Part).second || isa<BlockAddress>(Part))
      continue;
    if (auto *Object = dyn_cast<GlobalObject>(Part))
      Found.insert(Object);
    if (isa<Function>(Part))
      continue; // its operands are not addresses that whoever calls it gets
    for (Use &Operand : Part->operands())
      if (auto *Inner = dyn_cast<Constant>(Operand))
        Work.push_back(Inner);
  }
  return At->second = std::move(Found);
}

void NoteTaker::noteTaken(Function &F, const Instruction *At) {
  StringRef Name = F.getName();
  if (Name.starts_with("psm.") || Name.starts_with("__psm_"))
    return;
  std::string Shown = demangle(Name.str());
  // Whether another function's unit defines it, only the linked program can tell. Calls
  // of a pure virtual function are no calls.
  bool Weak = F.hasExternalWeakLinkage();
  if (At && !knownForeground(F) && !Weak && R.governing(F) && Name != "__cxa_pure_virtual")
    Chains.addHazard(*Current, *At, "the address of '" + Shown + "' in position-independent code, "
                                    "where it differs from run to run: compile with -fno-pie");
  add({.Kind = PSM_NOTE_TAKEN, .Name = Shown, .Shadow = shadowOf(F),
       .Other = knownForeground(F), .Detail = Weak ? PSM_CALL_WEAK : 0u, .Type = typeHash(F.getFunctionType())}, At);
}

void NoteTaker::noteTakenAnywhere() {
  for (Function &F : M)
    if (!F.isIntrinsic() && !isShadow(F) && F.isDeclaration() && isAddressTaken(F))
      noteTaken(F, nullptr);
}

/// What the current function refers to beyond calls and accesses.
void NoteTaker::noteReferences() {
  for (auto [C, At] : References)
    for (GlobalObject *Object : reachableFrom(*C)) {
      if (auto *F = dyn_cast<Function>(Object)) {
        if (!F->isIntrinsic() && !isShadow(*F) && firstTime(PSM_NOTE_TAKEN, F))
          noteTaken(*F, At);
      } else if (auto *G = dyn_cast<GlobalVariable>(Object)) {
        if (isNoted(*G) && !Touched.contains(G) && firstTime(PSM_NOTE_READ, G))
          add({.Kind = PSM_NOTE_READ, .Name = G->getName(), .Other = known(*G)}, At);
      }
    }
}

//===-- the module --------------------------------------------------------===//

void NoteTaker::noteFunction(Function &Shadow) {
  Current = &Shadow;
  Noted.clear();
  Touched.clear();
  References.clear();

  const DISubprogram *Where = Shadow.getSubprogram();
  std::string Name = demangle(foregroundName(Shadow).str());
  Note N{.Kind = PSM_NOTE_FUNCTION, .Name = Name};
  if (Where) {
    N.File = Where->getFilename();
    N.Line = Where->getLine();
  }
  N.Shadow = &Shadow;
  N.Type = typeHash(Shadow.getFunctionType());
  bool IsOp = Shadow.hasFnAttribute(OpAttr);
  if (IsOp)
    Ops.push_back(&Shadow);
  N.Detail = (IsOp ? PSM_FUNCTION_OP : 0) |
             (Shadow.hasFnAttribute(ReadOnlyOpAttr) ? PSM_FUNCTION_RO : 0) |
             (Shadow.hasFnAttribute(SkipAttr) ? PSM_FUNCTION_SKIP : 0);
  Function *Foreground = M.getFunction(foregroundName(Shadow));
  // Of the variants that the optimizer made none is meant by a pointer to the
  // foreground; a thunk is made for another library's function.
  if (Foreground && !Foreground->isDeclarationForLinker() &&
      shadowOf(*Foreground) == &Shadow) {
    bool IsExternal = !Foreground->hasLocalLinkage();
    if (IsExternal)
      N.Detail |= PSM_FUNCTION_EXTERNAL;
    bool MayVanish = !IsExternal && Foreground->hasComdat();
    if (IsOp || IsExternal || (isAddressTaken(*Foreground) && !MayVanish))
      N.Other = Foreground;
  }
  Writer.add(N);

  for (Instruction &I : instructions(Shadow))
    noteInstruction(I);
  noteReferences();
  for (const Unsupported &U : findUnsupported(Shadow, R)) {
    Chains.addHazard(Shadow, *U.I, U.What + ", which ops cannot have");
    add({.Kind = PSM_NOTE_TRAP, .Name = U.What}, U.I);
  }
}

void NoteTaker::noteGlobal(GlobalVariable &G) {
  if (G.isDeclaration() || G.isConstant() || G.getSection() == "llvm.metadata" ||
      G.hasAvailableExternallyLinkage() || G.getName().starts_with("llvm."))
    return;
  Note N{.Kind = PSM_NOTE_GLOBAL, .Name = G.getName()};
  SmallVector<DIGlobalVariableExpression *, 1> Where;
  G.getDebugInfo(Where);
  if (!Where.empty()) {
    N.File = Where[0]->getVariable()->getFilename();
    N.Line = Where[0]->getVariable()->getLine();
  }
  N.Detail = (G.hasAttribute(StateAttr) || R.isState(G.getName()) ? PSM_GLOBAL_STATE : 0) |
             (isScratch(G) ? PSM_GLOBAL_SCRATCH : 0) |
             (G.isThreadLocal() ? PSM_GLOBAL_THREAD : 0) |
             (G.hasLocalLinkage() ? 0 : PSM_GLOBAL_EXTERNAL);
  N.Other = G.isThreadLocal() ? nullptr : &G;
  if (G.hasLocalLinkage() && G.hasComdat())
    N.Group = G.getComdat()->getName();
  N.Size = M.getDataLayout().getTypeAllocSize(G.getValueType());
  Writer.add(N);
}

void NoteTaker::run() {
  SmallVector<Function *> Shadows;
  for (Function &F : M)
    if (isShadow(F) && !F.isDeclaration())
      Shadows.push_back(&F);
  Writer.add({.Kind = PSM_NOTE_UNIT, .Name = M.getSourceFileName(),
              .Detail = PSM_NOTES_MAGIC});
  noteTakenAnywhere();
  for (GlobalVariable &G : M.globals())
    noteGlobal(G);
  for (Function *F : Shadows) {
    // A local function in a group that the linker may drop cannot be named from
    // outside of it; the group is of no use to a local function.
    if (F->hasLocalLinkage())
      F->setComdat(nullptr);
    noteFunction(*F);
  }
  Writer.writeTo(M);
  Chains.report(Ops);
}

} // namespace

void emitNotes(Module &M, const Rules &R) { NoteTaker(M, R).run(); }

PreservedAnalyses NotesPass::run(Module &M, ModuleAnalysisManager &) {
  emitNotes(M, Rules::forModule(M));
  return PreservedAnalyses::none();
}

} // namespace psm

namespace {
struct Silence : DiagnosticHandler {
  bool handleDiagnostics(const DiagnosticInfo &) override { return true; }
};
} // namespace

/// For the clang plugin: why op code may not call the external `Name`, null if it
/// may. The list is the built-in one and that of -psm-rules.
extern "C" __attribute__((visibility("default"))) const char *
psmForbiddenReason(const char *Name) {
  static LLVMContext Context;
  static const psm::Rules *List = [] {
    // Errors in a rules file are reported when the pass reads it.
    Context.setDiagnosticHandler(std::make_unique<Silence>());
    static Module Empty("", Context);
    return new psm::Rules(psm::Rules::forModule(Empty));
  }();
  const psm::Rule *Found = List->find(Name);
  return Found && Found->Kind == psm::RuleKind::Forbid ? Found->Why.c_str() : nullptr;
}
