#!/usr/bin/env python3
"""Break libpsm and the pass on purpose, one fault at a time, and demand that a test fails.

    run.py --build BUILD [--only WORDS] [--share] [--first N] [--end N]

A mutant (faults_runtime.py, faults_pass.py, faults_check.py) replaces pieces of source
files. It is built below BUILD/mutants, so that nothing else sees it. The tests that are most
likely to notice run first, and when none of them does, all others; the first that fails has
caught it. Prints a table of who caught what, and ends with 1 if a mutant survives or does
not apply any more.
A mutant that survives is a missing test.

    bash test/prepare && python3 test/mutants/run.py --build build                  all
    python3 test/mutants/run.py --build build --only "fence in undo_begin"          one
    python3 test/mutants/run.py --build build --share                 those of test/all
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import faults_check  # noqa: E402
import faults_pass  # noqa: E402
import faults_runtime  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGES = 100000
EVERYTHING = ("crash", "runtime", "pass", "random", "programs", "notes", "plugin")


class Laboratory:
    """A build directory of its own, most of it links to the real one."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.place = os.path.join(self.build, "mutants")
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(os.path.join(self.place, "object"))
        os.makedirs(os.path.join(self.place, "test"))
        for name in ("bin", "include"):  # psm-cc finds its siblings by its own place
            shutil.copytree(os.path.join(self.build, name), os.path.join(self.place, name))
        os.makedirs(os.path.join(self.place, "lib"))
        with open(os.path.join(self.build, "compile_commands.json")) as file:
            commands = json.load(file)
        self.commands = {"llvm-pass": {}, "runtime": {}}
        for command in commands:
            words = command["command"].split()
            output = os.path.join(command["directory"], words[words.index("-o") + 1])
            if "/psmpass.dir/" in output:
                self.commands["llvm-pass"][command["file"]] = (command, words, output)
            elif "/psm.dir/" in output:
                self.commands["runtime"][command["file"]] = (command, words, output)
        with open(os.path.join(self.build, "test", "lit.site.cfg.py")) as file:
            site = file.read()
        self.prefix = re.search(r'llvm_prefix = "(.*)"', site).group(1)
        with open(os.path.join(self.place, "test", "lit.site.cfg.py"), "w") as file:
            site = re.sub(r'psm_build = ".*"', f'psm_build = "{self.place}"', site)
            file.write(re.sub(r"(config.psm_build = .*\n)", rf'\1config.psm_runtime = "{self.place}/runtime"\n', site))

    def restore(self):
        """Everything in lib/ as the real build has it, and the sources that tests compile."""
        sources = os.path.join(self.place, "runtime")
        shutil.rmtree(sources, ignore_errors=True)
        shutil.copytree(os.path.join(TOP, "runtime"), sources)
        real, here = os.path.join(self.build, "lib"), os.path.join(self.place, "lib")
        for name in os.listdir(here):
            os.unlink(os.path.join(here, name))
        for name in os.listdir(real):
            os.symlink(os.path.join(real, name), os.path.join(here, name))

    def make(self, edits):
        """Build with the edits; returns why not, if it cannot be."""
        self.restore()
        changed = {}
        for name, old, new in edits:
            path = os.path.join(TOP, name)
            with open(path) as file:
                text = changed.get(path, file.read())
            if old not in text:
                return f"does not apply any more: {name}"
            changed[path] = text.replace(old, new, 1)
        part = edits[0][0].split("/")[0]
        objects = {output: output for _, _, output in self.commands[part].values()}
        for path, text in changed.items():
            if path not in self.commands[part]:
                return f"is no source of the library: {path}"
            command, words, output = self.commands[part][path]
            copy = os.path.join(self.place, "object", os.path.basename(path))
            mutant = os.path.join(self.place, "object", os.path.basename(output))
            with open(copy, "w") as file:
                file.write(text)
            words = [word for word in words if word not in ("ccache", "-Werror")]
            words[words.index("-o") + 1] = mutant
            words[words.index("-c") + 1] = copy
            words += ["-w", "-I" + os.path.dirname(path)]
            if part == "runtime":
                shutil.copy(copy, os.path.join(self.place, path.removeprefix(TOP + "/")))
            if subprocess.run(words, cwd=command["directory"]).returncode:
                return "does not compile"
            objects[output] = mutant
        if part == "runtime":
            library = os.path.join(self.place, "lib", "libpsm.a")
            os.unlink(library)
            shutil.copy(os.path.join(self.build, "lib", "libpsm.a"), library)
            mutants = [mutant for real, mutant in objects.items() if mutant != real]
            subprocess.run([self.prefix + "/bin/llvm-ar", "r", library, *mutants], check=True)
        else:
            library = os.path.join(self.place, "lib", "libpsmpass.so")
            os.unlink(library)
            subprocess.run([self.prefix + "/bin/clang++", "-shared", "-o", library, *objects.values()],
                           check=True)
        return None

    def explore(self):
        """Many more crash images than the tests look at; what that is called if one is wrong."""
        program = os.path.join(self.place, "bag")
        subprocess.run([os.path.join(self.place, "bin", "psm-cc"), "-O2", "-g", "-o", program,
                        os.path.join(TOP, "test", "crash", "bag.c"), "-lpsmcrashtest"], check=True)
        run = subprocess.run([program, "--images", str(IMAGES), "--per-sequence", "400", "--keep", self.place], stdout=subprocess.DEVNULL,
                             env=dict(os.environ, PMEM_IS_PMEM_FORCE="1"))
        return f"crash/bag.c, {IMAGES} images" if run.returncode != 0 else None

    def first_failure(self, tests):
        """The first of the tests that fails on what was made; None if none does."""
        results = os.path.join(self.place, "results.json")
        if os.path.exists(results):
            os.unlink(results)
        lit = os.path.join(self.prefix, "build", "utils", "lit", "lit.py")
        paths = [os.path.join(self.place, "test", test) for test in tests
                 if os.path.exists(os.path.join(TOP, "test", test))]
        run = subprocess.run(["/usr/bin/python3", lit, "-q", "-j2", "--order=lexical", "--max-failures=1",
                              "--timeout=240", "--output", results, *paths],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if not os.path.exists(results):
            sys.exit("lit does not run:\n" + run.stdout)
        with open(results) as file:
            outcome = json.load(file)["tests"]
        for test in outcome:
            if test["code"] in ("FAIL", "TIMEOUT", "UNRESOLVED"):
                return test["name"].removeprefix("psm :: ")
        if not any(test["code"] == "PASS" for test in outcome):
            sys.exit("no test ran:\n" + run.stdout)
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--only")
    parser.add_argument("--share", action="store_true")
    parser.add_argument("--quick", action="store_true", help="only the likely tests")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--end", type=int)
    arguments = parser.parse_args()
    mutants = faults_runtime.MUTANTS + faults_pass.MUTANTS + faults_check.MUTANTS
    numbered = list(enumerate(mutants, 1))[arguments.first:arguments.end]
    if arguments.only:
        numbered = [m for m in numbered if arguments.only in m[1][0]]
    if arguments.share:
        numbered = [m for m in numbered if m[1][0] in faults_runtime.SHARE + faults_pass.SHARE + faults_check.SHARE]
    laboratory = Laboratory(arguments.build)
    laboratory.restore()
    likely = {test for _, (_, _, tests) in numbered for test in tests}
    broken = laboratory.first_failure(sorted(t for t in likely if os.path.dirname(t) not in likely))
    if broken:
        sys.exit(f"{broken} fails without any mutant")
    survivors = 0
    print(f"{'no':>3}  {'fault':64} caught by")
    for number, (fault, edits, tests) in numbered:
        trouble = laboratory.make(edits)
        caught = None
        if not trouble:
            caught = laboratory.first_failure(tests)
            if not caught and "crash" in tests and not arguments.share:
                caught = laboratory.explore()
            if not caught and not arguments.share and not arguments.quick:
                caught = laboratory.first_failure(EVERYTHING)
        survivors += not caught
        print(f"{number:3}  {fault:64} {trouble or caught or 'NOBODY: it survives'}", flush=True)
    laboratory.restore()
    print(f"{len(numbered) - survivors} of {len(numbered)} mutants caught")
    sys.exit(survivors != 0 or not numbered)


if __name__ == "__main__":
    main()
