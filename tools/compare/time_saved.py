#!/usr/bin/env python3
"""Does work that is not done also take no time? costeff alone, two tables:

  early exit  thresholds whose mean exit layer is a quarter, half and three quarters of the depth; time and
              multiply-accumulates (MACs) as shares of those at threshold 0, for several --batch-tokens
  slender     time and MACs of one model as shares of another's, all layers run

    tools/compare/time_saved.py GLUE_DIRECTORY --exits MODEL [--exits MODEL] [--slender SMALL FULL]

Efficiency is the share of MACs over the share of time: 1 means that every MAC saved is time saved. MACs
are counted from the exits that the rows took: real tokens, off-ramps passed, in the last layer only what
is read. Nothing but Python's own library is needed.
"""

import argparse
import functools
import json
import math
import pathlib
import statistics
import sys

from engines import HERE, Costeff, EngineError
from report import plural
from workloads import DATASETS, MAX_TOKENS, tokenize

SHARES = (0.25, 0.5, 0.75)  # of the depth


class Model(Costeff):
    """A model with one dataset."""

    def __init__(self, args, path, threads):
        super().__init__(args.costeff, path, args.precision, threads)
        self.dataset, self.texts = args.dataset, args.glue / DATASETS[args.dataset][0]
        self.info = json.loads(self.call("inspect", path, "--json")[0])
        self.lengths = [len(r["ids"]) for r in tokenize(args.costeff, path, args.dataset, self.texts)]
        self.depth = len(self.info["layers"])

    def macs(self, tokens, exit_layer):
        """One text that leaves after exit_layer."""
        hidden = self.info["hidden_size"]
        total = tokens * self.info["embedding_rank"] * hidden
        for layer in self.info["layers"][:exit_layer]:
            # The very last layer, if no exit reads other tokens: the first one alone, without keys and values.
            first_only = layer["layer"] == self.depth and "first token" in self.info["exits"][-1]["form"]
            rows, a = 1 if first_only else tokens, layer["attention_size"]
            attended = layer["heads"] * hidden if first_only else tokens * a
            total += 4 * rows * hidden * a + 2 * tokens * attended + 2 * rows * hidden * layer["ffn_size"]
        return total + sum(e["macs"] for e in self.info["exits"] if e["layer"] <= exit_layer)

    def run(self, verb, *flags):
        return self.call(verb, self.model, self.texts, "--task", DATASETS[self.dataset][1], "--max-length",
                         MAX_TOKENS, "--threads", self.threads, "--dtype", self.precision, *flags)[0]

    def rows(self, *flags):
        out = self.run("infer", "--format", "jsonl", "--quiet", *flags)
        return [json.loads(line) for line in out.split("\n") if line]

    def passes_take(self, passes, *flags):
        out = self.run("bench", "--lengths", "none", "--rounds", passes, "--json", "-", *flags)
        return json.loads(out)["throughput"][0]["seconds"]

    @functools.cached_property
    def passes(self):
        """As many as take a second, or one: a small model's is over before the clock says much."""
        return max(1, round(1 / self.passes_take(1)))

    def seconds(self, *flags):
        """Of a pass over all rows, tokenising included, with weights that were packed before."""
        return self.passes_take(self.passes, *flags)

    @functools.cached_property
    def entropies(self):
        rows = self.rows("--policy", "never", "--all-exits")
        return [[e["entropy"] for e in row["exits"]] for row in rows]

    def mean_exit(self, threshold):
        return statistics.fmean(next(i for i, h in enumerate(row, 1) if h < threshold or i == self.depth)
                                for row in self.entropies)

    def threshold_for(self, mean):
        """Bisection: a higher threshold never leaves later."""
        low, high = 0.0, math.log(self.info["num_labels"]) + 1e-3
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.mean_exit(middle) > mean else (low, middle)
        return float(f"{high:.4g}")


def early_exit_table(args, path, threads):
    model = Model(args, path, threads)
    thresholds = [0.0, *(model.threshold_for(max(1, share * model.depth)) for share in SHARES)]
    seconds, spent = {}, {}
    for s in thresholds:
        rows = model.rows("--policy", "entropy", "--threshold", s)
        spent[s] = (statistics.fmean(r["exit_layer"] for r in rows),
                    sum(model.macs(n, r["exit_layer"]) for n, r in zip(model.lengths, rows, strict=True)))
    for _ in range(args.rounds):
        for size in args.batch_tokens:
            for s in thresholds:
                time = model.seconds("--policy", "entropy", "--threshold", s, "--batch-tokens", size)
                seconds.setdefault((s, size), []).append(time)
    head = [f"{path.name}, {args.precision}, {plural(threads)}", "mean exit layer", "MACs",
            *(f"time (efficiency), batch-tokens {size}" for size in args.batch_tokens)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for s in thresholds[1:]:
        mean, macs = spent[s]
        share = macs / spent[0.0][1]
        cells = [f"threshold {s:g}", f"{mean:.2f} of {model.depth}", f"{100 * share:.1f}%"]
        for size in args.batch_tokens:
            time = statistics.median(a / b for a, b in zip(seconds[s, size], seconds[0.0, size]))
            cells.append(f"{100 * time:.1f}% ({share / time:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def slender_table(args, paths, threads):
    small, full = models = [Model(args, path, threads) for path in paths]
    seconds = {m: [] for m in models}
    for _ in range(args.rounds):
        for m in models:
            seconds[m].append(m.seconds("--policy", "never"))
    macs = {m: sum(m.macs(n, m.depth) for n in m.lengths) for m in models}
    share = macs[small] / macs[full]
    time = statistics.median(a / b for a, b in zip(seconds[small], seconds[full]))
    cells = [f"{paths[0].name} of {paths[1].name}", f"{100 * share:.1f}%", f"{100 * time:.1f}%",
             f"{share / time:.2f}"]
    return [f"| {args.precision}, {plural(threads)} | MACs | time | efficiency |", "|---|---|---|---|",
            f"| {' | '.join(cells)} |"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("glue", type=pathlib.Path)
    parser.add_argument("--exits", type=pathlib.Path, action="append", default=[], metavar="MODEL")
    parser.add_argument("--slender", type=pathlib.Path, nargs=2, metavar=("SMALL", "FULL"))
    parser.add_argument("--costeff", type=pathlib.Path, default=HERE.parents[1] / "build/release/costeff")
    parser.add_argument("--dataset", choices=DATASETS, default="sst-2")
    parser.add_argument("--precision", choices=("float32", "bf16", "int8"), default="float32")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch-tokens", type=int, nargs="+", default=[1, 128, 512, 4096])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    for threads in args.threads:
        for path in args.exits:
            print("\n".join(early_exit_table(args, path, threads)) + "\n", flush=True)
        if args.slender:
            print("\n".join(slender_table(args, args.slender, threads)) + "\n", flush=True)


if __name__ == "__main__":
    try:
        main()
    except EngineError as error:
        sys.exit(f"time_saved: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
