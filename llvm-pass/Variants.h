//===- Variants.h - parts of stage 1 that see each other --------*- C++ -*-===//
#ifndef PSM_VARIANTS_H
#define PSM_VARIANTS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Transforms/Utils/ValueMapper.h"

namespace llvm {
class Function;
class Instruction;
}

namespace psm {

/// The shadow variant that calls of `F` go to: its own, or the weak declaration
/// of the one that another unit may have. Null for a definition without one.
llvm::Function *getVariant(llvm::Function &F);

/// Put psm.resolve around the callees of indirect calls in `F` (Resolve.cpp).
void resolveIndirectCalls(llvm::Function &F);

/// Before `From` is cloned: give the clone its own copies of the constant tables
/// that hold addresses of From's labels, by way of `Map` (Labels.cpp).
void declareLabelTables(llvm::Function &From, llvm::ValueToValueMapTy &Map);
/// After it was cloned: fill those tables in.
void defineLabelTables(llvm::ValueToValueMapTy &Map);
/// Make what cannot be done with labels' addresses in a variant unsupported.
void refuseEscapingLabels(llvm::Function &Variant);

/// Make assembly that defines labels unsupported in a variant (Refuse.cpp).
void refuseLabelsInAssembly(llvm::Function &Variant);
/// Make uses of ifuncs unsupported in a variant (Refuse.cpp).
void refuseIfuncs(llvm::Function &Variant);
/// Make arithmetic that the optimizer may reorder unsupported in a variant.
void refuseFastMath(llvm::Function &Variant);

/// Code from `At` on cannot be cloned, because of `What`: a call of
/// psm.unsupported stands there instead.
void makeUnsupported(llvm::Instruction &At, const llvm::Twine &What);

} // namespace psm
#endif
