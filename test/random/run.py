#!/usr/bin/env python3
"""Random programs, killed and recovered, against the same programs without the pass.

    run.py --source TOP --build BUILD --clang CLANG --work DIRECTORY --level O2
           --seeds 1,2,3 [--fresh N] [--count OPS] [--kills N] [--flags "..."] [--check]
           --state pm=DIRECTORY [--state file=DIRECTORY]

For each seed, and for N fresh ones: the program of generate.py is compiled by plain
clang, which gives the digest after every op, and by psm-cc at the level. That is
killed at random moments and restarted; each time the ops found must be a prefix of
the sequence that holds every acknowledged one, the digest that of this prefix, and
in the end psm_verify clean. With --check they run under PSM_CHECK: each op is compared
when it has run, and every byte of the image that it changed was announced. The seed of a failure is printed: give it as --seeds.
"""
import argparse
import os
import random
import subprocess
import sys
import types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))


def compile_program(command, log):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise crash.Wrong(f"{' '.join(command)}: {done.stdout[-3000:]}")
    log.append(done.stdout)


def try_seed(seed, arguments):
    work = os.path.join(arguments.work, f"seed-{seed}")
    os.makedirs(work, exist_ok=True)
    source = os.path.join(work, "program.c")
    with open(source, "w") as file:
        subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), str(seed)], stdout=file,
                       check=True)
    plain, program, log = os.path.join(work, "plain"), os.path.join(work, "program"), []
    include = f"-I{arguments.build}/include"
    compile_program([arguments.clang, "-O1", "-ffp-contract=off", "-Wno-unknown-attributes", include,
                     source, os.path.join(arguments.source, "bench/plain.c"), "-lm", "-o", plain], log)
    compile_program([os.path.join(arguments.build, "bin/psm-cc"), f"-{arguments.level}",
                     *arguments.flags.split(), source, "-lm", "-o", program], log)
    states = subprocess.run([plain, "states", str(arguments.count)], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.split()
    chance = random.Random(seed)
    for state in arguments.state:
        medium, directory = state.split("=", 1)
        options = types.SimpleNamespace(program=[program, "run"], input=str(arguments.count),
                                        kills=arguments.kills, patience=arguments.patience)
        rows, run = crash.load(medium, os.path.join(directory, str(seed)), options, arguments.count,
                               0.0005, chance, states)
        verify, digest = " ".join(run.said["verify"]), run.said["digest"][0]
        if verify.split()[0] != "0" or digest != states[-1]:
            raise crash.Wrong(f"psm_verify {verify}, digest {digest}, plain {states[-1]}")
        kills = sum(row[-1] for row in rows)
        print(f"seed {seed} {arguments.level} {medium}: {arguments.count} ops, {kills} kills, same states")


def main():
    parser = argparse.ArgumentParser()
    for name in ("source", "build", "clang", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--level", default="O2")
    parser.add_argument("--flags", default="")
    parser.add_argument("--seeds", default="")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--state", action="append", required=True)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        os.environ["RANDOM_CHECK"] = "1"  # the programs' flag PSM_CHECK
    global crash
    sys.path.insert(0, os.path.join(arguments.source, "bench"))
    import crash
    seeds = [int(seed) for seed in arguments.seeds.split(",") if seed]
    seeds += [random.SystemRandom().randrange(1000, 1 << 31) for _ in range(arguments.fresh)]
    wrong = 0
    for seed in seeds:
        try:
            try_seed(seed, arguments)
        except (crash.Wrong, subprocess.CalledProcessError) as problem:
            wrong += 1
            print(f"WRONG seed {seed} {arguments.level} {arguments.flags}: {problem}")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
