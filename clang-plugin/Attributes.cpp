//===- Attributes.cpp - psm_op and its family, and what may carry them ----===//
//
// Guarantees: each attribute, in GNU and [[psm::x]] spelling, in C and C++, is
// either lowered to the `annotate` attribute that the pass reads, or an error
// that says what to write instead, with a fix-it where the text is known. There
// is no third way: a mark that is accepted and means nothing would be found out
// at the first crash.
//
//   psm_op           a function that changes the state; psm_invoke_rw
//   psm_ro           one that only reads it; psm_invoke_ro
//   psm_state        a global that belongs to the state even if the compiler
//                    sees no op write it
//   psm_scratch      a global that ops use and nobody persists
//   psm_skip         a function that ops call in the foreground only
//   psm_skip(value)  likewise; the replayed op sees it return `value`
//   psm_shadow(fn)   the replayed op calls fn instead
//
// Relies on plugin attributes (ParsedAttrInfo) for the spellings, and on annotate
// being inherited by later declarations, so that a mark in a header is enough.
//
// Try: clang -fplugin=libpsmclang.so -fsyntax-only x.c
//
//===----------------------------------------------------------------------===//
#include "Marks.h"
#include "Versions.h"
#include "clang/AST/ASTConsumer.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/Mangle.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"
#include "clang/Sema/Lookup.h"
#include "clang/Sema/ParsedAttr.h"
#include "clang/Sema/Sema.h"

using namespace clang;

namespace psm {

bool hasMark(const Decl &D, StringRef Mark) {
  for (const auto *A : D.specific_attrs<AnnotateAttr>())
    if (A->getAnnotation() == Mark || A->getAnnotation().starts_with((Mark + ":").str()))
      return true;
  return false;
}

namespace {

constexpr char ExpectedOp[] = "int64_t (void *root, const void *arg, size_t size, void *out)";

/// Custom diagnostics want constant format strings; these keep the calls short.
template <unsigned N>
Sema::SemaDiagnosticBuilder error(Sema &S, SourceLocation At, const char (&Text)[N]) {
  return S.Diag(At, S.Diags.getCustomDiagID(DiagnosticsEngine::Error, Text));
}
template <unsigned N>
Sema::SemaDiagnosticBuilder warning(Sema &S, SourceLocation At, const char (&Text)[N]) {
  return S.Diag(At, S.Diags.getCustomDiagID(DiagnosticsEngine::Warning, Text));
}
template <unsigned N>
Sema::SemaDiagnosticBuilder note(Sema &S, SourceLocation At, const char (&Text)[N]) {
  return S.Diag(At, S.Diags.getCustomDiagID(DiagnosticsEngine::Note, Text));
}

/// As the program wrote it: psm_op or psm::op.
std::string spelled(const ParsedAttr &Attr) { return Attr.getNormalizedFullName(); }

/// Clang hands over a lone identifier as such, anything else as an expression.
SourceLocation argumentLocation(const ParsedAttr &Attr) {
  return Attr.isArgIdent(0) ? location(*Attr.getArgAsIdent(0))
                            : Attr.getArgAsExpr(0)->getExprLoc();
}

/// What the argument names (`f`, `&f`, `space::f`, an enumerator), null if it is
/// something else or not declared.
ValueDecl *namedByArgument(Sema &S, const ParsedAttr &Attr) {
  if (Attr.isArgIdent(0)) {
    const IdentifierLoc &Name = *Attr.getArgAsIdent(0);
    LookupResult Found(S, identifier(Name), location(Name), Sema::LookupOrdinaryName);
    if (S.LookupName(Found, S.getCurScope()))
      return Found.isSingleResult() ? dyn_cast<ValueDecl>(Found.getFoundDecl()) : nullptr;
    return nullptr;
  }
  const Expr *E = Attr.getArgAsExpr(0)->IgnoreParenImpCasts();
  const auto *Unary = dyn_cast<UnaryOperator>(E);
  if (Unary && Unary->getOpcode() == UO_AddrOf)
    E = Unary->getSubExpr()->IgnoreParenImpCasts();
  const auto *Reference = dyn_cast<DeclRefExpr>(E);
  return Reference ? const_cast<ValueDecl *>(Reference->getDecl()) : nullptr;
}

/// What all our attributes have in common: two spellings, one annotation, no
/// two that contradict each other on one declaration.
class Mark : public ParsedAttrInfo {
public:
  AttrHandling handleDeclAttribute(Sema &S, Decl *D,
                                   const ParsedAttr &Attr) const final {
    if (D->isInvalidDecl())
      return AttributeNotApplied;
    // Known without scope only so that clang parses the arguments, see below.
    if (Attr.isStandardAttributeSyntax() && !Attr.hasScope()) {
      S.Diag(Attr.getLoc(), diag::warn_unknown_attribute_ignored) << Attr;
      return AttributeNotApplied;
    }
    std::string Annotation = Name.str();
    if (!excluded(S, *D, Attr) && check(S, D, Attr, Annotation) &&
        !hasMark(*D, Annotation))
      D->addAttr(AnnotateAttr::Create(S.Context, Annotation, nullptr, 0, Attr.getRange()));
    return AttributeApplied;
  }

protected:
  Mark(StringRef Name, ArrayRef<Spelling> Names, ArrayRef<const char *> Excludes)
      : Name(Name), Excludes(Excludes) {
    Spellings = Names;
  }

