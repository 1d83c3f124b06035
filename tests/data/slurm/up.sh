#!/bin/bash
# up.sh DIR [munge|none] [NODES]: starts a Slurm of several nodes on this machine, without systemd, cgroups and database. Ends with exit code 0 when all
# nodes are idle; down.sh DIR ends it.
set -eu
D=${1:?dir}; AUTH=${2:-munge}; NODES=${3:-1}
mkdir -p "$D"/{state,log,run,spool,munge}; chmod 755 "$D" "$D"/*; chmod 700 "$D/munge"
HOST=$(hostname -s)
CPUS=$(nproc); MEM=$(awk '/MemTotal/{print int($2/1024)-512}' /proc/meminfo)
CTLPORT=${SLURM_CTL_PORT:-16817}; DPORT=${SLURM_D_PORT:-16820}
if [ "$AUTH" = munge ]; then
  [ -f "$D/munge/key" ] || (umask 077; head -c 1024 /dev/urandom > "$D/munge/key")
  A="AuthType=auth/munge
AuthInfo=socket=$D/run/munge.sock,cred_expire=5
CredType=cred/munge"
else
  A="AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none"
fi
if [ "$NODES" = 1 ]; then
  N="NodeName=$HOST NodeAddr=127.0.0.1 Port=$DPORT CPUs=$CPUS RealMemory=$MEM State=UNKNOWN"; LIST=$HOST
else
  N=""; for i in $(seq $NODES); do N="$N
NodeName=n$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((DPORT+i)) CPUs=$CPUS RealMemory=$((MEM/NODES)) State=UNKNOWN"; done; LIST="n[1-$NODES]"
fi
cat > "$D/slurm.conf" <<C
ClusterName=ci
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
SlurmdUser=root
$A
SlurmctldPort=$CTLPORT
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool/%n
SlurmctldPidFile=$D/run/slurmctld.pid
SlurmdPidFile=$D/run/slurmd-%n.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_interval=2,sched_min_interval=100000
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$D/log/jobcomp.txt
MailProg=/bin/true
ReturnToService=2
MinJobAge=300
KillWait=2
CompleteWait=0
SlurmctldTimeout=30
SlurmdTimeout=30
MaxArraySize=10001
DefMemPerCPU=256
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
$N
PartitionName=main Nodes=$LIST Default=YES MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=spot Nodes=$LIST Default=NO  MaxTime=INFINITE State=UP PriorityTier=1  PreemptMode=REQUEUE GraceTime=0
C
export SLURM_CONF="$D/slurm.conf"
if [ "$AUTH" = munge ]; then
  /usr/sbin/munged --foreground --force --key-file="$D/munge/key" --socket="$D/run/munge.sock" \
     --pid-file="$D/run/munged.pid" --log-file="$D/log/munged.log" --seed-file="$D/munge/seed" --num-threads=2 \
     >"$D/log/munged.out" 2>&1 &
  echo $! > "$D/run/munged.shpid"
  for i in $(seq 50); do [ -S "$D/run/munge.sock" ] && break; sleep 0.1; done
fi
/usr/sbin/slurmctld -D -c -f "$SLURM_CONF" >"$D/log/slurmctld.out" 2>&1 &
echo $! > "$D/run/slurmctld.shpid"
for n in $(if [ "$NODES" = 1 ]; then echo $HOST; else seq -f n%g $NODES; fi); do
  mkdir -p "$D/spool/$n"
  /usr/sbin/slurmd -D -N "$n" -f "$SLURM_CONF" >"$D/log/slurmd-$n.out" 2>&1 &
  echo $! > "$D/run/slurmd-$n.shpid"
done
for i in $(seq 300); do
  [ "$(sinfo -h -o '%T %D' -p main 2>/dev/null || true)" = "idle $NODES" ] && { echo "SLURM_CONF=$SLURM_CONF"; exit 0; }
  sleep 0.1
done
echo "NOT UP" >&2; tail -5 "$D"/log/* >&2; exit 1
