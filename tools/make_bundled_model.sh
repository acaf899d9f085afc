#!/bin/sh
# Makes the bundled model, models/sst2-slender, from a pretrained encoder and SST-2: fine-tuning, COST-EFF's
# method, rounding to float16. On two cores about an hour.
# usage: tools/make_bundled_model.sh BACKBONE SST-2 OUT [FLAG...]
#   BACKBONE: sentence-transformers/all-MiniLM-L6-v2, downloaded before
#   SST-2: the directory of GLUE with train.tsv and dev.tsv
#   OUT: what is made: OUT/teacher, OUT/slender, OUT/sst2-slender; what is there already is not made again
#   FLAGs go to both runs of training: --threads 2
#   COSTEFF  the program (default: costeff, or where there is none, that of build/release)
set -eu
costeff=${COSTEFF:-$(command -v costeff || echo "$(dirname "$0")/../build/release/costeff")}
if [ $# -lt 3 ]; then
  sed -n '4s/^# //p' "$0" >&2
  exit 2
fi
backbone=$1 data=$2 out=$3
shift 3
mkdir -p "$out"
# An unfinished run goes on.
resume_of() { [ ! -e "$1" ] || echo --resume; }

# The encoder is small and was trained for sentences: larger learning rates than BERT's.
[ -e "$out/teacher" ] || "$costeff" train "$backbone" --data "$data" --epochs 1 --lr 5e-5 --head-lr 5e-4 \
  --attention-dropout 0 --seed 1 -o "$out/teacher" $(resume_of "$out/teacher.training") "$@"
# Of seeds 1, 2 and 3 the one with the best dev accuracy (88.65, 89.68 and 88.99%): 4 heads, 512 neurons, rank 128.
[ -e "$out/slender" ] || "$costeff" slenderize "$out/teacher" --data "$data" --method cost-eff \
  --params 0.34 --epochs-scale 0.2 --rows 2048 --lr 5e-5 --head-lr 5e-4 --attention-dropout 0 --seed 2 \
  -o "$out/slender" $(resume_of "$out/slender.stages") "$@"
"$costeff" convert "$out/slender" "$out/sst2-slender" --dtype float16
printf '{\n  "policy": "entropy",\n  "threshold": 0.4\n}\n' > "$out/sst2-slender/exit_policy.json"
"$costeff" eval "$out/sst2-slender" "$data"
