//===- CopiedBytes.h - what is copied as a whole out of a variable --*- C++ -*-===//
//
//   struct large h;  h.t = 1;  *state = h;        the whole of h
//   char line[4096]; ... memcpy(to, line, 64);    its first 64 bytes
//   static void put(struct large *p) { ... memcpy(to, p, sizeof *p); }   put(&h);
//
// Copies of a length known when compiling read bytes whether they were ever written or
// not. Those are found, and so are structs passed by value, and what functions of this
// unit copy through a pointer parameter. Copies of a computed length are left out: a
// program that computes it copies what it has written.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_COPIED_BYTES_H
#define PSM_COPIED_BYTES_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <cstdint>
#include <utility>

namespace llvm {
class DataLayout;
class Function;
class Value;
} // namespace llvm

namespace psm {

/// Bytes [Low, High) of a variable, or none.
struct ByteRange {
  int64_t Low = 0, High = 0;
  bool empty() const { return Low >= High; }
  void add(ByteRange Other) {
    if (Other.empty())
      return;
    *this = empty() ? Other
                    : ByteRange{std::min(Low, Other.Low), std::max(High, Other.High)};
  }
};

/// The variable, parameter or other value that `Pointer` points into, and how many bytes
/// behind its beginning, through pointer variables that have one value only.
std::pair<llvm::Value *, int64_t> baseOf(llvm::Value *Pointer, const llvm::DataLayout &DL);

class CopiedBytes {
public:
  /// For each local variable of `F` the smallest range that holds all such copies.
  llvm::DenseMap<llvm::Value *, ByteRange> locals(llvm::Function &F);

private:
  using Ranges = llvm::DenseMap<llvm::Value *, ByteRange>;
  void collect(llvm::Function &F, Ranges &Found);
  ByteRange throughParameter(llvm::Function &Callee, unsigned Index);

  llvm::DenseMap<llvm::Function *, llvm::SmallVector<ByteRange, 4>> Parameters;
  unsigned Depth = 0;
};

} // namespace psm
#endif
