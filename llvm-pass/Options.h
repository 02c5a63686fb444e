//===- Options.h - command line of the pass ---------------------*- C++ -*-===//
//
// Defined in Plugin.cpp; given as `-mllvm -psm-…` to clang, as `-psm-…` to opt.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_OPTIONS_H
#define PSM_OPTIONS_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include <string>

namespace psm::options {

extern llvm::cl::list<std::string> RulesFiles; ///< -psm-rules=FILE, repeatable
extern llvm::cl::opt<bool> NoHooks;   ///< -psm-no-hooks: translation only, to measure
/// -psm-forget=store,vector,memory,masked,scatter: no hooks for such writes, to see
/// that tests find it. What they change is not rolled back after a crash.
extern llvm::cl::list<std::string> Forget;
/// -psm-foreground-skip=alloc,own,zero,libm,guard,fp: leave these foreground rules
/// out, to measure what each costs. D and P then differ.
extern llvm::cl::list<std::string> ForegroundSkip;
extern llvm::cl::opt<bool> Visible;   ///< -psm-visible-shadows: for shared libraries
extern llvm::cl::opt<bool> PreLink;   ///< -psm-prelink: an LTO link follows, no stage 2

/// Whether the foreground rule `Name` is in force.
inline bool applies(llvm::StringRef Name) { return !llvm::is_contained(ForegroundSkip, Name); }

} // namespace psm::options
#endif
