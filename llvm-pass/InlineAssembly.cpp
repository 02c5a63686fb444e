//===- InlineAssembly.cpp - which inline assembly an op may hold ----------===//
//
// See InlineAssembly.h. Assembly is opaque, so this is an allow-list: x86
// instructions in AT&T syntax by mnemonic, operands that are registers, numbers or
// the statement's own. An absolute address, `movl counter, %eax`, would look
// like a register's name without its %, so a bare word is refused as well.
//
//===----------------------------------------------------------------------===//
#include "InlineAssembly.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/InlineAsm.h"

using namespace llvm;

namespace psm {
namespace {

constexpr StringLiteral Arithmetic[] = {
    "adc",  "adcx", "add",   "adox",   "and",    "andn", "bextr", "blsi", "blsmsk", "blsr",
    "bsf",  "bsr",  "bswap", "bt",     "btc",    "btr",  "bts",   "bzhi", "clc",    "cmc",
    "cmp",  "crc32", "dec",  "div",    "idiv",   "imul", "inc",   "lzcnt", "mov",   "movabs",
    "movsb", "movsw", "movsl", "movslq", "movzb", "movzw", "mul", "mulx", "neg",    "nop",
    "not",  "or",   "pause", "pdep",   "pext",   "popcnt", "rcl", "rcr",  "rol",    "ror",
    "rorx", "sal",  "sar",   "sarx",   "sbb",    "shl",  "shld",  "shlx", "shr",    "shrd",
    "shrx", "stc",  "sub",   "test",   "tzcnt",  "xadd", "xchg",  "xor"};

/// Name of an instruction, perhaps with the size of its operands behind it.
bool isArithmeticName(StringRef Name) {
  if (Name.starts_with("set") || Name.starts_with("cmov"))
    return true;
  StringRef Short = Name;
  return is_contained(Arithmetic, Name) ||
         (Short.consume_back("b") && is_contained(Arithmetic, Short)) ||
         (Name.size() > 1 && StringRef("wlq").contains(Name.back()) &&
          is_contained(Arithmetic, Name.drop_back()));
}

/// %eax, an operand of the statement ($0, ${0:q}), or a number ($$5). Not %fs:0, nor
/// ${0:a}, which is what the operand points to.
bool isRegisterOrNumber(StringRef Operand) {
  auto IsWord = [](StringRef S) {
    return !S.empty() && all_of(S, [](char C) { return isAlnum(C); });
  };
  if (Operand.consume_front("$$")) {
    Operand.consume_front("-");
    return IsWord(Operand);
  }
  if (Operand.consume_front("${") && Operand.consume_back("}")) {
    auto [Number, Modifier] = Operand.split(':');
    return IsWord(Number) && Modifier.size() <= 1 && StringRef("bhwkqc").contains(Modifier);
  }
  return (Operand.consume_front("%") || Operand.consume_front("$")) && IsWord(Operand);
}

bool isArithmeticStatement(StringRef Statement) {
  Statement = Statement.split('#').first.trim();
  if (Statement.empty())
    return true;
  auto [Name, Rest] = Statement.split(' ');
  auto [TabName, TabRest] = Statement.split('\t');
  if (TabName.size() < Name.size()) {
    Name = TabName;
    Rest = TabRest;
  }
  if (!isArithmeticName(Name))
    return false;
  Rest = Rest.trim();
  if (Rest.empty()) // movsb and the like without operands copy memory
    return !Name.starts_with("mov");
  SmallVector<StringRef, 4> Operands;
  Rest.split(Operands, ',');
  return all_of(Operands, [](StringRef O) { return isRegisterOrNumber(O.trim()); });
}

bool hasOnlyRegisterOperands(const InlineAsm &Asm) {
  for (const InlineAsm::ConstraintInfo &C : Asm.ParseConstraints()) {
    if (C.Type == InlineAsm::isLabel || C.isIndirect)
      return false;
    if (C.Type == InlineAsm::isClobber)
      continue;
    for (const std::string &Code : C.Codes)
      if (Code == "p") // an address; what may be in memory otherwise is a copy of a value
        return false;
  }
  return true;
}

} // namespace

bool isPureArithmetic(const InlineAsm &Asm) {
  StringRef Text = Asm.getAsmString();
  if (Text.trim().empty())
    return true;
  if (Asm.getDialect() != InlineAsm::AD_ATT || !hasOnlyRegisterOperands(Asm) ||
      StringRef(Asm.getConstraintString()).contains("{memory}"))
    return false;
  SmallVector<StringRef, 8> Lines;
  SmallVector<StringRef, 8> Statements;
  Text.split(Lines, '\n');
  for (StringRef Line : Lines)
    Line.split(Statements, ';');
  return all_of(Statements, isArithmeticStatement);
}

} // namespace psm
