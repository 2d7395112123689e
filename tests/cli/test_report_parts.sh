# SPDX-License-Identifier: Apache-2.0
# report: each table says the same in every format; sort, top, width; differences; odd runs; the page; wrong input.
source "$SOURCE/tests/cli/lib.sh"
report() { "$SKIPJOULE" report "$@"; }
sim() { works "$SKIPJOULE" sim "$@" -q; }
cp "$SOURCE"/traces/samples/cnn8-*.h5 .
sim cnn8-train.h5 --accel edge16 -o a
sim cnn8-train.h5 --accel edge16 --set array.slots=4 -o b
sim cnn8-eval.h5 --accel edge16 -o e
sim cnn8-train.h5 --accel edge16 --variants skip --codecs none -o skip

# What report prints without new options.
golden report.txt report a b
golden report.md report a e/../b --format md
golden report.csv report e --format csv
cp .out e.csv

# ---- every table in every format
mkdir tables
parts=$(python3 - "$SOURCE/report/views.c" << 'PY'
import re, sys
print(" ".join(re.findall(r'^    \{"(\w+)", ', open(sys.argv[1], encoding="utf-8").read(), re.M)))
PY
)
count=0
for part in $parts; do
  if report a b --part "$part" --format json > "tables/$part.json" 2> .err; then
    count=$((count + 1))
    works report a b --part "$part" --format csv && cp .out "tables/$part.csv"
    works report a b --part "$part" --format md && cp .out "tables/$part.md"
    works report a b --part "$part" --width 100000 && cp .out "tables/$part.txt"
  else
    rm "tables/$part.json"
    refused 2 "these runs give no table $part; it needs" "$SKIPJOULE" report a b --part "$part"
  fi
done
checks=$((checks + 1))
python3 "$SOURCE/tests/cli/report_tables.py" tables "$count" || fault "the formats do not say the same"
[ "$count" -ge 12 ] || fault "only $count tables"

# The old and the new CSV of the comparison say the same.
works report e --part comparison --format csv
checks=$((checks + 1))
python3 - e.csv .out << 'PY' || fault "the table comparison is not the comparison"
import csv, sys
old, new = (list(csv.DictReader(open(p, newline="", encoding="utf-8"))) for p in sys.argv[1:])
assert len(old) == len(new) == 12
names = {"energy_pj_low": "energy_low_pj", "energy_pj_high": "energy_high_pj", "saving_vs_baseline": "saving_vs_first"}
for x, y in zip(old, new):
    assert y["variant"] == f'{x["machine"]}/{x["codec"]}'
    for key in ("run", "mode", "batch", "cycles", "seconds", "energy_pj", "energy_pj_low", "energy_pj_high", "saving_vs_gate", "saving_vs_gate_low", "saving_vs_gate_high", "saving_vs_baseline"):
        a, b = x[key], y[names.get(key, key)]
        assert a == b or float(a) == float(b), (key, a, b)
PY

# Intervals by phase and the peak of the DRAM come from the folder's configuration, and are those of stats.json for the total.
checks=$((checks + 1))
python3 - tables a/stats.json << 'PY' || fault "savings, saving_sources or roofline"
import json, sys
def rows(key):
    t = json.load(open(f"{sys.argv[1]}/{key}.json", encoding="utf-8"))["tables"][key]
    return [dict(zip((c["key"] for c in t["columns"]), r)) for r in t["rows"]]
savings = rows("savings")
assert len(savings) == 2 * 2 * 6 * 3 and all(r["saving_low"] <= r["saving"] <= r["saving_high"] for r in savings)
for r in rows("saving_sources"):
    if r["source"] == "skipping":
        total = [s for s in savings if all(s[k] == r[k] for k in ("run", "codec", "account")) and s["phase"] == "total"]
        assert len(total) == 1 and all(total[0][k] == r[k] for k in ("saving", "saving_low", "saving_high"))
roofline = rows("roofline")
assert all(r["bytes_per_second_peak"] == 25.6e9 and r["peak_macs_per_second"] == 128e9 for r in roofline)
assert all(r["macs_per_second"] <= r["peak_macs_per_second"] and r["macs_per_second"] <= r["macs_per_byte"] * r["bytes_per_second_peak"] * (1 + 1e-9) for r in roofline)
machines = rows("machines")
stats = json.load(open(sys.argv[2], encoding="utf-8"))
for r in machines:
    if r["run"] == "a":
        total = stats["variants"][r["variant"]]["total"]
        assert r["energy_pj"] == total["energy_pj"]["total"] and r["cycles"] == total["cycles"] and r["dram_bytes"] == sum(total["dram_bytes"].values())
