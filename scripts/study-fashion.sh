#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo's study on Fashion-MNIST: cnn8 trained plain, with EAT and with ssProp, simulated, compared. Usage: scripts/study-fashion.sh DIR [OUT]
# DIR holds the four official files (train-images-idx3-ubyte.gz, ...). OUT: default runs/fashion. A training that is there already is not repeated.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
data=${1:?usage: scripts/study-fashion.sh DIR [OUT]}
out=${2:-runs/fashion}
scripts/get-deps.sh --minimal
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)"
mkdir -p "$out"
start=$(date +%s)
for method in plain eat ssprop; do
  [ -f "$out/train-$method/trace.h5" ] || build/demo/skipjoule train "configs/train/fashion-$method.cfg" --data "$data" --force -o "$out/train-$method"
done
rm -rf "$out"/step-* "$out"/inference-*
scripts/study-tables.sh build/demo/skipjoule "$out" edge16
echo "study: $(($(date +%s) - start)) s; results in $out"
