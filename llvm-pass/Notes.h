//===- Notes.h - what a module tells the checker and the runtime ----------===//
//
// Describes the shadow clones of a module, just before they are instrumented, in
// the records of runtime/notes.h: who calls whom and where, which externals,
// whose addresses are taken, which globals are read and written. It changes
// nothing in the code: the records are module-level assembly in sections that are
// not loaded, written when no more pass will look at the foreground.
//
// A direct chain from an op to something forbidden or unsupported that lies within
// the module is reported here, at compile time, with the place and the chain;
// chains across modules are for the checker (runtime/check.c), after the link.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_NOTES_PASS_H
#define PSM_NOTES_PASS_H

namespace llvm {
class Module;
}

namespace psm {

class Rules;

/// Write the notes of M and report what its ops must not reach. To be called once
/// per module, on clones to which the rules have been applied and that still hold
/// psm.resolve calls and no twins.
void emitNotes(llvm::Module &M, const Rules &R);

} // namespace psm

#endif