joules = rows("joules")
for m in machines:
    s = sum(j["energy_pj"] for j in joules if (j["run"], j["variant"]) == (m["run"], m["variant"]))
    assert abs(s - m["energy_pj"]) < 1e-9 * s
PY
# Results alone, without their configuration: no such intervals, and why.
mkdir alone
cp a/stats.json alone
works report alone --part savings,roofline --width 1000
says "alone: no intervals by phase: "
says "the peak of its DRAM is not known"
sed 's/rows = 16;/rows = 32;/' a/config.cfg > alone/config.cfg  # another machine's, of which no tech file tells
works report alone --part roofline --width 1000
says "the peak of its DRAM is not known: alone/config.cfg describes another machine"
checks=$((checks + 1))
works report alone --part roofline --format csv
python3 - .out << 'PY' || fault "another machine's peak of DRAM"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
assert rows and all(r["bytes_per_second_peak"] == "" for r in rows)
PY
cp a/tech.cfg alone
sed 's/"ddr4-3200-4x16"/"ddr4-2400-4x16"/' a/config.cfg > alone/config.cfg
works report alone --part roofline --width 1000
says "the peak of its DRAM is not known: alone/config.cfg and tech.cfg beside it give other energies"
cp a/config.cfg alone
sed 's/typical = 2.06;/typical = 2.07;/' a/tech.cfg > alone/tech.cfg
works report alone --part savings --width 1000
says "give other energies than the results have"

sed 's/rows = 16;/rows = 32;/' a/config.cfg > alone/config.cfg
works report alone --part roofline --width 1000
says "describes another machine"

# ---- sort, top, width
works report a b --part layers --sort -energy_pj --format csv
checks=$((checks + 1))
python3 - .out << 'PY' || fault "rows are not sorted"
import csv, sys
e = [float(r["energy_pj"]) for r in csv.DictReader(open(sys.argv[1], newline=""))]
assert len(e) > 100 and e == sorted(e, reverse=True)
PY
works report a b --part layers,machines --sort cycles --top 4 --format md
checks=$((checks + 1))
[ "$(grep -c '^| a\|^| b' .out)" = 8 ] || fault "--top 4 of two tables shows $(grep -c '^| a\|^| b' .out) rows"
says "548 more"
works report a b --top 2
says "10 more"
for width in 40 80 173; do
  works report a b --part machines,comparison,savings --width $width
  checks=$((checks + 1))
  longest=$(awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }' .out)
  [ "$longest" -le $width ] || fault "a line of $longest characters at --width $width"
done
# Runs that are not alike, without a comparison: the reason, not all tables instead.
refused 1 "nothing to compare with" "$SKIPJOULE" report a e
refused 1 "nothing to compare with" "$SKIPJOULE" report a e --width 100
refused 1 "nothing to compare with" "$SKIPJOULE" report a e --format csv --top 3
works report a e --part machines --width 100
says "The table comparison is left out. "

refused 2 "no table savings" "$SKIPJOULE" report skip --part savings
refused 2 "no table saving_sources" "$SKIPJOULE" report skip --part saving_sources

# ---- parts of a step, and results priced by another tech file
sim cnn8-train.h5 --accel edge16 --layer conv2 -o part
works report a part --part machines --width 1000
says "part: only layer conv2, not the whole step."
sim cnn8-train.h5 --accel edge16 --tech 16nm -o other-tech
works report a other-tech
says "no interval between runs of different tech files"
works report a other-tech --part comparison --format csv
checks=$((checks + 1))
python3 - .out << 'PY' || fault "a saving from one tech file to another has an interval"
import csv, sys
rows = [r for r in csv.DictReader(open(sys.argv[1], newline="")) if r["run"] == "other-tech"]
assert rows and all(r["saving_vs_first"] != "" and r["saving_vs_first_low"] == r["saving_vs_first_high"] == "" for r in rows)
PY

