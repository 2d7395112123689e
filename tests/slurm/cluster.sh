#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A private Slurm cluster on this machine: munged, slurmctld and a slurmd for each node, all of it in one scratch folder, on free ports of 127.0.0.1, with a munge key of its own. Nothing outside of the folder is read or written.
#
#   cluster.sh run COMMAND...      starts a cluster, runs the command with SLURM_CONF set, stops the cluster; exit code of the command
#
# Any user may: daemons and jobs run as whoever starts it. Or sourced, by a script of bash:
#   cluster_start                  nodes n1 and n2 (CLUSTER_CPUS=2 each) in the partition "debug", up and idle; exports SLURM_CONF, sets CLUSTER_FOLDER. From then on a trap on EXIT, INT and TERM stops the cluster.
#   cluster_kill_node n2           kill -9 of its slurmd and all of its jobs' processes, as a machine that loses power. The controller finds out by itself: after 9 to 12 s its jobs are lost or queued again.
#   cluster_freeze_node n2         stops it and its jobs where they are, so that what is seen of them stays true; cluster_thaw_node n2 lets them go on
#   cluster_node_tasks n2          numbers of the tasks at work there
#   cluster_revive_node n2         starts its slurmd again, waits until the node takes jobs
#   cluster_pause_controller, cluster_resume_controller     it answers nobody in between
#   cluster_wait_idle [SECONDS]    until no job waits or runs; fails after so many (60)
#   cluster_stop                   kills every process of it and removes the folder
# Exit code 77 (skip), with the reason, where Slurm is not installed or may not run here.
#
# Processes are known by their environment: daemons have SJ_SLURM_CLUSTER=folder, jobs SLURM_CONF=folder/slurm.conf and SLURMD_NODENAME; a slurmstepd, which writes its title over its environment, by its log in the folder.
# Nothing else is ever signalled.

CLUSTER_SELF=${BASH_SOURCE[0]}
CLUSTER_FOLDER=

cluster_skip() {
  echo "skipped: $*"
  exit 77
}

cluster_check() {
  local program
  PATH=$PATH:/usr/sbin:/sbin
  [ -r /proc/self/environ ] || cluster_skip "there is no /proc to find processes in"
  for program in munged slurmctld slurmd sbatch squeue scancel scontrol sinfo setsid; do
    command -v "$program" > /dev/null || cluster_skip "$program is not on the PATH (Debian: slurm-wlm, munge)"
  done
  id -un > /dev/null 2>&1 || cluster_skip "user $(id -u) has no name, and Slurm wants one"
}

# Names that an outer job or the user's settings give would change what the commands do.
cluster_clean_environment() {
  local name
  for name in ${!SLURM@} ${!SBATCH_@} ${!SQUEUE_@} ${!SCANCEL_@} ${!SINFO_@} ${!SCONTROL_@}; do unset "$name"; done
}

cluster_free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    [ "$port" != "${1:-}" ] && [ "$port" != "${2:-}" ] && ! cluster_listens "$port" && break
  done
  echo "$port"
}

cluster_listens() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

cluster_write_config() {
  local folder=$1 host user
  host=$(hostname)
  user=$(id -un)
  CLUSTER_PORT=$(cluster_free_port)
  local first second
  first=$(cluster_free_port "$CLUSTER_PORT")
  second=$(cluster_free_port "$CLUSTER_PORT" "$first")
  cat > "$folder/slurm.conf" << CONFIG
ClusterName=skipjoule
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$CLUSTER_PORT
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,max_array_tasks=${CLUSTER_ARRAY_TASKS:-1001}
MaxArraySize=${CLUSTER_ARRAY_SIZE:-1001}
# A node that does not answer for this long is down. Pings of a dead node end after a few times MessageTimeout: it counts for more (5 s instead of 2 s: 15 s instead of 9 s until a death is known).
SlurmdTimeout=5
MessageTimeout=${CLUSTER_MESSAGE_TIMEOUT:-2}
KillWait=2
MinJobAge=${CLUSTER_JOB_AGE:-300}
InactiveLimit=0
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$first CPUs=${CLUSTER_CPUS:-2}
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$second CPUs=${CLUSTER_CPUS:-2}
PartitionName=debug Nodes=n1,n2 Default=YES LLN=YES MaxTime=INFINITE State=UP
CONFIG
}

# cluster_daemon ROLE COMMAND...: in the background, no child of this shell, known by its environment.
cluster_daemon() {
  local role=$1
  shift
  (SJ_SLURM_CLUSTER=$CLUSTER_FOLDER SJ_SLURM_ROLE=$role setsid "$@" > "$CLUSTER_FOLDER/$role.out" 2>&1 < /dev/null &)
}

# cluster_wait SECONDS COMMAND...: until it succeeds
cluster_wait() {
  local tries=$(($1 * 10))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}

