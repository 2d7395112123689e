#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fast = systemc = rtl on random cases over every array of tests/integration/exactness/shapes.h: cycles, every counter, energy, results. Then the mutants, which it must catch.
# Usage: scripts/exactness.sh [CASES [SEED]]     (default 10000 cases, seed 2026). Prints how many cases met each class; fails when a class was never met.
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:-10000}
workers=$(nproc) # before OMP_NUM_THREADS, which nproc obeys
export SJ_TEST_SEED=${2:-2026}
export SJ_CACHE=${SJ_CACHE:-$PWD/build/rtl-cache} # shapes Verilated on demand
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
scripts/get-deps.sh
cmake --preset release > /dev/null
cmake --build --preset release -j "$workers" --target test_exact test_mutant_fast test_mutant_systemc test_mutant_rtl
folder=build/release/tests/integration/exactness
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
start=$(date +%s)
"$folder/test_exact" all 14 > "$logs/shapes" || { cat "$logs/shapes"; exit 1; } # every shape is built once, by one process
built=$(date +%s)
chunk=250
seq 0 $chunk $((cases - 1)) | xargs -P "$workers" -I{} bash -c '
  count=$(('"$chunk"' < '"$cases"' - {} ? '"$chunk"' : '"$cases"' - {}))
  "'"$folder"'/test_exact" all $count {} > "'"$logs"'/part-{}" 2>&1 || { grep -v "^coverage" "'"$logs"'/part-{}"; exit 255; }'
echo "cases of each class (seed $SJ_TEST_SEED, $(git rev-parse --short HEAD 2> /dev/null || echo no commit)):"
cat "$logs"/part-* | awk -F': ' '
  /^coverage / { name = substr($1, 10); if (!(name in sum)) order[n++] = name; sum[name] += $2 }
  END { for (i = 0; i < n; i++) { printf "%7d  %s\n", sum[order[i]], order[i]; missing += sum[order[i]] == 0 }; if (missing) { print missing " classes were never met"; exit 1 } }'
"$folder/test_mutant_fast" fast 60 | grep '^mutant'
"$folder/test_mutant_systemc" systemc 60 | grep '^mutant'
for mutation in 1 2 3; do "$folder/test_mutant_rtl" rtl-$mutation 60 | grep '^mutant'; done
echo "exactness: $cases cases equal; shapes built in $((built - start)) s, all in $(($(date +%s) - start)) s; load $(cut -d' ' -f1 /proc/loadavg)"
