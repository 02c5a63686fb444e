//===- Marks.h - the marks as the rest of the plugin sees them --*- C++ -*-===//
//
// A mark is an `annotate` attribute with one of the texts psm_op, psm_ro,
// psm_state, psm_scratch, psm_skip[:value], psm_shadow:name, made by
// Attributes.cpp or written by hand.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_MARKS_H
#define PSM_MARKS_H

#include "llvm/ADT/StringRef.h"
#include <memory>

namespace clang {
class ASTConsumer;
class CompilerInstance;
class Decl;
} // namespace clang

namespace psm {

/// Whether D carries `Mark`, with or without a value.
bool hasMark(const clang::Decl &D, llvm::StringRef Mark);

/// Why op code may not call the external function `Name`, null if it may; the
/// answer comes from the pass, which holds the list.
using ForbiddenFn = const char *(const char *Name);

/// Looks at the bodies of ops for what can be said before the pass runs.
std::unique_ptr<clang::ASTConsumer> makeOpBodyCheck(clang::CompilerInstance &CI,
                                                    ForbiddenFn *Forbidden);

} // namespace psm

#endif