cluster_node_takes_jobs() { [ "$(sinfo -h -t idle,mixed -n "$1" -o %D 2> /dev/null)" = 1 ]; }

cluster_nodes_idle() { [ "$(sinfo -h -t idle -n "$1" -o %D 2> /dev/null)" = "$2" ]; }

cluster_slurmd() { cluster_daemon "$1" slurmd -D -N "$1" -f "$SLURM_CONF"; }

cluster_try_start() {
  cluster_write_config "$CLUSTER_FOLDER"
  cluster_daemon munged munged --foreground --force --key-file="$CLUSTER_FOLDER/munge.key" --socket="$CLUSTER_FOLDER/munge.socket" --pid-file="$CLUSTER_FOLDER/munged.pid" \
    --log-file="$CLUSTER_FOLDER/munged.log" --seed-file="$CLUSTER_FOLDER/munged.seed" --origin=127.0.0.1
  cluster_wait 10 test -S "$CLUSTER_FOLDER/munge.socket" || return 1
  cluster_daemon slurmctld slurmctld -D -c -f "$SLURM_CONF"
  cluster_wait 10 cluster_listens "$CLUSTER_PORT" || return 1
  cluster_slurmd n1
  cluster_slurmd n2
  cluster_wait 20 cluster_nodes_idle n1,n2 2
}

