#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sweeps end to end: points against lone simulations, strategies, several processes, reports, wrong input.
. "$(dirname "$0")/lib.sh"
train=$SOURCE/traces/samples/cnn8-train.h5
eval=$SOURCE/traces/samples/cnn8-eval.h5
seed=${SJ_TEST_SEED:-11}
echo "SJ_TEST_SEED=$seed"

# Two traces, every kind of axis, points that cannot be built.
cat > all.cfg << 'CFG'
name = "all";  accel = "edge16";  batch = 1;
set = ["bus.o_bytes=128"];
weights = [1.0, 0.5];
axes = (
  { name = "shape"; paths = ["array.rows", "array.lanes"]; values = ([8, 16], [16, 8], [16, 16]); },
  { path = "buffer.kib"; values = [8, 192, 512]; },
  { path = "machine"; values = ["dense", "gate", "skip"]; },
  { path = "dram.codec"; values = ["none", "bitmask"]; },
  { path = "tech.sram_energy.high"; values = [1.5, 2.0]; }
);
constraints = ["not (machine == \"dense\" and dram.codec == \"bitmask\")"];
objectives = ["energy_pj", "cycles", "area_mm2"];
CFG
works "$SKIPJOULE" sweep all.cfg "$train" "$eval" -o all -q
says "108 looked at"
works "$SKIPJOULE" report all --format csv
cp .out all.csv
checks=$((checks + 1))
python3 - "$seed" all.csv > ids << 'PY' || fault "the points are not what they should be"
import csv, random, sys
rows = list(csv.DictReader(open(sys.argv[2])))
assert len(rows) == 108 and [int(r["id"]) for r in rows] == list(range(108))
bad = [r for r in rows if r["valid"] == "0"]
assert bad and all("constraint: " in r["reason"] or "buffer.kib = 8" in r["reason"] for r in bad), bad
assert sum("constraint: " in r["reason"] for r in bad) >= 12
good = [r for r in rows if r["valid"] == "1"]
assert len(good) >= 50
print("\n".join(r["id"] for r in random.Random(int(sys.argv[1])).sample(good, 10)))
PY
# Each by itself: the same to the last digit.
while read -r id; do
  works "$SKIPJOULE" report all --point "$id"
  cp .out "point-$id"
  grep '^skipjoule sim' "point-$id" | sed "s#^skipjoule#'$SKIPJOULE'#; s#\$# --json#" > command
  n=0
  while read -r line; do
    checks=$((checks + 1))
    bash -c "$line" > "sim-$id-$n.json" 2> .err || fault "$line: $(cat .err)"
    n=$((n + 1))
  done < command
  checks=$((checks + 1))
  python3 - "$id" << 'PY' || fault "point $id is not what sim says"
import json, sys
point = sys.argv[1]
values = {l.split()[0]: float(l.split()[1]) for l in open(f"point-{point}") if "  # " in l}
runs = [json.load(open(f"sim-{point}-{i}.json")) for i in (0, 1)]
totals = [next(iter(r["variants"].values()))["total"] for r in runs]
assert all(len(r["variants"]) == 1 for r in runs)
for name, get in (("cycles", lambda t: t["cycles"]), ("energy_pj", lambda t: t["energy_pj"]["total"]), ("dram_bytes", lambda t: t["dram_bytes"]["read"] + t["dram_bytes"]["write"])):
    want = get(totals[0]) + 0.5 * get(totals[1])
    assert abs(values[name] - want) <= 1e-12 * want, (name, values[name], want)
PY
done < ids
# One trace alone: not a rounding between them.
works "$SKIPJOULE" sweep all.cfg "$train" -o one -q --set 'weights=[1.0]' --set strategy.kind=random --set strategy.points=12 --set strategy.seed=4
works "$SKIPJOULE" report one --format csv
id=$(python3 -c 'import csv; print(next(r["id"] for r in csv.DictReader(open(".out")) if r["valid"] == "1"))')
works "$SKIPJOULE" report one --point "$id"
cp .out point
bash -c "$(grep '^skipjoule sim' point | sed "s#^skipjoule#'$SKIPJOULE'#") --json" > sim.json 2> .err || fault "$(cat .err)"
checks=$((checks + 1))
python3 -c '
import json
total = next(iter(json.load(open("sim.json"))["variants"].values()))["total"]
values = {l.split()[0]: l.split()[1] for l in open("point") if "  # " in l}
assert float(values["energy_pj"]) == total["energy_pj"]["total"] and float(values["energy_low_pj"]) == total["energy_pj_low"]["total"] and float(values["energy_high_pj"]) == total["energy_pj_high"]["total"]
assert int(float(values["cycles"])) == total["cycles"]' || fault "a point of one trace is not equal to sim, bit for bit"

# The same points whatever the number of processes, and whatever order they were found in.
works "$SKIPJOULE" sweep all.cfg "$train" "$eval" -o three -q -j 3
works "$SKIPJOULE" report three --format csv
checks=$((checks + 1))
diff all.csv .out > /dev/null || fault "-j 3 finds other results than one process a core"

# Two sweeps at once in one folder: each point once, both end well.
works "$SKIPJOULE" sweep all.cfg "$train" "$eval" -o both -q -j 1 --set strategy.kind=random --set strategy.points=1
"$SKIPJOULE" sweep all.cfg "$train" "$eval" -o both -q -j 1 --resume > first.out 2>&1 &
first=$!
works "$SKIPJOULE" sweep all.cfg "$train" "$eval" -o both -q -j 1 --resume
wait $first || fault "the first of two processes: $(tail -3 first.out)"
works "$SKIPJOULE" report both --format csv
checks=$((checks + 1))
diff all.csv .out > /dev/null || fault "two processes find other results than one"

