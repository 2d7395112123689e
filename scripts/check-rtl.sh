#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One layer of each phase with the Verilated array in the loop, at batch 1: is the result the fast model's? Usage: scripts/check-rtl.sh SKIPJOULE TRACE ACCEL [LAYER]
set -euo pipefail
skipjoule=$1
trace=$2
accel=$3
layer=${4:-conv5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for phase in forward grad_input grad_weight; do
  for fidelity in fast rtl; do
    $skipjoule sim "$trace" --accel "$accel" --batch 1 --layer "$layer" --phase $phase --fidelity $fidelity --json -q > "$folder/$fidelity.json"
  done
  python3 - "$folder" "$layer" $phase <<'PY'
import json, sys
folder, layer, phase = sys.argv[1:]
runs = {}
for fidelity in ("fast", "rtl"):
    with open(f"{folder}/{fidelity}.json", encoding="utf-8") as f:
        run = json.load(f)
    assert run.pop("fidelity") == fidelity, "the file is not of the fidelity that was asked for"
    run.pop("provenance")
    runs[fidelity] = run
assert runs["fast"]["variants"], "no variants were simulated"
if runs["fast"] != runs["rtl"]:
    sys.exit(f"{layer} {phase}: rtl and fast differ")
cycles = ", ".join(f"{name} {v['total']['cycles']}" for name, v in runs["rtl"]["variants"].items())
print(f"{layer} {phase}: rtl = fast in every cycle, counter and energy of {len(runs['rtl']['variants'])} variants (cycles: {cycles})")
PY
done
