#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plans held against the trainings that they are of: four trainings that no rule and no model was made with are planned, integrated, and only then trained and integrated. The table of docs/results.md.
# Usage: scripts/study-plan.sh OUT [STUDY]     STUDY: an OUT of scripts/study-estimate.sh, from whose runs PRE learns; without it plans stand alone. What is there already is not made again.
# SJ_DATA: a folder with Fashion-MNIST's files (in itself or in fashion-mnist/); without it all four are on glyphs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:?usage: scripts/study-plan.sh OUT [STUDY]}")
study=${2:+$(realpath -m "$2")}
source "$root/scripts/study-program.sh"
mkdir -p "$out"

# name network width method batch data images
trainings="
resnet20-8-plain   resnet20  8  plain     64 fashion 1920
resnet20-6-eat     resnet20  6  eat       48 glyphs  1440
cnn8-16-ssprop     cnn8     16  ssprop    64 glyphs  1920
lenet5-6-gradsamp  lenet5    6  gradsamp  64 fashion 1920
"
accels="edge16 mobile"

train() { # FOLDER NETWORK WIDTH METHOD BATCH DATA IMAGES OPTION...
  local folder=$1 network=$2 width=$3 method=$4 batch=$5 data=$6 images=$7 source='name="glyphs"'
  shift 7
  [ -e "$folder/provenance.json" ] && return
  local settings=(--set "network={model=\"$network\";width=$width;}" --set "batch_size=$batch" --set epochs=30 --set evaluate.every=30 --set 'checkpoint={minutes=0.0;each_epoch=false;}'
    --set 'optimizer={lr=0.05;momentum=0.9;weight_decay=5e-4;schedule="exponential";decay=0.93;}' --set 'trace={images=4;dtype="bf16";eval=false;spread=24;}')
  [ "$data" = fashion ] && [ -n "$fashion" ] && source='name="fashion-mnist"' && settings+=(--data "$fashion")
  settings+=(--set "data={$source;train_images=$images;test_images=500;}")
  case $method in
    eat) settings+=(--set 'method={eat={lambda=1.0;sigma=1e-2;reduce="mean";warmup_epochs=4.0;};}') ;;
    ssprop) settings+=(--set 'method={ssprop={keep=0.3;schedule="linear";};}') ;;
    gradsamp) settings+=(--set 'method={gradsamp={schedule="periodic";period=4;};}') ;;
  esac
  "$program" train glyphs-plain "${settings[@]}" --force -q "$@" -o "$folder"
}

integrate() { # TRACE RUN
  for accel in $accels; do
    [ -e "$2-$accel/run.json" ] || "$program" sim "$1/trace.h5" --accel "$accel" --variants skip --codecs bitmask --whole-run -q -o "$2-$accel" > /dev/null
  done
}

mkdir -p "$out/plan" "$out/train" "$out/runs"
names=()
while read -r name rest; do
  [ -n "$name" ] || continue
  names+=("$name")
  # shellcheck disable=SC2086
  train "$out/plan/$name" $rest --plan
  integrate "$out/plan/$name" "$out/runs/plan-$name"
  # shellcheck disable=SC2086
  train "$out/train/$name" $rest
  integrate "$out/train/$name" "$out/runs/$name"
done <<< "$trainings"

predicted=
if [ -n "$study" ]; then
  "$program" estimate pre train "$study"/runs/* --force -o "$out/model.json" > /dev/null
  "$program" estimate pre predict "$out/model.json" "$out"/runs/plan-* --format csv --part predictions > "$out/predicted.csv"
  predicted=$out/predicted.csv
fi
python3 - "$out" "$predicted" "$accels" "${names[@]}" << 'PY'
import csv, json, os, sys
out, predicted, accels, names = sys.argv[1], sys.argv[2], sys.argv[3].split(), sys.argv[4:]
pre = {os.path.basename(r["run"]): float(r["predicted_pj"]) for r in csv.DictReader(open(predicted))} if predicted else {}
def energy(run):
    return json.load(open(f"{out}/runs/{run}/run.json"))["variants"]["skip/bitmask"]["total"]["energy_pj"]
print("| training | accelerator | integrated (J) | plan (J) | off | PRE (J) | off |\n|---|---|--:|--:|--:|--:|--:|")
offs = {"plan": [], "PRE": []}
for name in names:
    for accel in accels:
        truth, plan = energy(f"{name}-{accel}"), energy(f"plan-{name}-{accel}")
        cells = [f"{truth * 1e-12:.2f}", f"{plan * 1e-12:.2f}", f"{100 * (plan / truth - 1):+.1f} %"]
        offs["plan"].append(abs(plan / truth - 1))
        model = pre.get(f"plan-{name}-{accel}")
        if model:
            offs["PRE"].append(abs(model / truth - 1))
        cells += [f"{model * 1e-12:.2f}", f"{100 * (model / truth - 1):+.1f} %"] if model else ["-", "-"]
        print("| " + " | ".join([name, accel] + cells) + " |")
for who, off in offs.items():
    if off:
        print(f"\nMAPE of {who}: {100 * sum(off) / len(off):.1f} %")
PY
