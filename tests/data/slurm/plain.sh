#!/bin/bash
#SBATCH --job-name=cfx-exp-0
#SBATCH --array=0-39
#SBATCH --output='/home/a b/.cfx/runs/1-2/logs/17-%a.log'
#SBATCH --open-mode=append
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2862M
#SBATCH --time=90
#SBATCH --requeue
#SBATCH --signal=B:USR1@120


task=$((17 + SLURM_ARRAY_TASK_ID))
attempt="$SLURM_ARRAY_JOB_ID.${SLURM_RESTART_COUNT:-0}"
ending=
crashed=
child=
trap 'ending=yes; kill -USR1 "$child" 2>/dev/null' USR1
trap 'kill -TERM "$child" 2>/dev/null' TERM INT

for round in $(seq 60); do
    /opt/cfx work '/home/a b/.cfx/runs/1-2' "$task" --attempt "$attempt.$round" $crashed &
    child=$!
    # A signal ends `wait` before the process has ended.
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
    if [ "$code" -gt 128 ]; then
        wait "$child"
        last=$?
        [ "$last" = 127 ] || code=$last
    fi
    if [ "$code" = 75 ] && [ -n "$ending" ]; then
        # It has kept a checkpoint: the job takes its place in the queue again.
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
        exit 75
    fi
    # Whoever was killed did not choose its end.
    [ "$code" -gt 128 ] || break
    [ -z "$ending" ] || break
    crashed="--crashed $code"
done
exit "$code"
