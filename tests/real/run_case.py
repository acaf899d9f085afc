#!/usr/bin/env python3
"""Runs a case of tests/data/real. usage: run_case.py COSTEFF CASE...; exit code 1 if one does not hold.

A case is a directory with `cmd`, a shell line that calls `costeff`, and `expect.json`: in one of its
`alternatives` all that it says must hold:
  exit           list of exit codes
  stderr stdout  regular expressions (that of stderr without regard to case)
  lines          number of lines of stdout, header included
  logits probs   numbers a row, of the last exit, within 1e-3; probs in the order of the labels
  input_ids      of each row
  file           a file that the line wrote, with file_lines lines
It runs in a copy of the directory, so that what it writes does no harm.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 1e-3
SECONDS = 60


def last_exit(row):
    return row['exits'][-1] if 'exits' in row else row


def near(found, expected):
    if len(found) != len(expected):
        return False
    return all(len(f) == len(e) and all(abs(a - b) <= TOLERANCE for a, b in zip(f, e))
               for f, e in zip(found, expected))


def line_count(path):
    with open(path, encoding='utf-8') as f:
        return len(f.read().splitlines())


def what_fails(want, done, directory):
    """The first thing that does not hold, or ''."""
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    if done.returncode not in want['exit']:
        return f'exit code {done.returncode}, expected one of {want["exit"]}'
    if 'stderr' in want and not re.search(want['stderr'], done.stderr, re.I):
        return f'stderr does not match {want["stderr"]!r}'
    if 'stdout' in want and not re.search(want['stdout'], done.stdout):
        return f'stdout does not match {want["stdout"]!r}'
    if 'lines' in want and len(done.stdout.splitlines()) != want['lines']:
        return f'{len(done.stdout.splitlines())} lines, expected {want["lines"]}'
    for key in ('logits', 'probs'):
        if key in want:
            found = [last_exit(row)[key] for row in rows]
            if not near(found, want[key]):
                return f'{key} {found}, expected {want[key]}'
    if 'input_ids' in want:
        found = [row['input_ids'] for row in rows]
        if found != want['input_ids']:
            return f'input_ids {found}, expected {want["input_ids"]}'
    if 'file' in want:
        found = line_count(os.path.join(directory, want['file']))
        if found != want['file_lines']:
            return f'{want["file"]}: {found} lines, expected {want["file_lines"]}'
    return ''


def run(binary, case):
    """One line for each alternative that does not hold; none: one holds."""
    with tempfile.TemporaryDirectory() as tmp:
        directory = shutil.copytree(case, f'{tmp}/case')
        os.mkdir(f'{tmp}/bin')
        os.symlink(os.path.abspath(binary), f'{tmp}/bin/costeff')
        env = dict(os.environ, PATH=f'{tmp}/bin:{os.environ["PATH"]}')
        with open(f'{directory}/cmd', encoding='utf-8') as f:
            command = f.read()
        done = subprocess.run(['sh', '-c', command], cwd=directory, env=env, capture_output=True, text=True,
                              errors='replace', timeout=SECONDS, check=False)
        with open(f'{directory}/expect.json', encoding='utf-8') as f:
            alternatives = json.load(f)['alternatives']
        wrong = []
        for want in alternatives:
            try:
                fails = what_fails(want, done, directory)
            except (KeyError, IndexError, ValueError, OSError) as e:
                fails = f'{type(e).__name__}: {e}'
            if not fails:
                return []
            wrong.append(fails)
        return wrong + [f'stderr was: {done.stderr.strip()[-400:]}']


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    failed = False
    for case in sys.argv[2:]:
        for line in run(sys.argv[1], case.rstrip('/')):
            failed = True
            print(f'{os.path.basename(case.rstrip("/"))}: {line}')
    sys.exit(failed)


main()
