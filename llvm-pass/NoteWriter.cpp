//===- NoteWriter.cpp - records of runtime/notes.h as assembly ------------===//
//
// See NoteWriter.h. Names are quoted and escaped, since C++ and the optimizer make
// names that no assembler takes bare.
//
//===----------------------------------------------------------------------===//
#include "NoteWriter.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

namespace psm {

static std::string quoted(StringRef Text) {
  std::string Result = "\"";
  for (unsigned char C : Text) {
    if (C == '"' || C == '\\')
      Result += {'\\', char(C)};
    else if (C >= ' ' && C < 0x7f)
      Result += char(C);
    else
      Result += {'\\', char('0' + C / 64), char('0' + C / 8 % 8), char('0' + C % 8)};
  }
  return Result + '"';
}

/// For the comment at a record's end: people and tests read these.
static StringRef kindName(psm_note_kind Kind) {
  switch (Kind) {
  case PSM_NOTE_PADDING: return "padding";
  case PSM_NOTE_UNIT: return "unit";
  case PSM_NOTE_FUNCTION: return "function";
  case PSM_NOTE_CALL: return "call";
  case PSM_NOTE_EXTERNAL: return "external";
  case PSM_NOTE_INDIRECT: return "indirect";
  case PSM_NOTE_TRAP: return "trap";
  case PSM_NOTE_READ: return "read";
  case PSM_NOTE_WRITE: return "write";
  case PSM_NOTE_GLOBAL: return "global";
  case PSM_NOTE_TAKEN: return "taken";
  case PSM_NOTE_WARNING: return "warning";
  case PSM_NOTE_PASS: return "pass";
  case PSM_NOTE_RETURN: return "return";
  case PSM_NOTE_ACCESS: return "access";
  }
  llvm_unreachable("all kinds are named");
}

std::string NoteWriter::string(StringRef Text) {
  auto [At, New] = StringIndex.try_emplace(Text, StringIndex.size());
  if (New)
    StringOrder.push_back(At->getKey());
  return ".Lpsm_string" + std::to_string(At->second);
}

std::string NoteWriter::symbol(GlobalValue *V) {
  if (!V)
    return "0";
  if (!V->hasName())
    V->setName("psm.anonymous");
  Named.insert(V);
  SmallString<64> Name;
  Mang.getNameWithPrefix(Name, V, /*CannotUsePrivateLabel=*/false);
  return quoted(Name);
}

void NoteWriter::add(const Note &N) {
  raw_string_ostream OS(N.Group.empty() ? Records : GroupRecords);
  if (!N.Group.empty())
    OS << ".pushsection " PSM_NOTES_SECTION ",\"GR\",@progbits," << quoted(N.Group)
       << ",comdat\n";
  OS << ".long " << N.Kind << ',' << N.Line << "; .quad " << string(N.Name) << ','
     << string(N.File) << ',' << symbol(N.Shadow) << ',';
  if (N.OtherText.empty())
    OS << symbol(N.Other);
  else
    OS << string(N.OtherText);
  OS << "; .long " << N.Detail << ',' << N.Type << "; .quad ";
  // Kinds whose size field is a string have one, empty or not.
  bool IsText = N.Kind == PSM_NOTE_CALL || N.Kind == PSM_NOTE_EXTERNAL ||
                N.Kind == PSM_NOTE_INDIRECT || N.Kind == PSM_NOTE_TRAP ||
                N.Kind == PSM_NOTE_WARNING;
  if (IsText)
    OS << string(N.SizeText);
  else
    OS << N.Size;
  OS << " # " << kindName(N.Kind);
  if (!N.Name.empty())
    OS << ' ' << quoted(N.Name);
  OS << (N.Group.empty() ? "\n" : "\n.popsection\n");
}

void NoteWriter::writeTo(Module &M) {
  std::string Text = ".pushsection " PSM_STRINGS_SECTION ",\"MS\",@progbits,1\n";
  for (auto [Index, String] : enumerate(StringOrder))
    Text += ".Lpsm_string" + std::to_string(Index) + ": .asciz " + quoted(String) + '\n';
  Text += ".popsection\n";
  SmallVector<GlobalValue *> Local;
  for (GlobalValue *V : Named) {
    // What other units may define as well need not be kept in this one for us; a
    // local symbol must be, or its name could come to mean another unit's.
    if (V->hasLocalLinkage())
      Local.push_back(V);
    else if (V->hasExternalWeakLinkage() || V->isDiscardableIfUnused())
      Text += ".weak " + symbol(V) + '\n';
  }
  Text += ".pushsection " PSM_NOTES_SECTION ",\"R\",@progbits\n.balign 8\n";
  M.appendModuleInlineAsm(Text + Records + ".popsection\n" + GroupRecords);
  appendToCompilerUsed(M, Local);
}

} // namespace psm
