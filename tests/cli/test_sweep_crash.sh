#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a sweep survives: kill -9 at random moments, a worker that dies, a full disk, a trace that changes, a store that is damaged. Nothing that was found is lost or found again.
. "$(dirname "$0")/lib.sh"
seed=${SJ_TEST_SEED:-5}
echo "SJ_TEST_SEED=$seed"
cp "$SOURCE/traces/samples/cnn8-train.h5" trace.h5

# 6 x 6 x 5 x 4 = 720 points of one layer: long enough to be killed in, short enough to be run often.
cat > many.cfg << 'CFG'
name = "many";  accel = "edge16";  batch = 1;  layers = ["conv2"];
axes = (
  { path = "array.rows"; range = { from = 4; to = 24; step = 4; } },
  { path = "array.slots"; values = [1, 2, 3, 4, 6, 8]; },
  { path = "buffer.kib"; values = [16, 64, 128, 256, 512]; },
  { path = "bus.a_bytes"; powers_of_two = { from = 16; to = 128; } }
);
CFG
sweep=("$SKIPJOULE" sweep many.cfg trace.h5 -q)
csv() { "$SKIPJOULE" report "$1" --format csv; }

works "${sweep[@]}" -o whole
csv whole > whole.csv
checks=$((checks + 1))
[ "$(wc -l < whole.csv)" -eq 721 ] || fault "the sweep has $(wc -l < whole.csv) lines"
# which point was found by which run: a point that was there before a kill must stay as it was
snapshot() { python3 - "$1" << 'PY'
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1])  # not read-only: a killed writer may have left a journal, from which whoever opens the store next recovers
for row in c.execute("select id, run from points order by id"):
    print(*row)
PY
}

throttle="$SOURCE/tests/cli/throttle.py"
killed=0
for round in $(seq 40); do  # ten kills; a sweep may end before it is killed
  [ $killed -lt 10 ] || break
  if [ $round -eq 1 ] || [ "$(csv killed 2> /dev/null | wc -l)" -eq 721 ]; then
    rm -rf killed
    resume=
  else
    resume=--resume
  fi
  [ -e killed/results.sqlite ] && snapshot killed/results.sqlite > before || : > before
  # At a random moment of its progress: clocks differ from machine to machine. Below what is there: while it starts.
  python3 "$throttle" killed $(($(wc -l < before) - 100)) 700 "$seed.$round" kill "${sweep[@]}" -o killed $resume > /dev/null 2> kill.err && killed=$((killed + 1))
  [ -e killed/results.sqlite ] || { rm -rf killed; continue; }
  checks=$((checks + 2))
  snapshot killed/results.sqlite > after || fault "round $round: the store cannot be read after a kill"
  [ "$(comm -23 <(sort before) <(sort after) | wc -l)" -eq 0 ] || fault "round $round: points of before were lost or found anew"
  csv killed > partial.csv || fault "round $round: no report after a kill"
  [ "$(comm -23 <(sort partial.csv) <(sort whole.csv) | wc -l)" -eq 0 ] || fault "round $round: points that are not those of a whole sweep"
  echo "round $round: $(wc -l < after) points"
done
[ -e killed/results.sqlite ] && resume=--resume || resume=
snapshot killed/results.sqlite > before 2> /dev/null
works "${sweep[@]}" -o killed $resume
csv killed > .out
checks=$((checks + 3))
diff whole.csv .out > /dev/null || fault "after all kills the sweep is another one"
[ "$(comm -23 <(sort before) <(snapshot killed/results.sqlite | sort) | wc -l)" -eq 0 ] || fault "the last resume found points anew"
[ $killed -eq 10 ] || fault "only $killed of 40 sweeps were killed before they ended"

# A worker that dies at work: the others take its points over.
checks=$((checks + 2))
python3 "$throttle" worker 1 1 0 kill-worker "${sweep[@]}" -o worker -j 3 > /dev/null 2> worker.err
status=$?
[ $status -ne 3 ] || fault "no worker was killed at work"
[ $status -eq 0 ] || fault "a sweep that lost a worker: exit $status: $(cat worker.err)"
csv worker | diff whole.csv - > /dev/null || fault "a sweep that lost a worker has other points"

# All workers die: said so, and --resume goes on.
"${sweep[@]}" -o orphan -j 1 > /dev/null 2> orphan.err &
parent=$!
for _ in $(seq 100); do
  child=$(pgrep -P $parent | head -1)
  [ -n "$child" ] && break
  sleep 0.01
done
[ -n "$child" ] && kill -9 "$child"
wait $parent
status=$?
checks=$((checks + 1))
[ $status -eq 1 ] && grep -q "no worker is left: 1 died, the last by signal 9.*--resume" orphan.err || fault "a sweep without workers says: $(cat orphan.err)"
works "${sweep[@]}" -o orphan --resume
csv orphan > .out
checks=$((checks + 1))
diff whole.csv .out > /dev/null || fault "a sweep that had no workers left is not whole after --resume"

