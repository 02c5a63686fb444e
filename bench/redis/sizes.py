#!/usr/bin/env python3
"""Compare two executables function by function: does the pass leave foreground
code alone?

    sizes.py PLAIN OTHER [--most N] [--names]

Functions are known by source file and name (readelf's FILE symbols tell static
ones apart). Shadow variants (*.psm, and what the optimizer made of them) are
counted, not compared. Prints the number of functions in both, the number whose
size differs, the bytes, and the largest differences; with --names, only the names
that differ, for another program to read.
"""
import argparse
import collections
import subprocess


def functions(path):
    """{(file, name): [sizes]} of foreground functions, and the shadow ones' bytes."""
    sizes = collections.defaultdict(list)
    shadow_count = shadow_bytes = 0
    file = ""
    output = subprocess.run(["readelf", "-sW", path], check=True, text=True,
                            capture_output=True).stdout
    seen_globals = set()
    for line in output.splitlines():
        field = line.split()
        if len(field) < 8 or not field[0].endswith(":"):
            continue
        kind, binding, section, name = field[3], field[4], field[6], field[7]
        if kind == "FILE":
            file = name
        if kind != "FUNC" or section == "UND":
            continue
        size = int(field[2], 0)
        if ".psm" in name:
            shadow_count += 1
            shadow_bytes += size
            continue
        key = (file if binding == "LOCAL" else "", name)
        if binding != "LOCAL":
            if key in seen_globals:     # .dynsym repeats .symtab
                continue
            seen_globals.add(key)
        sizes[key].append(size)
    return sizes, shadow_count, shadow_bytes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("plain")
    parser.add_argument("other")
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--names", action="store_true")
    options = parser.parse_args()

    plain, _, _ = functions(options.plain)
    other, shadow_count, shadow_bytes = functions(options.other)
    both = [key for key in plain if key in other]
    differing = [(sum(other[key]) - sum(plain[key]), key) for key in both
                 if sorted(plain[key]) != sorted(other[key])]
    if options.names:
        for _, (file, name) in differing:
            print(name)
        return
    plain_bytes = sum(sum(plain[key]) for key in both)
    other_bytes = sum(sum(other[key]) for key in both)
    print(f"{len(both)} functions in both, {len(differing)} differ in size; "
          f"{plain_bytes} -> {other_bytes} bytes ({other_bytes / plain_bytes:.4f}x); "
          f"{len(plain) - len(both)} only in the first, "
          f"{len(other) - len(both)} only in the second; "
          f"{shadow_count} shadow variants, {shadow_bytes} bytes")
    differing.sort(key=lambda item: -abs(item[0]))
    for difference, (file, name) in differing[:options.most]:
        before = sum(plain[(file, name)])
        print(f"  {difference:+6d}  {before:6d} -> {before + difference:6d}  {name}"
              + (f"  ({file})" if file else ""))


if __name__ == "__main__":
    main()
