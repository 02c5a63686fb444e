//===- Rules.h - what the pass knows about functions by name ----*- C++ -*-===//
//
// One readable list, externals.rules, says what becomes of every function that
// op code may call but the pass does not compile; its head comment is the grammar.
// A program adds rules of its own with -psm-rules=FILE; a later rule about a name
// replaces an earlier one. The built-in list is about libc's functions only: where
// a unit defines a function of such a name (`remove`, `warn`), the list says
// nothing about it. A program's own rules skip, replace and forbid hold for
// functions that it defines as well.
//
// A line with an unknown word, a wrong number of them, or a bad value is an
// error with file and line: the list is trusted, so it must not be misread.
//
// The text of a program's own rules travels in the module (metadata psm.rules),
// so that stage 2 sees the same rules in a link-time optimizer.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_RULES_H
#define PSM_RULES_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>

namespace llvm {
class Function;
class Module;
}

namespace psm {

/// Numbered as enum psm_rule in runtime/notes.h.
enum class RuleKind : unsigned {
  Pure = 1, Wrap, Alloc, Own, Skip, Replace, Forbid,
};

struct Rule {
  RuleKind Kind;
  std::string Name;    ///< of the function, as in the list: "malloc"
  std::string Target;  ///< Replace: the function called instead
  std::string Why;     ///< Forbid: the reason, for messages
  std::optional<int64_t> Value; ///< Skip: the result; none: it may not be used
  int ReturnsArg = -1; ///< Pure: the argument that the result points into
  bool BuiltIn = false; ///< about libc's function, not one the unit defines
};

class Rules {
public:
  /// The built-in list, the files of -psm-rules (stage 1; their text is put into
  /// the module) or the text that the module brings (stage 2). Errors are
  /// emitted as diagnostics of M's context.
  static Rules forModule(llvm::Module &M);

  /// Add the rules of `Text`; `File` is for messages.
  llvm::Error parse(llvm::StringRef Text, llvm::StringRef File, bool BuiltIn = false);

  /// Add one rule, as a mark in the source does.
  void add(Rule R) { ByName[R.Name] = std::move(R); }

  /// The rule that governs calls of `F`, null if there is none: what find() says,
  /// less what F's own body overrides.
  const Rule *governing(const llvm::Function &F) const;

  /// The rule about function `Name`, null if there is none. psm_malloc has
  /// malloc's rule, psm_qsort has qsort's (alloc and own).
  const Rule *find(llvm::StringRef Name) const;

  /// The rule whose wrapper `Name` is: psm_w_strcpy has strcpy's (wrap and
  /// alloc). Null for all else.
  const Rule *findWrapper(llvm::StringRef Name) const;

  bool isState(llvm::StringRef Global) const { return State.contains(Global); }
  bool isScratch(llvm::StringRef Global) const { return Scratch.contains(Global); }

private:
  llvm::Error parseLine(llvm::StringRef Line, bool BuiltIn);
  llvm::StringMap<Rule> ByName;
  llvm::StringSet<> State, Scratch;
};

} // namespace psm
#endif
