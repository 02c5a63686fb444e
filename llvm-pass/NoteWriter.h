//===- NoteWriter.h - records of runtime/notes.h as assembly ----*- C++ -*-===//
//
// Collects records and writes them as module-level assembly:
//
//   .pushsection psm_strings,"MS",@progbits,1
//   .Lpsm_string0: .asciz "kv.c"
//   .popsection
//   .pushsection psm_notes,"R",@progbits
//   .long 2,7; .quad .Lpsm_string1,.Lpsm_string0,"put.psm",put; .long 1,0x2f; .quad 0 # function put
//
// Assembly, because a global variable would be loaded, so count as text, and would
// be a use of the functions it names. What it names may be removed by the passes
// still to come (dead functions are, after OptimizerLast): local symbols go into
// llvm.compiler.used, and inline functions of C++ are referred to weakly.
//
//===----------------------------------------------------------------------===//
#ifndef PSM_NOTEWRITER_H
#define PSM_NOTEWRITER_H

#include "notes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/GlobalValue.h"
#include "llvm/IR/Mangler.h"
#include <string>

namespace psm {

/// One record before it has addresses: a psm_note with symbols and texts.
struct Note {
  psm_note_kind Kind;
  llvm::StringRef Name = "";
  llvm::StringRef File = "";
  unsigned Line = 0;
  llvm::GlobalValue *Shadow = nullptr;
  llvm::GlobalValue *Other = nullptr; ///< or OtherText
  llvm::StringRef OtherText = "";
  uint32_t Detail = 0;
  uint32_t Type = 0;
  uint64_t Size = 0; ///< or SizeText
  llvm::StringRef SizeText = "";
  /// Not empty: the linker is to drop the record with the section group of that
  /// name, which holds a local symbol that the record names.
  llvm::StringRef Group = "";
};

class NoteWriter {
public:
  /// Append a record; texts are copied.
  void add(const Note &N);

  /// Put all records into M's assembly.
  void writeTo(llvm::Module &M);

private:
  std::string string(llvm::StringRef Text);
  std::string symbol(llvm::GlobalValue *V);

  llvm::StringMap<unsigned> StringIndex;
  llvm::SmallVector<llvm::StringRef> StringOrder;
  llvm::SetVector<llvm::GlobalValue *> Named;
  llvm::Mangler Mang;
  std::string Records, GroupRecords;
};

} // namespace psm
#endif
