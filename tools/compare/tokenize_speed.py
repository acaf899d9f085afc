#!/usr/bin/env python3
"""Sentences tokenised a second by one thread: costeff and Hugging Face's fast tokenizer, in turns.

    tools/compare/tokenize_speed.py MODEL GLUE_DIRECTORY/SST-2/train.tsv --costeff build/release/costeff

MODEL is a WordPiece model with uncased English vocabulary and off-ramps: costeff's time is the tokenise stage
of `costeff bench`, whose sentences leave at the first layer; that of the peer encode_batch alone. Both
give the same ids (tests/text shows it); how many there are is compared here.
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("--costeff", type=pathlib.Path, default="build/release/costeff")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    from transformers import BertTokenizerFast

    fast = BertTokenizerFast.from_pretrained(args.model)._tokenizer
    with open(args.texts, encoding="utf-8", newline="\n") as file:
        sentences = [row["sentence"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    command = [args.costeff, "bench", args.model, args.texts, "--task", "sst-2", "--threads", "1", "--rounds", "1",
               "--lengths", "none", "--policy", "entropy", "--threshold", "10", "--json", "-"]
    own, peer, tokens = [], [], None
    for _ in range(args.rounds):
        done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["throughput"][0]
        own.append(done["rows"] / done["stage_seconds"]["tokenize"])
        begin = time.perf_counter()
        encoded = fast.encode_batch(sentences)
        peer.append(len(sentences) / (time.perf_counter() - begin))
        tokens = tokens or sum(len(e.ids) for e in encoded)
        if (done["rows"], done["tokens"]) != (len(sentences), tokens):
            raise SystemExit(f"costeff: {done['rows']} rows of {done['tokens']} tokens, the fast tokenizer: "
                             f"{len(sentences)} of {tokens}")
    ratio = statistics.median(a / b for a, b in zip(own, peer))
    print(f"{len(sentences)} sentences, {tokens} tokens; sentences a second, medians of {args.rounds}: costeff "
          f"{statistics.median(own):.0f}, fast tokenizer {statistics.median(peer):.0f}, ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
