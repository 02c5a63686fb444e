//===- OpBody.cpp - what can be said of an op's body while parsing --------===//
//
// Guarantees: a forbidden function called in the body of a psm_op function, or
// one of libpsm's that ops may not call, is an error at the call, also with
// -fsyntax-only, so in an editor. Deeper chains, and what the optimizer makes of
// the code, are the pass's to find; it says so with the chain. A mark on a variable
// that is defined in another unit, which no code generator looks at, is warned of.
//
// Relies on the pass's own list (psmForbiddenReason, llvm-pass/Notes.cpp): there
// is one list, and -psm-rules extends it here too.
//
//===----------------------------------------------------------------------===//
#include "Marks.h"
#include "clang/AST/ASTConsumer.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Frontend/CompilerInstance.h"
#include "llvm/ADT/StringSet.h"

using namespace clang;

namespace psm {
namespace {

/// psm_time, psm_random and psm_root are for ops; no other function of psm.h is.
bool isForCallersOnly(StringRef Name) {
  static const llvm::StringSet<> Callers = {
      "psm_init",   "psm_close",  "psm_invoke_rw", "psm_invoke_ro", "psm_begin",
      "psm_append", "psm_commit", "psm_drain",     "psm_verify",    "psm_stats"};
  return Callers.contains(Name);
}

class BodyVisitor : public RecursiveASTVisitor<BodyVisitor> {
public:
  BodyVisitor(const FunctionDecl &Op, DiagnosticsEngine &Diags, ForbiddenFn *Forbidden)
      : Op(Op), Diags(Diags), Forbidden(Forbidden) {}

  bool VisitCallExpr(CallExpr *Call) {
    const FunctionDecl *Callee = Call->getDirectCallee();
    // A function of the program's own hides the library's, whatever its name.
    if (!Callee || Callee->isDefined() || !Callee->getIdentifier() ||
        !Callee->isExternallyVisible() || (!Callee->isExternC() && !Callee->getBuiltinID()))
      return true;
    StringRef Name = Callee->getName();
    if (hasMark(*Callee, "psm_skip") || hasMark(*Callee, "psm_shadow"))
      return true;
    if (isForCallersOnly(Name))
      report(*Call, "op %0 cannot call %1: the machine is busy with this very op; "
                    "ops share code by plain calls") << Callee;
    else if (const char *Why = Forbidden ? Forbidden(Name.str().c_str()) : nullptr)
      report(*Call, "op %0 cannot call %1, which %2") << Callee << Why;
    return true;
  }

  bool VisitGCCAsmStmt(GCCAsmStmt *Asm) {
    for (unsigned I = 0; I < Asm->getNumClobbers(); ++I)
      if (Asm->getClobber(I) == "memory") {
        unsigned ID = Diags.getCustomDiagID(
            DiagnosticsEngine::Error,
            "op %0 contains assembly that touches memory, which cannot be redirected "
            "to the image: write it in C, or give it a psm_shadow");
        Diags.Report(Asm->getAsmLoc(), ID) << &Op;
      }
    return true;
  }

private:
  template <unsigned N> DiagnosticBuilder report(const CallExpr &Call, const char (&Text)[N]) {
    DiagnosticBuilder Builder =
        Diags.Report(Call.getBeginLoc(), Diags.getCustomDiagID(DiagnosticsEngine::Error, Text));
    Builder << &Op;
    return Builder;
  }

  const FunctionDecl &Op;
  DiagnosticsEngine &Diags;
  ForbiddenFn *Forbidden;
};

class OpBodyCheck final : public ASTConsumer {
public:
  OpBodyCheck(DiagnosticsEngine &Diags, ForbiddenFn *Forbidden)
      : Diags(Diags), Forbidden(Forbidden) {}

  /// At the end, so that a function defined further down counts as the program's,
  /// but before code generation, which comes after us.
  void HandleTranslationUnit(ASTContext &Context) override {
    visit(*Context.getTranslationUnitDecl());
  }

private:
  void visit(const DeclContext &Context) {
    for (const Decl *D : Context.decls()) {
      const auto *F = dyn_cast<FunctionDecl>(D);
      if (F && F->doesThisDeclarationHaveABody() && hasMark(*F, "psm_op"))
        BodyVisitor(*F, Diags, Forbidden).TraverseStmt(F->getBody());
      else if (const auto *V = dyn_cast<VarDecl>(D))
        checkDefined(*V);
      else if (!F && isa<NamespaceDecl, LinkageSpecDecl, RecordDecl>(D))
        visit(*cast<DeclContext>(D));
    }
  }

  /// In a header the mark is there for the unit that defines the variable.
  void checkDefined(const VarDecl &V) {
    for (const char *Mark : {"psm_state", "psm_scratch"})
      if (V.isFirstDecl() && hasMark(V, Mark) && V.hasDefinition() == VarDecl::DeclarationOnly &&
          Diags.getSourceManager().isInMainFile(V.getLocation()))
        Diags.Report(V.getLocation(),
                     Diags.getCustomDiagID(DiagnosticsEngine::Warning,
                                           "'%0' on %1 has no effect, as it is defined elsewhere: mark "
                                           "the definition, or the declaration in a header that "
                                           "the defining unit includes"))
            << Mark << &V;
  }

  DiagnosticsEngine &Diags;
  ForbiddenFn *Forbidden;
};

} // namespace

std::unique_ptr<ASTConsumer> makeOpBodyCheck(CompilerInstance &CI, ForbiddenFn *Forbidden) {
  return std::make_unique<OpBodyCheck>(CI.getDiagnostics(), Forbidden);
}

} // namespace psm
