#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The speed of the three fidelities, one after the other in one run: rtl against a bare Verilated loop on the same stimulus, systemc in cycles a second, fast in dense MACs a CPU-second,
# end to end against HDF5's own reading, peak memory. Ratios are measured side by side; the load of the machine stands above them.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive
export SJ_CACHE=${SJ_CACHE:-$PWD/build/rtl-cache}
scripts/get-deps.sh > /dev/null
cmake --preset release > /dev/null
cmake --build --preset release -j "$(nproc)" --target sj_bench_rtl sj_bench_systemc bench_fast bench_trace > /dev/null
bench=build/release/bench
echo "commit $(git rev-parse --short HEAD 2> /dev/null || echo none), load $(cut -d' ' -f1-3 /proc/loadavg), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ //'), $(nproc) cores"
echo "== rtl" && "$bench/rtl/sj_bench_rtl"
echo "== systemc" && "$bench/systemc/sj_bench_systemc"
echo "== fast: a training step of full-width resnet18, 16 images, operands in memory"
for threads in 1 "$(nproc)"; do
  for machine in skip gate dense; do OMP_NUM_THREADS=$threads "$bench/fast/bench_fast" $machine; done
done
echo "== fast, end to end from a trace file" && "$bench/fast/bench_trace"
echo "load at the end $(cut -d' ' -f1-3 /proc/loadavg)"
