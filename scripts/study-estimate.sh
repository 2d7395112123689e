#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The energy of 24 whole trainings (lenet5, mlp, cnn8, resnet8; widths, methods, batch sizes) on three accelerators by integration, and how far each estimator is from it: the tables of docs/results.md.
# Of 10 trainings every iteration is traced and simulated, so that there is nothing to interpolate.
# Usage: scripts/study-estimate.sh OUT [NAME...]     Trains and integrates what is not there yet (all, or the trainings that are named), then prints the tables. Stopped, it goes on where it was.
# SJ_DATA: a folder with Fashion-MNIST's files (in itself or in fashion-mnist/); 10 of the 24 trainings are on it then, else all on glyphs. An OUT is for one of the two.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:?usage: scripts/study-estimate.sh OUT [NAME...]}")
shift
source "$root/scripts/study-program.sh"
mkdir -p "$out"

epochs=40
images=960
# name network width method batch data traced: "all" iterations, or some of each kind of epoch
trainings="
lenet5-4-plain        lenet5   4  plain     96 glyphs  all
lenet5-4-eat          lenet5   4  eat       64 fashion some
lenet5-4-gradsamp     lenet5   4  gradsamp  64 glyphs  all
lenet5-8-plain        lenet5   8  plain     64 fashion some
lenet5-8-ssprop       lenet5   8  ssprop    96 glyphs  all
lenet5-8-eat          lenet5   8  eat       32 fashion some
mlp-32-plain          mlp     32  plain     64 glyphs  all
mlp-32-eat            mlp     32  eat       96 fashion all
mlp-64-gradsamp       mlp     64  gradsamp  96 glyphs  all
mlp-64-plain          mlp     64  plain     32 fashion some
mlp-128-eat           mlp    128  eat       96 glyphs  all
mlp-128-ssprop        mlp    128  ssprop    64 fashion some
cnn8-8-plain          cnn8     8  plain     96 glyphs  all
cnn8-8-ssprop         cnn8     8  ssprop    64 glyphs  some
cnn8-8-eat            cnn8     8  eat       96 fashion some
cnn8-12-plain         cnn8    12  plain     32 fashion some
cnn8-12-gradsamp      cnn8    12  gradsamp  64 glyphs  some
cnn8-12-eat           cnn8    12  eat       96 glyphs  all
resnet8-8-plain       resnet8  8  plain     96 glyphs  all
resnet8-8-eat         resnet8  8  eat       64 glyphs  some
resnet8-8-ssprop      resnet8  8  ssprop    96 fashion some
resnet8-12-plain      resnet8 12  plain     64 glyphs  some
resnet8-12-gradsamp   resnet8 12  gradsamp  96 fashion some
resnet8-12-ssprop     resnet8 12  ssprop    32 glyphs  some
"
accels="edge16 edge256 mobile"

list() { # FROM TO: "FROM, ..., TO"
  seq -s , "$1" "$2"
}

