//===- InlineAssembly.h - which inline assembly an op may hold --*- C++ -*-===//
#ifndef PSM_INLINE_ASSEMBLY_H
#define PSM_INLINE_ASSEMBLY_H

namespace llvm {
class InlineAsm;
}

namespace psm {

/// Whether `Asm` does nothing but compute registers from registers: no memory is
/// read or written, nothing of the machine but its operands is looked at. Assembly
/// without instructions (a compiler barrier) counts.
bool isPureArithmetic(const llvm::InlineAsm &Asm);

} // namespace psm
#endif