  /// Whether D may carry the mark; says so if not. May add to the annotation.
  virtual bool check(Sema &S, Decl *D, const ParsedAttr &Attr,
                     std::string &Annotation) const = 0;

  const FunctionDecl *function(Sema &S, const Decl *D, const ParsedAttr &Attr) const {
    const auto *F = D->getAsFunction();
    if (!F)
      error(S, Attr.getLoc(), "'%0' marks functions; %select{this is something else|"
                              "this is a variable of pointer type: mark the functions "
                              "it may point to}1")
          << spelled(Attr) << pointsToFunction(*D);
    else if (F->isMain())
      error(S, Attr.getLoc(), "'main' cannot be marked '%0': it runs once, and is not "
                              "replayed") << spelled(Attr);
    else if (F->isTemplated())
      error(S, Attr.getLoc(), "'%0' marks one function; %1 is a template: mark a "
                              "function that calls it") << spelled(Attr) << F;
    else
      return F;
    return nullptr;
  }

private:
  bool excluded(Sema &S, const Decl &D, const ParsedAttr &Attr) const {
    for (const char *Other : Excludes)
      if (hasMark(D, Other)) {
        error(S, Attr.getLoc(), "'%0' and '%1' contradict each other: keep one")
            << spelled(Attr) << Other;
        return true;
      }
    return false;
  }

  static bool pointsToFunction(const Decl &D) {
    const auto *V = dyn_cast<ValueDecl>(&D);
    return V && V->getType()->isFunctionPointerType();
  }

