//===- Plugin.cpp - the clang plugin: attributes, checks, and the pass ----===//
//
// Guarantees: with -fplugin=libpsmclang.so alone, a program is parsed with the
// psm attributes, checked, and compiled by the pass in libpsmpass.so beside this
// file; -fpass-plugin=libpsmpass.so as well does no harm. Code generation keeps
// source locations (not debug information) so that errors and notes have lines.
//
// Why the pass is loaded already when this file is: clang reads -mllvm options
// before it loads pass plugins, and would not know -psm-rules.
//
// -fplugin-arg-psm-no-pass: attributes and checks only, for editors and linters.
//
//===----------------------------------------------------------------------===//
#include "Marks.h"
#include "Versions.h"
#include "clang/AST/ASTConsumer.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendPluginRegistry.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <dlfcn.h>

using namespace clang;
using namespace llvm;

namespace psm {
namespace {

/// libpsmpass.so in the directory that this code was loaded from.
std::string findPass() {
  Dl_info Here;
  if (!dladdr(reinterpret_cast<void *>(&findPass), &Here) || !Here.dli_fname)
    return {};
  SmallString<256> Path(Here.dli_fname);
  sys::fs::make_absolute(Path);
  sys::path::remove_filename(Path);
  sys::path::append(Path, "libpsmpass.so");
  return Path.str().str();
}

/// The pass's library, loaded when this one is.
struct Pass {
  std::string Path = findPass(), Error;
  sys::DynamicLibrary Library =
      sys::DynamicLibrary::getPermanentLibrary(Path.c_str(), &Error);

  ForbiddenFn *forbidden() {
    if (!Library.isValid())
      return nullptr;
    return reinterpret_cast<ForbiddenFn *>(Library.getAddressOfSymbol("psmForbiddenReason"));
  }
};
Pass ThePass;

class Action final : public PluginASTAction {
  bool ParseArgs(const CompilerInstance &ConstCI,
                 const std::vector<std::string> &Arguments) override {
    // The options are ours to set until the AST is made: CI is const only for
    // plugins that look at it.
    auto &CI = const_cast<CompilerInstance &>(ConstCI);
    DiagnosticsEngine &Diags = CI.getDiagnostics();
    bool WithPass = true;
    for (const std::string &Argument : Arguments) {
      if (Argument != "no-pass") {
        Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error,
                                           "psm: unknown plugin argument '%0'; there is "
                                           "only -fplugin-arg-psm-no-pass"))
            << Argument;
        return false;
      }
      WithPass = false;
    }
    return !WithPass || addPass(CI);
  }

  bool addPass(CompilerInstance &CI) {
    DiagnosticsEngine &Diags = CI.getDiagnostics();
    CodeGenOptions &CodeGen = CI.getCodeGenOpts();
    if (!ThePass.Library.isValid()) {
      Diags.Report(Diags.getCustomDiagID(DiagnosticsEngine::Error,
                                         "psm: cannot load the pass: %0"))
          << ThePass.Error;
      return false;
    }
    bool Given = any_of(CodeGen.PassPlugins, [](const std::string &Other) {
      return sys::fs::equivalent(Other, ThePass.Path);
    });
    if (!Given)
      addPassPlugin(CodeGen, ThePass.Library, ThePass.Path);
    // The code generator fuses by itself if the program asks for -ffp-contract=fast.
    CI.getLangOpts().setDefaultFPContractMode(LangOptions::FPM_Off);
    if (CodeGen.getDebugInfo() == codegenoptions::NoDebugInfo)
      CodeGen.setDebugInfo(codegenoptions::LocTrackingOnly);
    return true;
  }

  std::unique_ptr<ASTConsumer> CreateASTConsumer(CompilerInstance &CI, StringRef) override {
    return makeOpBodyCheck(CI, ThePass.forbidden());
  }

  ActionType getActionType() override { return AddBeforeMainAction; }
};

FrontendPluginRegistry::Add<Action> Registration("psm", "persistent state machines");

} // namespace
} // namespace psm