cluster_start() {
  local try
  cluster_check
  cluster_clean_environment
  CLUSTER_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/sj-slurm-XXXXXX") || {
    CLUSTER_FOLDER=
    echo "cluster.sh: no folder can be made in ${TMPDIR:-/tmp}"
    exit 1
  }
  CLUSTER_FOLDER=$(cd "$CLUSTER_FOLDER" && pwd -P)
  trap 'cluster_stop; exit $?' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  [ ${#CLUSTER_FOLDER} -le 70 ] || cluster_skip "$CLUSTER_FOLDER is too long a name to hold sockets; set TMPDIR to a shorter one"
  chmod 711 "$CLUSTER_FOLDER"
  mkdir "$CLUSTER_FOLDER/tmp"
  export TMPDIR=$CLUSTER_FOLDER/tmp  # what killed tasks leave there goes with the folder
  export SLURM_CONF=$CLUSTER_FOLDER/slurm.conf
  SJ_SLURM_JANITOR=$CLUSTER_FOLDER setsid --fork bash "$CLUSTER_SELF" janitor "$CLUSTER_FOLDER" $$ "$(cluster_began $$)" > /dev/null 2>&1 < /dev/null
  for try in 1 2 3; do  # another program may take a port that was free a moment ago
    mkdir -p "$CLUSTER_FOLDER"/{state,n1,n2}
    (umask 077 && head -c 128 /dev/urandom > "$CLUSTER_FOLDER/munge.key")
    cluster_try_start && return 0
    echo "cluster.sh: start $try failed:"
    tail -n 5 "$CLUSTER_FOLDER"/*.out
    cluster_kill $(cluster_daemons munged) $(cluster_daemons slurmctld) $(cluster_daemons n1) $(cluster_daemons n2)
    find "$CLUSTER_FOLDER" -mindepth 1 -not -name tmp -delete
  done
  exit 1
}

# Ids of the processes whose environment holds all of these NAME=VALUE.
cluster_having() {
  local files=(/proc/[0-9]*/environ) pair
  for pair in "$@"; do
    mapfile -t files < <(grep -lszxF -- "$pair" "${files[@]}")
    [ ${#files[@]} -gt 0 ] || return 0
  done
  local file
  for file in "${files[@]}"; do
    file=${file#/proc/}
    echo "${file%/environ}"
  done
}

cluster_daemons() { cluster_having "SJ_SLURM_CLUSTER=$CLUSTER_FOLDER" ${1:+"SJ_SLURM_ROLE=$1"}; }

cluster_stepds() {
  local file pid
  while read -r file; do
    pid=${file#/proc/}
    pid=${pid%/comm}
    [ -z "$(find "/proc/$pid/fd" -lname "$CLUSTER_FOLDER/slurmd-$1.log*" 2> /dev/null)" ] || echo "$pid"
  done < <(grep -lsx slurmstepd /proc/[0-9]*/comm)
}

cluster_node_processes() {
  cluster_daemons "$1"
  cluster_stepds "$1"
  cluster_having "SLURM_CONF=$CLUSTER_FOLDER/slurm.conf" "SLURMD_NODENAME=$1"
}

# cluster_signal SIGNAL PID...: one that has ended by itself is no failure; whether all are gone, or stand still, is for those to see who ask for it.
cluster_signal() {
  local signal=$1
  shift
  [ $# -eq 0 ] || kill "-$signal" "$@" 2> /dev/null || true
}

cluster_kill() { cluster_signal KILL "$@"; }

# cluster_kill_until_none LIST...: until three looks found nothing: a process may start another one, or be on its way to its new name, between a look and the kill.
cluster_kill_until_none() {
  local tries ids empty=0
  for tries in {1..100}; do
    ids=$("$@")
    empty=$((empty + 1))
    [ -z "$ids" ] || empty=0
    [ $empty -lt 3 ] || return 0
    cluster_kill $ids
    sleep 0.02
  done
  echo "cluster.sh: processes that do not end: $ids"
  return 1
}

cluster_kill_node() { cluster_kill_until_none cluster_node_processes "$1"; }

# Numbers of the array's tasks that have a process on the node. What squeue calls running may not have been launched yet: the controller queues that again by itself when its node dies.
cluster_node_tasks() {
  local pid
  for pid in $(cluster_having "SLURM_CONF=$CLUSTER_FOLDER/slurm.conf" "SLURMD_NODENAME=$1"); do
    { tr '\0' '\n' < "/proc/$pid/environ"; } 2> /dev/null | sed -n 's/^SLURM_ARRAY_TASK_ID=//p'
  done | sort -un
}

# Those that run, or wait for something; neither stopped nor ended.
cluster_moving() {
  local pid stat
  for pid in "$@"; do
    stat=$(cat "/proc/$pid/stat" 2> /dev/null) || continue
    stat=${stat##*) }
    case ${stat%% *} in T | t | Z | X) ;; *) echo "$pid" ;; esac
  done
}

# Until three looks found nothing that moves: a process may start another one between a look and the signal.
cluster_freeze_node() {
  local tries still=0
  for tries in {1..100}; do
    cluster_signal STOP $(cluster_node_processes "$1")
    sleep 0.02
    still=$((still + 1))
    [ -z "$(cluster_moving $(cluster_node_processes "$1"))" ] || still=0
    [ $still -lt 3 ] || return 0
  done
  echo "cluster.sh: $1 does not stand still: $(cluster_moving $(cluster_node_processes "$1"))"
  return 1
}
cluster_thaw_node() { cluster_signal CONT $(cluster_node_processes "$1"); }

# Where a job was completing while its node died, Slurm 22.05 may leave one of the node's processors allocated to nobody: "mixed" with an empty queue, for good. It takes jobs on the others.
cluster_revive_node() {
  cluster_slurmd "$1"
  cluster_wait 60 cluster_node_takes_jobs "$1" && return 0
  echo "cluster.sh: $1 does not take jobs:"
  sinfo -N -n "$1" -o '%N %T %E'
  squeue -a
  tail -n 20 "$CLUSTER_FOLDER/slurmctld.log" "$CLUSTER_FOLDER/slurmd-$1.log"
  return 1
}

cluster_pause_controller() { kill -STOP $(cluster_daemons slurmctld); }
cluster_resume_controller() { kill -CONT $(cluster_daemons slurmctld); }

cluster_queue_empty() {
  local queue
  queue=$(squeue -h 2> /dev/null) && [ -z "$queue" ]
}

cluster_wait_idle() { cluster_wait "${1:-60}" cluster_queue_empty; }

cluster_everything() {
  cluster_daemons
  cluster_node_processes n1
  cluster_node_processes n2
}

cluster_stop() {
  local status=$?
  trap '' INT TERM
  trap - EXIT
  if [ -n "$CLUSTER_FOLDER" ]; then
    [ "${1:-}" = janitor ] || cluster_kill $(cluster_having "SJ_SLURM_JANITOR=$CLUSTER_FOLDER")
    cluster_kill_until_none cluster_everything || status=1  # what is left running is a failure, whatever was tested
    rm -rf "$CLUSTER_FOLDER" || status=1
  fi
  CLUSTER_FOLDER=
  trap - INT TERM
  return $status
}

# When a process began: two of the same id differ in this. Its name, in parentheses, may hold spaces.
cluster_began() {
  local stat
  stat=$(cat "/proc/$1/stat" 2> /dev/null) || return 0
  set -- ${stat##*) }
  echo "${20}"
}

# Waits for the end of the script that started the cluster; cleans up behind one that was killed outright.
cluster_janitor() {
  trap '' INT TERM HUP
  CLUSTER_FOLDER=$1
  while [ -d "$CLUSTER_FOLDER" ] && [ "$(cluster_began "$2")" = "$3" ]; do sleep 0.5; done
  [ -d "$CLUSTER_FOLDER" ] || exit 0
  cluster_stop janitor
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -uo pipefail
  case "${1:-}" in
    run)
      shift
      cluster_start
      "$@"
      exit $?
      ;;
    janitor) cluster_janitor "$2" "$3" "$4" ;;
    *)
      echo "cluster.sh: unknown argument '${1:-}'; allowed: run COMMAND..., or source it" >&2
      exit 2
      ;;
  esac
fi
