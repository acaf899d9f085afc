#!/usr/bin/env python3
"""Writes tests/data/bundled.tar.xz: what PyTorch answers to SST-2's dev set with the bundled model.

A forward pass of COST-EFF's layers written down here, in float64 from the float16 weights as stored, on real tokens
only, tokenised by Hugging Face. Thresholds keep away from every entropy, so that exit layers must match exactly.
usage: tools/make_bundled_goldens.py SST-2/dev.tsv        (needs torch, transformers, safetensors)
"""
import io
import json
import lzma
import pathlib
import sys
import tarfile

import torch
from safetensors.torch import load_file
from transformers import BertTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / 'models/sst2-slender'
HEAD_SIZE, EPS, MAX_LENGTH = 32, 1e-12, 128

weights = {name: t.double() for name, t in load_file(MODEL / 'model.safetensors').items()}
layers = json.loads((MODEL / 'config.json').read_text())['num_hidden_layers']
tokenizer = BertTokenizerFast(str(MODEL / 'vocab.txt'), do_lower_case=True)


def linear(x, name):
    return x @ weights[name + '.weight'].T + weights[name + '.bias']


def norm(x, name):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], weights[name + '.weight'], weights[name + '.bias'], EPS)


def heads(x):
    return x.view(len(x), -1, HEAD_SIZE).transpose(0, 1)


def layer(x, at):
    q, k, v = (heads(linear(x, f'{at}.attention.self.{part}')) for part in ('query', 'key', 'value'))
    mixed = torch.softmax(q @ k.transpose(1, 2) / HEAD_SIZE ** 0.5, -1) @ v
    x = norm(x + linear(mixed.transpose(0, 1).reshape(len(x), -1), f'{at}.attention.output.dense'),
             f'{at}.attention.output.LayerNorm')
    inner = torch.nn.functional.gelu(linear(x, f'{at}.intermediate.dense'))
    return norm(x + linear(inner, f'{at}.output.dense'), f'{at}.output.LayerNorm')


def logits_of(text):
    ids = tokenizer(text, truncation=True, max_length=MAX_LENGTH)['input_ids']
    e = 'bert.embeddings.'
    x = weights[e + 'word_embeddings1.weight'][ids] @ weights[e + 'word_embeddings2.weight'].T
    x = x + weights[e + 'position_embeddings.weight'][:len(ids)] + weights[e + 'token_type_embeddings.weight'][0]
    x = norm(x, e + 'LayerNorm')
    out = []
    for i in range(layers):
        x = layer(x, f'bert.encoder.layer.{i}')
        exit_name = 'classifier' if i == layers - 1 else f'bert.encoder.highway.{i}.classifier'
        out.append(linear(torch.tanh(x.mean(0)), exit_name))
    return torch.stack(out)


def main():
    rows = [line.split('\t') for line in pathlib.Path(sys.argv[1]).read_text().split('\n')[1:] if line]
    labels = torch.tensor([int(label) for _, label in rows])
    logits = torch.stack([logits_of(text) for text, _ in rows])  # [rows, exits, 2]
    log_p = torch.log_softmax(logits, -1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    right = logits.argmax(-1) == labels[:, None]
    close = (log_p.exp()[..., 0] - 0.5).abs().min()
    if close < 1e-4:
        sys.exit(f'two logits are as close as {close:.1e}: a float32 answer may differ')
    results = {'task': 'SST-2', 'rows': len(rows), 'accuracy_per_exit': [round(v, 6) for v in right.double().mean(0).tolist()],
               'thresholds': []}
    for step in range(0, 71):
        threshold = step / 100
        while (entropy - threshold).abs().min() < 2e-5:
            threshold = round(threshold + 1e-4, 4)
        early = entropy < threshold
        early[:, -1] = True
        exits = early.double().argmax(-1)
        correct = int(right[torch.arange(len(rows)), exits].sum())
        results['thresholds'].append({
            'threshold': threshold, 'accuracy': round(correct / len(rows), 6), 'correct': correct,
            'mean_exit_layer': round(float((exits + 1).double().mean()), 6),
            'exit_histogram': torch.bincount(exits, minlength=layers).tolist()})
    lines = [json.dumps({'row': i, 'label': int(labels[i]), 'logits': [[round(v, 6) for v in e] for e in logits[i].tolist()]})
             for i in range(len(rows))]
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        for name, text in (('dev_logits.jsonl', '\n'.join(lines) + '\n'), ('dev_results.json', json.dumps(results, indent=1))):
            info = tarfile.TarInfo(f'bundled/{name}')
            info.size, info.mode = len(text), 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    (ROOT / 'tests/data/bundled.tar.xz').write_bytes(lzma.compress(raw.getvalue(), preset=9))
    print(results['accuracy_per_exit'], f'closest: {close:.1e}')


main()
