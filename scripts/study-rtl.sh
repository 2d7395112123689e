#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real tensors through the RTL: resnet18 trained on CIFAR-10 for a little, then one image of a training step, every layer and all phases, at fast, systemc and rtl: the same JSON.
# Width 16: three machines x three codecs at all fidelities, and the inference. Full width (64): three machines, one codec, fast against rtl.
# Usage: SJ_DATA=DIR scripts/study-rtl.sh [OUT]      (default runs/rtl; what is there already is kept, so that it can go on where it stopped)
set -euo pipefail
cd "$(dirname "$0")/.."
: "${SJ_DATA:?give the folder of the data sets, for example SJ_DATA=/data}"
out=${1:-runs/rtl}
export OMP_WAIT_POLICY=passive
scripts/get-deps.sh --minimal
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)" > /dev/null
skipjoule=build/demo/skipjoule
mkdir -p "$out"

trained() { # WIDTH IMAGES: a trace of one image after an epoch over IMAGES images
  [ -e "$out/train-$1/trace.h5" ] || "$skipjoule" train configs/train/cifar10-resnet18.cfg --data "$SJ_DATA/cifar-10-batches-bin" --set network.width="$1" --set data.train_images="$2" \
    --set data.test_images=1000 --set epochs=1 --set trace.images=1 -q -o "$out/train-$1"
}

run() { # NAME FIDELITY arguments...
  local name=$1 fidelity=$2 begin
  shift 2
  [ -e "$out/$name.$fidelity.json" ] && return
  begin=$(date +%s.%N)
  "$skipjoule" sim "$@" --accel edge16 --batch 1 --fidelity "$fidelity" --json -q > "$out/$name.$fidelity.tmp"
  mv "$out/$name.$fidelity.tmp" "$out/$name.$fidelity.json"
  echo "$name $fidelity: $(echo "$(date +%s.%N) - $begin" | awk '{ printf "%.1f", $1 - $3 }') s"
}

same() { # NAME
  python3 - "$out" "$1" << 'PY'
import glob, json, os, sys
runs = {}
for path in sorted(glob.glob(f"{sys.argv[1]}/{sys.argv[2]}.*.json")):
    run = json.load(open(path, encoding="utf-8"))
    run.pop("provenance")
    runs[run.pop("fidelity")] = run
first = next(iter(runs.values()))
layers = {l["name"] for v in first["variants"].values() for l in v["layers"]}
phases = {l["phase"] for v in first["variants"].values() for l in v["layers"]}
cycles = {name: v["total"]["cycles"] for name, v in first["variants"].items()}
print(f"{sys.argv[2]}: {len(layers)} layers, phases {sorted(phases)}, cycles {cycles}: {' = '.join(runs)}" if all(r == first for r in runs.values()) and len(runs) > 1 else f"{sys.argv[2]}: DIFFERENT")
sys.exit(any(r != first for r in runs.values()) or len(runs) < 2)
PY
}

trained 16 10000
trained 64 1280
for fidelity in fast systemc rtl; do
  run width16-step $fidelity "$out/train-16/trace.h5" --step last-train --codecs none,bitmask,rle
  run width16-inference $fidelity "$out/train-16/trace.h5" --step last-eval
done
same width16-step
same width16-inference
for fidelity in fast rtl; do
  run width64-step $fidelity "$out/train-64/trace.h5" --step last-train --codecs bitmask
done
same width64-step
