#!/usr/bin/env python3
"""Runs a program on its input while killing it, and says what that did to the state.

    crash.py --plain PLAIN --program PROGRAM --input INPUT
             --state pm=DIRECTORY --state file=DIRECTORY [--kills N] [--seed S]

PLAIN, the same source without the pass, gives the reference digest. PROGRAM is
then started, killed with SIGKILL at a random moment, and started again, on each
medium, until N kills have been survived and the input is done. Some of the kills
hit the recovery from the kill before. Checked at every start: the ops found are
all those acknowledged, and at most the one that was under way beside them.

Prints a table and exits non-zero if anything is not as it must be.
"""
import argparse
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time


class Wrong(Exception):
    pass


class Bar:
    """A progress bar, if the output is a terminal."""

    def __init__(self, title):
        self.title = title
        self.shown = 0.0
        self.active = sys.stdout.isatty()

    def show(self, done, total, kills):
        now = time.monotonic()
        if not self.active or now - self.shown < 0.1:
            return
        self.shown = now
        width = 40
        filled = width * done // total
        print(f"\r{self.title} [{'#' * filled}{'.' * (width - filled)}] "
              f"{done}/{total} ops, {kills} kills ", end="", flush=True)

    def clear(self):
        if self.active:
            print("\r\033[K", end="", flush=True)


class Run:
    """One process, from its start to its end or its death. One that says nothing for
    `patience` seconds hangs, and is ended as wrong."""

    def __init__(self, command, patience):
        reading, writing = os.pipe()
        # What waits in the pipe has been done but not heard of: little, so that a kill
        # meant for the middle does not find the program at its end.
        fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True)
        os.close(writing)
        self.stdout = open(reading)
        self.heard = time.monotonic()
        self.hung = False
        threading.Thread(target=self.watch, args=(patience,), daemon=True).start()
        self.said = {}
        self.done = None  # newest op known to be acknowledged

    def watch(self, patience):
        while self.process.poll() is None:
            if time.monotonic() - self.heard > patience:
                self.hung = True
                self.process.kill()
            time.sleep(0.2)

    def lines(self):
        for line in self.stdout:
            self.heard = time.monotonic()
            if not line.endswith("\n"):
                break  # cut by the kill
            word, *rest = line.split()
            self.said[word] = rest
            if word in ("ready", "done"):
                self.done = int(rest[0])
            yield word
        if self.hung:
            raise Wrong("hangs: nothing was heard of it for too long")

    def kill(self):
        """Kills it, and takes in what it had said until then."""
        self.process.kill()
        for _ in self.lines():
            pass
        return self.end() == -signal.SIGKILL

    def end(self):
        self.error = self.process.stderr.read()
        self.stdout.close()
        return self.process.wait()

    def expect_success(self):
        code = self.end()
        if code != 0:
            raise Wrong(f"exit status {code}: {self.error.strip()}")


def reference(arguments):
    bar = Bar("reference, no pass")
    run = Run([arguments.plain, arguments.input, "-", "pm"], arguments.patience)
    began = time.monotonic()
    for _ in run.lines():
        if run.done is not None and "total" in run.said:
            bar.show(run.done, int(run.said["total"][0]), 0)
    bar.clear()
    run.expect_success()
    total = int(run.said["total"][0])
    if run.done != total:
        raise Wrong(f"reference did {run.done} of {total} ops")
    return run.said["digest"][0], total, time.monotonic() - began


