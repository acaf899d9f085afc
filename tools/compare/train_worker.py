"""PyTorch's side of train_speed.py: for each line with a number of steps on stdin, that many training steps, and a
line of JSON with their real tokens and seconds.

    train_worker.py BACKBONE ROWS.jsonl PRECISION THREADS BATCH DROPOUT ATTENTION_DROPOUT
"""

import json
import random
import sys
import time

import torch
from transformers import BertForSequenceClassification, BertTokenizerFast

WINDOW = 50  # batches that are sorted together


def batches(ids, labels, size, seed):
    """-> (ids, mask, labels), padded to the longest of a batch."""
    order = list(range(len(ids)))
    random.Random(seed).shuffle(order)
    found = []
    for begin in range(0, len(order), size * WINDOW):
        window = sorted(order[begin:begin + size * WINDOW], key=lambda i: len(ids[i]))
        found += [window[i:i + size] for i in range(0, len(window), size)]
    random.Random(seed).shuffle(found)
    for batch in found:
        longest = max(len(ids[i]) for i in batch)
        rows = torch.zeros(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, i in enumerate(batch):
            rows[row, :len(ids[i])] = torch.tensor(ids[i])
            mask[row, :len(ids[i])] = 1
        yield rows, mask, torch.tensor([labels[i] for i in batch])


def main():
    backbone, path, precision, threads, size, dropout, attention_dropout = sys.argv[1:]
    torch.set_num_threads(int(threads))
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    tokenizer = BertTokenizerFast(vocab_file=f"{backbone}/vocab.txt")
    ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=128)["input_ids"]
    labels = [row["label"] for row in rows]
    model = BertForSequenceClassification.from_pretrained(
        backbone, num_labels=2, hidden_dropout_prob=float(dropout),
        attention_probs_dropout_prob=float(attention_dropout), attn_implementation="sdpa")
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.01, fused=True)

    def step(batch):
        rows, mask, labels = batch
        # Without padding no mask, which leaves PyTorch its fastest attention.
        mask = None if bool(mask.all()) else mask
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(input_ids=rows, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for turn, line in enumerate(sys.stdin):
        steps, tokens, seconds = int(line), 0, 0.0
        for number, batch in enumerate(batches(ids, labels, int(size), turn)):
            begin = time.perf_counter()
            step(batch)
            # The first steps of a turn, while caches are another's, are not counted.
            if number >= len(ids) // int(size) - steps:
                seconds += time.perf_counter() - begin
                tokens += int(batch[1].sum())
        print(json.dumps({"tokens": tokens, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
