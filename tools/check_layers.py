#!/usr/bin/env python3
"""Checks that rooms include only rooms below them (src/README.md). Prints each arrow that goes up or
sideways and exits 1 if there is one."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# room: the rooms whose headers it may include, besides its own
ALLOWED = {
    "base": set(),
    "kernels": set(),
    "model": {"base", "kernels"},
    "text": {"base"},
    "exit": {"base"},
    "checkpoint": {"base", "kernels", "model"},
    "runtime": {"base", "kernels", "model", "text", "exit", "checkpoint"},
    "tasks": {"base"},
    "cli": {"base", "tasks"},
}
# Plain data, open to every room; engine.h is the engine's face, for those above it.
PUBLIC_DATA = {
    "curve.h", "error.h", "exit_table.h", "options.h", "policy.h", "result.h", "tune.h", "version.h"
}
SEES_ENGINE = {"runtime", "tasks", "cli"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def wrong_includes(path, room):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        first, _, rest = match.group(1).partition("/")
        if first == "costeff" and rest not in PUBLIC_DATA and room not in SEES_ENGINE:
            yield f"{path.relative_to(ROOT)}:{number}: {room} must not see costeff/{rest}"
        if first in ALLOWED and rest and first != room and first not in ALLOWED[room]:
            yield f"{path.relative_to(ROOT)}:{number}: {room} must not include {first}/{rest}"


def main():
    errors = []
    for room in ALLOWED:
        for path in sorted((ROOT / "src" / room).glob("*")):
            if path.suffix in {".h", ".cpp", ".inc"}:
                errors += wrong_includes(path, room)
    print("\n".join(errors) if errors else f"{len(ALLOWED)} rooms, no wrong arrow")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
