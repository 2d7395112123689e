#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Simulates OUT/train-{plain,eat,ssprop}/trace.h5 and prints the tables of a study: each method's layers, then the methods beside each other.
# Usage: scripts/study-tables.sh SKIPJOULE OUT ACCEL
set -euo pipefail
skipjoule=$1
out=$2
accel=$3
methods=(plain eat ssprop)
for method in "${methods[@]}"; do
  trace=$out/train-$method/trace.h5
  echo
  echo "== $method: the last training step, layer by layer"
  $skipjoule sim "$trace" --accel "$accel" -q -o "$out/step-$method"
  for batch in 1 128; do
    $skipjoule sim "$trace" --accel "$accel" --step last-eval --batch $batch -q -o "$out/inference-$batch-$method" > "$out/inference-$batch-$method.txt"
  done
done
echo
echo "== plain: an inference of one image, layer by layer"
cat "$out/inference-1-plain.txt"
echo
echo "== methods compared: a training step; the first run is the baseline"
$skipjoule report "$out/step-plain" "$out/step-eat" "$out/step-ssprop"
for batch in 1 128; do
  echo
  echo "== methods compared: inference, batch $batch"
  $skipjoule report "$out/inference-$batch-plain" "$out/inference-$batch-eat" "$out/inference-$batch-ssprop"
done
echo
echo "Read them so: 'vs gate' is what skipping saves against a machine that only gates, with the same codec. 'vs first' compares one machine and codec between methods."
echo "Channels that ssProp drops are scheduled on no machine, so its dense row is a dense machine that leaves them out too. Its step is one of a sparse epoch: interleaved"
echo "training has as many dense epochs, whose steps cost what the plain run's do. Accuracies are of one seed."
