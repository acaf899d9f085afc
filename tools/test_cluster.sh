#!/bin/sh
# Tests tools/cluster: every script gives the bytes of one run, also after an interruption. Slurm's variables are set by
# hand.
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh parallel
if [ -z "${COSTEFF:-}" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -j "$(nproc)" --target costeff_cli_main >/dev/null
  COSTEFF=$PWD/build/release/costeff
fi
export COSTEFF
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
model=models/sst2-slender
for i in $(seq 200); do
  cat models/sample.txt
  echo "row $i, with a comma and \"quotes\" and a film"
done >"$place/in.txt"
passed=0

# same NAME FILE EXPECTED
same() {
  cmp "$2" "$3"
  [ ! -e "$2.parts" ] || { echo "$1: parts are left" >&2; exit 1; }
  passed=$((passed + 1))
  echo "ok $1"
}

for suffix in tsv jsonl csv; do
  "$COSTEFF" infer $model "$place/in.txt" -S 0.2 -q -o "$place/one.$suffix"
  tools/cluster/xargs.sh 2 5 $model "$place/in.txt" "$place/xargs.$suffix" -S 0.2
  same "xargs $suffix" "$place/xargs.$suffix" "$place/one.$suffix"
  tools/cluster/parallel.sh 2 5 $model "$place/in.txt" "$place/parallel.$suffix" -S 0.2
  same "parallel $suffix" "$place/parallel.$suffix" "$place/one.$suffix"
  for id in 9 7 8; do  # in any order, and not from 1
    SLURM_ARRAY_TASK_ID=$id SLURM_ARRAY_TASK_MIN=7 SLURM_ARRAY_TASK_MAX=9 SLURM_CPUS_PER_TASK=2 \
      COSTEFF_CLUSTER=tools/cluster sh tools/cluster/slurm.sh $model "$place/in.txt" "$place/slurm.$suffix" -S 0.2
  done
  tools/cluster/join.sh 3 "$place/slurm.$suffix"
  same "slurm $suffix" "$place/slurm.$suffix" "$place/one.$suffix"
done

# A part is killed and begun again.
"$COSTEFF" infer $model "$place/in.txt" --policy never -q -o "$place/full.tsv"
COSTEFF=$COSTEFF tools/cluster/score_part.sh 2 3 $model "$place/in.txt" "$place/again.tsv" --policy never &
job=$!
while kill -0 $job 2>/dev/null && ! grep -qs . "$place/again.tsv.parts/2.tsv.partial"; do sleep 0.02; done
kill -9 $job
wait $job || true
[ -e "$place/again.tsv.parts/2.tsv.partial" ] || { echo "the part was finished before it was killed" >&2; exit 1; }
if tools/cluster/join.sh 3 "$place/again.tsv" 2>/dev/null; then
  echo "join.sh joined a part that is not finished" >&2
  exit 1
fi
tools/cluster/xargs.sh 2 3 $model "$place/in.txt" "$place/again.tsv" --policy never
same "killed and begun again" "$place/again.tsv" "$place/full.tsv"

# What is wrong is said, and nothing is joined.
if tools/cluster/xargs.sh 2 3 $model "$place/in.txt" "$place/bad.tsv" --policy nope 2>"$place/said"; then exit 1; fi
grep -q 'policy "nope" is not known' "$place/said"
[ ! -e "$place/bad.tsv" ]
passed=$((passed + 1))
echo "$passed passed, 0 failed"
