#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Remakes traces/samples/cnn8-train.h5 and cnn8-eval.h5: cnn8 (width 12) trained on the embedded glyphs, two images stored. Same seed, same bytes, on one kind of processor.
# Usage: scripts/make-samples.sh [SKIPJOULE]
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
skipjoule=${1:-build/release/skipjoule}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
common=(configs/train/glyphs-plain.cfg --set network.width=12 --set trace.images=2 -q)
"$skipjoule" train "${common[@]}" --set trace.eval=false -o "$work/train"
"$skipjoule" train "${common[@]}" --set 'trace.epochs=[]' -o "$work/eval"
for mode in train eval; do
  "$skipjoule" trace check "$work/$mode/trace.h5"
  size=$(stat -c %s "$work/$mode/trace.h5")
  [ "$size" -lt 1000000 ] || { echo "make-samples.sh: $mode trace of $size bytes; it must stay below 1,000,000" >&2; exit 1; }
  cp "$work/$mode/trace.h5" "traces/samples/cnn8-$mode.h5"
done
ls -l traces/samples
