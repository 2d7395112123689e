# SPDX-License-Identifier: Apache-2.0
# The numbers of a run add up, on every variant, phase and layer of the sample traces; the JSON has the keys that other programs read.
source "$SOURCE/tests/cli/lib.sh"
for mode in train eval; do
  works "$SKIPJOULE" sim "$SOURCE/traces/samples/cnn8-$mode.h5" --accel edge16 --batch 2 --json -q
  cp .out $mode.json
done
works "$SKIPJOULE" sim "$SOURCE/traces/samples/cnn8-train.h5" --accel edge256 --batch 2 --json -q
cp .out wide.json
checks=$((checks + 1))
python3 - train.json eval.json wide.json << 'PY' || fault "an identity does not hold"
import json, sys
faults = 0
def check(ok, text):
    global faults
    if not ok:
        faults += 1
        print(text)
LAYER = {"name", "kind", "phase", "cycles", "bound", "macs", "counts", "energy_pj", "energy_pj_low", "energy_pj_high", "density", "utilization", "dram_bytes"}
def near(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)
for path in sys.argv[1:]:
    run = json.load(open(path, encoding="utf-8"))
    check(run["format"] == "skipjoule-stats" and run["version"] == 1, "format")
    check(set(run["variants"]) == {f"{m}/{c}" for m in ("dense", "gate", "skip") for c in ("none", "bitmask")}, f"{path}: variants {list(run['variants'])}")
    phases = set()
    for name, v in run["variants"].items():
        total = v["total"]
        for field in ("cycles",):
            check(total[field] == sum(l[field] for l in v["layers"]), f"{path} {name}: {field} of the layers do not sum")
        for layer in v["layers"]:
            where = f"{path} {name} {layer['name']} {layer['phase']}"
            phases.add(layer["phase"])
            check(LAYER <= set(layer), f"{where}: keys missing {LAYER - set(layer)}")
            m = layer["macs"]
            check(m["active"] + m["zero"] + m["gated"] + m["skipped"] == m["total"], f"{where}: MACs do not sum")
            check(m["skipped"] == 0 or name.startswith("skip"), f"{where}: skipped on a machine that skips nothing")
            check(layer["counts"]["mac.active"] == m["active"], f"{where}: mac.active")
            check(all(c >= 0 for c in layer["counts"].values()), f"{where}: negative count")
            for key in ("energy_pj", "energy_pj_low", "energy_pj_high"):
                parts = dict(layer[key])
                check(near(parts.pop("total"), sum(parts.values())), f"{where}: {key} components do not sum")
            check(layer["energy_pj_low"]["total"] <= layer["energy_pj"]["total"] <= layer["energy_pj_high"]["total"], f"{where}: low, typical, high out of order")
            check(layer["counts"]["leakage"] == layer["cycles"] == layer["counts"]["clock"], f"{where}: leakage cycles")
            check(layer["dram_bytes"]["read"] == 64 * layer["counts"]["dram.read"], f"{where}: DRAM bytes")
            check(0 <= layer["utilization"] <= 1, f"{where}: utilization {layer['utilization']}")
        check(near(total["energy_pj"]["total"], sum(l["energy_pj"]["total"] for l in v["layers"])), f"{path} {name}: total energy")
    expected = {"forward", "elementwise"} if run["mode"] == "eval" else {"forward", "elementwise", "grad_input", "grad_weight", "update"}
    check(phases <= expected and (run["mode"] == "eval" or phases == expected), f"{path}: phases {phases}")
    machines = {}
    for name, v in run["variants"].items():
        for layer in v["layers"]:
            machines.setdefault((layer["name"], layer["phase"]), set()).add((layer["macs"]["total"], layer["macs"]["active"], layer["macs"]["padding"]))
    for where, seen in machines.items():
        check(len(seen) == 1, f"{path} {where}: total, active or padding MACs differ between variants: {seen}")
print(f"{faults} faults")
sys.exit(1 if faults else 0)
PY
finish
