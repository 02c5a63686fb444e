#!/usr/bin/python3
"""Has spin check runtime/protocol.pml exhaustively, and prints how many states there are.

    check.py              the protocol, with a log of two entries
    check.py --full       with a log of three, and with ops and crashes bounded
    check.py --mutants    the protocol broken in one place at a time: each must be refuted

--cc=COMPILER says what preprocesses the model and compiles spin's verifier; clang-19 if
not given. Exit code 0 if all came out as it should.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

MODEL = pathlib.Path(__file__).resolve().parents[2] / "runtime" / "protocol.pml"

# What each mutant leaves out or does wrongly.
MUTANTS = {
    "NO_R3": "no fence between undo records and the stores they are for",
    "FRESH_BEFORE_R3": "stores to free blocks before the commit that freed them is certain",
    "NO_R5": "the commit slot stored before the data is certain",
    "FRESH_LIVE": "a block that the open epoch freed is changed without a record",
    "ONE_AREA": "one undo area instead of two",
    "PUBLISH_EARLY": "the tail published before its commit is certain",
    "NO_V2_FENCE": "no fence between rollback and the slot that ends it",
    "BURN_NONE": "no epoch burnt by a recovery",
    "BURN_ONE": "one epoch burnt instead of two",
    "NO_SETTLE": "recovery's last commit not fenced by the thread that stored it",
    "SALT_KEPT": "the log's salt kept by a recovery",
    "NO_V5_FENCE": "ops served before the new life's commit is certain",
    "ACKNOWLEDGE_EARLY": "ops acknowledged without a fence",
    "UNLOCK_EARLY": "another caller lets its fence stand for the entry of the one before",
    "WITNESS_EARLY": "an entry calls itself durable",
    "SEAL_EARLY": "a seal on a log that is not yet replayed",
}

# By the model's assertions: what went wrong.
REASONS = [
    (r"acknowledged<=head", "an acknowledged op is lost"),
    (r"head<=appended", "an op of an earlier life is back"),
    (r"want_", "the state is not that after the ops"),
    (r"seen\[0\]!=0", "no commit slot is valid"),
    (r">>7\)&3\)|first==0|>>6\)&15\)", "a torn end is taken for damage"),
    (r"invalid end state", "the machine is stuck"),
]


def run_spin(cc, defines, optimize, memory_mb):
    """Returns (states, megabytes, reason); reason is None if all properties hold."""
    with tempfile.TemporaryDirectory() as directory:
        def call(*command):
            done = subprocess.run(command, cwd=directory, text=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.returncode, done.stdout

        for command in (["spin", f"-P{cc} -E -x c", *defines, "-a", str(MODEL)],
                        [cc, "-w", optimize, "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048",
                         f"-DMEMLIM={memory_mb}", "-o", "pan", "pan.c"]):
            code, output = call(*command)
            if code != 0:
                sys.exit(f"{' '.join(command)}:\n{output}")
        _, output = call("./pan", "-m1000000", "-w24")
    states = re.search(r"(\d+(?:\.\d+e\+\d+)?) states, stored", output)
    megabytes = re.search(r"([\d.]+)\s+total actual memory", output)
    errors = re.search(r"errors: (\d+)", output)
    complete = "Search not completed" not in output and "max search depth" not in output
    if not states or not errors or (errors[1] == "0" and not complete):
        sys.exit(f"the search did not end:\n{output}")
    if errors[1] == "0":
        return int(float(states[1])), float(megabytes[1]), None
    failure = re.search(r"^pan:1: (.*)", output, re.MULTILINE)[1]
    for pattern, reason in REASONS:
        if re.search(pattern, failure):
            return int(float(states[1])), 0, reason
    sys.exit(f"the model itself is wrong: {failure}")


def check_protocol(cc, name, defines):
    states, megabytes, reason = run_spin(cc, defines, "-O1", 4000)
    print(f"{name}: {states} states, {megabytes:.0f} MB: {reason or 'every property holds'}", flush=True)
    return reason is None


def check_mutants(cc):
    refuted = 0
    for mutant, meaning in MUTANTS.items():
        states, _, reason = run_spin(cc, [f"-DM_{mutant}", "-DLAX=true"], "-O0", 4000)
        refuted += reason is not None
        verdict = f"refuted after {states} states: {reason}" if reason else "NOT REFUTED"
        print(f"{mutant}: {meaning}: {verdict}", flush=True)
    print(f"{refuted} of {len(MUTANTS)} mutants refuted")
    return refuted == len(MUTANTS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--cc", default="clang-19")
    arguments = parser.parse_args()
    if arguments.mutants:
        return check_mutants(arguments.cc)
    good = check_protocol(arguments.cc, "log of 2 entries, any ops and crashes", [])
    if arguments.full:
        good &= check_protocol(arguments.cc, "2 ops, 2 crashes, without renumbering", ["-DOPS=2", "-DCRASHES=2"])
        good &= check_protocol(arguments.cc, "log of 3 entries, any ops and crashes", ["-DRING=3"])
    return good


sys.exit(not main())
