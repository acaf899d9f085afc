#!/usr/bin/env python3
"""Accuracy against measured speed of several models on one task, with exits, in one picture.

    tools/compare/frontier.py TEACHER SST-2 frontier.svg fisher=DIR cost-eff=DIR ...

Each model runs in int8 with entropy thresholds, the teacher also in float32 without exits: speed is that of a
setting, the median of the rounds, over that of the teacher so, measured before and after with one thread. Prints the
table of all settings, and which is fastest within 2 points of the teacher.
"""

import argparse
import html
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
THRESHOLDS = ["0.1", "0.2", "0.3", "0.4", "0.5"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 60, 20, 20, 50
COLOURS = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#9c6b4e", "#a463f2"]


def run(args, *command):
    done = subprocess.run([str(args.costeff), *map(str, command)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def sweep(args, model, dtype, thresholds):
    """Points of full depth and of the thresholds, each timed in turns."""
    points = [x for t in thresholds for x in ("--point", f"entropy:{t}")]
    found = run(args, "sweep", model, "--data", args.data, "--policies", "fixed", *points, "--dtype", dtype, "--timed",
                "--repeat", str(args.rounds), "--threads", "1", "--max-length", "128", "--json", "-")
    return [p for p in found["points"] if p.get("timings") and p["policy"] != "fixed"]


def measure(args, name, model):
    """Speeds by those of the teacher just before and after."""
    has_ramps = len(run(args, "inspect", model, "--json")["exits"]) > 1
    before = sweep(args, args.teacher, "float32", [])[0]
    points = sweep(args, model, "int8", THRESHOLDS if has_ramps else [])
    after = sweep(args, args.teacher, "float32", [])[0]
    rate = statistics.mean(p["timings"][0]["rows_per_s"] for p in (before, after))
    for p in points:
        yield {"name": name, "threshold": p["setting"], "accuracy": 100 * p["quality"],
               "speed": p["timings"][0]["rows_per_s"] / rate}


def picture(points, teacher_accuracy):
    top = max(p["speed"] for p in points)
    shown = [p for p in points if p["accuracy"] >= teacher_accuracy - 8]
    low, high = min(p["accuracy"] for p in shown) - 0.5, max(p["accuracy"] for p in shown) + 0.5
    x = lambda v: LEFT + v / (top * 1.04) * (WIDTH - LEFT - RIGHT)
    y = lambda v: TOP + (high - v) / (high - low) * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
           'font-family="system-ui, sans-serif" font-size="12">',
           "<style>.ink{fill:#222}.axis{stroke:#999}.paper{fill:#fff}"
           "@media(prefers-color-scheme:dark){.ink{fill:#ddd}.paper{fill:#111}}</style>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" class="paper"/>']
    step = max(1, round(top / 10))
    for v in range(0, int(top) + 1, step):
        out.append(f'<text class="ink" x="{x(v):.1f}" y="{HEIGHT - 30}" text-anchor="middle">{v}x</text>')
    for v in range(int(low) + 1, int(high) + 1):
        out.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" '
                   'stroke-width="0.3"/>'
                   f'<text class="ink" x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v}%</text>')
    for v, text in ((teacher_accuracy, "teacher"), (teacher_accuracy - 2, "2 points below")):
        out.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" '
                   'stroke-dasharray="4 3"/>'
                   f'<text class="ink" x="{WIDTH - RIGHT}" y="{y(v) - 4:.1f}" text-anchor="end">{text}</text>')
    names = list(dict.fromkeys(p["name"] for p in shown))
    for i, name in enumerate(names):
        mine = sorted((p for p in shown if p["name"] == name), key=lambda p: p["speed"])
        colour = COLOURS[i % len(COLOURS)]
        line = " ".join(f'{x(p["speed"]):.1f},{y(p["accuracy"]):.1f}' for p in mine)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        out += [f'<circle cx="{x(p["speed"]):.1f}" cy="{y(p["accuracy"]):.1f}" r="3.5" fill="{colour}"/>'
                for p in mine]
        out.append(f'<rect x="{LEFT + 10}" y="{HEIGHT - BOTTOM - 16 * (len(names) - i)}" width="10" height="10" '
                   f'fill="{colour}"/><text class="ink" x="{LEFT + 26}" '
                   f'y="{HEIGHT - BOTTOM - 16 * (len(names) - i) + 9}">{html.escape(name)}</text>')
    out.append(f'<text class="ink" x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">sentences a second, by '
               'those of the teacher in float32</text></svg>')
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path, help="directory with dev.tsv")
    parser.add_argument("svg", type=pathlib.Path)
    parser.add_argument("models", nargs="+", help="NAME=DIRECTORY")
    parser.add_argument("--costeff", type=pathlib.Path, default=ROOT / "build/release/costeff")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    teacher_accuracy = 100 * sweep(args, args.teacher, "float32", [])[0]["quality"]
    points = []
    print(f"teacher, float32, full depth: {teacher_accuracy:.2f}%\n")
    print("| model | entropy below | accuracy | times faster |\n|---|---|---|---|")
    for text in args.models:
        name, _, model = text.partition("=")
        for p in measure(args, name, pathlib.Path(model)):
            print(f'| {name} | {p["threshold"] or "never"} | {p["accuracy"]:.2f}% | {p["speed"]:.2f}x |', flush=True)
            points.append(p)
    args.svg.write_text(picture(points, teacher_accuracy))
    best = max((p for p in points if p["accuracy"] >= teacher_accuracy - 2), key=lambda p: p["speed"], default=None)
    if best:
        print(f'\nfastest within 2 points: {best["name"]}, entropy below {best["threshold"] or "never"}: '
              f'{best["accuracy"]:.2f}%, {best["speed"]:.1f}x')


if __name__ == "__main__":
    sys.exit(main())
