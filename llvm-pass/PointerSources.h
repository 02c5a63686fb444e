//===- PointerSources.h - where a pointer comes from ------------*- C++ -*-===//
//
// For telling which globals op code reads and writes: the globals, parameters and
// function results that a pointer may have been made from. Unlike the optimizer's
// own analyses it sees through local variables, so that -O0 code, where every
// pointer is stored to the stack first, gives the same answer as -O2.
//
// Of other memory it knows the initial values of globals. A write through a pointer
// that was kept in a data structure later is found at run time, by the store's hook.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_POINTERSOURCES_H
#define PSM_POINTERSOURCES_H

#include "llvm/ADT/SetVector.h"

namespace llvm {
class CallBase;
class Value;
} // namespace llvm

namespace psm {

class Rules;

/// GlobalVariable, Argument, or CallBase (a direct call of a shadow variant whose
/// result it is); others are left out.
using PointerSources = llvm::SmallSetVector<llvm::Value *, 4>;

PointerSources pointerSources(llvm::Value *Pointer, const Rules &R);

/// Whether `V`, stored to by `Pointer`, is a local variable whose loads
/// pointerSources follows, so that a pointer kept there has not escaped.
bool isFollowedLocal(const llvm::Value *Pointer);

/// What an external function does with memory behind its arguments, by what LLVM
/// knows of the C library.
struct ArgumentUse {
  bool Reads = true, Writes = true;
  bool Returned = false; ///< the result is this argument
};
ArgumentUse libraryArgumentUse(const llvm::CallBase &Call, llvm::StringRef LibraryName,
                               unsigned Argument);

} // namespace psm
#endif