# NSGA-II: as many points as it may look at, the same ones again, and none anew when it is resumed.
search=(sweep all.cfg "$train" "$eval" -q --set 'strategy={kind="nsga2"; points=30; population=8; seed=3;}')
works "$SKIPJOULE" "${search[@]}" -o s1 -j 1
works "$SKIPJOULE" "${search[@]}" -o s2 -j 2
works "$SKIPJOULE" report s1 --format csv
cp .out s1.csv
works "$SKIPJOULE" report s2 --format csv
checks=$((checks + 1))
[ "$(wc -l < s1.csv)" -eq 31 ] && diff s1.csv .out > /dev/null || fault "NSGA-II looks at other points with two workers"
works "$SKIPJOULE" "${search[@]}" -o s1 --resume
works "$SKIPJOULE" report s1 --format csv
checks=$((checks + 1))
diff s1.csv .out > /dev/null || fault "a search that is done changes when it is resumed"

# Reports.
works "$SKIPJOULE" report all
for text in "Pareto front of energy_pj, cycles and area_mm2" "Sensitivity of cycles" "Best point of each objective" "invalid" "constraint: "; do says "$text"; done
works "$SKIPJOULE" report all --limit 'area_mm2 <= 3' --limit 'machine == "skip"' --objectives energy_pj,area_mm2 --part best
works "$SKIPJOULE" report all --format json
checks=$((checks + 1))
python3 -c 'import json; d = json.load(open(".out")); assert d["format"] == "skipjoule-sweep" and d["version"] == 1' || fault "the report's JSON"
works "$SKIPJOULE" report all --format md
works "$SKIPJOULE" report all --format csv --part sensitivity

# Values that are allowed only together, and a constraint that one point cannot answer: that point is invalid, the others are not.
works "$SKIPJOULE" sweep sample "$train" -o clocks -q --set batch=1 --set 'axes=({path="clock_mhz"; values=[1500, 2000];}, {path="tech_file"; values=["45nm", "16nm"];}, {path="buffer.bank_kib"; values=[8, 32];})'
works "$SKIPJOULE" report clocks --format csv
checks=$((checks + 1))
python3 -c '
import csv
rows = list(csv.DictReader(open(".out")))
good = [r for r in rows if r["valid"] == "1"]
assert len(rows) == 8 and 0 < len(good) < 8, len(good)' || fault "values that are allowed only together"
works "$SKIPJOULE" sweep sample "$train" -o divided -q --set batch=1 --set 'constraints=["100 / (array.rows - 32) < 0"]'
works "$SKIPJOULE" report divided
says "a division by zero"

# Wrong calls and wrong input.
refused 2 "no sweep file given" "$SKIPJOULE" sweep
refused 2 "no trace given" "$SKIPJOULE" sweep all.cfg -o x
refused 2 "-o is missing" "$SKIPJOULE" sweep all.cfg "$train"
refused 2 "one of them" "$SKIPJOULE" sweep all.cfg "$train" -o x --resume --force
refused 2 "did you mean slurm" "$SKIPJOULE" sweep all.cfg "$train" -o x --launcher slurn
refused 2 "--detach goes with --launcher slurm" "$SKIPJOULE" sweep all.cfg "$train" -o x --detach
refused 2 "-j" "$SKIPJOULE" sweep all.cfg "$train" -o x -j 0
refused 1 "did you mean sample" "$SKIPJOULE" sweep sampel "$train" -o x
refused 1 "no sweep to resume" "$SKIPJOULE" sweep all.cfg "$train" "$eval" -o x --resume
refused 1 "--resume goes on with it" "$SKIPJOULE" sweep all.cfg "$train" "$eval" -o all
refused 1 "one number a trace" "$SKIPJOULE" sweep all.cfg "$train" -o x
refused 1 "whose batch must be said" "$SKIPJOULE" sweep sample "$eval" -o x
refused 1 "array.rows" "$SKIPJOULE" sweep sample "$train" -o x --set 'axes=({path="aray.rows"; values=[8, 16];})'
refused 1 "none of its values is allowed" "$SKIPJOULE" sweep sample "$train" -o x --set 'axes=({path="array.rows"; values=[0, 1000];})'
refused 1 "mac_bf16_active" "$SKIPJOULE" sweep sample "$train" -o x --set 'axes=({path="tech.mac_bf16_actve.high"; values=[8.0];})'
refused 1 "array.rows" "$SKIPJOULE" sweep sample "$train" -o x --set 'constraints=["aray.rows < 3"]'
refused 1 "energy_pj" "$SKIPJOULE" sweep sample "$train" -o x --set 'objectives=["energy_p"]'
refused 1 "population" "$SKIPJOULE" sweep sample "$train" -o x --set 'strategy={kind="grid"; population=4;}'
refused 1 "no such layer" "$SKIPJOULE" sweep sample "$train" -o x --set 'layers=["conv99"]'
refused 1 "nosuch" "$SKIPJOULE" sweep sample "$train" -o x --set accel=nosuch
works "$SKIPJOULE" report all --format csv --objectives cycles --limit 'area_mm2 < 4'
says "area_mm2"
refused 2 "one point whole" "$SKIPJOULE" report all --point 0 --limit 'cycles < 3'
refused 2 "did you mean" "$SKIPJOULE" report all --objectives energy
refused 2 "goes with a sweep" "$SKIPJOULE" report "$train" --limit 'cycles < 3'
refused 2 "shown by itself" "$SKIPJOULE" report all one
refused 1 "no point 108" "$SKIPJOULE" report all --point 108
refused 1 'did you mean "area_mm2"' "$SKIPJOULE" report all --limit 'aera_mm2 < 2'
finish
