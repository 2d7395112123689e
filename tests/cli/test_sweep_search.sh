#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NSGA-II against every one of 4,096 machines, simulated: with at most 410 points it dominates 0.98 of the volume that the whole grid does, for each of ten seeds. The volumes are computed by scripts/study-sweep.py.
. "$(dirname "$0")/lib.sh"
train=$SOURCE/traces/samples/cnn8-train.h5
cat > space.cfg << 'CFG'
name = "space";  accel = "edge16";  batch = 1;  layers = ["conv3"];
set  = ["bus.a_bytes=128", "bus.b_bytes=64", "bus.o_bytes=128"];
axes = (
  { path = "array.rows";   values = [8, 16, 24, 32]; },
  { path = "array.lanes";  values = [8, 16, 24, 32]; },
  { path = "array.slots";  values = [2, 4, 8, 12]; },
  { path = "buffer.kib";   values = [64, 96, 128, 192, 256, 384, 512, 1024]; },
  { path = "array.k_tile"; powers_of_two = { from = 16; to = 128; }; },
  { path = "dram.type";    values = ["ddr4-3200-4x16", "hbm2-2000-1x128"]; }
);
constraints = ["area_mm2 <= 12"];
objectives  = ["energy_pj", "cycles"];
store = { layers = false; };
CFG
works "$SKIPJOULE" sweep space.cfg "$train" -o grid -q
works "$SKIPJOULE" report grid --format csv
cp .out grid.csv
for seed in 1 2 3 4 5 6 7 8 9 10; do
  works "$SKIPJOULE" sweep space.cfg "$train" -o "s$seed" -q --set "strategy={kind=\"nsga2\"; points=410; population=20; seed=$seed;}"
  works "$SKIPJOULE" report "s$seed" --format csv
  cp .out "s$seed.csv"
  checks=$((checks + 1))
  [ "$(wc -l < "s$seed.csv")" -le 411 ] || fault "seed $seed looked at $(wc -l < "s$seed.csv") points"
done
works python3 "$SOURCE/scripts/study-sweep.py" volumes grid.csv s{1,2,3,4,5,6,7,8,9,10}.csv
cat .out
checks=$((checks + 1))
awk '/hypervolume/ { n++; sub(/.*least /, ""); if ($0 + 0 < 0.98) bad = 1 } END { exit !(n == 2 && !bad) }' .out || fault "a search dominates less than 0.98 of the grid's volume"
finish
