"""What is timed: texts of GLUE files as token ids, batches of like length, single sentences."""

import itertools
import json
import random
import subprocess

LENGTHS = (8, 32, 128)
MAX_TOKENS = 128
CLS, SEP, FIRST_WORD, LAST_WORD = 101, 102, 1996, 29000  # uncased English vocabulary
# name -> file in a GLUE directory, costeff's --task, rows that are read (None: all)
DATASETS = {"sst-2": ("SST-2/dev.tsv", "sst-2", None), "qnli": ("QNLI/dev.tsv", "qnli", 1000)}
TITLES = {"sst-2": "SST-2 dev", "qnli": "QNLI dev, first 1,000 rows"} | {
    f"{n} tokens": f"one sentence of {n} tokens" for n in LENGTHS}


def write_texts(name, glue, path, rows=None):
    """Copies the head line and the first rows of a dataset, as they are."""
    file, _, most = DATASETS[name]
    count = min(n for n in (rows, most, 10**9) if n)
    with open(glue / file, encoding="utf-8", newline="\n") as source:
        path.write_text("".join(itertools.islice(source, count + 1)), encoding="utf-8", newline="\n")


def tokenize(costeff, model, name, texts):
    """Token ids as costeff reads them: all engines get the same. -> rows {"ids", "types"} in file order."""
    command = [costeff, "tokenize", model, texts, "--task", DATASETS[name][1], "--format", "jsonl",
               "--max-length", str(MAX_TOKENS)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    rows = (json.loads(line) for line in out.split("\n") if line)
    return [{"ids": row["input_ids"], "types": row["token_type_ids"]} for row in rows]


def by_length(rows):
    """Longest first: with several streams the short ones fill the gaps at the end."""
    return sorted(rows, key=lambda row: -len(row["ids"]))


def batches(rows, size):
    return [rows[i:i + size] for i in range(0, len(rows), size)]


def sample(rows, size):
    """Rows to try settings on: three windows of neighbours in order of length, so that batches of up to
    `size` hold rows as alike in length as those of the whole file."""
    if len(rows) <= 3 * size:
        return rows
    starts = [len(rows) * part // 6 - size // 2 for part in (1, 3, 5)]
    return [row for start in starts for row in rows[start:start + size]]


def sentence(length):
    generator = random.Random(length)
    words = [generator.randint(FIRST_WORD, LAST_WORD) for _ in range(length - 2)]
    return {"ids": [CLS, *words, SEP], "types": [0] * length}
