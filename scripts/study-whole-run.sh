#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How near is a whole run from a few simulated steps to the run itself? Small runs of each method with every iteration traced and simulated (the truth), then from 6, 12, 24 and 48 of these steps.
# Prints two Markdown tables: what the runs take, and how far off fewer steps are. Usage: scripts/study-whole-run.sh OUT     A run that is finished is kept. ACCEL (edge16); SKIPJOULE: the program, else it is built.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:?usage: scripts/study-whole-run.sh OUT}")
cd "$root"
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
if [ -z "${SKIPJOULE:-}" ]; then
  scripts/get-deps.sh --minimal
  cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
  cmake --build build/demo -j "$(nproc)" > /dev/null
  SKIPJOULE=build/demo/skipjoule
fi
mkdir -p "$out"
train() { # NAME CONFIG arguments...
  local name=$1 config=$2
  shift 2
  [ -e "$out/$name/provenance.json" ] || "$SKIPJOULE" train "$config" --set data.test_images=1000 --set trace.images=8 --set trace.eval=false --set trace.spread=1000000 --set checkpoint.each_epoch=false "$@" --resume -q \
    -o "$out/$name" > /dev/null
}
cnn8=(--set data.train_images=1920 --set network.width=8)
lenet5=(--set data.train_images=1920 --set network.model=lenet5 --set network.width=0 --set optimizer.lr=0.01)
for method in plain eat ssprop gradsamp; do
  epochs=$([ $method = gradsamp ] && echo 6 || echo 4)
  train cnn8-$method glyphs-$method "${cnn8[@]}" --set epochs=$epochs
  train lenet5-$method glyphs-$method "${lenet5[@]}" --set epochs=$epochs
done
for name in {cnn8,lenet5}-{plain,eat,ssprop,gradsamp}; do
  for steps in all 48 24 12 6; do
    anchors=$([ $steps = all ] || echo "--anchors $steps")
    # shellcheck disable=SC2086
    [ -e "$out/$name-$steps/run.json" ] || "$SKIPJOULE" sim "$out/$name/trace.h5" --accel "${ACCEL:-edge16}" --whole-run $anchors -q -o "$out/$name-$steps" > /dev/null
  done
done
python3 - "$out" << 'PY'
import json, sys
def load(name):
    with open(f"{sys.argv[1]}/{name}/run.json", encoding="utf-8") as f:
        return json.load(f)
names = [f"{n}-{m}" for n in ("cnn8", "lenet5") for m in ("plain", "eat", "ssprop", "gradsamp")]
def energy(run, variant):
    return run["variants"][variant]["total"]["energy_pj"]
print("| run | iterations | density of x, first and last epoch | dense, mJ | gate, mJ | skip, mJ | first and last epoch, skip, mJ an iteration | skipping saves | accuracy | simulation, s |")
print("|---|---|---|---|---|---|---|---|---|---|")
for name in names:
    w = load(name + "-all")
    v, e = w["variants"]["skip/bitmask"], w["epochs"]
    real = [i for i in range(len(e)) if not e[i]["skipped"]]
    first, last = real[0], real[-1]
    each = [v["epochs"][i]["energy_pj"] / e[i]["iterations"] / 1e9 for i in (first, last)]
    print(f"| {name} | {w['iterations']} | {e[first]['x_density']:.3f}, {e[last]['x_density']:.3f} | " + " | ".join(f"{energy(w, m + '/bitmask') / 1e9:.1f}" for m in ("dense", "gate", "skip")) +
          f" | {each[0]:.3f}, {each[1]:.3f} | {100 * (1 - energy(w, 'skip/bitmask') / energy(w, 'gate/bitmask')):.2f} % | {100 * e[-1]['test_accuracy']:.1f} % | {w['provenance']['wall_seconds']:.0f} |")
print("\n| run, skip/bitmask | steps | total off by | told | worst phase off by | saving off by, points | worst epoch off by | simulation, s |")
print("|---|---|---|---|---|---|---|---|")
for name in names:
    t = load(name + "-all")
    truth = t["variants"]["skip/bitmask"]
    for steps in ("6", "12", "24", "48"):
        w = load(f"{name}-{steps}")
        v = w["variants"]["skip/bitmask"]
        off = v["total"]["energy_pj"] / truth["total"]["energy_pj"] - 1
        phases = {p: v["total"]["phase_pj"][p] / x - 1 for p, x in truth["total"]["phase_pj"].items() if x > 0}
        worst = max(phases, key=lambda p: abs(phases[p]))
        epochs = max((a["energy_pj"] / b["energy_pj"] - 1 for a, b in zip(v["epochs"], truth["epochs"])), key=abs)
        saving = [1 - energy(r, "skip/bitmask") / energy(r, "gate/bitmask") for r in (w, t)]
        print(f"| {name} | {w['traced_steps']} | {100 * off:+.3f} % | {100 * v['error']['total']:.3f} % | {worst} {100 * phases[worst]:+.2f} % | {100 * (saving[0] - saving[1]):+.3f} | {100 * epochs:+.2f} % | " +
              f"{w['provenance']['wall_seconds']:.1f} |")
PY