  StringRef Name;
  ArrayRef<const char *> Excludes;
};

//===-- ops ---------------------------------------------------------------===//

/// Says that parameter or result `What` has the wrong type, and puts the right one
/// there if its text is known.
void wrongType(Sema &S, SourceLocation At, const ParsedAttr &Attr, const char *What,
               QualType Has, const char *Wants, SourceRange Text, StringRef New) {
  auto Message = error(S, At, "a '%0' function's %1 is to be '%3', not %2");
  Message << spelled(Attr) << What << Has << Wants;
  if (Text.isValid())
    Message << FixItHint::CreateReplacement(Text, New);
}

/// The part of a parameter's text that is its type: up to the name. Invalid for
/// declarators that go on after it (arrays, functions).
SourceRange typeText(const ParmVarDecl &P) {
  QualType Written = P.getOriginalType();
  if (P.getName().empty())
    return P.getSourceRange();
  if (Written->isArrayType() || Written->isFunctionPointerType())
    return {};
  return {P.getBeginLoc(), P.getLocation()};
}

bool checkSignature(Sema &S, const FunctionDecl &F, const ParsedAttr &Attr) {
  ASTContext &C = S.Context;
  const auto *Type = F.getType()->getAs<FunctionProtoType>();
  auto Expected = [&] {
    note(S, F.getLocation(), "an op is '%0'") << ExpectedOp;
    return false;
  };
  if (!Type) {
    error(S, F.getLocation(), "a '%0' function needs its parameters declared") << spelled(Attr);
    return Expected();
  }
  if (Type->isVariadic()) {
    error(S, F.getLocation(), "a '%0' function cannot take '...': its only inputs are "
                              "the state and its argument bytes") << spelled(Attr);
    return Expected();
  }
  if (F.getNumParams() != 4) {
    error(S, F.getLocation(), "a '%0' function takes 4 parameters, %1 has %2")
        << spelled(Attr) << &F << F.getNumParams();
    return Expected();
  }
  const QualType Bytes = C.getPointerType(C.VoidTy.withConst());
  const struct { QualType Type; const char *What, *Text; } Want[] = {
      {C.VoidPtrTy, "first parameter, the root,", "void *"},
      {Bytes, "second parameter, the argument,", "const void *"},
      {C.getSizeType(), "third parameter, the argument's size,", "size_t"},
      {C.VoidPtrTy, "fourth parameter, out,", "void *"}};
  bool Good = true;
  QualType Result = C.getIntTypeForBitwidth(64, /*Signed=*/true);
  if (!C.hasSameType(F.getReturnType(), Result)) {
    wrongType(S, F.getLocation(), Attr, "result", F.getReturnType(), "int64_t",
              F.getReturnTypeSourceRange(), "int64_t");
    Good = false;
  }
  for (unsigned I = 0; I < 4; ++I) {
    const ParmVarDecl &P = *F.getParamDecl(I);
    if (C.hasSameUnqualifiedType(P.getType(), Want[I].Type))
      continue;
    std::string New = Want[I].Text;
    if (!P.getName().empty())
      New += (New.back() == '*' ? "" : " ") + P.getName().str();
    wrongType(S, P.getLocation(), Attr, Want[I].What, P.getType(), Want[I].Text,
              typeText(P), New);
    Good = false;
  }
  return Good || Expected();
}

class OpMark : public Mark {
public:
  OpMark(StringRef Name, ArrayRef<Spelling> Names, ArrayRef<const char *> Excludes)
      : Mark(Name, Names, Excludes) {}

private:
  bool check(Sema &S, Decl *D, const ParsedAttr &Attr, std::string &) const override {
    const FunctionDecl *F = function(S, D, Attr);
    if (!F)
      return false;
    const auto *Method = dyn_cast<CXXMethodDecl>(F);
    if (Method && Method->isInstance()) {
      error(S, F->getLocation(), "a '%0' function has no 'this': make %1 static, and "
                                 "take the object from the root") << spelled(Attr) << F;
      return false;
    }
    if (F->isInlineSpecified()) {
      error(S, F->getLocation(), "a '%0' function must not be inline: its address names "
                                 "it in the op-log, so there must be one of it")
          << spelled(Attr) << FixItHint::CreateRemoval(inlineKeyword(S, *F));
      return false;
    }
    if (F->isConsteval() || F->isNoReturn()) {
      error(S, F->getLocation(), "a '%0' function returns at run time: %1 cannot")
          << spelled(Attr) << F;
      return false;
    }
    return checkSignature(S, *F, Attr);
  }

