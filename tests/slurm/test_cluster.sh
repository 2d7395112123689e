#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sj_slurm.h against a real cluster: arrays in pieces, a node that dies midway, its tasks found and submitted again or started again by Slurm, jobs that wait for others, cancelling, a controller that does not answer.
source "$SOURCE/tests/cli/lib.sh"
source "$SOURCE/tests/slurm/cluster.sh"

CLUSTER_CPUS=3
CLUSTER_ARRAY_SIZE=8  # so that numbers from 8 on are another array's
cluster_start

sweep="$PWD/it's a \"sweep\""
mkdir -p "$sweep"/{log,begun,done,ended}
# task.sh NUMBER GATE: begins, waits for the gate to open, is done. What a node's death leaves behind is a begun/ without a done/.
cat > "$sweep/task.sh" << 'TASK'
trap 'touch "ended/$1"; exit 1' TERM
echo "${SLURM_RESTART_COUNT:-0}" > "begun/$1.$SLURMD_NODENAME"
until [ -e "$2" ]; do sleep 0.1; done
echo "$1" > "done/$1"
TASK

submit() {  # submit NAME RESTARTS TASKS GATE [EXTRA...]: ids, one a line
  local name=$1 restarts=$2 tasks=$3 gate=$4
  shift 4
  "$SJ_PROBE" submit "$name" "$sweep" "$sweep/$name.sh" "log/$name-%A_%a.txt" "$restarts" "$tasks" "$@" -- sh task.sh {task} "$gate"
}

equal() {  # equal WHAT FOUND EXPECTED
  checks=$((checks + 1))
  [ "$2" = "$3" ] || fault "$1: '$2' instead of '$3'"
}

await() {  # await SECONDS WHAT COMMAND...
  local what=$2
  checks=$((checks + 1))
  cluster_wait "$1" "${@:3}" || {
    fault "not within $1 s: $what"
    squeue --array --states=all
    tail -n 3 "$sweep"/log/*
    finish
  }
}

field() { "$SJ_PROBE" jobs "${@:2}" | awk -v f="$1" '{ s += $f } END { print s }'; }  # summed over jobs: 2 pending 3 running 7 failed
gone() { ! "$SJ_PROBE" jobs "$@" | grep -qv " gone "; }
files() { (cd "$sweep/$1" && ls) | tr '\n' ' '; }
begun_are() { [ "$(files begun)" = "$(echo "$1" | tr ' ' '\n' | sort | tr '\n' ' ')" ]; }
count_begun() { [ "$(files begun | wc -w)" -eq "$1" ]; }
running_are() { [ "$(field 3 "${@:2}")" -eq "$1" ]; }

equal "the cluster's largest array" "$("$SJ_PROBE" max)" 8

# ---- A node dies. Tasks of `lost` end with it; the one of `again`, which wants that node, is queued again.
lost_ids=$(submit lost 0 0,1,3,9 gate)
equal "arrays of tasks 0, 1, 3, 9" "$(echo $lost_ids | wc -w)" 2
again_id=$(submit again 1 20 gate option=--nodelist=n2)
await 30 "5 tasks have begun" count_begun 5
sleep 2  # a node that dies while a task is being launched fails that task, whether it may be started again or not
on_n2=$(cd "$sweep/begun" && ls | sed -n 's/^\([0139]\)\.n2$/\1/p')
checks=$((checks + 1))
[ -n "$on_n2" ] && [ "$(echo $on_n2 | wc -w)" -lt 4 ] || fault "tasks of 'lost' on n2: '$on_n2'; some were to be there, some on n1"
cluster_kill_node n2 || fault "processes of n2 survived"
began=$SECONDS
await 60 "the controller knows that the node is down" running_are $((4 - $(echo $on_n2 | wc -w))) $lost_ids
echo "a dead node was noticed after $((SECONDS - began)) s"
equal "tasks lost" "$(field 7 $lost_ids)" "$(echo $on_n2 | wc -w)"
equal "tasks to be started again" "$(field 2 $again_id)" 1
touch "$sweep/gate"
await 30 "the arrays are gone" gone $lost_ids
missing=$(for task in 0 1 3 9; do [ -e "$sweep/done/$task" ] || echo $task; done)
equal "tasks without a result" "$missing" "$on_n2"

# ---- They are submitted again; a job waits for them.
cluster_revive_node n2 || fault "n2 does not come back"
retry_ids=$(submit retry 0 "$(echo $missing | tr ' ' ',')" gate)
after_id=$("$SJ_PROBE" submit after "$sweep" "$sweep/after.sh" log/after-%j.txt 0 - "after=afterok:$(echo $retry_ids | tr ' ' ':')" -- sh -c 'ls done > "merged $1"' sh "it's")
scontrol update "jobid=${again_id}_4" StartTime=now  # Slurm waits 2 minutes before it starts a task again
await 30 "the job that waits has run" gone $retry_ids "$after_id"
equal "results when the job that waits ran" "$(grep -x '[0139]' "$sweep/merged it's" | tr '\n' ' ')" "0 1 3 9 "
await 30 "Slurm has started the task again" gone "$again_id"
equal "starts of the task before that one" "$(cat "$sweep/begun/20.n2")" 1
equal "all results" "$(files done)" "0 1 20 3 9 "

# ---- Cancelling: one task runs, the others wait; what runs is told.
many_id=$(submit many 2 8,9,10,11,12,13,14,15 never at_once=1)
await 30 "one task runs" running_are 1 "$many_id"
await 30 "one task has begun" test -e "$sweep/begun/8.n1" -o -e "$sweep/begun/8.n2"
equal "tasks that wait" "$(field 2 "$many_id")" 7
works "$SJ_PROBE" cancel "$many_id" 99999
await 30 "the array is gone" gone "$many_id"
equal "tasks that were told to end" "$(files ended)" "8 "
works "$SJ_PROBE" cancel "$many_id"
equal "a job that never was" "$("$SJ_PROBE" jobs 99999)" "99999 0 0 0 0 0 0 gone -"

# ---- What the cluster refuses
refuses() { refused 1 "$@"; }
refuses 'slurm.partition: "debgu": sbatch refuses: ' "$SJ_PROBE" submit wrong . wrong.sh 'log/%j' 0 - partition=debgu -- true
refuses 'did you mean "debug"?' "$SJ_PROBE" submit wrong . wrong.sh 'log/%j' 0 - partition=debgu -- true
refuses 'sbatch refuses the job "wrong": ' "$SJ_PROBE" submit wrong . wrong.sh 'log/%j' 0 - option=--mem-per-cpu=99999999M -- true

# ---- A controller that does not answer for a while: a question is asked again, a job submitted once.
cluster_pause_controller
refuses "no answer from the cluster's controller in 1 s" env SJ_PROBE_PATIENCE=1 "$SJ_PROBE" jobs "$many_id"
(
  sleep 5
  cluster_resume_controller
) &
once_ids=$(submit once 0 0,1 gate)
wait $!
equal "the array that was submitted" "$(echo $once_ids | wc -w)" 1
equal "arrays of that name" "$(squeue -h --states=all -o '%F %j' | awk '$2 ~ /^once\./ { print $1 }' | sort -u)" "$once_ids"
await 30 "it is gone" gone $once_ids
cluster_wait_idle 30 || fault "jobs are left: $(squeue)"

folder=$CLUSTER_FOLDER
cluster_stop || fault "the cluster left processes or files behind"
equal "the cluster's folder" "$(ls -d "$folder" 2> /dev/null)" ""
CLUSTER_FOLDER=$folder
equal "the cluster's processes" "$(cluster_everything)" ""
CLUSTER_FOLDER=
finish
