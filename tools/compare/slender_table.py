#!/usr/bin/env python3
"""What `costeff slenderize` makes of a fine-tuned model: accuracy, size, speed, minutes, by method.

    tools/compare/slender_table.py MODEL GLUE_DIRECTORY/SST-2 WORK          # all methods, three seeds: hours
    tools/compare/slender_table.py MODEL GLUE_DIRECTORY/MRPC WORK --only half --seeds 1

Models are made once and kept in WORK as NAME-SEED, with NAME-SEED.json beside. Runs take one thread, speed is
measured with one: the model given and the slender one in turns, all layers, float32, on the task's dev rows. A ratio is
the median over the rounds of the ratio within a round. Accuracy is that of the last layer, in percent of the model
given, the mean over the seeds and the range.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Name, flags. Learning rates are those of MiniLM's fine-tuning; short schedules of the papers.
SHORT = "--lr 5e-5 --attention-dropout 0"
COSTEFF = f"--method cost-eff --epochs-scale 0.2 --rows 2048 --head-lr 5e-4 {SHORT}"
JOBS = {
    "fisher-half": "--method fisher --macs 0.5",
    "fisher-third": "--method fisher --macs 0.3",
    "costeff-half": f"{COSTEFF} --params 0.5",
    "costeff-third": f"{COSTEFF} --params 0.34",
    "costeff-eighth": f"{COSTEFF} --params 0.125",
    "cofi-half": f"--method cofi --sparsity 0.5 --epochs-scale 0.1 {SHORT}",
    "cofi-80": f"--method cofi --sparsity 0.8 --epochs-scale 0.1 {SHORT}",
}


def make(args, name, seed):
    out = args.work / f"{name}-{seed}"
    record = out.with_suffix(".json")
    if not record.exists():
        command = [args.costeff, "slenderize", args.model, "--data", args.data, *JOBS[name].split(), *args.more,
                   "--seed", str(seed), "--threads", "1", "--json", "-q", "-o", out]
        print("slender_table:", *command, file=sys.stderr)
        begin = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE)
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"slender_table: {name} failed: exit code {os.waitstatus_to_exitcode(status)}")
        told = json.loads(text)
        told["minutes"] = (time.monotonic() - begin) / 60
        told["memory"] = usage.ru_maxrss * 1024
        record.write_text(json.dumps(told))
    return json.loads(record.read_text()), out


def rows_per_s(args, model, rows):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [args.costeff, "bench", model, rows, "--policy", "never", "--threads", "1", "--lengths", "none",
                   "--rounds", "3", "--max-length", "128", "--json", file.name]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.load(open(file.name))["throughput"][0]["rows_per_s"]


def speed_up(args, out):
    dev = args.data / "dev.tsv"
    ratios = [rows_per_s(args, out, dev) / rows_per_s(args, args.model, dev) for _ in range(args.rounds)]
    return statistics.median(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--costeff", type=pathlib.Path, default=ROOT / "build/release/costeff")
    parser.add_argument("--only", default="", help="names that contain this")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--more", nargs=argparse.REMAINDER, default=[], help="flags for every run; the last argument")
    args = parser.parse_args()
    args.costeff = args.costeff.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    print("| method | flags | parameters | MACs | accuracy kept | times faster | of what the MACs promise | minutes | MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, flags in JOBS.items():
        if args.only not in name:
            continue
        kept, faster, promise, minutes = [], [], [], []
        for seed in args.seeds.split(","):
            told, out = make(args, name, seed)
            kept.append(100 * told["metric_after"][-1] / told["metric_before"][-1])
            faster.append(speed_up(args, out))
            promise.append(faster[-1] * told["after"]["macs"] / told["before"]["macs"])
            minutes.append(told["minutes"])
        size = told["after"]["parameters"] / told["before"]["parameters"]
        macs = told["after"]["macs"] / told["before"]["macs"]
        print(f"| {name} | `{flags}` | {size:.3f} | {macs:.3f} | {statistics.mean(kept):.1f}% "
              f"({min(kept):.1f}-{max(kept):.1f}) | {statistics.median(faster):.2f} | "
              f"{statistics.median(promise):.2f} | {max(minutes):.1f} | {told['memory'] / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