# ---- differences
works report a a/stats.json --diff
says "no difference"
works report a b --diff
says "config.cfg array.slots: 8 -> 4"
says "skip/bitmask total"
checks=$((checks + 1))
python3 - .out a/stats.json b/stats.json << 'PY' || fault "the difference is not that of the stats.json"
import json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
a, b = (json.load(open(p, encoding="utf-8"))["variants"] for p in sys.argv[2:])
found = set(re.findall(r"^  (\S+/\S+ \S+(?: \S+)?)\n", text, re.M))
blocks = dict(re.findall(r"^  (\S+/\S+ \S+(?: \S+)?)\n((?:    .*\n)+)", text, re.M))
wanted = 0
for variant in a:
    changes = []
    for x, y in zip(a[variant]["layers"], b[variant]["layers"]):
        name = f'{variant} {x["name"]} {x["phase"]}'
        for counter, before in x["counts"].items():
            after = y["counts"][counter]
            if (before, after) == (x["cycles"], y["cycles"]):
                continue
            line = f"    {counter} {before} -> {after} "
            shown = abs(before - after) > 0.001 * max(before, after)
            assert (line in blocks.get(name, "")) == shown, (name, line)
            wanted += shown
        if name in found:
            changes.append((text.index(f"  {name}\n"), abs(x["energy_pj"]["total"] - y["energy_pj"]["total"])))
    ordered = [c for _, c in sorted(changes)]
    assert ordered == sorted(ordered, reverse=True), variant
assert wanted > 100
PY
works report a b --diff --threshold 1
says "more figures differ by no more than 1 of themselves"
checks=$((checks + 1))
grep -q "bus.b" .out && fault "--threshold 1 prints changes"
works report a e --diff
says "only in the first"

# ---- whole runs
train() { works "$SKIPJOULE" train "$SOURCE/configs/train/glyphs-$1.cfg" --set data.train_images=128 --set data.test_images=64 --set network.width=4 --set epochs=4 --set trace.spread=4 -o "$2"; }
train plain trained-plain
train ssprop trained-ssprop
for method in plain ssprop; do
  sim trained-$method/trace.h5 --accel edge16 --whole-run -o whole-$method
  sim trained-$method/trace.h5 --accel edge16 --all-steps -o steps-$method
done
works report whole-plain whole-ssprop
says "Whole training runs"
works report whole-plain whole-ssprop steps-plain --format json --gco2-per-kwh 400 --target-accuracy 0.01
cp .out whole.json
checks=$((checks + 1))
python3 - << 'PY' || fault "the tables of whole runs are not what their files say"
import csv, json
report = json.load(open("whole.json", encoding="utf-8"))["tables"]
def rows(key):
    return [dict(zip((c["key"] for c in report[key]["columns"]), r)) for r in report[key]["rows"]]
near = lambda a, b: abs(a - b) <= 1e-9 * max(abs(a), abs(b))
whole, epochs, states, target = rows("whole"), rows("epochs"), rows("states"), rows("target")
assert {r["run"] for r in whole} == {"whole-plain", "whole-ssprop"} and len(whole) == 12
for w in whole:
    like = lambda r: (r["run"], r["variant"]) == (w["run"], w["variant"])
    assert near(w["gco2e_g"], 400 * w["energy_kwh"]) and near(w["energy_kwh"], w["energy_pj"] / 3.6e18)
    for part in (epochs, states, rows("layers"), rows("components"), rows("joules")):
        assert near(sum(r["energy_pj"] for r in part if like(r)), w["energy_pj"])
    assert [r for r in target if like(r)][0]["reached"] == "yes"
assert {r["method_state"] for r in epochs if r["run"] == "whole-ssprop"} == {"ssprop keep=1", "ssprop keep=0.2"}
assert {r["run"] for r in rows("accuracy_energy")} == {"whole-plain", "whole-ssprop"} and sum(r["mode"] == "train" for r in rows("steps")) == 4 * 6
metrics = list(csv.DictReader(open("trained-plain/metrics.csv", newline="")))
for w in whole:
    assert w["run"] != "whole-plain" or near(w["accuracy"], float(metrics[-1]["test_accuracy"]))
