#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ResNet18 of width 16 on CIFAR-10: plain, EAT at two strengths, ssProp, GradSamp, all three together, and plain training with as many real epochs as GradSamp has. Prints accuracy, asic_ratio and densities per layer of each.
# Usage: scripts/study-cifar.sh DIR [OUT]     DIR: the binary CIFAR-10 batches. OUT: default runs/cifar. It goes on where it stopped: a run is resumed from its last checkpoint, a finished one is kept.
# EPOCHS=n in the environment: other than the 15 that keep each run below 25 minutes on two cores; the configurations themselves say 20.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
data=${1:?usage: scripts/study-cifar.sh DIR [OUT]}
out=${2:-runs/cifar}
epochs=${EPOCHS:-15}
scripts/get-deps.sh --minimal
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)" > /dev/null
skipjoule=build/demo/skipjoule
mkdir -p "$out"

train() { # NAME METHOD EPOCHS arguments...
  local name=$1 method=$2 epochs=$3
  shift 3
  names+=("$name")
  if [ -e "$out/$name/config.cfg" ] && ! grep -q "^epochs = $epochs;" "$out/$name/config.cfg"; then
    echo "$out/$name is of another length than the $epochs epochs that EPOCHS asks for; give another OUT" >&2
    exit 1
  fi
  if [ ! -e "$out/$name/provenance.json" ]; then
    echo "== $name" >&2
    "$skipjoule" train "configs/train/cifar10-resnet18-$method.cfg" --data "$data" --set evaluate.asic_ratio=true --set epochs="$epochs" "$@" --resume -v -o "$out/$name" > /dev/null
  fi
}

column() { # RUN NAME: of the last epoch
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } END { print $c }' "$out/$1/metrics.csv"
}

mean_column() { # RUN NAME: over the epochs that have it
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } $c != "" { s += $c; n++ } END { print (n > 0 ? s / n : 0) }' "$out/$1/metrics.csv"
}

last_column() { # RUN NAME: of the last epoch that has it: a skipped epoch has no density
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } $c != "" { v = $c } END { print v }' "$out/$1/metrics.csv"
}

names=()
train plain plain "$epochs"
train plain-short plain $((epochs - epochs / 3))  # every third epoch is sampled: as many real ones
train eat-low eat "$epochs" --set method.eat.lambda=0.25
train eat-high eat "$epochs" --set method.eat.lambda=0.75
train ssprop ssprop "$epochs" --set trace.epochs=[$((epochs - 2)),$((epochs - 1))]  # a sparse and a dense one
train gradsamp gradsamp "$epochs"
train all all "$epochs" --set method.eat.lambda=0.25

echo
echo "ResNet18 of width 16 on CIFAR-10, one run each, the seed of the configuration; kept: share of channels in the backward pass, mean over real epochs; density: of conv and linear inputs, last real epoch"
printf '%-10s %9s %9s %9s %11s %6s %10s %9s %9s %8s\n' run accuracy 'macro F1' 'test loss' asic_ratio kept 'density x' real/all minutes CPU-min
for name in "${names[@]}"; do
  printf '%-10s %8.2f%% %9.4f %9.4f %11.4f %6.3f %10.3f %9s %9.1f %8s\n' "$name" "$(column "$name" test_accuracy | awk '{ print 100 * $1 }')" "$(column "$name" macro_f1)" \
    "$(column "$name" test_loss)" "$(column "$name" asic_ratio)" "$(mean_column "$name" kept_fraction)" "$(last_column "$name" x_density)" \
    "$(awk -F, 'NR > 1 { n++; if ($2 != "") r++ } END { print r "/" n }' "$out/$name/metrics.csv")" "$(awk -F'[:,]' '/wall_seconds/ { print $2 / 60 }' "$out/$name/provenance.json")" \
    "$(awk -F'[:,]' '/cpu_seconds/ { v = sprintf("%.1f", $2 / 60) } END { if (v == "") v = "-"; print v }' "$out/$name/provenance.json")"
  grep -q '"resumed": true' "$out/$name/provenance.json" && echo "           (minutes since it was resumed)"
done
echo
echo "density of each conv and linear layer's input in an inference (the traced test images), and of its output gradient in the last traced training step"
for name in "${names[@]}"; do "$skipjoule" trace stats "$out/$name/trace.h5" > "$out/$name.stats.txt"; done
awk '
  FNR == 1 { run = FILENAME; sub(/.*\//, "", run); sub(/\.stats\.txt$/, "", run); runs[++n] = run }
  /^step/ { train = /\(train/ }
  $2 == "conv" || $2 == "linear" { if (!($1 in seen)) { seen[$1] = 1; layers[++m] = $1 } if (train) dy[run, $1] = $6; else x[run, $1] = $3 }
  END {
    printf "%-14s", "layer"; for (i = 1; i <= n; i++) printf " %14s", runs[i]; printf "   (x, dy)\n"
    for (j = 1; j <= m; j++) { printf "%-14s", layers[j]; for (i = 1; i <= n; i++) printf "  %6s %6s", x[runs[i], layers[j]], dy[runs[i], layers[j]]; printf "\n" }
  }' $(for name in "${names[@]}"; do echo "$out/$name.stats.txt"; done)
