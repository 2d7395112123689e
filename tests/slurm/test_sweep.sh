#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sweep of 200 points on a real cluster of two nodes, one of which dies midway, and with a shard that is damaged: all points there, none twice, equal to the same sweep on one machine. Then cancelling, and a partition that is not there.
# Set by the caller: SKIPJOULE, SOURCE.
set -uo pipefail
. "$(dirname "$0")/cluster.sh"
cluster_check
failures=0
fault() { echo "FAULT: $*"; failures=$((failures + 1)); }
train=$SOURCE/traces/samples/cnn8-train.h5

# 5 x 5 x 4 x 2 = 200 points; some cannot hold a tile.
cat > sweep.cfg << 'CFG'
name = "cluster";  accel = "edge16";  batch = 256;
axes = (
  { path = "array.rows"; values = [4, 8, 12, 16, 24]; },
  { path = "array.slots"; values = [1, 2, 4, 8, 16]; },
  { path = "buffer.kib"; values = [32, 128, 256, 512]; },
  { path = "dram.codec"; values = ["none", "bitmask"]; }
);
slurm = { points_per_task = 10; retries = 2; time = "00:10:00"; };
CFG
"$SKIPJOULE" sweep sweep.cfg "$train" -o local -q > /dev/null || fault "the local sweep"
"$SKIPJOULE" report local --format csv > local.csv
[ "$(wc -l < local.csv)" -eq 201 ] || fault "the local sweep has $(wc -l < local.csv) lines"

cluster_start
started=$SECONDS
"$SKIPJOULE" sweep sweep.cfg "$train" -o remote --launcher slurm > remote.txt 2> remote.err &
watcher=$!
# Midway: some shards are there, others are not, and a task runs on the node that dies. What runs there is looked up while the node stands still.
for _ in $(seq 1200); do
  count=$(find remote/shards -name '*.sqlite' 2> /dev/null | wc -l)
  if [ "$count" -ge 4 ] && [ -n "$(squeue -h -t R -w n2 -o %i)" ]; then
    cluster_freeze_node n2 || fault "n2 goes on"
    dying=$(cluster_node_tasks n2 | tr '\n' ' ')
    [ -z "$dying" ] || break
    cluster_thaw_node n2
  fi
  sleep 0.05
done
shard=$(find remote/shards -name '*.sqlite' | sort | head -1)
cluster_kill_node n2 || fault "processes of n2 survived"
lost=0  # those that had not left their shard when they were killed
for task in $dying; do
  [ -f "remote/shards/$task.sqlite" ] || lost=$((lost + 1))
done
echo "node n2 died with $count of 20 shards written and task $dying at work, $lost of them lost"
[ -n "$dying" ] && [ "$count" -lt 18 ] || fault "the node did not die midway"
dd if=/dev/zero of="$shard" bs=1 seek=2000 count=6000 conv=notrunc 2> /dev/null || fault "no shard to damage"
wait $watcher || fault "the sweep on the cluster: $(cat remote.err)"
echo "the cluster took $((SECONDS - started)) s; it said: $(tr '\n' '|' < remote.err)"
"$SKIPJOULE" report remote --format csv > remote.csv || fault "its report"
diff local.csv remote.csv > difference || fault "the cluster found other results: $(head -5 difference)"
[ "$(cut -d, -f1 remote.csv | sort | uniq -d | wc -l)" -eq 0 ] || fault "a point stands there twice"
[ -z "$(find remote/shards -name '*.sqlite')" ] || fault "shards were left behind"
grep -qs "tasks submitted, attempt 2.*damaged: .*$shard" remote/slurm/log/collect-*.txt || fault "the collecting job did not submit again what was lost: $(cat remote/slurm/log/collect-*.txt)"
again=$(sed -n 's/^cluster: \([0-9]*\) tasks submitted, attempt 2.*/\1/p' remote/slurm/log/collect-*.txt | head -1)
[ "${again:-0}" -ge $((lost + 1)) ] || fault "$again tasks were submitted again; $lost were lost with their node and one shard was damaged"
cluster_revive_node n2 || fault "n2 does not come back"

# Cancelled in the middle, by Ctrl-C: nothing of it stays in the queue, and --resume ends it.
"$SKIPJOULE" sweep sweep.cfg "$train" -o stopped --launcher slurm --set slurm.tasks_at_once=1 > /dev/null 2> stopped.err &
watcher=$!
for _ in $(seq 200); do
  [ "$(find stopped/shards -name '*.sqlite' 2> /dev/null | wc -l)" -ge 1 ] && break
  sleep 0.05
done
kill -INT $watcher
wait $watcher
[ $? -eq 130 ] || fault "an interrupted watcher does not end with 130: $(cat stopped.err)"
grep -q "jobs are cancelled" stopped.err || fault "it does not say that the jobs are cancelled: $(cat stopped.err)"
cluster_wait_idle 60 || fault "jobs stayed in the queue"
"$SKIPJOULE" sweep sweep.cfg "$train" -o stopped --launcher slurm --resume -q > /dev/null 2> stopped.err || fault "resuming: $(cat stopped.err)"
"$SKIPJOULE" report stopped --format csv | diff local.csv - > difference || fault "a resumed sweep found other results: $(head -5 difference)"

# --detach; --resume beside jobs that wait or run submits nothing; --force is refused; --cancel ends a watcher too.
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --detach --set slurm.tasks_at_once=1 > /dev/null 2> away.err || fault "--detach: $(cat away.err)"
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --detach --resume > /dev/null 2> away.err || fault "--detach --resume: $(cat away.err)"
grep -q "nothing is submitted beside them" away.err && [ "$(wc -l < away/slurm/jobs)" -eq 2 ] || fault "--resume submitted beside jobs: $(cat away.err away/slurm/jobs)"
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --force > /dev/null 2> away.err && fault "--force over a sweep in the queue"
grep -q -- "--cancel it first" away.err || fault "--force over a sweep in the queue says: $(cat away.err)"
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --resume -q > /dev/null 2> watcher.err &
watcher=$!
sleep 1
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --cancel 2> away.err || fault "--cancel: $(cat away.err)"
wait $watcher
[ $? -eq 130 ] && grep -q "its jobs were cancelled" watcher.err || fault "a watcher of cancelled jobs says: $(cat watcher.err)"
cluster_wait_idle 60 || fault "--cancel left jobs"
# A task of other settings than the folder's sweep leaves no shard.
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --task 19 --set batch=255 2> away.err && fault "a task of another sweep worked"
[ ! -e away/shards/19.sqlite ] || fault "a task of another sweep left a shard"
"$SKIPJOULE" sweep sweep.cfg "$train" -o away --launcher slurm --force --set slurm.partition=nowhere > /dev/null 2> away.err && fault "a partition that is not there is taken"
grep -q nowhere away.err || fault "the partition is not named: $(cat away.err)"
cluster_stop || fault "the cluster left processes or files behind"
[ $failures -eq 0 ] && echo "all is well"
exit $((failures > 0))
