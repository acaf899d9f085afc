#!/usr/bin/env python3
"""Does Hugging Face transformers read what `costeff convert` wrote, and does it give the same logits?

  tools/check_with_transformers.py --costeff build/costeff --rows rows.jsonl MODEL_DIR...

MODEL_DIR is a converted directory of a plain dialect. Rows are JSONL with text (text_a, text_b) or
input_ids (and token_type_ids). transformers computes in float64 from the weights as stored; costeff in
float32. Exit code 1: a tensor is missing or left over, or a logit differs by more than --tolerance.
Needs: pip install torch transformers==4.46.3 sentencepiece protobuf
"""

import argparse
import json
import subprocess
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def run_costeff(costeff, verb, model, rows, *flags):
    command = [costeff, verb, model, rows, "--format", "jsonl", "--max-length", "128", *flags]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def load(path):
    model, info = AutoModelForSequenceClassification.from_pretrained(path, output_loading_info=True)
    problems = [f"{kind}: {info[kind]}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
                if info[kind]]
    return model.double().eval(), problems


def logits_of(model, tokens):
    inputs = {"input_ids": torch.tensor([tokens["input_ids"]])}
    if "token_type_ids" in tokens and model.config.model_type != "distilbert":
        inputs["token_type_ids"] = torch.tensor([tokens["token_type_ids"]])
    with torch.no_grad():
        return model(**inputs).logits[0].tolist()


def count_other_ids(path, rows, tokens):
    """Rows of text that transformers' own tokenizer of the directory encodes otherwise."""
    tokenizer = AutoTokenizer.from_pretrained(path)
    count = 0
    for row, mine in zip(rows, tokens):
        if "input_ids" in row or row.get("text_b") == "":
            continue  # an empty second text is a pair to costeff alone
        theirs = tokenizer(row["text_a"], row.get("text_b"), truncation=True, max_length=128)
        count += theirs["input_ids"] != mine["input_ids"]
    return count


def check(arguments, path):
    with open(arguments.rows, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file.read().split("\n") if line]
    model, problems = load(path)
    tokens = run_costeff(arguments.costeff, "tokenize", path, arguments.rows)
    answers = run_costeff(arguments.costeff, "infer", path, arguments.rows, "--all-exits")
    largest = 0.0
    for ids, answer in zip(tokens, answers):
        mine = answer["exits"][-1]["logits"]
        theirs = logits_of(model, ids)
        if len(mine) != len(theirs):
            problems.append(f"{len(mine)} logits, transformers gives {len(theirs)}")
            break
        largest = max(largest, *(abs(a - b) for a, b in zip(mine, theirs)))
    if largest > arguments.tolerance:
        problems.append(f"a logit differs by {largest:.2e}")
    print(f"{path}: {type(model).__name__}, {len(rows)} rows, max logit difference {largest:.2e}, "
          f"{count_other_ids(path, rows, tokens)} rows with other ids")
    for problem in problems:
        print(f"{path}: {problem}")
    return not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costeff", required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("models", nargs="+", metavar="MODEL_DIR")
    arguments = parser.parse_args()
    return 0 if all([check(arguments, path) for path in arguments.models]) else 1


if __name__ == "__main__":
    sys.exit(main())
