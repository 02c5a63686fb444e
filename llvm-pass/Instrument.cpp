//===- Instrument.cpp - stage 2: shadow clones run on P -------------------===//
//
// Guarantees: after this pass every shadow clone of the module follows twins only,
// announces every store that matters, calls only what may be called in replay, and
// verifies. Nothing but clones, and the declarations they call, is changed.
//
// Runs last: what the optimizer does not see, it cannot undo, and the foreground's
// code owes nothing to the shadow. Only EarlyCSE and SimplifyCFG come after, on
// clones: no inlining, no interprocedural pass (they would believe attributes that
// were inferred before).
//
//     define i64 @op.psm(ptr %p) "psm-shadow"="op" {
//       %v = load i64, ptr %p
//       %n = add i64 %v, 1
//       store i64 %n, ptr %p
//   becomes
//       %delta = load i64, ptr @__psm_delta, !invariant.load !0
//       %twin = getelementptr i8, ptr %p, i64 %delta
//       %v = load i64, ptr %twin
//       %n = add i64 %v, 1
//       [ hook for 8 bytes at %twin, see Emit.h ]
//       store i64 %n, ptr %twin
//
// Each decision is counted (-stats) and remarked upon (-pass-remarks=psm: hooks;
// -pass-remarks-missed=psm: stores without one, with the reason).
//
// Try: opt -load-pass-plugin=libpsmpass.so -passes=psm-instrument,verify -S in.ll
//
//===----------------------------------------------------------------------===//
#include "Accesses.h"
#include "Emit.h"
#include "HookGroups.h"
#include "Hooks.h"
#include "IndirectCalls.h"
#include "LoopHooks.h"
#include "Notes.h"
#include "Options.h"
#include "Prepare.h"
#include "Rules.h"
#include "Shadow.h"
#include "Stores.h"
#include "Twins.h"
#include "Unsupported.h"
#include "Versions.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

#define DEBUG_TYPE "psm"
STATISTIC(Instrumented, "shadow variants instrumented");
STATISTIC(Translated, "addresses translated");
STATISTIC(Direct, "addresses followed as they are");
STATISTIC(Hooked, "hooks");
STATISTIC(SharedHooks, "hooks of more than one store");
STATISTIC(LoopHooks, "hooks made before a loop");
STATISTIC(GroupedHooks, "hooks made together with an earlier one");
STATISTIC(SkippedStores, "stores without a hook");

namespace psm {
namespace {

/// Set on modules that have been through stage 2; the linker sees it as well, so
/// that a later optimizer leaves them alone.
constexpr StringLiteral DoneFlag = "psm-done";

class Instrumenter {
public:
  /// Takes stock of F's accesses first: those that the pass adds are its own.
  Instrumenter(Function &F, const Rules &R, FunctionAnalysisManager &FAM)
      : F(F), R(R), FAM(FAM), Accesses(collect(F, R)), T(F) {}
  void run();

private:
  using AccessList = SmallVector<Access, 0>;
  static AccessList collect(Function &F, const Rules &R);
  void returnCanonicals();
  void hook();
  void translate();
  void remark(const StorePlan &Plan);

