#!/usr/bin/env python3
"""Writes src/text/chars/unicode_tables.inc: Unicode as the Rust tokenizers library has it.

usage: make_unicode_tables.py > src/text/chars/unicode_tables.inc

Needs the Python packages tokenizers and regex, and takes some minutes. The steps of a tokenizer.json
follow several versions of Unicode (normalisation forms 9.0, categories in patterns 16.0, letter case
newer still), so every table is measured with the library itself, over all scalar values:
  decompositions        NFD and NFKD of each code point, Hangul syllables aside
  combining classes     the order in which NFD leaves two marks
  compositions          the pairs that NFC joins, Hangul aside
  lower case            Lowercase
  marks                 what StripAccents deletes
  categories            Split by \\p{Lu}, \\p{Ll}, ...; \\w and \\d of both pattern languages follow from them
  digits                Digits, where it knows more than \\p{N}
Grapheme clusters (of Precompiled) cannot be measured: their classes are those of the regex package.
The program needs only the output; run this again for a newer library."""
import sys
import unicodedata as ud

import regex
from tokenizers import Regex, __version__
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xD7A4)
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp "
              "Cc Cf Co Cs Cn").split()
BREAKS = "Other Control Extend ZWJ SpacingMark Prepend Regional_Indicator L V T LV LVT CR LF".split()


def changed(normalizer):
    return {c: [ord(x) for x in r] for c in SCALARS
            if (r := normalizer.normalize_str(chr(c))) != chr(c) and c not in HANGUL}


def combining_classes():
    """The class of each mark: Python's, where the library sorts it so; 0 where it does not sort it."""
    nfd = N.NFD().normalize_str
    # Marks of each class that Unicode 3 had, so that the library has them.
    samples = {}
    for c in SCALARS:
        if ud.ucd_3_2_0.combining(chr(c)) and nfd(chr(c)) == chr(c):
            samples.setdefault(ud.ucd_3_2_0.combining(chr(c)), chr(c))
    classes = {}
    for c in SCALARS:
        x = chr(c)
        if nfd(x) != x:
            continue
        if nfd("\u0345" + x) == "\u0345" + x and nfd(x + "\u0334") == x + "\u0334":
            continue  # is sorted before neither the last class nor after the first
        lower = [k for k, s in samples.items() if s != x and nfd(x + s) == s + x]
        higher = [k for k, s in samples.items() if s != x and nfd(s + x) == x + s]
        k = ud.combining(x)
        if k == 0 or any(l >= k for l in lower) or any(h <= k for h in higher):
            sys.exit(f"U+{c:04X}: class {k} does not explain the order")
        classes[c] = k
    return classes


def compositions(nfd):
    pairs = {}
    for c in nfd:
        d = ud.decomposition(chr(c))
        if not d or d.startswith("<") or " " not in d:
            continue
        pair = [int(x, 16) for x in d.split()]
        if N.NFC().normalize_str("".join(map(chr, pair))) == chr(c):
            pairs[tuple(pair)] = c
    for c in nfd:  # a code point that NFC restores must be reached by some pair
        if N.NFC().normalize_str(chr(c)) == chr(c) and c not in pairs.values() and c not in HANGUL:
            sys.exit(f"U+{c:04X} is composed of nothing")
    return pairs


def categories():
    repertoire = "".join(map(chr, SCALARS))
    of = {}
    for number, name in enumerate(CATEGORIES):
        if name == "Cs":
            continue
        split = P.Split(Regex(r"\p{%s}+" % name), "removed", invert=True)
        for piece, _ in split.pre_tokenize_str(repertoire):
            for x in piece:
                of[ord(x)] = number
    for c in range(0xD800, 0xE000):
        of[c] = CATEGORIES.index("Cs")
    return of


def check_words(of):
    """\\w, as char_class.h derives it from the categories."""
    def is_word(c):
        name = CATEGORIES[of[c]]
        circled = (0x24B6 <= c <= 0x24E9 or 0x1F130 <= c <= 0x1F149 or 0x1F150 <= c <= 0x1F169 or
                   0x1F170 <= c <= 0x1F189)
        return name[0] in "LM" or name in ("Nd", "Nl", "Pc") or circled or c in (0x200C, 0x200D)
    whitespace = P.Whitespace()
    onig = P.Split(Regex(r"\w"), "removed", invert=True)
    for c in SCALARS:
        if (len(whitespace.pre_tokenize_str("a" + chr(c))) == 1 and c not in SPACES) != is_word(c):
            sys.exit(f"U+{c:04X}: \\w of Whitespace")
        expected = (is_word(c) and c not in (0x200C, 0x200D)) or c in (0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE)
        if bool(onig.pre_tokenize_str(chr(c))) != expected:
            sys.exit(f"U+{c:04X}: \\w of a pattern")


