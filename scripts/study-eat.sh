#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# EAT's strength and shape: lambda 0.01 to 10 by sigma 1e-1 to 1e-7 on cnn8, test accuracy against asic_ratio and density, as a table; and the same for L1, its rival, by lambda.
# Usage: scripts/study-eat.sh [DIR [OUT]]     DIR: the Fashion-MNIST files; without it the embedded glyphs are used. OUT: default runs/eat-study. What is there already is kept: it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
data=${1:-}
out=${2:-runs/eat-study}
scripts/get-deps.sh --minimal
cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
cmake --build build/demo -j "$(nproc)" > /dev/null
skipjoule=build/demo/skipjoule
mkdir -p "$out"
if [ -n "$data" ]; then
  set_name=fashion
  common=(--data "$data" --set epochs=4)
else
  set_name=glyphs
  common=()
fi

train() { # NAME CONFIG arguments...
  local name=$1 config=$2
  shift 2
  "$skipjoule" train "configs/train/$config.cfg" ${common[@]+"${common[@]}"} --set evaluate.asic_ratio=true --set trace.images=1 "$@" --resume -q -o "$out/$set_name-$name" > /dev/null
}

column() { # RUN NAME: of the last epoch
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } END { print $c }' "$out/$set_name-$1/metrics.csv"
}

cell() { # RUN
  printf ' %5.1f %.4f %.3f |' "$(column "$1" test_accuracy | awk '{ print 100 * $1 }')" "$(column "$1" asic_ratio)" "$(column "$1" x_density)"
}

lambdas=(0.01 0.1 1 10)
sigmas=(1e-1 1e-2 1e-3 1e-4 1e-5 1e-6 1e-7)
start=$(date +%s)
train plain "$set_name-plain"
echo "cnn8 on $set_name, seed 1; each cell: test accuracy in %, asic_ratio, density of conv and linear inputs in training"
printf '%-12s|' plain
cell plain
printf '\n%-12s|' 'lambda:'
for lambda in "${lambdas[@]}"; do printf ' %-20s|' "$lambda"; done
echo
for sigma in "${sigmas[@]}"; do
  printf 'sigma %-6s|' "$sigma"
  for lambda in "${lambdas[@]}"; do
    train "$lambda-$sigma" "$set_name-eat" --set method.eat.lambda="$lambda" --set method.eat.sigma="$sigma"
    cell "$lambda-$sigma"
  done
  echo
done
printf '%-12s|' L1
for lambda in "${lambdas[@]}"; do
  train "l1-$lambda" "$set_name-l1" --set method.l1.lambda="$lambda"
  cell "l1-$lambda"
done
echo
echo "study: $(($(date +%s) - start)) s; results in $out"
