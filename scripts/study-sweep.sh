#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What docs/results.md says of sweeps: 1,000 machines on one training step and the time they take, points against lone simulations, NSGA-II against the full grid of 4,096.
# Usage: scripts/study-sweep.sh TRACE OUT [BATCH]     TRACE: a training step, for the figures shown of resnet18 of width 16 on CIFAR-10 with 16 stored images. BATCH: 16. A full grid that is finished is kept.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
trace=$(realpath "${1:?usage: scripts/study-sweep.sh TRACE OUT [BATCH]}")
out=$(realpath -m "${2:?usage: scripts/study-sweep.sh TRACE OUT [BATCH]}")
batch=${3:-16}
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
cd "$root"
scripts/get-deps.sh --minimal
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)" > /dev/null
program=$root/build/demo/skipjoule
folder=$root/scripts
mkdir -p "$out"
cd "$out"

load() { cut -d' ' -f1-3 /proc/loadavg; }

echo "== 1,000 points of configs/sweep/shape.cfg, batch $batch, $(nproc) cores, load before: $(load)"
rm -rf shape
{ time -p "$program" sweep shape "$trace" -o shape -q --set "batch=$batch" > shape.txt; } 2> shape.time
echo "$(awk '/^real/ { r = $2 } /^user/ { u = $2 } END { printf "%.1f s, %.1f s of processor", r, u }' shape.time), load after: $(load)"
grep -E '^(points|valid|invalid|reason) ' shape.txt

echo "== 50 of its points by themselves"
"$program" report shape --format csv > shape.csv
python3 "$folder/study-sweep.py" sample shape.csv 50 > sample.txt
begun=$(date +%s%N)
while read -r id; do
  "$program" report shape --point "$id" > point.txt
  bash -c "$(grep '^skipjoule sim' point.txt | sed "s#^skipjoule#'$program'#") --json" > sim.json
  python3 "$folder/study-sweep.py" equal "$id" point.txt sim.json
done < sample.txt
ended=$(date +%s%N)
echo "all equal, bit for bit; reading, simulating and comparing took $(((ended - begun) / 50000000)) ms a point"

echo "== NSGA-II of 410 points against all 4,096 of configs/sweep/search.cfg, ten seeds"
[ -e grid/results.sqlite ] || "$program" sweep search "$trace" -o grid -q --set "batch=$batch" --set 'strategy={kind="grid";}' > grid.txt
"$program" report grid --format csv > grid.csv
for seed in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "search-$seed" "random-$seed"
  "$program" sweep search "$trace" -o "search-$seed" -q --set "batch=$batch" --set "strategy={kind=\"nsga2\"; points=410; population=20; seed=$seed;}" > /dev/null
  "$program" report "search-$seed" --format csv > "search-$seed.csv"
done
python3 "$folder/study-sweep.py" volumes grid.csv search-{1,2,3,4,5,6,7,8,9,10}.csv
