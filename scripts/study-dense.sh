#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The dense machine with padding issued against the dense figures of other simulators: ResNet18 and VGG16 at 224 x 224, one image, forward, edge16 (256 MACs).
# Usage: scripts/study-dense.sh [SKIPJOULE [DIR]]     default: build/release/skipjoule, a scratch folder. docs/results.md explains the table.
set -euo pipefail
cd "$(dirname "$0")/.."
skipjoule=${1:-build/release/skipjoule}
dir=${2:-$(mktemp -d)}
export OMP_WAIT_POLICY=passive
mkdir -p "$dir"
for network in resnet18-imagenet vgg16-imagenet; do
  [ -e "$dir/$network.h5" ] || "$skipjoule" trace synth $network --mode eval --images 1 -o "$dir/$network.h5" -q > /dev/null
  "$skipjoule" sim "$dir/$network.h5" --accel edge16 --variants dense --codecs none --set mapping.issue_padding=true --batch 1 --json -q > "$dir/$network.json"
done
/usr/bin/python3 - "$dir" << 'PY'
import json, sys
import h5py

def ceil(a, b): return -(-a // b)

# SCALE-Sim, output-stationary: a fold of the array takes 2 rows + columns + K - 2 cycles (Samajdar et al., ISPASS 2020, "A systematic methodology for characterizing
# scalability of DNN accelerators using SCALE-Sim", equation 3), folds follow each other, memory is never waited for.
def systolic(m, n, k, rows=16, columns=16): return (2 * rows + columns + k - 2) * ceil(m, rows) * ceil(n, columns)

# Every MAC of the array busy but for the edges of tiles: what an analytical mapper (Timeloop's ideal cycles) calls its compute bound.
def spatial(m, n, k, rows=16, columns=16): return k * ceil(m, rows) * ceil(n, columns)

for network in ("resnet18-imagenet", "vgg16-imagenet"):
    layers = {}
    with h5py.File(f"{sys.argv[1]}/{network}.h5", "r") as f:
        net = f["network"]
        for name, kind, i, o, kernel in zip(net["name"][...], net["kind"][...], net["in"][...], net["out"][...], net["kernel"][...]):
            if kind in (b"conv", b"linear"):
                layers[name.decode()] = (int(o[0] * o[1]), int(o[2]), int(kernel[0] * kernel[1] * i[2]))
    with open(f"{sys.argv[1]}/{network}.json", encoding="utf-8") as f:
        measured = {l["name"]: l for l in json.load(f)["variants"]["dense/none"]["layers"] if l["phase"] == "forward"}
    assert measured.keys() == layers.keys(), (measured.keys(), layers.keys())
    groups = {"convolutions": [n for n in layers if layers[n][0] > 1], "linear": [n for n in layers if layers[n][0] == 1]}
    print(f"\n{network}, one image, cycles of 256 MACs")
    print(f"{'':14}{'MACs':>15}{'MACs / 256':>12}{'spatial':>12}{'systolic OS':>12}{'ours':>12}{'ours / spatial':>15}{'ours / systolic':>16}")
    rows = [(n, [n]) for n in layers] + list(groups.items()) + [("all", list(layers))]
    for title, names in rows:
        macs = sum(m * n * k for m, n, k in (layers[x] for x in names))
        a, b = (sum(f(*layers[x]) for x in names) for f in (spatial, systolic))
        ours = sum(measured[x]["cycles"] for x in names)
        assert sum(measured[x]["macs"]["total"] + measured[x]["macs"]["padding"] for x in names) == macs, title
        print(f"{title:14}{macs:15,}{macs / 256:12,.0f}{a:12,}{b:12,}{ours:12,}{ours / a:15.3f}{ours / b:16.3f}")
PY
