#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cnn8 on glyphs: plain, plain with as many real epochs as GradSamp has, EAT, ssProp (a dense and a sparse step), GradSamp, all three; then their energy (study-energy.sh).
# Usage: scripts/study-glyphs.sh OUT     A run that is finished is kept. ACCEL, TECH: as study-energy.sh has them.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:?usage: scripts/study-glyphs.sh OUT}")
cd "$root"
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
scripts/get-deps.sh --minimal
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)" > /dev/null
mkdir -p "$out"
train() { # NAME METHOD arguments...
  local name=$1 method=$2
  shift 2
  [ -e "$out/$name/provenance.json" ] || build/demo/skipjoule train "configs/train/glyphs-$method.cfg" --set evaluate.asic_ratio=true "$@" --resume -q -o "$out/$name"
}
train plain plain
train plain-short plain --set epochs=3  # GradSamp samples the third of its four epochs
train eat eat
train ssprop ssprop --set 'trace.epochs=[2,3]'  # dense, sparse
train gradsamp gradsamp
train all all
scripts/study-energy.sh "$out" plain plain-short eat ssprop@0 ssprop gradsamp all
