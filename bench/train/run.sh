#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole training step of ResNet18 in PyTorch (Debian: python3-torch) and in the trainer, in turn in one run, as many threads as cores each, each with threads that wait spinning and asleep. About two minutes a round on two cores.
# Usage: bench/train/run.sh [ROUNDS [w16|w64|ssprop ...]]     SJ_PYTHON: the Python to take; BUILD: a build folder (default build/release)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
[ -f "$build/build.ninja" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release > /dev/null
cmake --build "$build" -j "$(nproc)" --target bench_step > /dev/null
for python in ${SJ_PYTHON:-} python3 /usr/bin/python3; do
  if "$python" -c 'import torch' 2> /dev/null; then
    echo "commit $(git rev-parse --short HEAD 2> /dev/null || echo none), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ //'), $(nproc) cores"
    exec "$python" bench/train/bench_torch.py "$build/bench/engine/bench_step" "$@"
  fi
done
echo "run.sh: no Python with torch; install python3-torch, or set SJ_PYTHON" >&2
exit 1