def kill_points(total, kills, chance):
    """Ops after which to strike; None for a strike before the state is ready."""
    early = kills // 6
    points = sorted(chance.randrange(1, total * 3 // 4) for _ in range(kills - early))
    for _ in range(early):
        points.insert(chance.randrange(1, len(points)), None)
    return points


def load(medium, directory, arguments, total, delay, chance, states=None):
    """Returns rows of the table, and the last run. states: if given, the digests after
    0, 1, 2 ... ops; the program then says its digest as a fourth word after `ready`."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    bar = Bar(f"{medium:4}")
    points = kill_points(total, arguments.kills, chance)
    rows, acknowledged = [], 0
    program = arguments.program
    command = program if isinstance(program, list) else [program]
    typical_start = 0.005
    while True:
        point = points.pop(0) if points else total + 1
        run = Run([*command, arguments.input, directory, medium], arguments.patience)
        if point is None:
            time.sleep(chance.uniform(0, 2 * typical_start))
            killed = run.kill()
        else:
            killed = False
            for word in run.lines():
                bar.show(run.done or 0, total, len(rows))
                if word == "done" and run.done >= point:
                    time.sleep(chance.uniform(0, delay))
                    killed = run.kill()
                    break
            else:
                run.expect_success()
        if "ready" in run.said:
            found, recovered, microseconds = map(int, run.said["ready"][:3])
            if not acknowledged <= found <= acknowledged + 1:
                raise Wrong(f"{acknowledged} ops were acknowledged, {found} are there")
            if states and run.said["ready"][3] != states[found]:
                raise Wrong(f"digest {run.said['ready'][3]} after {found} ops, not {states[found]}")
            typical_start = min(microseconds / 1e6, 0.05)
            rows.append([acknowledged, found, recovered, microseconds, killed])
            acknowledged = run.done
        elif not killed:
            raise Wrong(f"did not start: {run.error.strip()}")
        else:
            rows.append([acknowledged, None, None, None, killed])
        if not killed:
            bar.clear()
            return rows, run


def report(medium, rows, run, digest, total):
    print(f"\n{medium}: {'persistent memory (tmpfs stands in)' if medium == 'pm' else 'ordinary file'}")
    print("  start  acknowledged before  found  replayed from the log  first answer after")
    for number, (acknowledged, found, recovered, microseconds, _) in enumerate(rows, 1):
        if found is None:
            print(f"  {number:5}  {acknowledged:19}  {'killed before it was ready':>50}")
        else:
            print(f"  {number:5}  {acknowledged:19}  {found:5}  {recovered:21}  {microseconds / 1000:15.1f} ms")
    kills = sum(row[4] for row in rows)
    equal = run.said["digest"][0] == digest
    verified = run.said["verify"][0] == "0"
    answers = sorted(row[3] for row in rows if row[3] is not None)
    top = run.said["top"]
    print(f"  ops {run.done} of {total}, kills {kills}, first answer after a restart: median "
          f"{answers[len(answers) // 2] / 1000:.1f} ms, longest {answers[-1] / 1000:.1f} ms")
    print("  most frequent: " + ", ".join(f"{w} {c}" for w, c in zip(top[::2], top[1::2])))
    print(f"  psm_verify {'clean' if verified else 'FAILED: ' + ' '.join(run.said['verify'])}, "
          f"digest equal {'yes' if equal else 'NO'}")
    return equal and verified and run.done == total


def main():
    parser = argparse.ArgumentParser()
    for name in ("plain", "program", "input"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--state", action="append", required=True)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--patience", type=float, default=300, help="seconds of silence that are a hang")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    print(f"seed {arguments.seed}")
    good = True
    try:
        digest, total, seconds = reference(arguments)
        print(f"reference, without the pass: {total} ops in {seconds:.1f} s, digest {digest}")
        for state in arguments.state:
            medium, directory = state.split("=", 1)
            began = time.monotonic()
            rows, run = load(medium, directory, arguments, total, min(seconds / 100, 0.01), chance)
            good &= report(medium, rows, run, digest, total)
            print(f"  took {time.monotonic() - began:.1f} s, restarts included")
            kills = sum(row[4] for row in rows)
            if kills < arguments.kills:
                raise Wrong(f"only {kills} of {arguments.kills} kills hit")
    except Wrong as wrong:
        print(f"WRONG: {wrong}")
        good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
