//===- Plugin.cpp - registration of the pass ------------------------------===//
//
// Guarantees: stage 1 runs once at the start of the pipeline, also at -O0; psm
// resolve folding wherever a peephole optimizer runs; stage 2 once, last, in the
// last optimizer that sees the module: the compiler's, or the linker's with -flto.
//
// Relies on clang to mark what it compiles for a link-time optimizer with the
// module flags "ThinLTO" or "EnableSplitLTOUnit" before the pipeline runs, for
// OptimizerLast is called in pre-link steps as well. A ThinLTO backend calls
// OptimizerLast a second time, in another process; the flag that the first call
// leaves tells them apart. -psm-prelink says it outright (-ffat-lto-objects).
//
// Try: opt -load-pass-plugin=libpsmpass.so -passes=psm-clone,verify -S in.ll
//
//===----------------------------------------------------------------------===//
#include "Options.h"
#include "Shadow.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#if __has_include("llvm/Plugins/PassPlugin.h")
#include "llvm/Plugins/PassPlugin.h"
#else
#include "llvm/Passes/PassPlugin.h"
#endif

using namespace llvm;

namespace psm::options {

static cl::OptionCategory Category("PSM: persistent state machines");

cl::list<std::string> RulesFiles("psm-rules", cl::value_desc("file"),
                                 cl::desc("rules about functions, after the built-in ones"),
                                 cl::cat(Category));
cl::opt<bool> NoHooks("psm-no-hooks", cl::desc("translate addresses, log nothing (to measure)"),
                      cl::cat(Category));
cl::list<std::string> Forget("psm-forget", cl::CommaSeparated,
                             cl::value_desc("store|vector|memory|masked|scatter"),
                             cl::desc("leave hooks of one kind out (to test what finds it)"),
                             cl::cat(Category));
cl::list<std::string> ForegroundSkip("psm-foreground-skip", cl::CommaSeparated,
                                     cl::value_desc("alloc|own|zero|libm|guard|fp"),
                                     cl::desc("leave foreground rules out (to measure)"),
                                     cl::cat(Category));
cl::opt<bool> Visible("psm-visible-shadows",
                      cl::desc("shadow variants are as visible as their functions"),
                      cl::cat(Category));
cl::opt<bool> PreLink("psm-prelink", cl::desc("a link-time optimizer follows: no stage 2"),
                      cl::cat(Category));

} // namespace psm::options

namespace psm {
namespace {

/// InstrumentPass, unless a link-time optimizer is still to come.
struct InstrumentUnlessPreLink : PassInfoMixin<InstrumentUnlessPreLink> {
  static bool isRequired() { return true; }
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &AM) {
    static constexpr StringLiteral Seen = "psm-prelink";
    bool ForLTO = M.getModuleFlag("ThinLTO") || M.getModuleFlag("EnableSplitLTOUnit");
    if (options::PreLink || (ForLTO && !M.getModuleFlag(Seen))) {
      if (!M.getModuleFlag(Seen))
        M.addModuleFlag(Module::Max, Seen, 1);
      return PreservedAnalyses::all();
    }
    return InstrumentPass().run(M, AM);
  }
};

bool parseModulePass(StringRef Name, ModulePassManager &PM,
                     ArrayRef<PassBuilder::PipelineElement>) {
  if (Name == "psm-clone")
    PM.addPass(ClonePass());
  else if (Name == "psm-instrument")
    PM.addPass(InstrumentPass());
  else if (Name == "psm-notes")
    PM.addPass(NotesPass());
  else
    return false;
  return true;
}

bool parseFunctionPass(StringRef Name, FunctionPassManager &PM,
                       ArrayRef<PassBuilder::PipelineElement>) {
  if (Name != "psm-resolve-fold")
    return false;
  PM.addPass(ResolveFoldPass());
  return true;
}

void registerPasses(PassBuilder &PB) {
  PB.registerPipelineStartEPCallback(
      [](ModulePassManager &PM, OptimizationLevel) { PM.addPass(ClonePass()); });
  PB.registerPeepholeEPCallback(
      [](FunctionPassManager &PM, OptimizationLevel) { PM.addPass(ResolveFoldPass()); });
  PB.registerOptimizerLastEPCallback([](ModulePassManager &PM, OptimizationLevel, auto...) {
    PM.addPass(InstrumentUnlessPreLink());
  });
  PB.registerFullLinkTimeOptimizationLastEPCallback(
      [](ModulePassManager &PM, OptimizationLevel) { PM.addPass(InstrumentPass()); });
  PB.registerPipelineParsingCallback(parseModulePass);
  PB.registerPipelineParsingCallback(parseFunctionPass);
}

} // namespace
} // namespace psm

extern "C" LLVM_ATTRIBUTE_WEAK __attribute__((visibility("default"))) PassPluginLibraryInfo
llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "psm", "1", psm::registerPasses};
}
