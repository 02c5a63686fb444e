//===- Accesses.h - where an instruction touches memory ---------*- C++ -*-===//
//
// Every address that an instruction of a shadow clone follows, in one list, so
// that address translation (Twins) and the choice of hooks (Stores) cannot see
// different sets. What follows an address and is not described here is refused by
// Unsupported.cpp, never passed over.
//
// Calls of other shadow variants and of wrappers follow no address themselves:
// they get canonical pointers, but for byval arguments, whose bytes the call
// instruction copies.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_ACCESSES_H
#define PSM_ACCESSES_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Instruction.h"
#include "llvm/Support/Alignment.h"

namespace psm {

class Rules;
struct Rule;

/// How many bytes an access touches, and where they lie.
enum class Extent {
  Fixed,      ///< Size bytes from the address on
  Length,     ///< the value of Count bytes
  Masked,     ///< elements of ElementSize, those whose bit in Mask is set
  Compressed, ///< as many elements of ElementSize as Mask has bits
  Scattered,  ///< a vector of addresses, one element each, where Mask is set
};

struct Access {
  llvm::Instruction *I;
  unsigned Operand; ///< index of the address among I's operands
  bool Writes;
  Extent Shape = Extent::Fixed;
  uint64_t Size = 0;             ///< Fixed: bytes
  llvm::Value *Count = nullptr;  ///< Length: bytes
  llvm::Value *Mask = nullptr;   ///< Masked, Compressed, Scattered
  uint64_t ElementSize = 0;      ///< Masked, Compressed, Scattered: bytes
  llvm::Align Alignment = {};    ///< of the address, as the instruction promises

  llvm::Value *address() const { return I->getOperand(Operand); }
};

/// Append I's accesses to `List`. False if I follows an address in a way that is
/// not known here (nothing is appended then).
bool collectAccesses(llvm::Instruction &I, const Rules &R,
                     llvm::SmallVectorImpl<Access> &List);

/// The rule of a call to an external function that works on twins, or null.
const Rule *pureRule(const llvm::CallBase &Call, const Rules &R);

} // namespace psm
#endif