  /// FunctionDecl does not keep the keyword's place: look for it between the
  /// declaration's begin and its name. Invalid if a macro hides it.
  static SourceRange inlineKeyword(Sema &S, const FunctionDecl &F) {
    SourceManager &SM = S.getSourceManager();
    SourceLocation At = F.getBeginLoc(), End = F.getLocation();
    while (At.isFileID() && End.isFileID() && SM.isBeforeInTranslationUnit(At, End)) {
      Token T;
      if (Lexer::getRawToken(At, T, SM, S.getLangOpts(), /*IgnoreWhiteSpace=*/true))
        break;
      if (T.is(tok::raw_identifier) && T.getRawIdentifier().trim('_') == "inline")
        return T.getLocation();
      At = T.getEndLoc();
    }
    return {};
  }
};

//===-- globals -----------------------------------------------------------===//

/// Whether nothing, no constructor either, ever changes V.
bool isConstant(const VarDecl &V) {
  const ASTContext &C = V.getASTContext();
  const CXXRecordDecl *Class = C.getBaseElementType(V.getType())->getAsCXXRecordDecl();
  return V.getType().isConstant(C) &&
         (!Class || (Class->isTrivial() && !Class->hasMutableFields()));
}

class GlobalMark : public Mark {
public:
  GlobalMark(StringRef Name, ArrayRef<Spelling> Names, ArrayRef<const char *> Excludes)
      : Mark(Name, Names, Excludes), IsState(Name == "psm_state") {}

private:
  bool check(Sema &S, Decl *D, const ParsedAttr &Attr, std::string &) const override {
    const auto *V = dyn_cast<VarDecl>(D);
    if (!V || isa<ParmVarDecl>(D) || !V->hasGlobalStorage()) {
      error(S, Attr.getLoc(), "'%0' marks global and static variables%select{|; a local "
                              "variable ends with its function}1")
          << spelled(Attr) << (V && !isa<ParmVarDecl>(D));
      return false;
    }
    if (V->isTemplated()) {
      error(S, Attr.getLoc(), "'%0' marks one variable; %1 is part of a template")
          << spelled(Attr) << V;
      return false;
    }
    if (IsState && V->getTLSKind() != VarDecl::TLS_None) {
      error(S, Attr.getLoc(), "a thread's own variable cannot be state: callers and "
                              "replay are different threads");
      return false;
    }
    if (isConstant(*V))
      warning(S, Attr.getLoc(), "'%0' does nothing to a constant") << spelled(Attr);
    return true;
  }

