#!/usr/bin/env python3
"""Writes tests/data: a chosen part of the larger collection of test data (tests/data/README.md).

usage: tools/make_test_data.py SHARED            writes tests/data anew
       tools/make_test_data.py SHARED --check    says what would change; exit code 1 if anything does

The choice depends on the collection alone: no dates, owners or chance. Another liblzma may pack the same
files into other bytes, so --check compares contents.
"""
import array
import io
import json
import lzma
import os
import sys
import tarfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'data')
LIMIT = 25 << 20  # bytes of tests/data, all files together

# Left out, as others are alike: masks of 0 and 1 (cofi_zs and cofi_zs_roberta have masks too).
GOLDEN_LEFT_OUT = {'cofi_zs_binary'}
GOLDEN_ROWS = 16  # of a checkpoint; of question answering all, as few of them are questions
TOKENIZER_STEP = 4  # every fourth row of golden.jsonl, and more of those where slow and fast differ
TOKENIZER_TABLES = {'char_classes.json', 'sweep.jsonl', 'sweep_detail.jsonl'}

# Rows of a file of GLUE, from its begin; SST-2's dev set whole: the trained models are held against it.
GLUE_ROWS = {'SST-2/dev.tsv': None, 'SST-2/train.tsv': 1200}
GLUE_ROWS_OTHERWISE = 100

# Of golden_train, a variant that is not wanted: CoFi's exclusion of layers by rank.
TRAIN_LEFT_OUT = ('grads_v4.safetensors', 'grads_l0_v4.safetensors')

# A later change brings what this case asks for.
REAL_LEFT_OUT = {'multi-label'}
# Its file holds one row, and it expects the lines of two.
REAL_MENDED = {'input-gzip/expect.json'}


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def lines_of(data):
    return data.split(b'\n')[:-1] if data.endswith(b'\n') else data.split(b'\n')


def joined(lines):
    return b''.join(line + b'\n' for line in lines)


def files_below(root):
    for directory, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            path = os.path.join(directory, name)
            yield os.path.relpath(path, root), path


def golden_rows(data):
    """One row for each tag and each pattern of exit layers first, then others in order."""
    rows = lines_of(data)
    parsed = [json.loads(row) for row in rows]
    chosen, met = [], set()
    keys = ['exit_layers', 'patience_exit_layers', 'lte_exit_layers', 'input_ids_fast']
    for want in ('tags', 'layers', 'any'):
        for i, row in enumerate(parsed):
            if want == 'tags':
                new = {('tag', t) for t in row.get('tags', [])}
            elif want == 'layers':
                new = {(k, json.dumps(row[k])) for k in keys if k in row}
            else:
                new = {i}
            if i not in chosen and new - met and len(chosen) < GOLDEN_ROWS:
                chosen.append(i)
                met |= new
    return joined(rows[i] for i in sorted(chosen))


def golden(shared):
    for name, path in files_below(f'{shared}/golden'):
        if name.split('/')[0] in GOLDEN_LEFT_OUT or name == 'README.md':
            continue
        data = read(path)
        fewer = name.endswith('/golden.jsonl') and b'"start_logits"' not in data
        yield name, golden_rows(data) if fewer else data


def tokenizer_rows(data):
    differ = 0
    for i, row in enumerate(lines_of(data)):
        differs = b'"slow_input_ids"' in row
        differ += differs
        if i % TOKENIZER_STEP == 0 or (differs and differ % 2 == 0):
            yield row


def tokenizer(shared):
    for name, path in files_below(f'{shared}/tokenizer'):
        if name == 'README.md':
            continue
        data = read(path)
        if os.path.basename(name) == 'golden.jsonl':
            data = joined(tokenizer_rows(data))
        yield name, data


