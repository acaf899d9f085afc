#!/bin/sh
#SBATCH --job-name=costeff
#SBATCH --cpus-per-task=4
#SBATCH --mem=2G
#SBATCH --requeue
# An array job of Slurm: each task scores one part of a file.
#   job=$(sbatch --parsable --array=1-16 slurm.sh MODEL INPUT OUTPUT [flags of costeff infer])
#   sbatch --dependency=afterok:$job --wrap 'DIRECTORY/join.sh 16 OUTPUT'
# A task that is requeued goes on where it was. Slurm runs a copy of this file, so COSTEFF_CLUSTER must name the
# directory with score_part.sh, unless the job is submitted there.
set -eu
: "${SLURM_ARRAY_TASK_ID:?submit with sbatch --array=1-N}"
first=${SLURM_ARRAY_TASK_MIN:-1}
last=${SLURM_ARRAY_TASK_MAX:?submit with sbatch --array=1-N}
exec "${COSTEFF_CLUSTER:-${SLURM_SUBMIT_DIR:-.}}/score_part.sh" $((SLURM_ARRAY_TASK_ID - first + 1)) \
  $((last - first + 1)) "$@" --threads "${SLURM_CPUS_PER_TASK:-1}"
