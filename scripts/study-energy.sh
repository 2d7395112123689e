#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the runs of study-cifar.sh or study-glyphs.sh (or any folders with a trace.h5) are worth on a machine: a traced training step, also phase by phase, and an inference at batch 1 and at batch 128, on three
# machines with two codecs.
# Usage: scripts/study-energy.sh OUT RUN[@STEP]...     OUT/RUN/trace.h5 are simulated; the first RUN is the baseline. STEP: number of the training step (skipjoule trace info); without it the last one.
# ACCEL=name, TECH=name in the environment: accelerator (default edge16) and tech file (default: the accelerator's). The whole tables lie in OUT/energy/*.txt.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 3 ] || { echo "usage: scripts/study-energy.sh OUT RUN[@STEP] RUN[@STEP]..." >&2; exit 2; }
out=$1
shift
machine=(--accel "${ACCEL:-edge16}" ${TECH:+--tech "$TECH"})
(cd "$root" && scripts/get-deps.sh --minimal && cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null && cmake --build build/demo -j "$(nproc)" > /dev/null)
skipjoule=$root/build/demo/skipjoule
mkdir -p "$out/energy"

columns() { # awk text that all tables begin with: columns by name, an interval as text. Fields with commas in quotes stand behind all that is read here.
  echo '
    function interval(share, low, high) {
      if (share == "") return "-"
      return sprintf("%.1f%% (%.1f, %.1f)%s", 100 * share, 100 * low, 100 * high, low < high && low <= 0 && high >= 0 ? " ?" : "")
    }
    function saving(of) { return interval($at["saving_vs_" of], $at["saving_vs_" of "_low"], $at["saving_vs_" of "_high"]) }
    function number(pj) { return sprintf(pj >= 1e10 ? "%.0f" : pj >= 1e8 ? "%.1f" : "%.3f", pj / 1e6) }
    function energy() { return number($at["energy_pj"]) " (" number($at["energy_pj_low"]) ", " number($at["energy_pj_high"]) ")" }
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    { run = substr($at["run"], length(prefix) + 1); variant = $at["machine"] "/" $at["codec"] }
    !(run in seen) { seen[run] = 1; runs[++count] = run }'
}

simulate() { # NAME RUN... -- sim-arguments...: the runs beside each other, OUT/energy/NAME.csv and .txt. A run's @STEP is a training step's.
  local name=$1 run step folders=() runs=()
  shift
  while [ "$1" != -- ]; do runs+=("$1"); shift; done
  shift
  for run in "${runs[@]}"; do
    step=last-train
    [[ $run == *@* ]] && step=${run#*@}
    [[ $name == inference* ]] && step=last-eval
    "$skipjoule" sim "$out/${run%@*}/trace.h5" "${machine[@]}" --step "$step" "$@" --force -q -o "$out/energy/$name-$run" > "$out/energy/$name-$run.txt"
    folders+=("$out/energy/$name-$run")
  done
  "$skipjoule" report "${folders[@]}" > "$out/energy/$name.txt"
  "$skipjoule" report "${folders[@]}" --format csv > "$out/energy/$name.csv"
}

tell() { # NAME: the skipping machine with bitmask, then every machine and codec
  local name=$1
  echo
  echo "== $name: skip/bitmask"
  awk -F, -v prefix="$out/energy/$name-" "$(columns)"'
    count == 1 && !told++ { printf "%-12s %8s %10s %12s %26s %22s %22s %24s\n", "run", "accuracy", "asic_ratio", "time, us", "energy, uJ", "less than gate", "less than first", "gate/bitmask, than first" }
    variant == "gate/bitmask" { gate = saving("baseline") }
    variant == "skip/bitmask" { printf "%-12s %7.2f%% %10.4f %12.1f %26s %22s %22s %24s\n", run, 100 * $at["accuracy"], $at["asic_ratio"], 1e6 * $at["seconds"], energy(), saving("gate"), saving("baseline"), gate }
  ' "$out/energy/$name.csv"
  echo "-- all machines and codecs, uJ"
  awk -F, -v prefix="$out/energy/$name-" "$(columns)"'
    { at_variant[run, variant] = energy() }
    !(variant in known) { known[variant] = 1; variants[++variant_count] = variant }
    END {
      printf "%-12s", "run"; for (v = 1; v <= variant_count; v++) printf " %24s", variants[v]; printf "\n"
      for (r = 1; r <= count; r++) { printf "%-12s", runs[r]; for (v = 1; v <= variant_count; v++) printf " %24s", at_variant[runs[r], variants[v]]; printf "\n" }
    }' "$out/energy/$name.csv"
  sed -n "s|^$out/energy/$name-||; /: the step is /p; /: a lower bound: /p; /saves .* of the energy/p; /^asic_ratio counts/p" "$out/energy/$name.txt"
}

tell_phase() { # PHASE: a line a run
  awk -F, -v prefix="$out/energy/step-$1-" -v phase="$1" "$(columns)"'
    variant == "gate/bitmask" { gate = saving("baseline") }
    variant == "skip/bitmask" { printf "%-12s %-12s %26s %24s %24s %24s\n", phase, run, energy(), saving("gate"), saving("baseline"), gate }' "$out/energy/step-$1.csv"
}

inferred=()
for run in "$@"; do
  [[ " ${inferred[*]} " == *" ${run%@*} "* ]] || inferred+=("${run%@*}")
done
simulate step "$@" --
tell step
echo
echo "== step by phase: skip/bitmask, energy in uJ"
printf '%-12s %-12s %26s %24s %24s %24s\n' phase run 'energy, uJ' 'less than gate' 'less than first' 'gate/bitmask, than first'
for phase in forward grad_input grad_weight elementwise update; do
  simulate "step-$phase" "$@" -- --phase "$phase"
  tell_phase "$phase"
done
simulate inference-1 "${inferred[@]}" -- --batch 1
tell inference-1
simulate inference-128 "${inferred[@]}" -- --batch 128
tell inference-128
