#!/bin/sh
# Scores part K of N of a file: what each process, node or array task of the other scripts runs.
#   score_part.sh K N MODEL INPUT OUTPUT [flags of costeff infer]
# The answers go to OUTPUT.parts/K.SUFFIX. Started again after an interruption it goes on where it was (--resume), and
# does nothing if the part is finished. join.sh makes OUTPUT of all parts. COSTEFF names the program.
set -eu
[ $# -ge 5 ] || { sed -n '3s/^# *//p' "$0" >&2; exit 2; }
k=$1 n=$2 model=$3 input=$4 output=$5
shift 5
part="$output.parts/$k.${output##*.}"
mkdir -p "$output.parts"
[ ! -e "$part" ] || exit 0
exec "${COSTEFF:-costeff}" infer "$model" "$input" --shard "$k/$n" --resume -o "$part" --quiet "$@"
