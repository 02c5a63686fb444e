//===- Emit.h - the code of a hook ------------------------------*- C++ -*-===//
//
// Before a store of 8 bytes at %twin:
//
//     %word = load i32, ptr (marks + (%twin >> 10) * 4)
//     %mark = (%word >> ((%twin >> 5) & 31)) & 1
//     br %mark, label %logged, label %log          ; likely
//   log:
//     call preserve_most void @__psm_log(ptr %twin, i64 8)
//     br label %logged
//   logged:
//     store i64 %v, ptr %twin
//
// The word form of the byte table needs no masking on x86, where bt takes a bit's number
// modulo the word's size; of 32 bits, since that takes a byte less code a test than 64. A
// range that may reach into a second or third block has one mark tested in each; hooks that
// are made together (HookGroups.h) test all their marks before one call of __psm_log_many.
// More than 64 bytes, or a length not known when compiling: __psm_log_range, without a test.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_EMIT_H
#define PSM_EMIT_H

#include "Stores.h"
#include "llvm/IR/IRBuilder.h"

namespace psm {

class HookEmitter {
public:
  HookEmitter(llvm::Function &F, Twins &T) : F(F), T(T) {}

  /// Put the hook where it was planned. Splits that block.
  void emit(const PlannedHook &H);

private:
  void emitFixed(const PlannedHook &H);
  void emitMasked(const Access &A, llvm::Value *Twin);
  void emitCompressed(const Access &A, llvm::Value *Twin);
  void emitScattered(const Access &A, llvm::Value *Twins);
  void emitTested(const PlannedHook &Leader);
  llvm::Value *begin(const PlannedHook &H);
  llvm::Value *isMarked(llvm::IRBuilderBase &B, llvm::Value *Address);
  llvm::Value *marks();

  llvm::Function &F;
  Twins &T;
  llvm::Value *Marks = nullptr; ///< read in the entry block when first needed
};

} // namespace psm
#endif
