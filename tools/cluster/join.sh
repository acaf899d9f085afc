#!/bin/sh
# Joins the parts that score_part.sh made: the same bytes as one run over the whole file.
#   join.sh N OUTPUT
set -eu
[ $# -eq 2 ] || { sed -n '3s/^# *//p' "$0" >&2; exit 2; }
n=$1 output=$2
for k in $(seq "$n"); do
  part="$output.parts/$k.${output##*.}"
  [ -e "$part" ] || { echo "join.sh: part $k of $n is missing: $part" >&2; exit 1; }
done
for k in $(seq "$n"); do
  cat "$output.parts/$k.${output##*.}"
done >"$output.joined"
mv "$output.joined" "$output"
rm -r "$output.parts"
