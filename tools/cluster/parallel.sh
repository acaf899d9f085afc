#!/bin/sh
# The same with GNU parallel, which also starts jobs on other machines: PARALLEL='--sshlogin 4/node1,4/node2' (they need
# the program, the model and a shared directory for the files). A part that fails is tried 3 times and goes on where it
# was.
#   parallel.sh JOBS N MODEL INPUT OUTPUT [flags of costeff infer]
set -eu
[ $# -ge 5 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd) jobs=$1 n=$2 output=$5
shift 2
parallel --will-cite --jobs "$jobs" --retries 3 --halt soon,fail=1 --workdir "$PWD" --env COSTEFF --quote \
  "$here/score_part.sh" {} "$n" "$@" --threads 1 ::: $(seq "$n")
"$here/join.sh" "$n" "$output"
