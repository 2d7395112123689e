# SPDX-License-Identifier: Apache-2.0
# skipjoule estimate: on runs that a formula makes (make_whole_runs.py): STEP, PRE and its file, baselines, the comparison, pairs; wrong calls and wrong runs.
. "$SOURCE/tests/cli/lib.sh"

seed=${SJ_TEST_SEED:-5}
echo "SJ_TEST_SEED=$seed"
make_runs() { python3 "$SOURCE/tests/cli/make_whole_runs.py" --seed "$seed" "$@"; }
make_runs runs
make_runs flops --law flops --networks 2
make_runs short --epochs 12 --networks 1 --trainings 1

# field CSV COLUMN: of each line
field() { python3 -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    print(row[sys.argv[2]])' "$1" "$2"; }

# holds WHAT PYTHON: over rows (list of dicts) of the last stdout as CSV
holds() {
  checks=$((checks + 1))
  python3 -c 'import csv, sys
rows = list(csv.DictReader(open(".out")))
f = float
sys.exit(0 if eval(sys.argv[1]) else 1)' "$2" || fault "$1: $(head -5 .out)"
}

# ---- STEP
works "$SKIPJOULE" estimate step runs/*
says "last epoch x N"
works "$SKIPJOULE" estimate step --format csv --part step runs/*
holds "36 runs, each with its error" 'len(rows) == 36 and all(abs(f(r["predicted_pj"]) / f(r["energy_pj"]) - 1 - f(r["error"])) < 1e-12 for r in rows)'
holds "plain and EAT are constant: exact" 'len(rows) == 36 and all(abs(f(r["error"])) < 1e-9 for r in rows if r["method"] in ("plain", "eat"))'
holds "the window is a multiple of the period" 'all(int(r["window"]) % int(r["period"]) == 0 for r in rows) and all(r["period"] == "3" and r["window"] == "6" for r in rows if r["method"] == "gradsamp") and all(r["period"] == "2" for r in rows if r["method"] == "ssprop")'
cp .out forward.csv
works "$SKIPJOULE" estimate step --format csv --part step $(printf '%s\n' runs/* | sort -r)
checks=$((checks + 1))
cmp -s .out forward.csv || fault "the order of the runs changes the result"
works "$SKIPJOULE" estimate step --detect --format csv --part step runs/*
holds "constant epochs are stable after one window" 'len(rows) == 36 and all(r["start"] == "5" for r in rows if r["method"] in ("plain", "eat"))'
works "$SKIPJOULE" estimate step --start 3 --window 4 --format csv --part step short/*
holds "start and window as asked for, the window rounded up" 'len(rows) == 3 and all(r["start"] == "3" and int(r["window"]) in (4, 6) for r in rows)'
refused 1 "it has 12 epochs" "$SKIPJOULE" estimate step short/*

mkdir whole
cp -r runs/net0-0-* whole
python3 -c 'import json, sys
for path in sys.argv[1:]:
    run = json.load(open(path))
    for e in run["epochs"]:
        e["traced"] = e["iterations"]
    json.dump(run, open(path, "w"))' whole/*/run.json
works "$SKIPJOULE" estimate step whole/* runs/net1*
says "3 runs, in which no epoch owes anything to a later one"
works "$SKIPJOULE" estimate step --format csv --part errors_simulated whole/* runs/net1*
cp .out apart.csv
works "$SKIPJOULE" estimate step --format csv --part errors whole/*
checks=$((checks + 1))
cmp -s .out apart.csv || fault "the errors of simulated runs are not those of the runs alone"

# ---- the comparison
works "$SKIPJOULE" estimate compare runs/*
says "Whole networks left out"
works "$SKIPJOULE" estimate compare runs/* --format csv --part errors
holds "ten estimators with errors" 'len(rows) == 10 and all(f(r["rmse_pj"]) >= 0 and f(r["mape"]) >= 0 and f(r["r2"]) <= 1 for r in rows)'
cp .out errors.csv
works "$SKIPJOULE" estimate compare runs/* --format csv --part predictions
cp .out predictions.csv
checks=$((checks + 1))
python3 - << 'PYTHON' || fault "the table of errors is not what its predictions give"
import csv, math, sys
rows = list(csv.DictReader(open("predictions.csv")))
errors = list(csv.DictReader(open("errors.csv")))
names = ["step_pj", "last_epoch_pj", "pre_pj", "pre_features_pj", "synthetic_pj", "synthetic_fitted_pj", "flops_pj", "tdp_pj", "green_pj", "green_free_pj"]
truth = [float(r["energy_pj"]) for r in rows]
mean = sum(truth) / len(truth)
for name, e in zip(names, errors):
    off = [float(r[name]) - t for r, t in zip(rows, truth)]
    rmse = math.sqrt(sum(o * o for o in off) / len(off))
    mape = sum(abs(o) / t for o, t in zip(off, truth)) / len(off)
    r2 = 1 - sum(o * o for o in off) / sum((t - mean) ** 2 for t in truth)
    if abs(rmse / float(e["rmse_pj"]) - 1) > 1e-9 or abs(mape - float(e["mape"])) > 1e-9 or abs(r2 - float(e["r2"])) > 1e-9:
        sys.exit(name)
folds = {}
for r in rows:  # net0-3-edge16: a training's runs are in one fold
    folds.setdefault(r["run"].rsplit("-", 1)[0], set()).add(r["fold"])
sys.exit(0 if len(folds) == 12 and all(len(f) == 1 for f in folds.values()) and len(set.union(*folds.values())) == 5 else "folds")
PYTHON
works "$SKIPJOULE" estimate compare runs/* --format csv --part predictions_networks
holds "a fold is a network" 'len({(r["network"], r["fold"]) for r in rows}) == 3 and len({r["fold"] for r in rows}) == 3'
works "$SKIPJOULE" estimate compare runs/* --format json
cp .out once.json
works "$SKIPJOULE" estimate compare $(printf '%s\n' runs/* | sort -r) --format json
checks=$((checks + 1))
cmp -s .out once.json || fault "the order of the runs changes the comparison"
works "$SKIPJOULE" estimate compare flops/* --format csv --part errors
holds "energy proportional to FLOPs: the baseline is exact" '[f(r["mape"]) < 1e-9 for r in rows if r["estimator"] == "FLOPs"] == [True]'
works "$SKIPJOULE" estimate compare flops/*
says "FLOPs beats PRE"
works "$SKIPJOULE" estimate compare runs/* --format csv --part errors
holds "synthetic steps teach PRE more than sizes" '[f(r["mape"]) for r in rows if r["estimator"] == "PRE"] < [0.5 * f(r["mape"]) for r in rows if r["estimator"] == "PRE without synthetic steps"]'
mv .out with.csv
works "$SKIPJOULE" estimate compare runs/* --format csv --part errors --target flop
holds "without synthetic steps" 'len(rows) == 7 and [r["mape"] for r in rows if r["estimator"] == "PRE"] == [r["mape"] for r in csv.DictReader(open("with.csv")) if r["estimator"] == "PRE without synthetic steps"]'
refused 1 "trainings" "$SKIPJOULE" estimate compare flops/net0-0-*
refused 1 "at least 2 trainings; here it has those of 1" "$SKIPJOULE" estimate compare flops/net0-[01]-* --folds 2
works "$SKIPJOULE" estimate compare flops/net0-[012]-* --folds 3
says "All runs are of one network"
works "$SKIPJOULE" estimate compare flops/net0-[012]-* flops/net1-0-* --folds 3
says "Networks cannot be left out, and there is no table that does: without net0 one training is left"
refused 1 "at least 2 trainings" "$SKIPJOULE" estimate pre train flops/net0-0-* -o no.json
refused 2 "CSV holds one table" "$SKIPJOULE" estimate compare runs/* --format csv
refused 2 "did you mean" "$SKIPJOULE" estimate compare runs/* --part error

# ---- PRE and its file
works "$SKIPJOULE" estimate pre train runs/net[01]* -o model.json --target flop
says "Features"
works "$SKIPJOULE" estimate pre predict model.json runs/net2* --format csv --part predictions
holds "another network: within a quarter" 'len(rows) == 12 and all(abs(f(r["error"])) < 0.25 for r in rows)'
cp .out first.csv
works "$SKIPJOULE" estimate pre train $(printf '%s\n' runs/net[01]* | sort -r) -o again.json --target flop
checks=$((checks + 1))
cmp -s model.json again.json || fault "the order of the runs changes the model"
refused 1 "exists" "$SKIPJOULE" estimate pre train runs/* -o model.json
works "$SKIPJOULE" estimate pre train runs/* -o model.json --force --target image --folds 3 --seed 9
works "$SKIPJOULE" estimate pre predict again.json runs/net2* --format csv --part predictions
checks=$((checks + 1))
cmp -s .out first.csv || fault "a copy of the model predicts something else"
sed 's/"version": 1/"version": 2/' again.json > newer.json
refused 1 "newer.json: key \"version\"" "$SKIPJOULE" estimate pre predict newer.json runs/net2*
refused 2 "was trained on" "$SKIPJOULE" estimate pre predict again.json runs/net2* --variant skip/bitmask
refused 2 "-o MODEL.json is needed" "$SKIPJOULE" estimate pre train runs/*
refused 2 "no run given" "$SKIPJOULE" estimate pre predict again.json
refused 2 "did you mean train" "$SKIPJOULE" estimate pre trian runs/*

# ---- PRE on a sweep's points
works "$SKIPJOULE" trace synth lenet5 --images 1 --density x=0.5,dy=0.5 -o synth.h5
cat > axes.cfg << 'CFG'
name = "axes";
accel = "edge16";
axes = (
  { path = "array.rows"; values = [8, 16, 32]; },
  { path = "array.slots"; values = [4, 8, 16]; },
  { path = "dram.codec"; values = ["none", "bitmask"]; }
);
objectives = ["energy_pj"];
CFG
works "$SKIPJOULE" sweep axes.cfg synth.h5 -o sweep -q
works "$SKIPJOULE" estimate pre train sweep --points 12 -o sweep.json
says "12 of 18 valid points are in the fit, 6 tell the error"
says "dram.codec=bitmask"
works "$SKIPJOULE" estimate pre predict sweep.json sweep --format csv --part predictions
holds "all points, within a tenth" 'len(rows) == 18 and all(abs(f(r["error"])) < 0.1 for r in rows)'
refused 1 "it was trained on something else" "$SKIPJOULE" estimate pre predict sweep.json runs/net0-0-edge16
refused 1 "it was trained on something else" "$SKIPJOULE" estimate pre predict again.json sweep
works "$SKIPJOULE" trace synth lenet5 --images 1 --density x=0.3,dy=0.5 -o other.h5
works "$SKIPJOULE" sweep axes.cfg other.h5 -o other-sweep -q
refused 1 "trained on a sweep of other traces" "$SKIPJOULE" estimate pre predict sweep.json other-sweep
for setting in 'layers=["conv1"]' 'machine="dense"' 'set=["clock_mhz=400.0"]'; do
  rm -rf fixed-sweep
  works "$SKIPJOULE" sweep axes.cfg synth.h5 --set "$setting" -o fixed-sweep -q
  refused 1 "or fixed settings" "$SKIPJOULE" estimate pre predict sweep.json fixed-sweep
done
for order in "synth.h5 other.h5" "other.h5 synth.h5"; do
  # shellcheck disable=SC2086
  works "$SKIPJOULE" sweep axes.cfg $order -o "both-${order%% *}" -q
done
works "$SKIPJOULE" estimate pre train both-synth.h5 --points 12 -o both.json
works "$SKIPJOULE" estimate pre predict both.json both-other.h5
python3 -c 'import json; m = json.load(open("sweep.json")); del m["workload"]; json.dump(m, open("older.json", "w"))'
refused 1 "does not say which sweep" "$SKIPJOULE" estimate pre predict older.json sweep
refused 2 "is a sweep, of steps" "$SKIPJOULE" estimate compare sweep
refused 2 "--points goes with a sweep" "$SKIPJOULE" estimate pre train runs/* --points 9 -o no.json
refused 2 "--variant goes with whole runs" "$SKIPJOULE" estimate pre train sweep --variant skip/bitmask -o no.json

# ---- baselines, pairs
works "$SKIPJOULE" estimate baselines flops/* --format csv --part constants
holds "the constants of the formula" '[round(f(r["pj_per_flop"]), 9) for r in rows] == [1.5, 1.35, 1.05]'
works "$SKIPJOULE" estimate pairs runs/* --format csv
holds "cheapest first, all within 2 %" 'len(rows) >= 3 and all(f(a["energy_pj"]) <= f(b["energy_pj"]) for a, b in zip(rows, rows[1:])) and all(f(r["macro_f1"]) >= 0.98 * f(r["best_f1"]) for r in rows)'
works "$SKIPJOULE" estimate pairs runs/* --within 0 --format csv
holds "the best one alone, on three accelerators" 'len(rows) == 3 and all(r["macro_f1"] == r["best_f1"] for r in rows)'

# ---- wrong calls, wrong runs
for call in "" step pre "pre train"; do
  # shellcheck disable=SC2086
  works "$SKIPJOULE" estimate $call -h
  says "usage: skipjoule estimate step"
done
refused 2 "step, pre, baselines, compare or pairs" "$SKIPJOULE" estimate
refused 2 "did you mean compare" "$SKIPJOULE" estimate compar runs/*
refused 2 "no run given" "$SKIPJOULE" estimate step
refused 2 "--within does not go with it" "$SKIPJOULE" estimate step runs/* --within 0.1
refused 2 "exclude each other" "$SKIPJOULE" estimate step runs/* --detect --start 4
refused 2 "goes with --detect" "$SKIPJOULE" estimate step runs/* --tolerance 0.1
refused 2 "is no machine and codec" "$SKIPJOULE" estimate step runs/* --variant skp/bitmask
refused 1 "gate/none was not run on edge16; there are: skip/bitmask" "$SKIPJOULE" estimate step runs/net0-0-edge16 --variant gate/none
refused 1 "are the same training on the same accelerator" "$SKIPJOULE" estimate step runs/net0-0-edge16 runs/net0-0-edge16/run.json
mkdir empty step_run
echo '{}' > step_run/stats.json
refused 1 "it has no run.json" "$SKIPJOULE" estimate step empty
refused 1 "it is a simulated step" "$SKIPJOULE" estimate step step_run
refused 1 "nowhere" "$SKIPJOULE" estimate step nowhere
mkdir old damaged
python3 -c 'import json; r = json.load(open("runs/net0-0-edge16/run.json")); del r["facts"]; json.dump(r, open("old/run.json", "w"))'
head -c 1000 runs/net0-0-edge16/run.json > damaged/run.json
refused 1 "has not all of the \"facts\"" "$SKIPJOULE" estimate baselines old --variant skip/bitmask
works "$SKIPJOULE" estimate step old --variant skip/bitmask
refused 2 "synth.h5 is a trace; estimators want whole runs" "$SKIPJOULE" estimate step synth.h5
refused 1 "not JSON" "$SKIPJOULE" estimate step damaged
mkdir before negative
cp -r runs/* before
for run in before/*; do
  python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); del r["variants"]["skip/bitmask"]["energy_pj_synthetic"]; json.dump(r, open(sys.argv[1], "w"))' "$run/run.json"
done
refused 1 'which PRE goes by: integrate it anew' "$SKIPJOULE" estimate compare before/*
works "$SKIPJOULE" estimate pre predict model.json before/*
works "$SKIPJOULE" estimate pre train runs/net[01]* -o synthetic.json
works "$SKIPJOULE" estimate pre predict synthetic.json runs/net2* --format csv --part predictions
holds "another network: where synthetic steps are right but for a factor" 'len(rows) == 12 and all(abs(f(r["error"])) < 1e-6 for r in rows)'
refused 1 'has no "energy_pj_synthetic"' "$SKIPJOULE" estimate pre predict synthetic.json before/*
works "$SKIPJOULE" estimate compare before/* --target run
works "$SKIPJOULE" estimate baselines before/*
python3 -c 'import json; r = json.load(open("runs/net0-0-edge16/run.json")); r["variants"]["skip/bitmask"]["energy_pj_synthetic"] = -1.0; json.dump(r, open("negative/run.json", "w"))'
refused 1 "energy_pj_synthetic" "$SKIPJOULE" estimate step negative
finish
