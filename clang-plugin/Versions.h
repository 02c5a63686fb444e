//===- Versions.h - what differs between clang's versions -------*- C++ -*-===//
//
// The plugin is made for clang 19 and builds for 16 to 22 as well.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_CLANG_VERSIONS_H
#define PSM_CLANG_VERSIONS_H

#include "clang/Basic/CodeGenOptions.h"
#include "clang/Basic/Version.h"
#include "clang/Sema/ParsedAttr.h"
#include "llvm/Support/DynamicLibrary.h"
#if CLANG_VERSION_MAJOR >= 17
#include "clang/Basic/ParsedAttrInfo.h"
#endif
#if CLANG_VERSION_MAJOR >= 22
#include "llvm/Plugins/PassPlugin.h"
#endif

namespace psm {

inline constexpr auto SpelledAsInC23 =
#if CLANG_VERSION_MAJOR >= 18
    clang::ParsedAttr::AS_C23;
#else
    clang::ParsedAttr::AS_C2x;
#endif

inline clang::IdentifierInfo *identifier(const clang::IdentifierLoc &I) {
#if CLANG_VERSION_MAJOR >= 21
  return I.getIdentifierInfo();
#else
  return I.Ident;
#endif
}

inline clang::SourceLocation location(const clang::IdentifierLoc &I) {
#if CLANG_VERSION_MAJOR >= 21
  return I.getLoc();
#else
  return I.Loc;
#endif
}

/// Have the pass in `Library`, which lies at `Path`, take part in code generation, as
/// -fpass-plugin= would. From clang 22 on those have been loaded when plugins are asked.
inline void addPassPlugin(clang::CodeGenOptions &CodeGen, llvm::sys::DynamicLibrary &Library,
                          llvm::StringRef Path) {
#if CLANG_VERSION_MAJOR >= 22
  (void)Path;
  auto *Info = reinterpret_cast<llvm::PassPluginLibraryInfo (*)()>(
      Library.getAddressOfSymbol("llvmGetPassPluginInfo"));
  CodeGen.PassBuilderCallbacks.push_back(Info().RegisterPassBuilderCallbacks);
#else
  (void)Library;
  CodeGen.PassPlugins.push_back(Path.str());
#endif
}

} // namespace psm

#endif
