#!/usr/bin/env python3
"""Sets the rows that the benchmark printed as a table: table.py ROWS yes|no

Of a figure that several processes measured, the median is shown, and how far they went
apart. The second word says whether it was a small run, whose figures are held against no
bound. Exits non-zero if a bound is missed.
"""
import sys


def number(row):
    return float(row[1].split()[0].rstrip("x"))


def middle(rows):
    """Of one figure's rows the median one, saying what the others were."""
    rows = sorted(rows, key=number)
    row = list(rows[len(rows) // 2])
    if len(rows) > 1:
        row[-1] += f", {len(rows)} processes: {rows[0][1]} to {rows[-1][1]}"
    return row


def main():
    small = sys.argv[2] == "yes"
    figures, notes, digests = {}, {}, 0
    with open(sys.argv[1]) as file:
        for line in file:
            kind, *fields = line.rstrip("\n").split("\t")
            if kind == "row":
                if small:
                    fields[3] = ""
                figures.setdefault(fields[0], []).append(fields)
            elif kind == "note":
                notes.setdefault(fields[0].split(":")[0], fields[0])
            elif kind == "digest":
                digests += 1
    rows = [middle(rows) for rows in figures.values()]
    missed = sum(row[3] == "NO" for row in rows)
    head = ["figure", "measured", "to reach", "reached", "how"]
    widths = [max(len(row[i]) for row in rows + [head]) for i in range(len(head) - 1)]
    for fields in [head] + rows:
        print("  ".join(field.ljust(width) for field, width in zip(fields, widths)) + "  " + fields[-1])
    for note in notes.values():
        print(note)
    print(f"{digests} digests compared, all equal; {missed} bounds missed"
          + (" (small run: figures mean nothing)" if small else ""))
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
