//===- IndirectCalls.h - calls through pointers, in clones ------*- C++ -*-===//
//
// A pointer in the state is a foreground function's address. What is left of
// psm.resolve after optimization becomes a look-up with a one-entry cache at the
// call site:
//
//     %entry = load i64, ptr @psm.cache        ; shadow's address : function's
//     %hit = (%entry & 0xffffffff) == %function
//     br %hit, label %call, label %miss        ; likely
//   miss:
//     %found = call ptr @__psm_resolve(ptr %function)
//     ; kept in the cache if both fit into 32 bits
//   call:
//     %callee = phi [%entry >> 32, ...], [%found, %miss]
//
// Programs are linked non-PIE, so both addresses fit and one 64-bit word holds a
// pair that replay threads of several machines may share without locks.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_INDIRECT_CALLS_H
#define PSM_INDIRECT_CALLS_H

namespace llvm {
class Function;
}

namespace psm {

/// Replace every psm.resolve in clone F.
void expandResolves(llvm::Function &F);

} // namespace psm
#endif
