#!/bin/sh
# Scores a file in N parts, JOBS of them at a time, each on one thread, with nothing but xargs. One process with N
# threads is a little faster on one machine (README.md); this is the pattern for what starts processes anyway.
#   xargs.sh JOBS N MODEL INPUT OUTPUT [flags of costeff infer]
# If it is interrupted, the same command goes on.
set -eu
[ $# -ge 5 ] || { sed -n '4s/^# *//p' "$0" >&2; exit 2; }
here=$(dirname "$0") jobs=$1 n=$2 output=$5
shift 2
seq "$n" | xargs -P "$jobs" -I{} "$here/score_part.sh" {} "$n" "$@" --threads 1
"$here/join.sh" "$n" "$output"
