#!/usr/bin/env python3
"""Real tokens a second of training steps: costeff and PyTorch, in turns.

    tools/compare/train_speed.py BACKBONE GLUE_DIRECTORY/SST-2/train.tsv      # e.g. all-MiniLM-L6-v2, batches of 32
    tools/compare/train_speed.py --bert-base GLUE_DIRECTORY/SST-2/train.tsv   # random weights, 8 x 128 tokens

Both sides train the same model on the same rows with the same dropout, AdamW and clipping. A step is all of it:
batch, forward, backward, norm, update. costeff takes rows in random order, unpadded; PyTorch (transformers' BERT with
fused attention, fused AdamW) takes them sorted by length within windows of 50 batches, so that it pads little.
Padding counts for neither. A ratio is the median over the rounds of the ratio within a round.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from engines import Costeff, own_cpus

HERE = pathlib.Path(__file__).resolve().parent
WARM_UP = 5  # steps that are not counted


def long_rows(sentences, count, words=200):
    """Rows that are cut to 128 tokens."""
    text = " ".join(sentences).split()
    return [" ".join(text[i * words:(i + 1) * words]) for i in range(count)]


def write_rows(path, texts):
    with open(path, "w", encoding="utf-8") as file:
        for i, text in enumerate(texts):
            file.write(json.dumps({"text": text, "label": i % 2}) + "\n")


def make_bert_base(directory, vocabulary):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    BertModel(BertConfig()).save_pretrained(directory)
    (directory / "vocab.txt").write_bytes(vocabulary.read_bytes())
    return directory


class Torch:
    """PyTorch in a process of its own, idle while costeff runs."""

    def __init__(self, backbone, rows, args, precision, threads):
        cpus = ",".join(map(str, own_cpus(threads)))
        self.process = subprocess.Popen(
            ["taskset", "-c", cpus, sys.executable, HERE / "train_worker.py", backbone, rows, precision, str(threads),
             str(args.batch), str(args.dropout), str(args.attention_dropout)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tokens_per_second(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("PyTorch's process ended")
        done = json.loads(line)
        return done["tokens"] / done["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def costeff_tokens_per_second(costeff, backbone, rows, args, steps):
    with tempfile.TemporaryDirectory() as directory:
        out, log = pathlib.Path(directory) / "model", pathlib.Path(directory) / "log.jsonl"
        costeff.call("train", backbone, "--data", rows, "--dev-share", "0", "--limit", (steps + WARM_UP) * args.batch,
                     "--epochs", "1", "--batch", args.batch, "--max-length", "128", "--dropout", args.dropout,
                     "--attention-dropout", args.attention_dropout, "--threads", costeff.threads, *costeff.dtype,
                     "--log", log, "--quiet", "-o", out)
        done = [json.loads(line) for line in log.read_text().splitlines()]
    done = [event for event in done if event["event"] == "step"][WARM_UP:]
    return sum(event["tokens"] for event in done) / sum(event["seconds"] for event in done)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone", type=pathlib.Path, nargs="?")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bert-base", type=pathlib.Path, metavar="VOCAB",
                        help="a BERT-base with random weights and this vocab.txt, on rows of 128 tokens")
    parser.add_argument("--costeff", type=pathlib.Path, default="build/release/costeff")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bf16"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of a turn (default: 30, with --bert-base 6)")
    parser.add_argument("--batch", type=int, help="default: 32, with --bert-base 8")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--attention-dropout", type=float, default=0.1)
    args = parser.parse_args()
    if (args.backbone is None) == (args.bert_base is None):
        parser.error("BACKBONE or --bert-base VOCAB, one of them")
    args.batch = args.batch or (8 if args.bert_base else 32)
    steps = args.steps or (6 if args.bert_base else 30)

    with open(args.data, encoding="utf-8", newline="\n") as file:
        texts = [row["sentence"].strip() for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        rows, backbone = directory / "rows.jsonl", args.backbone
        count = (steps + WARM_UP) * args.batch
        if args.bert_base:
            backbone = make_bert_base(directory / "bert-base", args.bert_base)
            write_rows(rows, long_rows(texts, count))
        else:
            # Every k-th row: all lengths.
            write_rows(rows, texts[::max(1, len(texts) // count)][:count])
        print(f"{backbone.name}, batches of {args.batch}, {steps} steps a turn, {args.rounds} rounds; real tokens a second")
        for precision in args.precisions:
            for threads in args.threads:
                costeff = Costeff(args.costeff, backbone, precision, threads)
                peer = Torch(backbone, rows, args, precision, threads)
                own, other = [], []
                for _ in range(args.rounds):
                    own.append(costeff_tokens_per_second(costeff, backbone, rows, args, steps))
                    other.append(peer.tokens_per_second(steps))
                peer.close()
                ratios = sorted(a / b for a, b in zip(own, other))
                print(f"{precision:8} threads {threads}: costeff {statistics.median(own):6.0f}, PyTorch "
                      f"{statistics.median(other):6.0f}, ratio {statistics.median(ratios):.2f} "
                      f"({ratios[0]:.2f}-{ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