def glue(shared):
    for name, path in files_below(f'{shared}/glue'):
        if name == 'README.md':
            continue
        rows = GLUE_ROWS.get(name, GLUE_ROWS_OTHERWISE)
        data = read(path)
        header = not name.startswith('CoLA/')
        yield name, data if rows is None else joined(lines_of(data)[:rows + header])


def in_float32(data):
    """A safetensors file whose float64 tensors are float32: what they are compared with is."""
    size = int.from_bytes(data[:8], 'little')
    header, at, chunks = json.loads(data[8:8 + size]), 0, []
    body = data[8 + size:]
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        chunk = body[begin:end]
        if entry['dtype'] == 'F64':
            chunk = array.array('f', array.array('d', chunk)).tobytes()
            entry['dtype'] = 'F32'
        entry['data_offsets'] = [at, at + len(chunk)]
        at += len(chunk)
        chunks.append(chunk)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    return len(text).to_bytes(8, 'little') + text + b''.join(chunks)


def golden_train(shared):
    for name, path in files_below(f'{shared}/golden_train'):
        if name == 'README.md' or os.path.basename(name) in TRAIN_LEFT_OUT:
            continue
        data = read(path)
        yield name, in_float32(data) if name.endswith('.safetensors') else data


def plain_files(shared):
    """Files of tests/data that are no archives of ours."""
    for name in ('bad.tar.xz', 'cases.tsv'):
        yield f'bad/{name}', read(f'{shared}/bad/{name}')
    for name, path in files_below(f'{shared}/real'):
        if '/' in name and name.split('/')[0] not in REAL_LEFT_OUT and name not in REAL_MENDED:
            yield f'real/{name}', read(path)


# Floats pack better where the position within four bytes counts.
FLOATS = {'lc': 0, 'lp': 2, 'pb': 2}
ARCHIVES = {'golden': (golden, FLOATS), 'golden_train': (golden_train, FLOATS), 'tokenizer': (tokenizer, {}),
            'glue': (glue, {})}


def packed(top, files, options):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files:
            info = tarfile.TarInfo(f'{top}/{name}')
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    filters = [{'id': lzma.FILTER_LZMA2, 'preset': 9 | lzma.PRESET_EXTREME, 'dict_size': 16 << 20, **options}]
    return lzma.compress(raw.getvalue(), check=lzma.CHECK_CRC64, filters=filters)


def unpacked(path):
    with tarfile.open(path, 'r:xz') as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def differences(shared):
    for top, (files, _) in ARCHIVES.items():
        path = f'{ROOT}/{top}.tar.xz'
        have = unpacked(path) if os.path.exists(path) else {}
        want = {f'{top}/{name}': data for name, data in files(shared)}
        for name in sorted(have.keys() | want.keys()):
            if have.get(name) != want.get(name):
                yield f'{top}.tar.xz: {name}'
    for name, data in plain_files(shared):
        path = f'{ROOT}/{name}'
        if not os.path.exists(path) or read(path) != data:
            yield name


def write(shared):
    for top, (files, options) in ARCHIVES.items():
        with open(f'{ROOT}/{top}.tar.xz', 'wb') as f:
            f.write(packed(top, files(shared), options))
    for name, data in plain_files(shared):
        path = f'{ROOT}/{name}'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data)


def main():
    words = sys.argv[1:]
    check = '--check' in words
    words = [w for w in words if w != '--check']
    if len(words) != 1 or not os.path.isdir(f'{words[0]}/golden'):
        sys.exit(__doc__)
    shared = words[0]
    if check:
        wrong = list(differences(shared))
        for name in wrong:
            print(f'make_test_data: {name} is not what {shared} gives')
        sys.exit(bool(wrong))
    write(shared)
    total = 0
    for name, path in files_below(ROOT):
        total += os.path.getsize(path)
        if not name.startswith('real/'):
            print(f'{os.path.getsize(path):9} {name}')
    print(f'{total:9} in all')
    if total > LIMIT:
        sys.exit(f'make_test_data: more than {LIMIT} bytes')


main()
