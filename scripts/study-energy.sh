#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the runs of study-cifar.sh (or any folders with a trace.h5) are worth on a machine: the last traced training step, an inference at batch 1 and at batch 128, three machines and two codecs.
# Usage: scripts/study-energy.sh OUT RUN...     OUT/RUN/trace.h5 are simulated; the first RUN is the baseline. ACCEL=name in the environment: the accelerator (default edge16).
# The whole tables lie in OUT/energy/*.txt; printed is the skipping machine with bitmask.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 3 ] || { echo "usage: scripts/study-energy.sh OUT RUN RUN..." >&2; exit 2; }
out=$1
shift
accel=${ACCEL:-edge16}
(cd "$root" && scripts/get-deps.sh --minimal && cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null && cmake --build build/demo -j "$(nproc)" > /dev/null)
skipjoule=$root/build/demo/skipjoule
mkdir -p "$out/energy"

compare() { # NAME sim-arguments...: the runs beside each other
  local name=$1 run folders=()
  shift
  for run in "${runs[@]}"; do
    "$skipjoule" sim "$out/$run/trace.h5" --accel "$accel" "$@" --force -q -o "$out/energy/$name-$run" > "$out/energy/$name-$run.txt"
    folders+=("$out/energy/$name-$run")
  done
  "$skipjoule" report "${folders[@]}" > "$out/energy/$name.txt"
  "$skipjoule" report "${folders[@]}" --format csv > "$out/energy/$name.csv"
  echo
  echo "== $name: skip/bitmask"
  awk -F, -v prefix="$out/energy/$name-" '
    function saving(share, low, high) {
      if (share == "") return "-"
      return sprintf("%.1f%% (%.1f, %.1f)%s", 100 * share, 100 * low, 100 * high, low < high && low <= 0 && high >= 0 ? " ?" : "")
    }
    function than_first() { return saving($at["saving_vs_baseline"], $at["saving_vs_baseline_low"], $at["saving_vs_baseline_high"]) }
    NR == 1 {
      for (i = 1; i <= NF; i++) at[$i] = i
      printf "%-10s %8s %10s %9s %20s %20s %20s %24s\n", "run", "accuracy", "asic_ratio", "time, us", "energy, uJ", "less than gate", "less than first", "gate/bitmask, than first"
      next
    }
    $at["machine"] == "gate" && $at["codec"] == "bitmask" { gate = than_first() }
    $at["machine"] == "skip" && $at["codec"] == "bitmask" {
      run = $at["run"]; sub(prefix, "", run)
      energy = sprintf("%.0f (%.0f, %.0f)", $at["energy_pj"] / 1e6, $at["energy_pj_low"] / 1e6, $at["energy_pj_high"] / 1e6)
      printf "%-10s %7.2f%% %10.4f %9.1f %20s %20s %20s %24s\n", run, 100 * $at["accuracy"], $at["asic_ratio"], 1e6 * $at["seconds"], energy,
        saving($at["saving_vs_gate"], $at["saving_vs_gate_low"], $at["saving_vs_gate_high"]), than_first(), gate
    }' "$out/energy/$name.csv"
  sed -n "s|^$out/energy/$name-||; /: the step is /p; /saves .* of the energy/p; /^asic_ratio counts/p" "$out/energy/$name.txt"
}

runs=("$@")
compare step --step last-train
compare inference-1 --step last-eval --batch 1
compare inference-128 --step last-eval --batch 128
