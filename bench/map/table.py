#!/usr/bin/env python3
"""Sets the rows that the benchmark printed as a table: table.py ROWS yes|no

The second word says whether it was a small run, whose figures are held against no
bound. Exits non-zero if a bound is missed.
"""
import sys


def main():
    small = sys.argv[2] == "yes"
    rows, notes, digests, missed = [], [], 0, 0
    with open(sys.argv[1]) as file:
        for line in file:
            kind, *fields = line.rstrip("\n").split("\t")
            if kind == "row":
                if small:
                    fields[3] = ""
                missed += fields[3] == "NO"
                rows.append(fields)
            elif kind == "note":
                notes.append(fields[0])
            elif kind == "digest":
                digests += 1
    head = ["figure", "measured", "to reach", "reached", "how"]
    widths = [max(len(row[i]) for row in rows + [head]) for i in range(len(head) - 1)]
    for fields in [head] + rows:
        print("  ".join(field.ljust(width) for field, width in zip(fields, widths)) + "  " + fields[-1])
    for note in notes:
        print(note)
    print(f"{digests} digests compared, all equal; {missed} bounds missed"
          + (" (small run: figures mean nothing)" if small else ""))
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
