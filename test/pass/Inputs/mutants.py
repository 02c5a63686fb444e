"""mutants.py BUILD [FIRST [END]]: break stage 2 of the pass on purpose, one rule at a
time, and demand that a test of this directory fails each time.

A mutant replaces one piece of a source file of llvm-pass/. It is compiled in a place of
its own below BUILD, so that nothing else sees it, and the tests whose names begin with
one of TESTS are run on it. To be run by hand when rules or tests change: each mutant
costs a compilation. Ends with 1 if a mutant survives, or does not apply any more.
"""
import json
import os
import re
import subprocess
import sys

TESTS = ("atomics", "call-", "hook-", "intrinsic", "promises", "run-", "stage2", "twin-",
         "unsupported")

MUTANTS = [
    # Twins: what is direct, what form a twin has.
    ("Twins.cpp", "return P == Place::Stack || P == Place::Constant;",
     "return P == Place::Constant;"),
    ("Twins.cpp", "return P == Place::Stack || P == Place::Constant;",
     "return P == Place::Stack;"),
    ("Twins.cpp", "  if (Thread.count(Base))\n    P = Place::Thread;", ""),
    ("Twins.cpp", "Field->setNoWrapFlags(GEPNoWrapFlags::none());", ""),
    ("Twins.cpp", "    return addDeltaAsInteger(B, Pointer);", "    return addDelta(B, Pointer);"),
    ("Twins.cpp", 'B.CreateSelect(B.CreateIsNull(Returned), Returned, Back, "canonical")',
     "Back"),
    ("Twins.cpp", "(A && A->hasByValAttr())", "false"),
    ("Twins.cpp", "  askForThreadAddresses(F);\n", ""),
    # Stores: covered, merged, widened.
    ("Stores.cpp", "  while (Moved && Reached", "  while (false && Reached"),
    ("Stores.cpp", "Covered[Additions.pop_back_val()].pop_back();", "Additions.pop_back();"),
    ("Stores.cpp", "if (I->isTerminator() || !isGuaranteedToTransferExecutionToSuccessor(I))",
     "if (I->isTerminator())"),
    ("Stores.cpp", "M.Base != L.Base || ", ""),
    ("Stores.cpp", " || Union.High - Union.Low > int64_t(InlineSizeMax)", ""),
    ("Stores.cpp", "Known = std::max(Known, BlockAlign);", ""),
    ("Stores.cpp", "Bytes.High = Bytes.Low + alignTo(Bytes.High - Bytes.Low, AtLow);", ""),
    # Emit: every block tested, the right bytes announced, located.
    ("Emit.cpp", "if (BehindLast > Alignment.value())", "if (false)"),
    ("Emit.cpp", "if (!H.Length && H.Size <= InlineSizeMax)", "if (!H.Length)"),
    ("Emit.cpp", "{Begin, B.CreateMul(Count, Size)}", "{Begin, Size}"),
    ("Emit.cpp", "emitIf(Stored, A.I", "emitIf(B.getTrue(), A.I"),
    ("Emit.cpp", "B.SetCurrentDebugLocation(Leader.First.I->getDebugLoc());",
     "B.SetCurrentDebugLocation(DebugLoc());"),
    ("Hooks.cpp", "Call->setDebugLoc(DILocation::get(B.getContext(), 0, 0, Scope));", ""),
    ("Hooks.cpp", "F.setCallingConv(CallingConv::PreserveMost);", ""),
    ("Hooks.cpp", "MemoryEffects::argMemOnly(ModRefInfo::Ref) |", ""),
    # Accesses: each kind.
    ("Accesses.cpp", "if (Type *Copied = Call.getParamByValType(Index))",
     "if (Type *Copied = nullptr)"),
    ("Accesses.cpp",
     "  case Intrinsic::prefetch:\n    L.push_back(fixed(I, 0, false, 1, Align(1)));",
     "  case Intrinsic::prefetch:"),
    ("Accesses.cpp", "  case Intrinsic::returnaddress:\n", ""),
    ("Accesses.cpp", "L.push_back(lanes(I, 1, true, Extent::Scattered",
     "L.push_back(lanes(I, 1, false, Extent::Scattered"),
    ("Accesses.cpp",
     "L.push_back(fixed(I, 0, true, VaListSize, VaListAlign));\n    L.push_back(fixed(I, 1",
     "L.push_back(fixed(I, 1"),
    # Prepare: plain operations, promises.
    ("Prepare.cpp", "  case Intrinsic::assume:\n", ""),
    ("Prepare.cpp", "    lowerAtomicRMWInst(RMW);", "    ;"),
    ("Prepare.cpp", "S->setAtomic(AtomicOrdering::NotAtomic);", ";"),
    ("Prepare.cpp", "Attribute::Memory, Attribute::NoSync", "Attribute::NoSync"),
    ("Prepare.cpp", "Attribute::Writable, Attribute::Dereferenceable,", "Attribute::Writable,"),
    ("Prepare.cpp", "    I.setMetadata(LLVMContext::MD_dereferenceable, nullptr);\n", ""),
    ("Prepare.cpp", " || pureRule(Call, R)", ""),
    # Unsupported, InlineAssembly: each refusal.
    ("Unsupported.cpp", "if (followsOtherAddressSpace(I))", "if (false)"),
    ("Unsupported.cpp", "if (Call.hasFnAttr(Attribute::ReturnsTwice))", "if (false)"),
    ("Unsupported.cpp", "if (F.hasFnAttribute(Attribute::Naked))", "if (false)"),
    ("Unsupported.cpp", "Call && Call->hasFnAttr(ForbidAttr)", "false"),
    ("Unsupported.cpp", 'Callee->getName() == "__cxa_throw" || ', ""),
    ("InlineAssembly.cpp", 'StringRef(Asm.getConstraintString()).contains("{memory}")', "false"),
    ("InlineAssembly.cpp", "if (!isArithmeticName(Name))", "if (false)"),
    ("InlineAssembly.cpp", 'return !Name.starts_with("mov");', "return true;"),
    ("InlineAssembly.cpp", 'if (Code == "p")', "if (false)"),
    ("InlineAssembly.cpp", "C.Type == InlineAsm::isLabel || C.isIndirect", "false"),
    ("InlineAssembly.cpp", '{"", "b",', '{"", "a", "b",'),
    # Indirect calls.
    ("IndirectCalls.cpp", "  eraseUnused(Old);\n", ""),
    ("IndirectCalls.cpp", "Call->setCalledOperand(expand(Pointer, Call));",
     "Call->setCalledOperand(expand(Pointer, cast<Instruction>(Call->getCalledOperand())));"),
    # Loops and groups: each condition.
    ("LoopHooks.cpp", "L.getExitingBlock() != Latch", "false"),
    ("LoopHooks.cpp", "if (!I.isTerminator() && !isGuaranteed", "if (false && !isGuaranteed"),
    ("LoopHooks.cpp", "!DT.dominates(H.Before->getParent(), L->getLoopLatch())", "false"),
    ("LoopHooks.cpp", "if (std::abs(Stride) > StrideMax)", "if (false)"),
    ("LoopHooks.cpp", "Begin = SE.getAddExpr(Begin, SE.getNegativeSCEV(Way));", ";"),
    ("HookGroups.cpp", "!surelyFollows(At, H.Before)", "false"),
    ("HookGroups.cpp", "I->mayReadOrWriteMemory() ||", "false ||"),
    ("HookGroups.cpp", "Leader.Companions.size() + 1 == GroupMax", "false"),
    # Instrument: the order of things, done once.
    ("Instrument.cpp", "  if (M.getModuleFlag(DoneFlag))\n    return PreservedAnalyses::all();\n",
     ""),
    ("Instrument.cpp", "    applyRules(*F, R);\n", ""),
    ("Instrument.cpp", "    foldResolves(*F);\n", ""),
    ("Instrument.cpp", "    eraseUnusedResults(*F);\n", ""),
    ("Instrument.cpp", "T.isDirect(Call->getArgOperand(Rule->ReturnsArg)))", "false)"),
    ("Instrument.cpp", "Plain->setTailCallKind(CallInst::TCK_None);", ";"),
    ("Instrument.cpp", "    referToHookABI(M);", "    ;"),
]


