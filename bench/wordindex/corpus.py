#!/usr/bin/env python3
"""Gathers real text of this machine into one file, in the form main.c reads.

    corpus.py OUTPUT [AT_LEAST_BYTES [AT_MOST_BYTES]]

Takes every text file under /usr/share/doc and /usr/share/common-licenses,
decompressed. Where that is too little, as in a minimal installation, adds
directories of other texts, in a fixed order, until it is enough. A file is text if
it has no NUL byte. Names are sorted, so one machine always gives one corpus.
"""
import gzip
import os
import struct
import sys
import zlib

FIRST = ["/usr/share/doc", "/usr/share/common-licenses"]
MORE = ["/usr/share/man", "/usr/include", "/usr/share/perl", "/usr/lib/python3",
        "/usr/lib/python3.11", "/usr/share"]


def text_of(path):
    """The file's bytes, or None if it is not a text or cannot be read."""
    try:
        with (gzip.open(path) if path.endswith(".gz") else open(path, "rb")) as file:
            text = file.read()
    except (OSError, EOFError, zlib.error):
        return None
    return None if b"\0" in text or not text else text


def files_under(top):
    for directory, subdirectories, names in os.walk(top):
        subdirectories.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def main():
    output = sys.argv[1]
    at_least = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000_000
    at_most = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000_000
    size, count, seen = 0, 0, set()
    with open(output, "wb") as corpus:
        for top in FIRST + MORE:
            if top not in FIRST and size >= at_least:
                break
            for path in files_under(top):
                text = None if path in seen else text_of(path)
                seen.add(path)
                if text is None or size + len(text) > at_most:
                    continue
                if top not in FIRST and size >= at_least:
                    break
                name = os.fsencode(path)
                corpus.write(struct.pack("=II", len(name), len(text)) + name + text)
                corpus.write(b"\0" * (-(len(name) + len(text)) % 4))
                size += len(text)
                count += 1
    print(f"{count} documents, {size / 1e6:.1f} MB of text")
    if size < at_least:
        sys.exit(f"this machine has only {size} bytes of text; {at_least} are wanted")


if __name__ == "__main__":
    main()
