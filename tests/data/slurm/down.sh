#!/bin/bash
# down.sh DIR: ends the processes that up.sh started, by their numbers, and what they left behind.
D=${1:?dir}; export SLURM_CONF="$D/slurm.conf"
timeout 5 scancel -f -u root >/dev/null 2>&1 || true
for i in $(seq 40); do [ -z "$(timeout 2 squeue -h -t R,CG 2>/dev/null)" ] && break; sleep 0.1; done
for f in "$D"/run/slurmd-*.shpid "$D"/run/slurmctld.shpid "$D"/run/slurmdbd.shpid "$D"/run/mariadbd.shpid "$D"/run/munged.shpid; do
  [ -f "$f" ] || continue
  pid=$(cat "$f"); kill -TERM "$pid" 2>/dev/null || true
  for i in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -0 "$pid" 2>/dev/null && kill -KILL "$pid"
  rm -f "$f"
done
# A slurmd killed with -9 leaves its slurmstepd and the job's processes behind. They alone carry our private SLURM_CONF
# together with either the slurmstepd name or SLURM_JOB_ID (the calling shell has no SLURM_JOB_ID).
for e in /proc/[0-9]*/environ; do
  pid=${e#/proc/}; pid=${pid%/environ}; [ "$pid" = $$ ] && continue
  env=$( { tr "\0" "\n" <"$e"; } 2>/dev/null) || continue
  grep -qx "SLURM_CONF=$D/slurm.conf" <<<"$env" || continue
  if grep -q '^SLURM_JOB_ID=' <<<"$env" || grep -aqs '^slurmstepd: ' /proc/$pid/cmdline; then kill -KILL "$pid" 2>/dev/null; fi
done
exit 0
