//===- Rules.h - what the pass knows about functions by name ----*- C++ -*-===//
//
// One readable list, externals.rules, says what becomes of every function that
// op code may call but the pass does not compile; a program can add rules of its
// own, also about its own functions, with -psm-rules=FILE. Later rules about a
// name replace earlier ones. One rule a line, '#' begins a comment:
//
//   pure NAME... [returns-arg N]  called as it is, pointers translated; if the
//                                 result points into argument N (from 0), it is
//                                 translated back
//   wrap NAME...                  psm_w_NAME in the shadow
//   alloc NAME...                 psm_NAME in the foreground, psm_w_NAME in the
//                                 shadow: the arena's heap
//   own NAME...                   psm_NAME in the foreground, its variant in the
//                                 shadow
//   skip NAME... [= VALUE]        not called in the shadow; VALUE (0) is its
//                                 result; a function that does not return: trap
//   replace NAME TARGET           the shadow calls TARGET instead
//   forbid NAME... : WHY          an error where an op can reach it
//   state NAME..., scratch NAME...   global variables, as if marked
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
#include <string>

namespace llvm {
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
  int64_t Value = 0;   ///< Skip: the result
  int ReturnsArg = -1; ///< Pure: the argument that the result points into
};

class Rules {
public:
  /// The built-in list, the files of -psm-rules (stage 1; their text is put into
  /// the module) or the text that the module brings (stage 2). Errors are
  /// emitted as diagnostics of M's context.
  static Rules forModule(llvm::Module &M);

  /// Add the rules of `Text`; `File` is for messages.
  llvm::Error parse(llvm::StringRef Text, llvm::StringRef File);

  /// The rule about function `Name`, null if there is none. psm_malloc has
  /// malloc's rule, psm_qsort has qsort's (alloc and own).
  const Rule *find(llvm::StringRef Name) const;

  /// The rule whose wrapper `Name` is: psm_w_strcpy has strcpy's (wrap and
  /// alloc). Null for all else.
  const Rule *findWrapper(llvm::StringRef Name) const;

  bool isState(llvm::StringRef Global) const { return State.contains(Global); }
  bool isScratch(llvm::StringRef Global) const { return Scratch.contains(Global); }

private:
  llvm::Error parseLine(llvm::StringRef Line);
  llvm::StringMap<Rule> ByName;
  llvm::StringSet<> State, Scratch;
};

} // namespace psm
#endif
