//===- Marks.h - psm_op and its kin in a module -----------------*- C++ -*-===//
//
// The clang plugin turns each attribute into an annotation, and a program may
// spell it by hand: __attribute__((annotate("psm_op"))). Here they become what the
// rest of the pass goes by:
//
//   psm_op, psm_ro         flags of the function
//   psm_skip, psm_skip:N   a rule: skip (= N)
//   psm_shadow:NAME        a rule: replace by NAME
//   psm_state, psm_scratch string attributes of the variable
//
// The same attributes are given to variables that a rule names. Compilers' own
// counters (coverage, profiles, sanitizers) are scratch without being told.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_MARKS_H
#define PSM_MARKS_H

#include "llvm/ADT/DenseMap.h"

namespace llvm {
class Function;
class Module;
}

namespace psm {

class Rules;

enum FunctionMark : unsigned { OpMark = 1, ReadOnlyOpMark = 2 };

/// Marks of functions; a function without marks has no entry.
using FunctionMarks = llvm::DenseMap<const llvm::Function *, unsigned>;

/// Read M's annotations, add what they say to `R` and to M's variables. A psm_
/// annotation that is none of the above is an error.
FunctionMarks readMarks(llvm::Module &M, Rules &R);

} // namespace psm
#endif
