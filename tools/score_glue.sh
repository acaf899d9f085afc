#!/bin/sh
# Scores all dev sets below a GLUE directory, a model for each task, and prints TSV: a line for each set and
# official metric.
# usage: tools/score_glue.sh GLUE_DIR MODELS [FLAG...]
#   GLUE_DIR: its directories are named after the tasks, SST-2, MNLI, ...; or the directory of one task
#   MODELS: directories by a pattern, in which {task} stands for cola, sst-2 or sst2, mrpc, sts-b or stsb,
#   qqp, mnli, qnli, rte, wnli, ax: 'models/{task}-slender'. Tasks without such a directory are named on
#   stderr and left out. Without {task} it is one model: its own task is scored (finetuning_task in
#   config.json), or all if it names none.
#   FLAGs go to costeff eval: -S 0.3
#   COSTEFF  the program (default: costeff, or where there is none, that of build/release)
# Columns: name data rows metric value low high mean_exit_layer speedup_layers.
# Exit code: 0; 1 if a set could not be scored (the others are); 3 if there was none.
set -eu
costeff=${COSTEFF:-$(command -v costeff || echo "$(dirname "$0")/../build/release/costeff")}
if [ $# -lt 2 ]; then
  sed -n '4s/^# //p' "$0" >&2
  exit 2
fi
glue=$1 pattern=$2
shift 2
# The model of task $1. By the shell alone: a path may hold what sed takes for a command.
model_of() {
  path=$pattern
  while [ "$path" != "${path#*"{task}"}" ]; do
    path=${path%%"{task}"*}$1${path#*"{task}"}
  done
  printf '%s' "$path"
}

only=
case $pattern in
  *"{task}"*) ;;
  *) only=$("$costeff" inspect "$pattern" --json | sed -n 's/^ *"task": "\(.*\)",*$/\1/p') ;;
esac

code=3
printf 'name\tdata\trows\tmetric\tvalue\tlow\thigh\tmean_exit_layer\tspeedup_layers\n'
for dir in "$glue" "$glue"/*/; do
  task=$(basename "$dir" | tr 'A-Z' 'a-z')
  case $task in
    cola | sst-2 | mrpc | sts-b | qqp | mnli | qnli | rte | wnli | ax) ;;
    *) continue ;;
  esac
  [ -z "$only" ] || [ "$only" = "$task" ] || continue
  model=$(model_of "$task")
  if [ ! -d "$model" ]; then # sst2 is as usual a name as sst-2
    short=$(model_of "$(printf '%s' "$task" | tr -d -)")
    if [ ! -d "$short" ]; then
      echo "score_glue: $task: no model $model" >&2
      continue
    fi
    model=$short
  fi
  if ! table=$("$costeff" eval "$model" --data "${dir%/}" --task "$task" --format tsv --quiet "$@"); then
    echo "score_glue: $task: not scored" >&2
    code=1
    continue
  fi
  [ "$code" -eq 3 ] && code=0
  printf '%s\n' "$table" | awk -F '\t' -v OFS='\t' '
    NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i }
    NR > 1 && $at["kind"] == "policy" {
      n = split("accuracy f1 macro_f1 matthews pearson spearman", metrics, " ")
      for (m = 1; m <= n; ++m) {
        k = metrics[m]
        if ($at[k] == "nan" && $at[k "_low"] == "nan") continue
        print $at["task"], $at["data"], $at["rows"], k, $at[k], $at[k "_low"], $at[k "_high"],
              $at["mean_exit_layer"], $at["speedup_layers"]
      }
    }'
done
exit "$code"