  Function &F;
  const Rules &R;
  FunctionAnalysisManager &FAM;
  AccessList Accesses;
  Twins T;
};

Instrumenter::AccessList Instrumenter::collect(Function &F, const Rules &R) {
  AccessList List;
  for (Instruction &I : instructions(F))
    collectAccesses(I, R, List);
  return List;
}

/// What a pure external returns into an argument becomes canonical.
void Instrumenter::returnCanonicals() {
  for (Instruction &I : make_early_inc_range(instructions(F))) {
    auto *Call = dyn_cast<CallBase>(&I);
    const Rule *Rule = Call ? pureRule(*Call, R) : nullptr;
    if (!Rule || Rule->ReturnsArg < 0 || !Call->getType()->isPointerTy() ||
        unsigned(Rule->ReturnsArg) >= Call->arg_size() ||
        T.isDirect(Call->getArgOperand(Rule->ReturnsArg)))
      continue;
    if (auto *Plain = dyn_cast<CallInst>(Call); Plain && Plain->isMustTailCall())
      Plain->setTailCallKind(CallInst::TCK_None); // something follows it now
    SmallVector<Use *, 8> Uses;
    for (Use &U : Call->uses())
      Uses.push_back(&U);
    if (Uses.empty())
      continue;
    BasicBlock::iterator After = afterDefinition(*Call);
    IRBuilder<> B(After->getParent(), After);
    B.SetCurrentDebugLocation(Call->getDebugLoc());
    Value *Canonical = T.canonical(B, Call);
    for (Use *U : Uses)
      U->set(Canonical);
  }
}

void Instrumenter::hook() {
  FAM.invalidate(F, PreservedAnalyses::none());
  auto &DT = FAM.getResult<DominatorTreeAnalysis>(F);
  StorePlan Plan = planStores(F, Accesses, T, DT, R);
  LoopHooks += hoistFromLoops(Plan, F, FAM);
  GroupedHooks += groupHooks(Plan, DT);
  remark(Plan);
  HookEmitter Emitter(F, T);
  for (const PlannedHook &H : Plan.Hooks)
    Emitter.emit(H);
}

void Instrumenter::translate() {
  SmallVector<WeakTrackingVH, 32> Old;
  for (const Access &A : Accesses) {
    Value *Pointer = A.address();
    Value *Twin = T.twin(Pointer, A.I);
    if (Twin == Pointer) {
      ++Direct;
      continue;
    }
    A.I->setOperand(A.Operand, Twin);
    ++Translated;
    if (isa<Instruction>(Pointer))
      Old.push_back(Pointer);
  }
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(Old);
}

void Instrumenter::run() {
  returnCanonicals();
  if (!options::NoHooks)
    hook();
  translate();
  ++Instrumented;
}

void Instrumenter::remark(const StorePlan &Plan) {
  OptimizationRemarkEmitter Emitter(&F);
  auto RemarkHook = [&](const PlannedHook &H) {
    ++Hooked;
    SharedHooks += H.StoreCount > 1;
    Emitter.emit([&] {
      OptimizationRemark Remark(DEBUG_TYPE, "Hook", H.First.I);
      if (H.First.Shape != Extent::Fixed || H.Length)
        return Remark << "hook for a store of varying length";
      return Remark << "hook for " << ore::NV("Bytes", unsigned(H.Size)) << " bytes, "
                    << ore::NV("Stores", H.StoreCount)
                    << (H.StoreCount == 1 ? " store" : " stores");
    });
  };
  for (const PlannedHook &H : Plan.Hooks) {
    RemarkHook(H);
    for_each(H.Companions, RemarkHook);
  }
  for (const SkippedStore &S : Plan.Skipped) {
    ++SkippedStores;
    Emitter.emit([&] {
      return OptimizationRemarkMissed(DEBUG_TYPE, "NoHook", S.Store.I)
             << "no hook: store " << ore::NV("Reason", describe(S.Reason));
    });
  }
}

/// Of what skipped calls have left, the unused results, or the marks.
void eraseSkipped(Function &F, bool Marks) {
  for (Instruction &I : make_early_inc_range(instructions(F)))
    if (auto *Call = dyn_cast<CallInst>(&I); Call && Call->use_empty())
      if (const Function *Callee = Call->getCalledFunction())
        if (Callee->getName().starts_with(SkippedName) &&
            (Callee->getName() == SkippedMarkName) == Marks)
          Call->eraseFromParent();
}

void cleanUp(Function &F, FunctionAnalysisManager &FAM) {
  FAM.invalidate(F, PreservedAnalyses::none());
  if (F.hasOptNone())
    return;
  FAM.invalidate(F, EarlyCSEPass(/*UseMemorySSA=*/true).run(F, FAM));
  FAM.invalidate(F, SimplifyCFGPass().run(F, FAM));
}

void verify(const Function &F) {
  std::string Text;
  raw_string_ostream OS(Text);
  if (verifyFunction(F, &OS))
    report_fatal_error(Twine("psm: the shadow variant ") + F.getName() +
                       " does not verify: " + Text);
}

} // namespace

PreservedAnalyses InstrumentPass::run(Module &M, ModuleAnalysisManager &AM) {
  if (M.getModuleFlag(DoneFlag))
    return PreservedAnalyses::all();
  M.addModuleFlag(Module::Max, DoneFlag, 1);

  SmallVector<Function *, 64> Clones;
  for (Function &F : M)
    if (isShadow(F) && !F.isDeclaration())
      Clones.push_back(&F);

  Rules R = Rules::forModule(M);
  for (Function *F : Clones) {
    applyRules(*F, R);
    foldResolves(*F);
    eraseSkipped(*F, /*Marks=*/false);
  }
  emitNotes(M, R);

  auto &FAM = AM.getResult<FunctionAnalysisManagerModuleProxy>(M).getManager();
  for (Function *F : Clones) {
    eraseSkipped(*F, /*Marks=*/true);
    trapUnsupported(*F, R);
    makePlain(*F);
    removeUnreachableBlocks(*F);
    Instrumenter(*F, R, FAM).run();
    expandResolves(*F);
  }
  for (Function &F : M)
    if (isShadow(F) || R.findWrapper(F.getName()))
      stripPromises(F, R);
  for (Function *F : Clones) {
    cleanUp(*F, FAM);
    verify(*F);
  }
  pinTakenExternals(M);
  if (!Clones.empty())
    referToHookABI(M);
  return PreservedAnalyses::none();
}

} // namespace psm
