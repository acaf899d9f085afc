#!/usr/bin/env python3
"""What the Python package costs beside the program: the first answer, and a call with many texts.

    tools/compare/python_overhead.py [--rows 10000] [--rounds 5] [--model models/sst2-slender]

Needs the package (`pip install .`) and build/release/costeff. Everything is run in turns. `engine` is the time of the
engine itself in the same call (Answers.stats), so the overhead of a call is known within one run; the program's time for
the same rows, by --stats-json, stands beside it. Numbers are medians over the rounds; ratios are medians of the ratios
within a round.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

FIRST = """
import time
begin = time.perf_counter()
import costeff
imported = time.perf_counter()
model = costeff.Model({model!r})
opened = time.perf_counter()
model.predict(["a charming and often affecting journey ."], threads=1)
print(imported - begin, opened - imported, time.perf_counter() - opened)
"""


def first_answer(args):
    """Milliseconds: import (NumPy's part of it apart), opening, the first text; and the program for one text."""
    found = []
    for _ in range(args.rounds):
        done = subprocess.run(
            [sys.executable, "-c", FIRST.format(model=str(args.model))], capture_output=True, check=True, text=True
        )
        numpy = "import time; t = time.perf_counter(); import numpy; print(time.perf_counter() - t)"
        alone = subprocess.run([sys.executable, "-c", numpy], capture_output=True, check=True, text=True)
        begin = time.perf_counter()
        subprocess.run(
            [args.costeff, "infer", args.model, "-", "-t", "1", "-q"],
            input=b"a charming and often affecting journey .\n",
            stdout=subprocess.DEVNULL,
            check=True,
        )
        program = time.perf_counter() - begin
        times = [float(x) for x in done.stdout.split()]
        found.append([sum(times), *times, float(alone.stdout), program])
    names = ("in all", "import costeff", "open", "first text", "import numpy alone", "program, one text")
    for name, values in zip(names, zip(*found)):
        print(f"{name:<20} {statistics.median(values) * 1e3:8.1f} ms")


def texts_like_sentences(count):
    words = (ROOT / "models" / "sample.txt").read_text().split()
    rng = random.Random(1)
    return [" ".join(rng.choices(words, k=rng.randint(4, 36))) for _ in range(count)]


def program_time(args, path, threads, policy):
    command = [args.costeff, "infer", args.model, path, "-t", str(threads), "--stats-json", "-o", "/dev/null"]
    done = subprocess.run([*command, *policy, "--format", "tsv"], capture_output=True, check=True, text=True)
    return json.loads(done.stderr.splitlines()[-1])["seconds"]


def calls(args):
    import costeff

    model = costeff.Model(args.model)
    texts = texts_like_sentences(args.rows)
    model.predict(texts[:100], policy="never")
    kinds = [("list", texts)]
    try:
        import pyarrow

        kinds.append(("Arrow", pyarrow.array(texts)))
    except ImportError:
        pass
    header = ("texts", "threads", "policy", "predict s", "engine s", "overhead", "program s", "predict / program")
    print("\n" + "  ".join(f"{h:>10}" for h in header))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(texts) + "\n")
        file.flush()
        for threads in (1, 2):
            for policy in ("own", "never"):
                settings = {} if policy == "own" else {"policy": "never"}
                flags = [] if policy == "own" else ["--policy", "never"]
                rounds = []
                for _ in range(args.rounds):
                    row = {"program": program_time(args, file.name, threads, flags)}
                    for kind, given in kinds:
                        begin = time.perf_counter()
                        answers = model.predict(given, threads=threads, **settings)
                        labels = answers.labels  # made when asked for
                        row[kind] = (time.perf_counter() - begin, answers.stats["seconds"], len(labels))
                    rounds.append(row)
                for kind, _ in kinds:
                    median = statistics.median
                    print(
                        f"{kind:>10}  {threads:>10}  {policy:>10}  {median(r[kind][0] for r in rounds):>10.3f}  "
                        f"{median(r[kind][1] for r in rounds):>10.3f}  "
                        f"{median(r[kind][0] / r[kind][1] - 1 for r in rounds):>9.2%}   "
                        f"{median(r['program'] for r in rounds):>10.3f}  "
                        f"{median(r[kind][0] / r['program'] for r in rounds):>10.3f}"
                    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models" / "sst2-slender")
    parser.add_argument("--costeff", default=ROOT / "build" / "release" / "costeff")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    first_answer(args)
    calls(args)


if __name__ == "__main__":
    main()