assert len({(r["run"], r["epoch"]) for r in rows("density") if r["run"] != "steps-plain"}) == 2 * 4
PY
# A part of a run is not the whole training; without metrics.csv no accuracy is known; of both kinds each table names its baseline.
sim trained-plain/trace.h5 --accel edge16 --whole-run --layer conv2 -o whole-part
mkdir unknown && cp trained-plain/trace.h5 unknown
sim unknown/trace.h5 --accel edge16 --whole-run -o whole-unknown
works report steps-plain whole-plain whole-part whole-unknown --part whole,epochs,target,accuracy_energy,comparison --target-accuracy 0.01 --width 1000
says "whole-part: only layer conv2, not the whole training."
says "whole-part is left out: it is only layer conv2."
says "whole-unknown: whether it reaches it is not known"
says "The first whole run, whole-plain, is the baseline."
says "The first run with simulated steps, steps-plain, is the baseline."
checks=$((checks + 1))
grep -q "^The first run, " .out && fault "one baseline of two kinds of runs"
works report whole-plain whole-unknown --part target --target-accuracy 0.01 --format csv
checks=$((checks + 1))
[ "$(grep -c '^whole-plain,.*,yes,' .out)" = 6 ] && [ "$(grep -c '^whole-unknown,.*,unknown,,,,,$' .out)" = 6 ] || fault "an unknown target"
works report whole-plain whole-ssprop --target-accuracy 1 --part target --width 1000
says "whole-plain never reaches it."
works report whole-plain whole-ssprop --part epochs --sort -energy_pj --top 3 --format md
says "45 more"
works report whole-plain whole-plain/run.json --diff
says "no difference"
works report whole-plain whole-ssprop --diff
says "method: plain -> ssprop"
refused 1 "nothing to be told apart by" "$SKIPJOULE" report whole-plain steps-plain --diff
refused 2 "--part" "$SKIPJOULE" report whole-plain --part comparison
refused 2 "no table target" "$SKIPJOULE" report whole-plain --part target

# ---- odd runs
printf 'Layer,M,N,K,\r\n<script>alert(1)<b>,16,24,64,\r\n"a|b" & *c*,8,16,20\r\n' > odd.csv
if "$SKIPJOULE" trace synth odd.csv --images 1 -o odd.h5 -q > /dev/null 2>&1; then
  sim odd.h5 --accel edge16 --batch 1 -o "odd <b>|run"
  works report "odd <b>|run" --part layers --format json
  checks=$((checks + 1))
  python3 -c 'import json; t = json.load(open(".out", encoding="utf-8"))["tables"]["layers"]["rows"]; assert any(r[3].startswith("<script>") for r in t) and t[0][0] == "odd <b>|run", t[0]' || fault "an odd name is not what it was"
  works report "odd <b>|run" --part layers --format md
  checks=$((checks + 1))
  grep -q '<script' .out && fault "Markdown holds a tag"
else
  fault "a topology with odd names: no trace"
fi
printf 'Layer,M,N,K,\r\nalone,16,24,64,\r\n' > one.csv
works "$SKIPJOULE" trace synth one.csv --images 1 --mode eval -o one.h5 -q
sim one.h5 --accel edge16 --batch 1 -o one
works report one --part layers,components,joules,roofline,density
(printf 'Layer,M,N,K,\r\n'; for i in $(seq 200); do printf 'layer_with_a_long_name_%d,8,8,16,\r\n' "$i"; done) > many.csv
works "$SKIPJOULE" trace synth many.csv --images 1 --mode eval -o many.h5 -q
sim many.h5 --accel edge16 --batch 1 -o many
works report many --part layers --format csv
checks=$((checks + 1))
[ "$(wc -l < .out)" = 1201 ] || fault "200 layers on 6 variants are $(wc -l < .out) lines"

# Different networks: what compares like with like is left out, and the others are there.
refused 1 "nothing to compare" "$SKIPJOULE" report a one
works report a one --part machines --width 1000
says "The table comparison is left out."
refused 2 "no table comparison" "$SKIPJOULE" report a one --part comparison
# Labels: as much of the paths as it takes.
mkdir -p x y
cp -r a x/run
cp -r b y/run
works report x/run y/run --part machines --format csv
checks=$((checks + 1))
[ "$(cut -d, -f1 .out | sort -u | tr '\n' ' ')" = "run x/run y/run " ] || fault "the runs are called $(cut -d, -f1 .out | sort -u)"
works report a a --part machines --format csv
checks=$((checks + 1))
[ "$(cut -d, -f1 .out | sort -u | tr '\n' ' ')" = "a a (2) run " ] || fault "a run twice is called $(cut -d, -f1 .out | sort -u)"

# ---- pages
cat > sweep.cfg << 'CFG'
name = "pages <b>";  accel = "edge16";  batch = 1;
axes = ( { path = "array.rows"; values = [8, 16]; }, { path = "machine"; values = ["dense", "skip"]; } );
objectives = ["energy_pj", "area_mm2"];
CFG
works "$SKIPJOULE" sweep sweep.cfg cnn8-eval.h5 -o sweep -q
if report a b -o page.html > .out 2> .err; then
  says "page.html: "
  works report a b --format json --part machines
  checks=$((checks + 1))
  python3 - page.html .out << 'PY' || fault "the page's data are not the report's"
