"""Holds the list of externals against this system: arguments: the list, clang, libpsm.a.

Says, one line each, and exits with 1:
  unlisted NAME (HEADER)   a function that a header declares and libc or libm exports, but
                           no rule names
  twice NAME               named by two rules
  no SYMBOL for RULE NAME  the runtime lacks what the rule makes programs call
"""
import ctypes.util
import json
import re
import subprocess
import sys

HEADERS = """string strings ctype stdlib stdio wchar wctype math time search inttypes fenv complex
errno locale assert malloc alloca uchar setjmp libgen""".split()
SUFFIXES = ["", "f", "l", "f32", "f64", "f32x", "f64x"]
KINDS = {"pure", "wrap", "alloc", "own", "skip", "replace", "forbid", "scratch", "state"}


def rules(path):
    for line in open(path):
        words = line.split("#")[0].split()
        if not words:
            continue
        assert words[0] in KINDS, line
        for name in words[1].split(","):
            for suffix in SUFFIXES if "%" in name else [""]:
                yield words[0], name.replace("%", suffix)


def symbols(path, *options):
    lines = subprocess.run(["nm", *options, path], check=True, capture_output=True, text=True).stdout
    return {m[1] for m in re.finditer(r" [TtWiBbDdRrVu] ([^@\s]+)", lines)}


def declared(clang, header):
    tree = json.loads(subprocess.run(
        [clang, "-D_GNU_SOURCE", "-fsyntax-only", "-Xclang", "-ast-dump=json", "-x", "c", "-"],
        input=f"#include <{header}.h>\n", check=True, capture_output=True, text=True).stdout)
    return {n.get("mangledName", n["name"]) for n in tree["inner"] if n["kind"] == "FunctionDecl"}


def main():
    path, clang, libpsm = sys.argv[1:]
    libraries = [line.split(" => ")[1].split()[0] for line in
                 subprocess.run(["ldd", clang], capture_output=True, text=True).stdout.splitlines()
                 if re.search(r"lib[cm]\.so\.6 =>", line)]
    exported = set().union(*(symbols(l, "-D") for l in libraries))
    assert "malloc" in exported and "sin" in exported, libraries
    ours = symbols(libpsm)
    wrong, known = [], {}
    for kind, name in rules(path):
        if name in known:
            wrong.append(f"twice {name}")
        known[name] = kind
        # A name that this system does not have: of another libc, or of libm's other types.
        if name not in exported and not ours & {f"psm_w_{name}", f"psm_{name}"}:
            continue
        if name.startswith("psm_"):
            wanted = [f"psm_w_{name}"] if kind == "wrap" else []
        else:
            wanted = {"wrap": [f"psm_w_{name}"], "alloc": [f"psm_{name}", f"psm_w_{name}"],
                      "own": [f"psm_{name}"]}.get(kind, [])
        wrong += [f"no {symbol} for {kind} {name}" for symbol in wanted if symbol not in ours]
    for header in HEADERS:
        wrong += [f"unlisted {name} ({header}.h)" for name in sorted(declared(clang, header) & exported)
                  if name not in known]
    wrong += [f"unlisted {name} (_FORTIFY_SOURCE)" for name in sorted(exported)
              if name.endswith("_chk") and name not in known]
    print("\n".join(sorted(set(wrong))))
    print(f"{len(known)} names, {len(set(wrong))} wrong")
    return bool(wrong)


sys.exit(main())
