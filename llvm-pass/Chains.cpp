//===- Chains.cpp - what ops must not reach, found at compile time --------===//
//
// Breadth first, so that the chain shown is a shortest one; each hazard is shown
// once, from the first op that reaches it. Messages have the form that
// runtime/check.c gives them too:
//
//   op 'put' has a call of 'time', which reads a clock
//   op 'put' reaches a call of 'time', which reads a clock; chain: put -> stamp (kv.c:9)
//
//===----------------------------------------------------------------------===//
#include "Chains.h"
#include "Shadow.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Instruction.h"
#include <deque>

using namespace llvm;

namespace psm {

static std::string lineText(const DILocation &At) {
  return (At.getFilename() + ":" + Twine(At.getLine())).str();
}

Place placeOf(const Instruction &I) {
  const DILocation *At = I.getDebugLoc();
  if (!At)
    return {};
  Place P;
  P.File = At->getFilename().str();
  P.Line = At->getLine();
  for (const DILocation *Inner = At; const DILocation *Caller = Inner->getInlinedAt();
       Inner = Caller)
    if (const DISubprogram *Inlined = Inner->getScope()->getSubprogram())
      P.Via = (Inlined->getName() + " (" + lineText(*Caller) + ") -> " + P.Via).str();
  return P;
}

void CallChains::addCall(Function &From, Function &To, const Instruction &At) {
  Calls[&From].push_back({&To, &At});
}

void CallChains::addHazard(Function &In, const Instruction &At, std::string What) {
  Hazards[&In].push_back({&At, std::move(What)});
}

static std::string nameOf(const Function &Shadow) {
  return demangle(foregroundName(Shadow).str());
}

void CallChains::report(ArrayRef<Function *> Ops) const {
  struct Reached {
    Function *Op;
    std::string Chain; // "put -> stamp (kv.c:9)"
    unsigned Length;
  };
  DenseMap<Function *, Reached> Seen;
  std::deque<Function *> Next;
  for (Function *Op : Ops)
    if (Seen.try_emplace(Op, Reached{Op, nameOf(*Op), 0}).second)
      Next.push_back(Op);
  for (; !Next.empty(); Next.pop_front()) {
    Function *F = Next.front();
    const Reached Here = Seen.lookup(F);
    if (auto It = Hazards.find(F); It != Hazards.end())
      for (const Hazard &H : It->second) {
        Place P = placeOf(*H.At);
        std::string Text = "op '" + nameOf(*Here.Op) + "' ";
        if (Here.Length == 0 && P.Via.empty()) {
          Text += "has " + H.What;
        } else {
          StringRef Via = P.Via;
          Via.consume_back(" -> ");
          Text += "reaches " + H.What + "; chain: " + Here.Chain;
          if (!Via.empty())
            Text += (" -> " + Via).str();
        }
        F->getContext().diagnose(
            DiagnosticInfoUnsupported(*F, Text, H.At->getDebugLoc(), DS_Error));
      }
    if (auto It = Calls.find(F); It != Calls.end())
      for (const Step &S : It->second) {
        Place P = placeOf(*S.At);
        std::string Chain = Here.Chain + " -> " + P.Via + nameOf(*S.To);
        if (P.Line)
          Chain += " (" + P.File + ":" + std::to_string(P.Line) + ")";
        if (Seen.try_emplace(S.To, Reached{Here.Op, Chain, Here.Length + 1}).second)
          Next.push_back(S.To);
      }
  }
}

} // namespace psm