class Laboratory:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.place = os.path.join(self.build, "mutants")
        os.makedirs(os.path.join(self.place, "lib"), exist_ok=True)
        os.makedirs(os.path.join(self.place, "test"), exist_ok=True)
        with open(os.path.join(self.build, "compile_commands.json")) as file:
            self.commands = {c["file"]: c for c in json.load(file) if "/llvm-pass/" in c["file"]}
        with open(os.path.join(self.build, "test", "lit.site.cfg.py")) as file:
            site = file.read()
        self.prefix = re.search(r'llvm_prefix = "(.*)"', site).group(1)
        with open(os.path.join(self.place, "test", "lit.site.cfg.py"), "w") as file:
            file.write(re.sub(r'psm_build = ".*"', f'psm_build = "{self.place}"', site))

    def make(self, name, old, new):
        """Build the pass with one change; why not, if it cannot be."""
        source = next(f for f in self.commands if f.endswith("/" + name))
        command = self.commands[source]
        with open(source) as file:
            text = file.read()
        if old not in text:
            return "does not apply any more"
        changed = os.path.join(self.place, name)
        with open(changed, "w") as file:
            file.write(text.replace(old, new, 1))
        arguments = command["command"].split()
        output = arguments[arguments.index("-o") + 1]
        mutant = os.path.join(self.place, name + ".o")
        arguments = [a for a in arguments if a != "-Werror"]
        arguments[arguments.index("-o") + 1] = mutant
        arguments[arguments.index("-c") + 1] = changed
        arguments += ["-w", "-I" + os.path.dirname(source)]
        if subprocess.run(arguments, cwd=command["directory"]).returncode:
            return "does not compile"
        objects = [mutant]
        for other in self.commands.values():
            words = other["command"].split()
            if words[words.index("-o") + 1] != output:
                objects.append(os.path.join(other["directory"], words[words.index("-o") + 1]))
        subprocess.run([self.prefix + "/bin/clang++", "-shared", "-o",
                        self.place + "/lib/libpsmpass.so", *objects], check=True)
        return None

    def killers(self):
        """Tests that fail on what was made."""
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        names = [n for n in sorted(os.listdir(here)) if n.startswith(TESTS)]
        lit = os.path.join(self.prefix, "build", "utils", "lit", "lit.py")
        run = subprocess.run(["/usr/bin/python3", lit, "-q", "-j2",
                              *[f"{self.place}/test/pass/{n}" for n in names]],
                             capture_output=True, text=True)
        if "Total Discovered Tests" not in run.stdout:
            sys.exit("lit does not run:\n" + run.stdout + run.stderr)
        summary = run.stdout.partition("Failed Tests")[2]
        return re.findall(r":: pass/(\S+)", summary)


def main():
    laboratory = Laboratory(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    end = int(sys.argv[3]) if len(sys.argv) > 3 else len(MUTANTS)
    bad = 0
    if laboratory.make("Twins.cpp", "", "") or laboratory.killers():
        sys.exit("tests fail although nothing is broken")
    for number in range(first, end):
        name, old, new = MUTANTS[number]
        trouble = laboratory.make(name, old, new)
        killers = [] if trouble else laboratory.killers()
        bad += not killers
        print(number, name, repr(old[:60]), "->",
              trouble or " ".join(killers[:3]) or "SURVIVED", flush=True)
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