  bool IsState;
};

//===-- side effects ------------------------------------------------------===//

class SkipMark : public Mark {
public:
  SkipMark(StringRef Name, ArrayRef<Spelling> Names, ArrayRef<const char *> Excludes)
      : Mark(Name, Names, Excludes) {
    OptArgs = 1;
  }

private:
  bool check(Sema &S, Decl *D, const ParsedAttr &Attr,
             std::string &Annotation) const override {
    const FunctionDecl *F = function(S, D, Attr);
    if (!F)
      return false;
    QualType Result = F->getReturnType();
    if (F->isNoReturn())
      warning(S, Attr.getLoc(), "%0 does not return, so replay stops where an op "
                                "calls it") << F;
    if (Attr.getNumArgs() == 0)
      return true;
    const SourceLocation At = argumentLocation(Attr);
    if (!Result->isIntegralOrEnumerationType() && !Result->isPointerType()) {
      error(S, At, "%0 returns %1: only an integer or NULL can be "
                                    "given to '%2'") << F << Result << spelled(Attr);
      return false;
    }
    std::optional<llvm::APSInt> Number;
    if (const auto *Enumerator = dyn_cast_or_null<EnumConstantDecl>(namedByArgument(S, Attr)))
      Number = Enumerator->getInitVal();
    else if (Attr.isArgExpr(0) && !Attr.getArgAsExpr(0)->isValueDependent())
      Number = Attr.getArgAsExpr(0)->getIntegerConstantExpr(S.Context);
    if (!Number || Number->getSignificantBits() > 64) {
      error(S, At, "the value that replay sees instead of calling %0 "
                                    "must be an integer constant") << F;
      return false;
    }
    if (Result->isPointerType() && *Number != 0) {
      error(S, At, "a pointer that replay sees can only be NULL: write "
                                    "'%0(0)'") << spelled(Attr);
      return false;
    }
    Annotation += ":" + std::to_string(Number->getExtValue());
    return true;
  }
};

/// Nobody may call a static Target in the foreground; it must be compiled all the
/// same. Code generation has passed by its definition already, if there is one, so
/// it is shown it once more, now marked.
void emitEvenIfUncalled(Sema &S, FunctionDecl *Target) {
  if (Target->isExternallyVisible())
    return;
  FunctionDecl *Definition = Target->getDefinition();
  if (!Definition)
    Definition = Target->getMostRecentDecl();
  if (!Definition->hasAttr<UsedAttr>())
    Definition->addAttr(UsedAttr::CreateImplicit(S.Context));
  if (Definition->isThisDeclarationADefinition())
    S.getASTConsumer().HandleTopLevelDecl(DeclGroupRef(Definition));
}

class ShadowMark : public Mark {
public:
  ShadowMark(StringRef Name, ArrayRef<Spelling> Names, ArrayRef<const char *> Excludes)
      : Mark(Name, Names, Excludes) {
    NumArgs = 1;
  }

private:
  bool check(Sema &S, Decl *D, const ParsedAttr &Attr,
             std::string &Annotation) const override {
    const FunctionDecl *F = function(S, D, Attr);
    if (!F)
      return false;
    const SourceLocation At = argumentLocation(Attr);
    auto *Target = dyn_cast_or_null<FunctionDecl>(namedByArgument(S, Attr));
    if (!Target) {
      error(S, At, "'%0' takes one function declared before: what replay calls instead")
          << spelled(Attr);
      return false;
    }
    // By name and type: this declaration is not linked to earlier ones yet.
    if (Target->getDeclName() == F->getDeclName() &&
        Target->getDeclContext()->Equals(F->getDeclContext()) &&
        S.Context.hasSameType(Target->getType(), F->getType())) {
      error(S, At, "'%0' replaces %1 by itself") << spelled(Attr) << F;
      return false;
    }
    if (Target->getBuiltinID() && !Target->isDefined()) {
      error(S, At, "%0 is the library's: write a function of your own that "
                                "calls it") << Target;
      return false;
    }
    if (!S.Context.hasSameType(Target->getType(), F->getType())) {
      error(S, At, "%0 is %1, but stands for %2, which is %3")
          << Target << Target->getType() << F << F->getType();
      note(S, Target->getLocation(), "%0 is declared here") << Target;
      return false;
    }
    S.MarkFunctionReferenced(At, Target);
    emitEvenIfUncalled(S, Target);
    Annotation += ":" + ASTNameGenerator(S.Context).getName(Target);
    return true;
  }
};

//===-- the spellings of each -----------------------------------------===//

// Clang asks plugins about [[psm::skip(0)]] by the name "skip" alone before it
// parses the arguments, and drops them if nobody answers; so there is a third and
// fourth spelling, which handleDeclAttribute turns away.
#define PSM_ATTRIBUTE(CLASS, NAME, ...)                                                  \
  namespace NAME {                                                                       \
  constexpr ParsedAttrInfo::Spelling Names[] = {                                         \
      {ParsedAttr::AS_GNU, "psm_" #NAME},      {ParsedAttr::AS_CXX11, "psm::" #NAME},    \
      {SpelledAsInC23, "psm::" #NAME},         {ParsedAttr::AS_CXX11, #NAME},            \
      {SpelledAsInC23, #NAME}};                                                          \
  constexpr const char *Opposites[] = {__VA_ARGS__};                                     \
  struct Info final : CLASS {                                                            \
    Info() : CLASS("psm_" #NAME, Names, Opposites) {}                                    \
  };                                                                                     \
  ParsedAttrInfoRegistry::Add<Info> Registration("psm_" #NAME, "");                      \
  }

PSM_ATTRIBUTE(OpMark, op, "psm_ro", "psm_skip", "psm_shadow")
PSM_ATTRIBUTE(OpMark, ro, "psm_op", "psm_skip", "psm_shadow")
PSM_ATTRIBUTE(GlobalMark, state, "psm_scratch")
PSM_ATTRIBUTE(GlobalMark, scratch, "psm_state")
PSM_ATTRIBUTE(SkipMark, skip, "psm_op", "psm_ro", "psm_shadow")
PSM_ATTRIBUTE(ShadowMark, shadow, "psm_op", "psm_ro", "psm_skip")

#undef PSM_ATTRIBUTE

} // namespace
} // namespace psm
