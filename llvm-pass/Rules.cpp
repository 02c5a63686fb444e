//===- Rules.cpp - parser of the rule list --------------------------------===//
//
// Guarantees: every line is either taken as the head comment of Rules.h says or
// refused with "file:line: reason"; nothing is guessed. Relies on externals.rules
// being in the plugin as a string (ExternalsRules.inc, made by CMake), so that no
// file has to be found at compile time.
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "Options.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace psm {

static constexpr char BuiltInText[] =
#include "ExternalsRules.inc"
    ;

static constexpr StringLiteral MetadataName = "psm.rules";

static Error refuse(const Twine &Why) {
  return createStringError(inconvertibleErrorCode(), Why);
}

/// Where `%` stands in a name: libm's types.
static constexpr StringLiteral TypeSuffixes[] = {"",    "f",   "l",   "f32",
                                                 "f64", "f32x", "f64x"};

/// `a,b%` as a list of names, the `%` spelled out.
static Error parseNames(StringRef List, SmallVectorImpl<std::string> &Names) {
  SmallVector<StringRef, 16> Patterns;
  List.split(Patterns, ',');
  for (StringRef Pattern : Patterns) {
    auto IsLetter = [](char C) {
      return isAlnum(C) || C == '_' || C == '.' || C == '$' || C == '%';
    };
    if (Pattern.empty() || isDigit(Pattern.front()) || !all_of(Pattern, IsLetter) ||
        Pattern.count('%') > 1)
      return refuse("'" + Pattern + "' is not a name");
    auto [Head, Tail] = Pattern.split('%');
    if (!Pattern.contains('%'))
      Names.push_back(Pattern.str());
    else
      for (StringRef Suffix : TypeSuffixes)
        Names.push_back((Head + Suffix + Tail).str());
  }
  return Error::success();
}

/// The words after the names, by the kind of rule: all must be understood.
static Error parseRest(Rule &R, ArrayRef<StringRef> Words, StringRef Text) {
  switch (R.Kind) {
  case RuleKind::Wrap:
  case RuleKind::Alloc:
  case RuleKind::Own:
    break;
  case RuleKind::Pure:
    if (Words.empty())
      return Error::success();
    if (Words.size() == 2 && Words[0] == "returns-arg" &&
        !Words[1].getAsInteger(10, R.ReturnsArg) && R.ReturnsArg >= 0)
      return Error::success();
    return refuse("after the names only 'returns-arg N', N from 0");
  case RuleKind::Skip: {
    if (Words.empty())
      return Error::success();
    int64_t Value;
    if (Words.size() == 2 && Words[0] == "=" && !Words[1].getAsInteger(0, Value)) {
      R.Value = Value;
      return Error::success();
    }
    return refuse("after the names only '= VALUE', an integer");
  }
  case RuleKind::Replace:
    if (Words.size() != 1)
      return refuse("'replace' wants two names: what, by what");
    R.Target = Words[0].str();
    if (R.Target == R.Name)
      return refuse("'" + R.Name + "' is to be replaced by itself");
    return Error::success();
  case RuleKind::Forbid:
    if (Words.empty())
      return refuse("'forbid' wants the reason after the names");
    R.Why = Text.str();
    return Error::success();
  }
  if (!Words.empty())
    return refuse("'" + Words[0] + "' follows the names; they are separated by "
                                   "commas without blanks");
  return Error::success();
}

