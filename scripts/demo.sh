#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole chain on the embedded data set: set-up, build, then train (plain, EAT, ssProp) -> trace -> simulate -> report. Usage: scripts/demo.sh [OUT]   (default runs/demo)
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
out=${1:-runs/demo}
scripts/get-deps.sh --minimal
start=$(date +%s)
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)"
built=$(date +%s)
skipjoule=build/demo/skipjoule
if [ $# -gt 0 ] && [ -e "$out" ]; then
  echo "demo.sh: $out exists; give another folder" >&2
  exit 1
fi
rm -rf "$out"
mkdir -p "$out"
for method in plain eat ssprop; do
  echo "== train glyphs, $method"
  $skipjoule train "configs/train/glyphs-$method.cfg" -o "$out/train-$method"
done
trained=$(date +%s)
scripts/study-tables.sh "$skipjoule" "$out" edge16
echo
echo "== the same as a page with charts"
$skipjoule report "$out/step-plain" "$out/step-eat" "$out/step-ssprop" -o "$out/report.html"
echo "== one layer of each phase with the RTL in the loop, at batch 1: equal to the fast model?"
scripts/check-rtl.sh "$skipjoule" "$out/train-plain/trace.h5" edge16
end=$(date +%s)
echo "demo: build $((built - start)) s, training $((trained - built)) s, simulation $((end - trained)) s, all $((end - start)) s; results in $out; open $out/report.html"
