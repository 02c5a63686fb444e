//===- Prepare.h - shadow clones before and after instrumentation -*- C++ -*-===//
//
// makePlain leaves a clone with nothing but ordinary accesses, so that the parts
// that follow know few kinds of instruction; stripPromises takes from it what the
// optimizer inferred from the uninstrumented code and is no longer true.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_PREPARE_H
#define PSM_PREPARE_H

namespace llvm {
class Function;
}

namespace psm {

class Rules;

/// In clone F: atomic operations become plain ones with the same result, since one
/// thread replays a machine; fences and assumptions go; what an invoke returns has
/// a place where code can be put after it.
void makePlain(llvm::Function &F);

/// From F, a clone or what clones call, and from the calls in it of anything but
/// intrinsics, hooks and `pure` externals: attributes that say what memory is
/// touched, that pointers may be followed as they are, that the call returns.
void stripPromises(llvm::Function &F, const Rules &R);

} // namespace psm
#endif