# Too few files for its workers: one sentence, no crash.
bash -c 'ulimit -n 24; exec "$@"' limit "${sweep[@]}" -o files -j 32 > /dev/null 2> files.err
status=$?
checks=$((checks + 1))
[ $status -eq 1 ] && [ "$(wc -l < files.err)" -eq 1 ] || fault "too few files: exit $status: $(cat files.err)"

# --force while another process works there, for which a holder of its lock stands: refused, and nothing is touched.
cp -r whole busy
refused 1 "another process works on the sweep there" flock -s busy "${sweep[@]}" -o busy --force
csv busy > .out
checks=$((checks + 1))
diff whole.csv .out > /dev/null || fault "--force harmed a sweep at work"
works "${sweep[@]}" -o busy --force --set strategy.kind=random --set strategy.points=7

# A joiner with another number of workers: no point twice, whatever the strategy.
"${sweep[@]}" -o search -j 1 --set 'strategy={kind="nsga2"; points=200; population=24;}' > /dev/null 2> search.err &
parent=$!
for _ in $(seq 100); do
  [ -e search/results.sqlite ] && break
  sleep 0.01
done
works "${sweep[@]}" -o search -j 2 --resume --set 'strategy={kind="nsga2"; points=200; population=24;}'
wait $parent || fault "a search that another process joined: $(cat search.err)"
checks=$((checks + 1))
python3 - << 'PY' || fault "a joined search did its points twice"
import sqlite3
c = sqlite3.connect("search/results.sqlite")
assert c.execute("select count(*) from points").fetchone() == (200,)
assert c.execute("select sum(points) from runs").fetchone()[0] <= 200
PY

# Interrupted at work, in a sweep that takes a while: exit 130, and what is written is resumed.
slow=("${sweep[@]}" -o stopped --set batch=24)
checks=$((checks + 1))
python3 "$throttle" stopped 1 1 0 interrupt "${slow[@]}" > /dev/null 2> stopped.err
status=$?
[ $status -eq 130 ] && grep -q "what is written is kept, --resume goes on" stopped.err || fault "interrupted: exit $status: $(cat stopped.err)"
works "${slow[@]}" --resume
csv stopped > .out
checks=$((checks + 1))
[ "$(wc -l < .out)" -eq 721 ] || fault "an interrupted sweep is not whole after --resume"

# A full disk: a file size limit stands for it. One sentence, what was written stays, and the rest follows when there is room.
bash -c 'ulimit -f 300; exec "$@"' limit "${sweep[@]}" -o full > .out 2> full.err
status=$?
checks=$((checks + 2))
[ $status -eq 1 ] || fault "a full disk: exit $status: $(cat full.err)"
grep -q "full/results.sqlite" full.err && [ "$(wc -l < full.err)" -eq 1 ] || fault "a full disk is not told in one sentence: $(cat full.err)"
snapshot full/results.sqlite > before || fault "what was written before the disk was full cannot be read"
works "${sweep[@]}" -o full --resume
checks=$((checks + 1))
csv full | diff whole.csv - > /dev/null || fault "after a full disk the sweep is another one"
echo "$(wc -l < before) points stood before the disk was full"

# The trace changed under the sweep: refused, by name and hash; the old one back, it goes on.
cp trace.h5 saved.h5
works "${sweep[@]}" -o changed --set strategy.kind=random --set strategy.points=20
printf x >> trace.h5
refused 1 "trace.h5: its content has changed since the sweep began" "${sweep[@]}" -o changed --resume
cp saved.h5 trace.h5
works "${sweep[@]}" -o changed --resume
csv changed > .out
checks=$((checks + 1))
diff whole.csv .out > /dev/null || fault "a sweep that goes on as a grid is another one"
# Other objectives and another strategy are this sweep's from then on, in its report and its config.cfg.
works "${sweep[@]}" -o changed --resume --set 'objectives=["edp_pj_s"]'
says "Pareto front of edp_pj_s"
says "720 looked at of 720 wanted"
checks=$((checks + 1))
grep -q edp_pj_s changed/config.cfg || fault "config.cfg is not that of the resumed sweep"
works "$SKIPJOULE" report changed
says "Sensitivity of edp_pj_s"
# Other settings are refused as the trace was.
refused 1 "differ" "${sweep[@]}" -o changed --resume --set batch=2
refused 1 "4 axes there, 1 here" "${sweep[@]}" -o changed --resume --set 'axes=({path="array.rows"; values=[4, 8];})'
refused 1 "weight" "${sweep[@]}" -o changed --resume --set 'weights=[2.0]'

# A damaged store.
cp -r whole broken
python3 -c 'f = open("broken/results.sqlite", "r+b"); f.seek(4096); f.write(b"\xff" * 8192)'
refused 1 "broken/results.sqlite" "${sweep[@]}" -o broken --resume
refused 1 "broken/results.sqlite" "$SKIPJOULE" report broken
head -c 100 /dev/urandom > broken/results.sqlite
refused 1 "broken/results.sqlite" "${sweep[@]}" -o broken --resume
finish
