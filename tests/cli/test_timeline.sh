# SPDX-License-Identifier: Apache-2.0
# Timelines of the sample traces: valid JSON, slices that nest and never overlap, an integral of power that is the energy of the run; --explain-mapping, --no-fuse, --quantise.
source "$SOURCE/tests/cli/lib.sh"
train=$SOURCE/traces/samples/cnn8-train.h5
eval=$SOURCE/traces/samples/cnn8-eval.h5
sim() { "$SKIPJOULE" sim "$@" -q; }

adds_up() {  # TIMELINE STATS VARIANT [LAYER PHASE]
  checks=$((checks + 1))
  python3 - "$@" << 'PY' || fault "timeline $*"
import json, sys
drawn, run = (json.load(open(p, encoding="utf-8")) for p in sys.argv[1:3])
variant = run["variants"][sys.argv[3]]
parts = [variant["total"]] if len(sys.argv) < 5 else [l for l in variant["layers"] if l["name"] == sys.argv[4] and l["phase"] == sys.argv[5]]
energy, cycles = sum(p["energy_pj"]["total"] for p in parts), sum(p["cycles"] for p in parts)
end = cycles / run["clock_mhz"]
last, depth, counters, slices, jobs = {}, {}, {}, 0, 0
for e in drawn["traceEvents"]:
    if e["ph"] in "BE":
        tid = e["tid"]
        assert e["ts"] >= last.get(tid, 0) and e["ts"] <= end * (1 + 1e-12), e
        last[tid] = e["ts"]
        depth[tid] = depth.get(tid, 0) + (1 if e["ph"] == "B" else -1)
        assert 0 <= depth[tid] <= (2 if tid == 1 else 1), e
        slices += e["ph"] == "B" and tid != 1
        jobs += e["ph"] == "B" and tid == 1
    elif e["ph"] == "C":
        for key, value in e["args"].items():
            counters.setdefault((e["name"], key), []).append((e["ts"], value))
assert not any(depth.values()) and slices > 0 and jobs > 0, (slices, jobs)
def integral(points):
    return 1e3 * sum(v * (b[0] - a) for (a, v), b in zip(points, points[1:]))
def near(a, b):
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b))
assert near(integral(counters["power", "mW"]), energy), "total"
for key in [k for name, k in counters if name == "power, mW"]:
    assert near(integral(counters["power, mW", key]), sum(p["energy_pj"][key] for p in parts)), key
assert near(drawn["otherData"]["energy_pj"], energy) and drawn["otherData"]["cycles"] == cycles
print(slices, "slices,", round(energy * 1e-6, 1), "uJ")
PY
}

works sim "$train" --accel edge16 --batch 2 --timeline all.json --json
adds_up all.json .out skip/bitmask
works sim "$train" --accel edge256 --batch 2 --codecs none,rle --timeline gate.json --timeline-variant gate/rle --json
adds_up gate.json .out gate/rle
works sim "$train" --accel edge16 --batch 2 --timeline layer.json --timeline-layer conv3:grad_weight --json
adds_up layer.json .out skip/bitmask conv3 grad_weight
works sim "$eval" --accel edge16 --batch 1 --no-fuse --timeline eval.json --json
adds_up eval.json .out skip/bitmask
works sim "$eval" --accel edge16 --set dtype=int8 --quantise --batch 2 --timeline int8.json --json
adds_up int8.json .out skip/bitmask
works sim "$eval" --accel edge16 --set dtype=int8 --quantise --batch 2
says "Quantising to int8 made zeros"
works sim "$train" --accel edge16 --explain-mapping
says "conv2 grad_input: O["
says "chosen"

refused 1 "all.json" sim "$train" --accel edge16 --batch 1 --timeline all.json
refused 2 "--batch" sim "$eval" --accel edge16 --timeline new.json
refused 2 "did you mean conv3" sim "$train" --accel edge16 --timeline new.json --timeline-layer convv3
refused 2 "skip/rle" sim "$train" --accel edge16 --timeline new.json --timeline-variant skip/rle
refused 2 "--fidelity rtl" sim "$train" --accel edge16 --wave new.fst
refused 2 "training step" sim "$train" --accel edge16 --no-fuse
refused 2 'dtype "bf16"' sim "$train" --accel edge16 --quantise
refused 1 "--quantise" sim "$eval" --accel edge16 --set dtype=int8
limited() { (ulimit -f 8; trap '' XFSZ; "$@"); }
refused 1 "new.json" limited "$SKIPJOULE" sim "$train" --accel edge16 --batch 2 --timeline new.json -q
works sim "$train" --accel edge16 --batch 1 --timeline all.json --force
finish