import json, re, sys
page, report = (open(p, encoding="utf-8").read() for p in sys.argv[1:])
data = [json.loads(d) for d in re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.S)]
wanted = json.loads(report)["tables"]["machines"]["rows"]
assert wanted and json.dumps(wanted) in json.dumps(data)
PY
  works report a e whole-plain steps-ssprop -o page.html --force
  for run in one many a whole-ssprop "odd <b>|run"; do
    works report "$run" -o page.html --force
  done
  refused 1 "page.html: it exists; --force replaces it" "$SKIPJOULE" report a -o page.html
  works report sweep -o sweep.html
  works report sweep --limit 'area_mm2 < 100' --objectives cycles -o sweep.html --force
  refused 1 "no valid point" "$SKIPJOULE" report sweep --limit 'area_mm2 < 0.001' -o none.html
  mkdir folder.html
  refused 1 "folder.html" "$SKIPJOULE" report a -o folder.html --force
  refused 1 "absent/x.html" "$SKIPJOULE" report a -o absent/x.html
else
  grep -q "Vega" .err || fault "no page: $(cat .err)"
  [ ! -e page.html ] || fault "a page that was refused is there"
fi

# ---- wrong input
mkdir unfinished
cp a/config.cfg unfinished
refused 1 "unfinished: it holds no results" "$SKIPJOULE" report a unfinished
refused 1 "unfinished: it holds no results" "$SKIPJOULE" report unfinished -o x.html
cp -r a damaged
head -c 5000 a/stats.json > damaged/stats.json
refused 1 "damaged/stats.json" "$SKIPJOULE" report damaged -o x.html
refused 1 "damaged/stats.json" "$SKIPJOULE" report a damaged --diff
echo '{"format": "skipjoule-whole-run"' > unfinished/run.json
refused 1 "unfinished/run.json" "$SKIPJOULE" report unfinished
cp unfinished/run.json damaged
refused 2 "a whole run and simulated steps" "$SKIPJOULE" report damaged
refused 2 'did you mean layers?' "$SKIPJOULE" report a --part layer
refused 2 "stands there twice" "$SKIPJOULE" report a --part layers,layers
refused 2 '"" is not known' "$SKIPJOULE" report a --part layers,
refused 2 'did you mean "energy_pj"' "$SKIPJOULE" report a --part layers --sort energy
refused 2 "summary" "$SKIPJOULE" report a --part summary,layers --format csv
refused 2 "goes with whole runs" "$SKIPJOULE" report a --gco2-per-kwh 400
refused 2 "goes with whole runs" "$SKIPJOULE" report a --target-accuracy 0.5 --part target
refused 2 "between 0 and 1" "$SKIPJOULE" report a --target-accuracy 50
refused 2 "takes two runs; 1 was given" "$SKIPJOULE" report a --diff
refused 2 "takes two runs; 3 were given" "$SKIPJOULE" report a b e --diff
refused 2 "goes with --diff" "$SKIPJOULE" report a b --threshold 0.1
refused 2 "between 0 and 1" "$SKIPJOULE" report a b --diff --threshold -1
refused 2 "goes with --threshold alone" "$SKIPJOULE" report a b --diff --format json
refused 2 "between 40" "$SKIPJOULE" report a --width 39
refused 2 "goes with --format text" "$SKIPJOULE" report a --width 80 --format md
refused 2 "goes with -o" "$SKIPJOULE" report a --force
refused 2 "without --part" "$SKIPJOULE" report a -o x.html --part layers
refused 2 "without --format" "$SKIPJOULE" report a -o x.html --format json
refused 2 "without --diff" "$SKIPJOULE" report a b -o x.html --diff
for end in json csv md; do
  refused 2 "--format $end > x.$end" "$SKIPJOULE" report a -o x.$end
done
refused 2 "--format text > x.txt" "$SKIPJOULE" report a -o x.txt
refused 2 "must end in .html" "$SKIPJOULE" report a -o x
refused 2 "must end in .html" "$SKIPJOULE" report a -o .html
refused 2 "--sort goes with runs" "$SKIPJOULE" report sweep --sort energy_pj
refused 2 "goes with a sweep" "$SKIPJOULE" report a --objectives energy_pj
refused 2 "goes with runs" "$SKIPJOULE" report sweep --diff
refused 2 "did you mean points?" "$SKIPJOULE" report sweep --part point
finish
