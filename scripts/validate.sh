#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Our machines beside what papers on zero-gating and zero-skipping accelerators print: Eyeriss, Cnvlutin, SCNN, TensorDash. docs/validation.md explains the tables.
# Usage: scripts/validate.sh OUT [SKIPJOULE]     its traces lie in OUT (some 20 MB); default: build/demo/skipjoule, built. Three to five minutes of one core.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: scripts/validate.sh OUT [SKIPJOULE]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
if [ $# -ge 2 ]; then skipjoule=$(realpath "$2"); else skipjoule=; fi
cd "$(dirname "$0")/.."
if [ -z "$skipjoule" ]; then
  skipjoule=$PWD/build/demo/skipjoule
  scripts/get-deps.sh --minimal
  cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
  cmake --build build/demo -j "$(nproc)" > /dev/null
fi
export OMP_WAIT_POLICY=passive
/usr/bin/python3 tools/validate.py "$skipjoule" "$out"