SPACES = {c for c in SCALARS if not P.WhitespaceSplit().pre_tokenize_str(chr(c))}


def ranges(of, last=0x110000):
    """(first, value) of each run of equal values."""
    out, value = [], None
    for c in range(last):
        if of.get(c, 0) != value:
            value = of.get(c, 0)
            out.append((c, value))
    return out


def flat(values):
    lines, line = [], ""
    for v in values:
        text = f"0x{v:X}," if v > 9 else f"{v},"
        if len(line) + len(text) > 100:
            lines.append(line)
            line = ""
        line += text
    return "\n".join(lines + [line])


def table(kind, name, values):
    values = list(values)
    print(f"inline constexpr {kind} {name}[{len(values)}] = {{\n{flat(values)}}};")


def decompositions(name, of):
    """Sorted entries: code point, place in the pool << 8 | length."""
    pool, entries = [], []
    joined = {}
    for c, to in sorted(of.items()):
        key = tuple(to)
        if key not in joined:
            joined[key] = len(pool)
            pool += to
        entries += [c, joined[key] << 8 | len(to)]
    print(f"// {name}: code point, place in the pool << 8 | length.")
    table("uint32_t", f"k{name}", entries)
    table("uint32_t", f"k{name}Pool", pool)


def deltas(of):
    """Runs (first, last, step, delta) of code points that become themselves + delta."""
    runs = []
    for c, (to,) in sorted(of.items()):
        d = to - c
        if runs:
            first, last, step, delta = runs[-1]
            gap = c - last
            if delta == d and gap in (1, 2) and (first == last or gap == step):
                runs[-1] = (first, c, gap, delta)
                continue
        runs.append((c, c, 1, d))
    return runs


def main():
    nfd, nfkd = changed(N.NFD()), changed(N.NFKD())
    lower = changed(N.Lowercase())
    if {c for c, to in lower.items() if len(to) > 1} != {0x130}:
        sys.exit("more than U+0130 becomes several code points in lower case")
    of = categories()
    check_words(of)
    numbers = {c for c in SCALARS if CATEGORIES[of[c]][0] == "N"}
    digits = {c for c in SCALARS if len(P.Digits(False).pre_tokenize_str("a" + chr(c))) == 2}
    if numbers - digits:
        sys.exit("Digits does not know all of \\p{N}")
    breaks = {c: n for n, name in enumerate(BREAKS) if name != "Other"
              for c in map(ord, regex.findall(r"\p{GCB=%s}" % name, "".join(map(chr, SCALARS))))}
    for c in range(0xD800, 0xE000):
        breaks[c] = BREAKS.index("Control")
    picture = {c: 1 for c in map(ord, regex.findall(r"\p{Extended_Pictographic}",
                                                     "".join(map(chr, SCALARS))))}

    print(f"// Written by tools/make_unicode_tables.py, measured with tokenizers {__version__}; do not edit.")
    decompositions("Nfd", nfd)
    decompositions("Nfkd", {c: to for c, to in nfkd.items() if nfd.get(c) != to})
    print("// Runs: first code point << 8 | combining class.")
    table("uint32_t", "kCombining", (c << 8 | k for c, k in ranges(combining_classes())))
    print("// Sorted pairs and what they become.")
    table("uint32_t", "kCompositions", (x for p, c in sorted(compositions(nfd).items()) for x in (*p, c)))
    print("// Runs: first, last, step; every step-th becomes itself + delta.")
    runs = deltas({c: to for c, to in lower.items() if c != 0x130})
    print(f"inline constexpr LowerRun kLowerRuns[{len(runs)}] = {{")
    print(*(f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}," for a, b, s, d in runs), sep="\n")
    print("};")
    print("// Runs: first code point << 1 | 1 if StripAccents deletes it.")
    table("uint32_t", "kMarks", (c << 1 | v for c, v in ranges({c: 1 for c in SCALARS if not
                                                                N.StripAccents().normalize_str(chr(c))})))
    print("// Runs: first code point << 5 | general category, in the order of char_class.h.")
    table("uint32_t", "kCategories", (c << 5 | v for c, v in ranges(of)))
    print("// Digits besides \\p{N}.")
    table("uint32_t", "kMoreDigits", sorted(digits - numbers))
    print("// Runs: first code point << 5 | 16 if a pictograph | grapheme break class, as in graphemes.cpp.")
    table("uint32_t", "kBreaks", (c << 5 | v for c, v in
                                  ranges({c: breaks.get(c, 0) | picture.get(c, 0) << 4 for c in range(0x110000)})))


main()
