#!/usr/bin/env python3
"""Accuracy and speed of an early-exit model over thresholds: runs `costeff infer` on a labelled TSV file
for each threshold, prints a Markdown table and, with --svg, draws the curve.

    tools/accuracy_curve.py models/sst2-slender ../shared/glue/SST-2/dev.tsv --svg models/sst2-slender.svg
"""

import argparse
import json
import statistics
import subprocess
import sys

THRESHOLDS = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def gold_labels(path):
    with open(path, encoding="utf-8", newline="\n") as f:
        header = f.readline().rstrip("\r\n").split("\t")
        column = header.index("label")
        return [line.rstrip("\r\n").split("\t")[column] for line in f]


def run(args, threshold):
    """One run -> (label ids, statistics)."""
    command = [args.costeff, "infer", args.model, args.data, "--task", args.task, "--format", "jsonl",
               "--threshold", str(threshold), "--threads", str(args.threads), "--stats-json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    labels = [str(json.loads(line)["label_id"]) for line in done.stdout.splitlines()]
    return labels, json.loads(done.stderr.splitlines()[-1])


def measure(args):
    gold = gold_labels(args.data)
    speeds = {t: [] for t in THRESHOLDS}
    rows = {}
    # Interleaved, so that a slow moment of the machine falls on all thresholds alike.
    for _ in range(args.repeat):
        for threshold in THRESHOLDS:
            labels, stats = run(args, threshold)
            correct = sum(a == b for a, b in zip(labels, gold, strict=True))
            rows[threshold] = (correct / len(gold), stats["mean_exit_layer"])
            speeds[threshold].append(stats["rows_per_s"])
    return [(t, *rows[t], statistics.median(speeds[t])) for t in THRESHOLDS]


def table(points, layers):
    lines = ["| entropy below | accuracy | mean exit layer | layers saved | sentences/s | speed-up |",
             "|---|---|---|---|---|---|"]
    base = points[0][3]
    for threshold, accuracy, layer, speed in points:
        lines.append(f"| {threshold:g} | {100 * accuracy:.2f}% | {layer:.2f} | {100 * (1 - layer / layers):.1f}% "
                     f"| {speed:.0f} | {speed / base:.2f}x |")
    return "\n".join(lines)


def svg(points, title):
    width, height, left, right, top, bottom = 720, 400, 64, 24, 44, 56
    base = points[0][3]
    xs = [p[3] / base for p in points]
    ys = [100 * p[1] for p in points]
    x_low, x_high = 1.0, max(xs) * 1.04
    y_low, y_high = min(ys) - 1, max(ys) + 1

    def x_of(v):
        return left + (v - x_low) / (x_high - x_low) * (width - left - right)

    def y_of(v):
        return height - bottom - (v - y_low) / (y_high - y_low) * (height - top - bottom)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
           f'aria-label="{title}">',
           "<style>svg{font:13px system-ui,sans-serif;--ink:#1c2330;--soft:#667085;--grid:#d8dde6;--line:#1f6feb;"
           "--paper:#fff}@media(prefers-color-scheme:dark){svg{--ink:#e6eaf2;--soft:#98a2b3;--grid:#344054;"
           "--line:#6cb0ff;--paper:#10151f}}text{fill:var(--ink)}.s{fill:var(--soft)}"
           ".g{stroke:var(--grid)}.c{fill:none;stroke:var(--line);stroke-width:2.5}"
           ".p{fill:var(--paper);stroke:var(--line);stroke-width:2.5}</style>",
           f'<rect width="{width}" height="{height}" fill="var(--paper)"/>',
           f'<text x="{left}" y="24" font-weight="600">{title}</text>']
    y = int(y_low) + 1
    while y <= y_high:
        out.append(f'<line class="g" x1="{left}" x2="{width - right}" y1="{y_of(y):.1f}" y2="{y_of(y):.1f}"/>'
                   f'<text class="s" x="{left - 8}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y}%</text>')
        y += 2
    step = 0.5 if x_high < 5 else 1.0
    x = 1.0
    while x <= x_high:
        out.append(f'<line class="g" x1="{x_of(x):.1f}" x2="{x_of(x):.1f}" y1="{height - bottom}" '
                   f'y2="{height - bottom + 5}"/><text class="s" x="{x_of(x):.1f}" y="{height - bottom + 20}" '
                   f'text-anchor="middle">{x:g}x</text>')
        x += step
    out.append(f'<text class="s" x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle">'
               "measured speed-up over all layers (one thread)</text>")
    line = " ".join(f"{x_of(a):.1f},{y_of(b):.1f}" for a, b in zip(xs, ys))
    out.append(f'<polyline class="c" points="{line}"/>')
    for (threshold, *_), a, b in zip(points, xs, ys):
        out.append(f'<circle class="p" cx="{x_of(a):.1f}" cy="{y_of(b):.1f}" r="4.5"/>'
                   f'<text x="{x_of(a) + 4:.1f}" y="{y_of(b) - 10:.1f}">{threshold:g}</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data", help="labelled TSV file with a header")
    parser.add_argument("--task", default="sst-2")
    parser.add_argument("--costeff", default="build/release/costeff")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--svg", help="write the picture here")
    parser.add_argument("--title", default="SST-2 dev accuracy against speed, by entropy threshold")
    args = parser.parse_args()
    inspected = subprocess.run([args.costeff, "inspect", args.model, "--json"], capture_output=True, text=True,
                               check=True)
    layers = len(json.loads(inspected.stdout)["layers"])
    points = measure(args)
    print(table(points, layers))
    if args.svg:
        with open(args.svg, "w", encoding="utf-8") as f:
            f.write(svg(points, args.title))
    return 0


if __name__ == "__main__":
    sys.exit(main())
