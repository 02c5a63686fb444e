#!/usr/bin/env python3
"""Does what README.md tells a newcomer to do, in the current directory.

A ```c block is saved under the name in backquotes that ends the paragraph before it.
A ```console block is run: lines with `$ ` are commands, in one shell, and what is
between them is what they must print. Both as they stand, so that README cannot drift.
"""
import re
import subprocess
import sys

END = "end-of-command-5c1e"


def blocks(text):
    """Yields (language, prose line before, content) of every fenced block."""
    prose, language, content = "", None, []
    for line in text.splitlines():
        if line.startswith("```"):
            if language is None:
                language, content = line[3:], []
            else:
                yield language, prose, "\n".join(content) + "\n"
                language = None
        elif language is not None:
            content.append(line)
        elif line.strip():
            prose = line


def run(console):
    commands, expected = [], []
    for line in console.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
            expected.append("")
        else:
            expected[-1] += line + "\n"
    script = "".join(f"{command}\necho {END}-$?\n" for command in commands)
    shell = subprocess.run(["bash"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    got = re.split(rf"{END}-(\d+)\n", shell.stdout)
    for i, command in enumerate(commands):
        print(f"$ {command}\n{got[2 * i]}", end="")
        if got[2 * i + 1] != "0" or got[2 * i] != expected[i]:
            sys.exit(f"exit status {got[2 * i + 1]}; README promises:\n{expected[i]}")


def main():
    ran = 0
    for language, prose, content in blocks(open(sys.argv[1]).read()):
        if language == "c":
            name = re.search(r"`([\w.-]+)`:$", prose).group(1)
            lines = content.count("\n")
            print(f"{name}: {lines} lines")
            if lines > 40:
                sys.exit(f"{name} has {lines} lines; a quick start has at most 40")
            open(name, "w").write(content)
        elif language == "console":
            run(content)
            ran += 1
    if ran != 3:
        sys.exit(f"expected three console blocks, with the driver, without it, and the crash test; ran {ran}")


if __name__ == "__main__":
    main()