train() { # NAME NETWORK WIDTH METHOD BATCH DATA TRACED
  local name=$1 network=$2 width=$3 method=$4 batch=$5 data=$6 traced=$7
  [ -e "$out/train/$name/provenance.json" ] && return
  local settings=(--set "network={model=\"$network\";width=$width;}" --set "batch_size=$batch" --set "epochs=$epochs" --set evaluate.every=10 --set 'checkpoint={minutes=0.0;each_epoch=false;}')  # a checkpoint has all steps traced so far; a training takes a minute
  local source="name=\"glyphs\""
  [ "$data" = fashion ] && [ -n "$fashion" ] && source="name=\"fashion-mnist\"" && settings+=(--data "$fashion")
  settings+=(--set "data={$source;train_images=$images;test_images=1000;}")
  case $network in
    lenet5|mlp) settings+=(--set 'optimizer={name="adam";lr=2e-3;weight_decay=0.0;schedule="exponential";decay=0.95;}') ;;
    *) settings+=(--set 'optimizer={lr=0.05;momentum=0.9;weight_decay=5e-4;schedule="exponential";decay=0.93;}') ;;
  esac
  case $method in
    eat) settings+=(--set 'method={eat={lambda=1.0;sigma=1e-2;reduce="mean";warmup_epochs=4.0;};}') ;;
    ssprop) settings+=(--set "method={ssprop={keep=0.2;schedule=\"interleaved\";linear=$([ "$network" = mlp ] && echo true || echo false);};}") ;;
    gradsamp) settings+=(--set 'method={gradsamp={schedule="periodic";period=3;};}') ;;
  esac
  case $traced in
    all) settings+=(--set "trace={images=2;dtype=\"bf16\";eval=false;epochs=[$(list 0 $((epochs - 1)))];iterations=[$(list 0 $((images / batch - 1)))];}") ;;
    # with every class of epochs: odd and even ones (ssProp), skipped ones (GradSamp: every third)
    *) settings+=(--set 'trace={images=4;dtype="bf16";eval=false;epochs=[0,1,2,4,7,11,12,18,21,26,27,32,37,39];iterations=[0,-1];}') ;;
  esac
  "$program" train glyphs-plain "${settings[@]}" --force -q -o "$out/train/$name"
}

integrate() { # NAME: on each accelerator
  for accel in $accels; do
    [ -e "$out/runs/$1-$accel/run.json" ] || "$program" sim "$out/train/$1/trace.h5" --accel "$accel" --variants skip --codecs bitmask --whole-run -o "$out/runs/$1-$accel" > "$out/$1-$accel.txt"
  done
}

wanted() { # NAME, of those that were named
  local name=$1
  shift
  [ $# -eq 0 ] && return
  for other in "$@"; do
    [ "$name" = "$other" ] && return
  done
  return 1
}

mkdir -p "$out/train" "$out/runs"
begun=$SECONDS
while read -r name rest; do
  if [ -z "$name" ] || ! wanted "$name" "$@"; then
    continue
  fi
  echo "study-estimate: $name ($((SECONDS - begun)) s)" >&2
  # shellcheck disable=SC2086
  train "$name" $rest
  integrate "$name"
done <<< "$trainings"

runs=("$out"/runs/*/)
runs=("${runs[@]%/}")
cd "$out/runs"
runs=("${runs[@]##*/}")
made=$(printf '%s\n' "${runs[@]}" | sed 's/-[^-]*$//' | sort -u | wc -l)  # trainings
folds=$((made < 5 ? made : 5))
echo "## ${#runs[@]} runs in $((SECONDS - begun)) s"
"$program" estimate step --format md --part errors,errors_simulated "${runs[@]}" 2> "$out/.apart" || "$program" estimate step --format md --part errors "${runs[@]}"  # where all or none were simulated whole
"$program" estimate step --format md --detect "${runs[@]}"
[ "$made" -ge 3 ] || { echo "study-estimate: $made trainings are too few to compare estimators" >&2; exit 0; }
"$program" estimate compare --folds "$folds" --format md "${runs[@]}"
echo "## the same with other seeds of the folds: estimator, RMSE in pJ, MAPE"
for seed in 2 3 4 5; do
  "$program" estimate compare --folds "$folds" --seed $seed --format csv --part errors "${runs[@]}" | awk -F, -v seed=$seed '$1 == "PRE" || $1 == "FLOPs" || $1 ~ /^TDP/ { print "seed " seed ": " $1 ", " $4 ", " $5 }'
done
"$program" estimate compare --folds "$folds" --format csv --part predictions "${runs[@]}" > "$out/predictions.csv"
"$program" estimate compare --folds "$folds" --format csv --part predictions_networks "${runs[@]}" > "$out/predictions_networks.csv" || echo "study-estimate: networks were not left out" >&2
"$program" estimate baselines --format md --part constants "${runs[@]}"
"$program" estimate pairs --format md "${runs[@]}"
