//===- LocalAddresses.h - computing with the address of a local -----*- C++ -*-===//
//
// The heap lies at the same addresses in memory and in replay, so an op may hash pointers
// to it. Stacks and thread-locals do not, nor the op's argument and out. A number made of
// such an address by multiplying, dividing, shifting or mixing is another one when the
// op is replayed. What honest code does is let through: differences of two addresses,
// comparisons, and masks, as alignment needs them.
//
// Found as far as values flow within a function; PSM_CHECK sees what becomes of the rest.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_LOCALADDRESSES_H
#define PSM_LOCALADDRESSES_H

#include "llvm/ADT/StringRef.h"

namespace llvm {
class Instruction;
class PtrToIntInst;
} // namespace llvm

namespace psm {

struct AddressUse {
  const llvm::Instruction *At = nullptr; ///< null: nothing to be said of it
  llvm::StringRef Of;                    ///< "a local variable"
};

/// Where the number that `Cast` makes of an address is computed with.
AddressUse findAddressArithmetic(const llvm::PtrToIntInst &Cast);

} // namespace psm
#endif
