"""The corpus as files: corpus.py DIRECTORY writes what `seeds` and `found` hold into it.

seeds, by hand, one a line: a name; which base (pm or file, died or closed), flags of the
opening, and how many ops are run after it; then patches, each after a bar: what, how,
index, offset, value, named as in patch.h; an exclamation mark leaves checksums as they are.

found, by the fuzzer, one a line: the input in hexadecimal. `corpus.py --pack DIRECTORY`
writes that file from a directory of inputs.
"""
import hashlib
import os
import re
import struct
import sys

here = os.path.dirname(os.path.abspath(__file__))
BASES = {"pm-died": 0, "pm-closed": 1, "file-died": 2, "file-closed": 3}
FLAGS = {"loss": 4, "poison": 8, "native": 16}


def names(header, enum):
    """The constants of `enum name { A, B, ... }` in patch.h, by value."""
    text = re.search(r"enum %s \{(.*?)\}" % enum, header, re.S).group(1)
    return {name: value for value, name in enumerate(re.findall(r"\w+", text))}


def seed(line, what, how):
    head, *patches = line.split("|")
    name, base, *rest = head.split()
    flags = BASES[base]
    ops = 0
    for word in rest:
        if word.isdigit():
            ops = int(word)
        else:
            flags |= FLAGS[word]
    data = struct.pack("<BBH", flags, ops, 0)
    for patch in patches:
        place, change, index, offset, value = patch.split()
        unrepaired = 0x80 if change.startswith("!") else 0
        data += struct.pack("<BBHIQ", what[place], how[change.lstrip("!")] | unrepaired, int(index, 0),
                            int(offset, 0), int(value, 0) & (1 << 64) - 1)
    return name, data


def main():
    if sys.argv[1] == "--pack":
        inputs = [open(os.path.join(sys.argv[2], name), "rb").read() for name in os.listdir(sys.argv[2])]
        with open(os.path.join(here, "found"), "w") as found:
            found.writelines(sorted(data.hex() + "\n" for data in inputs if data))
        return
    with open(os.path.join(here, "patch.h")) as file:
        header = file.read()
    what, how = names(header, "what"), names(header, "how")
    os.makedirs(sys.argv[1], exist_ok=True)
    corpus = {}
    with open(os.path.join(here, "seeds")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, data = seed(line, what, how)
                assert name not in corpus, name
                corpus[name] = data
    if os.path.exists(os.path.join(here, "found")):
        with open(os.path.join(here, "found")) as file:
            for line in file:
                data = bytes.fromhex(line)
                corpus["found-" + hashlib.sha1(data).hexdigest()[:12]] = data
    for name, data in corpus.items():
        with open(os.path.join(sys.argv[1], name), "wb") as file:
            file.write(data)


main()
