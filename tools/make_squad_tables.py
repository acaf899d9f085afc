#!/usr/bin/env python3
"""Writes src/tasks/judge/squad_tables.inc: what str.lower, str.isalnum and str.isspace of this Python say.

SQuAD's scoring scripts are Python; to score as they do, answers are normalised by Python's own ideas of
letters. Run with the Python whose answers are wanted: tools/make_squad_tables.py > src/tasks/judge/squad_tables.inc
"""
import sys
import unicodedata

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(test):
    out = []
    for c in POINTS:
        if not test(chr(c)):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def put(name, rows, comment):
    print(f"\n// {comment}\ninline constexpr Range {name}[] = {{")
    for i in range(0, len(rows), 6):
        print("    " + " ".join(f"{{0x{a:X}, 0x{b:X}}}," for a, b in rows[i:i + 6]))
    print("};")


def lower_rows():
    """Runs first, last, stride of code points that go to the one `delta` further."""
    rows = []
    for c in POINTS:
        low = chr(c).lower()
        if low == chr(c) or len(low) > 1:  # U+0130, by hand
            continue
        delta = ord(low) - c
        if rows and rows[-1][3] == delta:
            first, last, stride, _ = rows[-1]
            if c - last == stride or (first == last and c - last <= 2):
                rows[-1] = [first, c, c - last, delta]
                continue
        rows.append([c, c, 1, delta])
    return rows


# Python decides on a final sigma by these two properties; what it does with a capital sigma shows them.
def is_cased(ch):
    return (ch + "\u03a3").lower().endswith("\u03c2")


def is_ignorable(ch):
    return ("a" + ch + "\u03a3").lower().endswith("\u03c2") and not is_cased(ch)


print(f"// Unicode {unicodedata.unidata_version}, Python {sys.version_info[0]}.{sys.version_info[1]}. "
      "Written by tools/make_squad_tables.py.")
put("kAlnum", ranges(str.isalnum), "str.isalnum")
put("kSpace", ranges(str.isspace), "str.isspace")
put("kCased", ranges(is_cased), "Letters that have a case, as the rule of the final sigma counts them.")
put("kIgnorable", ranges(is_ignorable), "Characters that the rule of the final sigma looks through.")
print("\n// str.lower of one code point: first, last, stride, what is added.")
print("inline constexpr LowerRun kLower[] = {")
ROWS = lower_rows()
for i in range(0, len(ROWS), 4):
    print("    " + " ".join(f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}," for a, b, s, d in ROWS[i:i + 4]))
print("};")
