#!/usr/bin/env python3
"""Checks that rooms include only rooms below them (src/README.md). Prints each arrow that goes up or
sideways and exits 1 if there is one."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# room: the rooms whose headers it may include, besides its own
ENGINE = {"base", "kernels", "model", "text", "exit", "checkpoint", "checkpoint/containers",
          "checkpoint/dialects"}
SENTENCEPIECE = {"base", "text/chars", "text/tokens", "text/sentencepiece"}
TEXT = SENTENCEPIECE | {"text/bpe", "text/wordpiece", "text/regex", "text/pipeline", "text/config",
                        "text/json"}
TASKS = {"tasks/lines", "tasks/judge", "tasks/read", "tasks/write", "tasks/sweep",
         "tasks/report", "tasks/page"}
ALLOWED = {
    "base": set(),
    "base/files": {"base"},
    "base/json": {"base", "base/files"},
    "base/tensors": {"base", "base/files"},
    "base/threads": {"base"},
    "kernels": set(),
    "model": {"base", "kernels"},
    "text/chars": {"base"},
    "text/tokens": {"base", "text/chars"},
    "text/bpe": {"base", "text/chars", "text/tokens"},
    "text/wordpiece": {"base", "text/chars", "text/tokens"},
    "text/sentencepiece": SENTENCEPIECE,
    "text/regex": {"base", "text/chars"},
    "text/pipeline": SENTENCEPIECE | {"text/bpe", "text/wordpiece", "text/regex"},
    "text/config": SENTENCEPIECE,
    "text/json": TEXT,
    "text": TEXT,
    "grad": {"base", "kernels", "model"},
    "optim": {"base", "kernels"},
    "exit": {"base"},
    "checkpoint/containers": {"base"},
    "checkpoint": {"base", "kernels", "model", "checkpoint/containers"},
    "checkpoint/dialects": {"base", "kernels", "model", "checkpoint", "checkpoint/containers"},
    "train": {"base", "kernels", "model", "grad", "optim"},
    "prune": {"base", "kernels", "model", "grad", "train"},
    "prune/cofi": ENGINE | {"grad", "optim", "train", "train/session", "prune"},
    "prune/session": ENGINE | {"grad", "train", "train/session", "prune", "prune/cofi", "runtime"},
    "train/session": ENGINE | {"grad", "optim", "train", "runtime", "runtime/convert",
                               "runtime/doc"},
    "runtime": ENGINE | {"runtime/qa", "runtime/doc"},
    "runtime/doc": ENGINE | {"runtime"},
    "runtime/qa": ENGINE | {"runtime"},
    "runtime/convert": ENGINE | {"runtime"},
    "tasks/lines": {"base"},
    "tasks/judge": {"base", "tasks/lines"},
    "tasks/read": {"base", "tasks/lines", "tasks/judge"},
    "tasks/write": {"base", "tasks/lines"},
    "tasks/sweep": {"base", "tasks/lines", "tasks/judge"},
    "tasks/report": {"base"} | (TASKS - {"tasks/page"}),
    "tasks/page": {"base"} | TASKS,
    "cli/flags": {"base"} | TASKS,
    "cli/run": {"base", "cli/flags"} | TASKS,
    "cli/pages": {"base", "cli/flags", "cli/run"},
    "cli": {"base", "cli/flags", "cli/run"} | TASKS,
    "cli/verbs": {"base", "cli", "cli/flags", "cli/pages", "cli/run"} | TASKS,
    "python": {"base", "cli/flags"},
}
BASE = {room for room in ALLOWED if room.partition("/")[0] == "base"}
for _room, _allowed in ALLOWED.items():
    if "base" in _allowed and _room not in BASE:
        _allowed |= BASE
# Plain data, open to every room; engine.h is the engine's face, for those above it.
PUBLIC_DATA = {
    "curve.h", "error.h", "exit_table.h", "options.h", "policy.h", "result.h", "tune.h", "version.h"
}
SEES_ENGINE = {"runtime", "train", "prune", "tasks", "cli", "python"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def room_of(path):
    """The room of a file or an include below src: the longest that is listed; None: not ours."""
    parent = path.rpartition("/")[0]
    while parent and parent not in ALLOWED:
        parent = parent.rpartition("/")[0]
    return parent or None


def wrong_includes(path, room):
    top = room.partition("/")[0]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match.group(1)
        place = f"{path.relative_to(ROOT)}:{number}: {room} must not"
        first, _, rest = included.partition("/")
        if first == "costeff" and rest not in PUBLIC_DATA and top not in SEES_ENGINE:
            yield f"{place} see {included}"
        other = room_of(included)
        if other and other != room and other not in ALLOWED[room]:
            yield f"{place} include {included}"


def main():
    src = ROOT / "src"
    errors = []
    for path in sorted(src.rglob("*")):
        room = room_of(path.relative_to(src).as_posix())
        if room and path.suffix in {".h", ".cpp", ".inc"}:
            errors += wrong_includes(path, room)
    print("\n".join(errors) if errors else f"{len(ALLOWED)} rooms, no wrong arrow")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
