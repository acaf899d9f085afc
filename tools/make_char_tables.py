#!/usr/bin/env python3
"""Writes src/text/chars/char_tables.inc, the character tables of the tokenizers.

usage: make_char_tables.py DIR OUT

DIR holds bert-base-uncased, bert-base-cased and roberta-base, each with a char_classes.json: what the
fast (Rust) Hugging Face tokenizers do with every Unicode scalar value. The program needs only OUT,
which is kept in the repository; run this again when the measured tables change.

Exact, because measured over all of Unicode: deletion, white space and punctuation (cased table),
accent stripping together with lower case (uncased table), \\p{L} \\p{N} \\s (roberta table).
Derived, because only the composition was measured:
  lower case alone    str.lower() of Python, Unicode 14.0 to 15.1 (the same mappings)
  stripping alone     NFD of Python without the marks that the uncased table deletes; a decomposition
                      whose lower case is not the measured one is newer than the fast tokenizer's NFD
                      and is dropped (U+11938)
This script stops if lower(strip(c)) differs from the measured table anywhere.
CJK ideographs are told from punctuation by BERT's ranges (Devlin et al. 2018, tokenization.py), less
the block U+2B820..U+2B91F that the fast tokenizer forgets.
\\w (added tokens with single_word) is Alphabetic + M + Nd + Pc + the two joiners, from Python.
"""
import json
import os
import sys
import unicodedata as ud

LAST = 0x110000
CJK = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
       (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
HANGUL = (0xAC00, 0xD7A3)
# Bits of a class byte; src/text/chars/char_tables.h has the same.
BERT = {'D': 1, 'S': 2, 'I': 3}
BPE = {'L': 1, 'N': 2, 'S': 3}
BIT_CJK, BIT_MARK, BIT_MAPPED, BPE_SHIFT, BIT_WORD = 4, 8, 16, 5, 128


def read(directory, name):
    with open(os.path.join(directory, name, 'char_classes.json'), encoding='utf-8') as f:
        data = json.load(f)
    classes = {}
    for first, last, kind in data['classes']:
        for c in range(int(first, 16), int(last, 16) + 1):
            classes[c] = kind
    return classes, {int(c, 16): to for c, to in data.get('map', {}).items()}


def in_ranges(c, ranges):
    return any(a <= c <= b for a, b in ranges)


def is_surrogate(c):
    return 0xD800 <= c <= 0xDFFF


def is_regex_word(c):
    kind = ud.category(chr(c))
    # Other_Alphabetic outside M: the circled and squared letters.
    return (kind[0] in 'LM' or kind in ('Nd', 'Nl', 'Pc') or c in (0x200C, 0x200D) or
            in_ranges(c, [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]))


def build(directory):
    cased, cased_map = read(directory, 'bert-base-cased')
    uncased, uncased_map = read(directory, 'bert-base-uncased')
    bpe, _ = read(directory, 'roberta-base')
    assert not cased_map
    marks = {c for c, kind in uncased.items() if kind == 'D' and cased.get(c) != 'D'}

    def measured(c):  # the uncased tokenizer's text for c
        return '' if uncased.get(c) == 'D' else uncased_map.get(c, chr(c))

    def stripped(c):
        if cased.get(c) in ('D', 'S'):
            return chr(c)
        text = ''.join(x for x in ud.normalize('NFD', chr(c)) if ord(x) not in marks)
        return text if text.lower() == measured(c) else chr(c)

    both, lower, strip = {}, {}, {}
    for c in range(LAST):
        if is_surrogate(c) or in_ranges(c, [HANGUL]) or cased.get(c) in ('D', 'S'):
            continue
        low = ''.join(x.lower() for x in chr(c))
        bare = stripped(c)
        if c not in marks:
            want = ''.join(x.lower() for x in bare)
            assert want == measured(c), f'U+{c:04X}: {want!r}, measured {measured(c)!r}'
            if want != chr(c):
                both[c] = want
            if bare != chr(c):
                strip[c] = bare
        if low != chr(c):
            lower[c] = low
        # A second pass must change nothing: normalised text is sometimes normalised again.
        for x in ''.join([both.get(c, ''), lower.get(c, ''), strip.get(c, '')]):
            assert cased.get(ord(x)) not in ('D', 'S'), f'U+{c:04X} gives U+{ord(x):04X}'
    for table in (both, lower, strip):
        for c, to in table.items():
            assert all(ord(x) not in table for x in to), f'U+{c:04X} twice'

    classes = []
    for c in range(LAST):
        if is_surrogate(c):
            classes.append(0)
            continue
        kind = cased.get(c, '')
        value = BERT.get(kind, 0)
        if in_ranges(c, CJK):
            assert kind == 'I'
            value = BIT_CJK
        if c in marks:
            assert value == 0
            value |= BIT_MARK
        if c in both or c in lower or c in strip or in_ranges(c, [HANGUL]):
            value |= BIT_MAPPED
        value |= BPE.get(bpe.get(c, ''), 0) << BPE_SHIFT
        if is_regex_word(c):
            value |= BIT_WORD
        classes.append(value)
    return classes, [('StripLower', both), ('Lower', lower), ('Strip', strip)]


def write_array(out, kind, name, values):
    out.write(f'inline constexpr {kind} {name}[{len(values)}] = {{\n')
    line = ''
    for v in values:
        if len(line) + len(str(v)) + 1 > 99:
            out.write(line + '\n')
            line = ''
        line += f'{v},'
    out.write(line + '\n};\n')


def write_two_stage(out, kind, name, values):
    blocks, index = {}, []
    for at in range(0, LAST, 256):
        block = tuple(values[at:at + 256])
        index.append(blocks.setdefault(block, len(blocks)))
    assert len(blocks) <= 256
    write_array(out, 'uint8_t', f'k{name}Index', index)
    write_array(out, kind, f'k{name}Blocks', [v for block in blocks for v in block])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if ud.unidata_version not in ('14.0.0', '15.0.0', '15.1.0'):
        sys.exit(f'Unicode {ud.unidata_version}: the case mappings of 14.0 are needed')
    classes, maps = build(sys.argv[1])
    with open(sys.argv[2], 'w', encoding='ascii', newline='\n') as out:
        out.write('// Generated by tools/make_char_tables.py from measured tables; do not edit.\n')
        write_two_stage(out, 'uint8_t', 'Class', classes)
        pool = [0]  # per replacement: number of code points, then these
        places = {}
        for name, table in maps:
            values = [0] * LAST
            for c, to in table.items():
                if to not in places:
                    places[to] = len(pool)
                    pool.extend([len(to)] + [ord(x) for x in to])
                values[c] = places[to]
            assert len(pool) < 65536
            write_two_stage(out, 'uint16_t', name, values)
        write_array(out, 'uint32_t', 'kReplacements', pool)


if __name__ == '__main__':
    main()
