#!/usr/bin/env python3
"""Writes src/text/sentencepiece/albert_tables.inc: what ALBERT's slow tokenizer makes of single
code points.

    python3 tools/make_albert_tables.py > src/text/sentencepiece/albert_tables.inc

The tables are Python's own (unicodedata), so the Python must be one with Unicode 14.0 (3.11; 3.12
has 15.0): the version the golden data was made with.
"""

import sys
import unicodedata

VERSION = "14.0.0"


def is_hangul(c):
    return 0xAC00 <= c <= 0xD7A3


def fold(c):
    """NFKD, combining characters dropped."""
    return [ord(x) for x in unicodedata.normalize("NFKD", chr(c)) if not unicodedata.combining(x)]


def code_points():
    return (c for c in range(0x80, 0x110000) if not 0xD800 <= c <= 0xDFFF)


def print_rows(head, rows, width=100):
    print(head)
    line = ""
    for row in rows:
        if len(line) + len(row) + 1 > width:
            print(line)
            line = ""
        line += row + ","
    print(line + "};")


def main():
    if unicodedata.unidata_version != VERSION:
        sys.exit(f"unicodedata is {unicodedata.unidata_version}, expected {VERSION}")

    pool, folds = [], []  # folds: [first, count, length, at]
    for c in code_points():
        to = fold(c)
        if is_hangul(c) or to == [c]:
            continue
        last = folds[-1] if folds else None
        if last and c == last[0] + last[1] and len(to) == last[2]:
            last[1] += 1
        else:
            folds.append([c, 1, len(to), len(pool)])
        pool += to

    lowers = []  # [first, last, step, delta]
    for c in code_points():
        to = chr(c).lower()
        if to == chr(c) or len(to) > 1:  # U+0130 is the one with two
            continue
        delta = ord(to) - c
        last = lowers[-1] if lowers else None
        if last and delta == last[3] and c - last[1] == (last[2] or c - last[1]) and c - last[1] <= 2:
            last[2] = c - last[1]
            last[1] = c
        else:
            lowers.append([c, c, 0, delta])

    print(f"// Written by tools/make_albert_tables.py from Unicode {VERSION}; do not edit.")
    print_rows("inline constexpr Fold kFolds[] = {",
               ["{0x%X,%d,%d,%d}" % tuple(f) for f in folds])
    print_rows("inline constexpr uint32_t kFoldPool[] = {", ["0x%X" % c for c in pool])
    print_rows("inline constexpr LowerRun kLowers[] = {",
               ["{0x%X,0x%X,%d,%d}" % (a, b, step or 1, d) for a, b, step, d in lowers])


main()
