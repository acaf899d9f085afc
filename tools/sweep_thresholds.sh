#!/bin/sh
# One line of TSV for each threshold, ready for gnuplot: what the policy costs and what it is worth.
# usage: tools/sweep_thresholds.sh MODEL DATA [THRESHOLD...] [-- FLAG...]
#   DATA: a labelled file or a task's directory; FLAGs go to costeff eval (--policy max-prob, --task rte, ...)
#   METRIC   column to show (default: accuracy), any of costeff eval's: matthews, f1, pearson, ...
#   COSTEFF  the program (default: costeff, or where there is none, that of build/release)
# Columns: threshold METRIC low high mean_exit_layer speedup_layers speedup_macs seconds. seconds is the
# wall time of a run that really leaves early.
set -eu
costeff=${COSTEFF:-$(command -v costeff || echo "$(dirname "$0")/../build/release/costeff")}
metric=${METRIC:-accuracy}
if [ $# -lt 2 ]; then
  sed -n '3s/^# //p' "$0" >&2
  exit 2
fi
model=$1 data=$2
shift 2
thresholds=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  thresholds="$thresholds $1"
  shift
done
[ $# -gt 0 ] && shift
: "${thresholds:=0 0.05 0.1 0.2 0.3 0.4 0.5 0.6}"

printf 'threshold\t%s\tlow\thigh\tmean_exit_layer\tspeedup_layers\tspeedup_macs\tseconds\n' "$metric"
for threshold in $thresholds; do
  table=$("$costeff" eval "$model" --data "$data" -S "$threshold" --timed --format tsv --quiet "$@")
  printf '%s\n' "$table" | awk -F '\t' -v OFS='\t' -v metric="$metric" '
    NR == 1 {
      for (i = 1; i <= NF; ++i) at[$i] = i
      if (!(metric in at)) { print "no column " metric > "/dev/stderr"; exit 2 }
    }
    NR > 1 && $at["kind"] == "policy" {
      print $at["setting"], $at[metric], $at[metric "_low"], $at[metric "_high"],
            $at["mean_exit_layer"], $at["speedup_layers"], $at["speedup_macs"], $at["seconds"]
    }'
done
