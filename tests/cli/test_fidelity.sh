# SPDX-License-Identifier: Apache-2.0
# Every layer and phase of the sample traces at batch 1, and a product: the JSON of the three fidelities is the same but for fidelity and provenance.
source "$SOURCE/tests/cli/lib.sh"

same() {  # NAME: compares NAME.fast.json with the other fidelities'
  checks=$((checks + 1))
  python3 - "$1" << 'PY' || fault "$1: the fidelities differ"
import glob, json, sys
runs = {}
for path in sorted(glob.glob(sys.argv[1] + ".*.json")):
    run = json.load(open(path, encoding="utf-8"))
    fidelity = run.pop("fidelity")
    assert fidelity == path.split(".")[1], path
    provenance = run.pop("provenance")
    if fidelity != "fast" and run["mode"] == "gemm":
        assert "results equal the reference product" in json.dumps(provenance), provenance
    runs[fidelity] = run
assert len(runs) >= 2 and runs["fast"]["variants"], list(runs)
print({name: v["total"]["cycles"] for name, v in runs["fast"]["variants"].items()}, "equal at", list(runs))
sys.exit(any(run != runs["fast"] for run in runs.values()))
PY
}

fidelities="fast systemc rtl"
[ "${SJ_SANITIZED:-0}" = 1 ] && fidelities="fast systemc"  # rtl takes minutes in a sanitized build
for fidelity in $fidelities; do
  for mode in train eval; do
    works "$SKIPJOULE" sim "$SOURCE/traces/samples/cnn8-$mode.h5" --accel edge16 --batch 1 --fidelity $fidelity --json -q
    cp .out $mode.$fidelity.json
  done
  works "$SKIPJOULE" gemm 200 300 70 --density-a 0.4 --density-b 0.9 --accel edge16 --fidelity $fidelity --json
  cp .out gemm.$fidelity.json
  works "$SKIPJOULE" gemm 150 90 70 --density-a 0.3 --density-b 0.5 --accel edge256 --codecs none,bitmask,rle --fidelity $fidelity --json
  cp .out wide.$fidelity.json
done
for name in train eval gemm wide; do same $name; done
finish