Error Rules::parseLine(StringRef Line, bool BuiltIn) {
  auto [Verb, AfterVerb] = getToken(Line);
  auto [List, AfterList] = getToken(AfterVerb);
  SmallVector<std::string, 16> Names;
  SmallVector<StringRef, 8> Words;
  SplitString(AfterList, Words);

  static const StringMap<RuleKind> Kinds = {
      {"pure", RuleKind::Pure},       {"wrap", RuleKind::Wrap},
      {"alloc", RuleKind::Alloc},     {"own", RuleKind::Own},
      {"skip", RuleKind::Skip},       {"replace", RuleKind::Replace},
      {"forbid", RuleKind::Forbid},
  };
  auto Kind = Kinds.find(Verb);
  bool IsGlobal = Verb == "state" || Verb == "scratch";
  if (Kind == Kinds.end() && !IsGlobal)
    return refuse("unknown word '" + Verb + "'");
  if (List.empty())
    return refuse("'" + Verb + "' wants names");
  if (Error E = parseNames(List, Names))
    return E;

  for (const std::string &Name : Names) {
    if (IsGlobal) {
      if (!Words.empty())
        return refuse("'" + Words[0] + "' follows the names");
      (Verb == "state" ? State : Scratch).insert(Name);
      continue;
    }
    Rule R{Kind->second, Name, "", "", std::nullopt, -1, BuiltIn};
    if (Error E = parseRest(R, Words, AfterList.trim()))
      return E;
    add(std::move(R));
  }
  return Error::success();
}

Error Rules::parse(StringRef Text, StringRef File, bool BuiltIn) {
  unsigned Number = 0;
  while (!Text.empty()) {
    auto [Line, Rest] = Text.split('\n');
    Text = Rest;
    ++Number;
    Line = Line.split('#').first.trim();
    if (Line.empty())
      continue;
    if (Error E = parseLine(Line, BuiltIn))
      return refuse(File + ":" + Twine(Number) + ": " + toString(std::move(E)));
  }
  return Error::success();
}

const Rule *Rules::find(StringRef Name) const {
  auto It = ByName.find(Name);
  if (It != ByName.end())
    return &It->second;
  if (!Name.consume_front("psm_"))
    return nullptr;
  It = ByName.find(Name);
  if (It != ByName.end() && (It->second.Kind == RuleKind::Alloc ||
                             It->second.Kind == RuleKind::Own))
    return &It->second;
  return nullptr;
}

const Rule *Rules::findWrapper(StringRef Name) const {
  if (!Name.consume_front("psm_w_"))
    return nullptr;
  auto It = ByName.find(Name);
  if (It != ByName.end() && (It->second.Kind == RuleKind::Alloc ||
                             It->second.Kind == RuleKind::Wrap))
    return &It->second;
  return nullptr;
}

const Rule *Rules::governing(const Function &F) const {
  const Rule *R = find(F.getName());
  if (!R || F.isDeclaration())
    return R;
  // An inline body of a libc function (available_externally) serves for what is
  // called as it is anyway; what is renamed or not called is known by its name.
  if (F.isDeclarationForLinker())
    return R->Kind == RuleKind::Pure ? nullptr : R;
  bool AboutBody = R->Kind == RuleKind::Skip || R->Kind == RuleKind::Replace ||
                   R->Kind == RuleKind::Forbid;
  return AboutBody && !R->BuiltIn ? R : nullptr;
}

Rules Rules::forModule(Module &M) {
  Rules R;
  LLVMContext &C = M.getContext();
  auto Parse = [&](StringRef Text, StringRef File, bool BuiltIn = false) {
    if (Error E = R.parse(Text, File, BuiltIn))
      C.emitError("psm: " + toString(std::move(E)));
  };
  Parse(BuiltInText, "externals.rules", true);

  // The module's own text wins: in a link-time optimizer options may be missing.
  if (NamedMDNode *Own = M.getNamedMetadata(MetadataName)) {
    for (MDNode *Node : Own->operands())
      Parse(cast<MDString>(Node->getOperand(1))->getString(),
            cast<MDString>(Node->getOperand(0))->getString());
    return R;
  }
  for (const std::string &File : options::RulesFiles) {
    auto Buffer = MemoryBuffer::getFile(File, /*IsText=*/true);
    if (!Buffer) {
      C.emitError("psm: " + Twine(File) + ": " + Buffer.getError().message());
      continue;
    }
    StringRef Text = (*Buffer)->getBuffer();
    Parse(Text, File);
    M.getOrInsertNamedMetadata(MetadataName)
        ->addOperand(MDNode::get(
            C, {MDString::get(C, File), MDString::get(C, Text)}));
  }
  return R;
}

} // namespace psm
