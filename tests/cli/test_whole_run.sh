# SPDX-License-Identifier: Apache-2.0
# sim --whole-run against the truth: small runs whose every iteration is traced and simulated, and a dozen of these steps that must bring the same energy, in total and of each phase.
. "$SOURCE/tests/cli/lib.sh"

# run NAME CONFIG OPTION...: trains with every iteration traced
run() {
  local name=$1 config=$2
  shift 2
  works "$SKIPJOULE" train "$config" --set data.test_images=100 --set batch_size=32 --set trace.eval=false --set trace.spread=1000000 --set checkpoint.each_epoch=false "$@" -q -o "$name"
}
sim="--accel edge16 --variants gate,skip --codecs bitmask --whole-run -q"

run eat glyphs-eat --set network.model=lenet5 --set network.width=0 --set data.train_images=480 --set epochs=4 --set optimizer.lr=0.01 --set trace.images=8
run ssprop glyphs-ssprop --set network.width=4 --set data.train_images=320 --set epochs=4 --set optimizer.lr=0.02 --set trace.images=8
run gradsamp glyphs-gradsamp --set network.model=lenet5 --set network.width=0 --set data.train_images=384 --set epochs=6 --set optimizer.lr=0.01 --set trace.images=16
for name in eat ssprop gradsamp; do
  works "$SKIPJOULE" sim $name/trace.h5 $sim -o $name-all
  works "$SKIPJOULE" sim $name/trace.h5 $sim --anchors 12 -o $name-12
  [ "$(ls $name-12 | tr '\n' ' ')" = "config.cfg epochs.csv provenance.json run.json tech.cfg " ] || fault "$name-12 holds $(ls $name-12)"
done
works "$SKIPJOULE" sim ssprop/trace.h5 --accel edge16 --variants gate,skip --codecs bitmask --all-steps --json -q
mv .out steps.json

cat > judge.py << 'PY'
import csv, json, sys
faults = 0
def check(good, what):
    global faults
    if not good:
        faults += 1
        print("FAULT:", what)
def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)
for name in ("eat", "ssprop", "gradsamp"):
    truth, found = load(name + "-all/run.json"), load(name + "-12/run.json")
    skipped = sum(e["skipped"] for e in truth["epochs"])
    check(truth["traced_steps"] >= truth["iterations"] - max(skipped - 1, 0), f"{name}: {truth['traced_steps']} of {truth['iterations']} iterations are traced")
    check(found["traced_steps"] == 12 + min(skipped, 1), f"{name}: {found['traced_steps']} steps instead of 12")
    for variant, t in truth["variants"].items():
        f = found["variants"][variant]
        off = {"total": f["total"]["energy_pj"] / t["total"]["energy_pj"] - 1}
        off.update({p: f["total"]["phase_pj"][p] / e - 1 for p, e in t["total"]["phase_pj"].items() if e > 0})
        print(f"{name} {variant}:", ", ".join(f"{k} {100 * v:+.2f}%" for k, v in off.items()), f"(estimate {100 * f['error']['total']:.2f}%)")
        for part, v in off.items():
            check(abs(v) < 0.02, f"{name} {variant}: {part} is {100 * v:.2f}% off")
        check(0.7 < t["energy_pj_synthetic"] / t["total"]["energy_pj"] < 1.4 and t["energy_pj_synthetic"] == f["energy_pj_synthetic"], f"{name} {variant}: synthetic steps take {t['energy_pj_synthetic'] / t['total']['energy_pj']:.2f} times as much")
        check(t["error"]["total"] == 0, f"{name} {variant}: nothing of the truth is interpolated")
        for w in (t, f):
            total = w["total"]["energy_pj"]
            for part in ("epochs", "states", "layers"):
                check(abs(sum(e["energy_pj"] for e in w[part]) / total - 1) < 1e-9, f"{name} {variant}: {part} do not add up")
            check(abs(sum(w["total"]["phase_pj"].values()) / total - 1) < 1e-9 and abs(sum(w["total"]["component_pj"].values()) / total - 1) < 1e-9, f"{name} {variant}: phases or components do not add up")
            check(w["energy_pj_low"] < total < w["energy_pj_high"], f"{name} {variant}: its interval")
    with open(name + "-12/epochs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    check(len(rows) == len(found["epochs"]) * len(found["variants"]), f"{name}: {len(rows)} lines in epochs.csv")
    with open(name + "/metrics.csv", encoding="utf-8", newline="") as file:
        metrics = list(csv.DictReader(file))
    for e, m in zip(found["epochs"], metrics):
        check(abs(e["test_accuracy"] - float(m["test_accuracy"])) < 1e-9 and e["skipped"] == (m["skipped"] == "1"), f"{name}: epoch {e['epoch']} is not that of metrics.csv")
steps, whole = load("steps.json")["runs"], load("ssprop-all/run.json")
for variant, w in whole["variants"].items():
    energy, cycles = sum(r["variants"][variant]["total"]["energy_pj"]["total"] for r in steps), sum(r["variants"][variant]["total"]["cycles"] for r in steps)
    check(abs(w["total"]["energy_pj"] / energy - 1) < 1e-12 and w["total"]["cycles"] == cycles, f"{variant}: a run of simulated steps is not their sum")
states = [s["name"] for s in whole["states"]]
check(states == ["ssprop keep=1", "ssprop keep=0.2"], f"the states are {states}")
skips = [e for e in load("gradsamp-12/run.json")["epochs"] if e["skipped"]]
check(len(skips) == 2 and all(e["iterations"] == 1 for e in skips), "two epochs are skipped")
sys.exit(faults > 0)
PY
checks=$((checks + 1))
python3 judge.py || fault "the energies above"

# A skipped epoch needs no step of its own; what it takes is the same as from one.
works "$SKIPJOULE" train glyphs-gradsamp --set network.model=lenet5 --set network.width=0 --set data.train_images=96 --set data.test_images=50 --set batch_size=32 --set epochs=4 --set trace.epochs=[0,3] \
  --set trace.images=2 --set trace.eval=false -q -o unskipped
works "$SKIPJOULE" sim unskipped/trace.h5 $sim --gco2-per-kwh 400 --target-accuracy 0
says "gradsamp skipped"
says "g CO2e"
says "was reached after epoch 0"
works "$SKIPJOULE" sim unskipped/trace.h5 $sim --phase forward --target-accuracy 1 --anchors 0,1
says "only phase forward"
says "was not reached"
works "$SKIPJOULE" sim unskipped/trace.h5 $sim --json
checks=$((checks + 1))
python3 -c 'import json; w = json.load(open(".out")); assert w["format"] == "skipjoule-whole-run" and w["iterations"] == 10 and w["epochs"][2]["skipped"]' || fault "run.json on stdout"

# What synthetic steps would take is what `trace synth` and `sim` give, an iteration at a time.
for method in plain ssprop; do
  works "$SKIPJOULE" train glyphs-$method --set network.model=lenet5 --set network.width=0 --set data.train_images=96 --set data.test_images=50 --set batch_size=32 --set epochs=2 --set trace.epochs=[0,1] \
    --set trace.images=2 --set trace.eval=false --set 'optimizer={name="adam";lr=1e-3;weight_decay=0.0;schedule="constant";}' -q -o made-$method
  mkdir tmp-$method
  TMPDIR=$PWD/tmp-$method works "$SKIPJOULE" sim made-$method/trace.h5 $sim --json
  mv .out made-$method.json
  checks=$((checks + 1))
  [ -z "$(ls tmp-$method)" ] || fault "left behind: $(ls tmp-$method)"
done
synth() { works "$SKIPJOULE" trace synth lenet5 --input 32x32x3 --images 4 --batch-size 32 --density x=0.5,dy=network --optimizer adam -q "$@"; }
synth -o dense.h5
works "$SKIPJOULE" sim dense.h5 --accel edge16 --variants gate,skip --codecs bitmask --json -q
mv .out dense.json
checks=$((checks + 1))
python3 - << 'PY' || fault "synthetic steps"
import json
made, sparse, dense = (json.load(open(n + ".json")) for n in ("made-plain", "made-ssprop", "dense"))
for variant, step in dense["variants"].items():
    energy = step["total"]["energy_pj"]["total"]
    assert abs(made["variants"][variant]["energy_pj_synthetic"] / (6 * energy) - 1) < 1e-12, (variant, made["variants"][variant]["energy_pj_synthetic"] / energy)
    of_sparse = sparse["variants"][variant]["energy_pj_synthetic"] / energy - 3  # epoch 0 is dense, epoch 1 keeps a fifth of the channels
    assert 1.2 < of_sparse < 2.9, (variant, of_sparse)
PY
# A network that cannot be made up has none: null, and PRE says what it misses.
works "$SKIPJOULE" train glyphs-plain --set 'network={model="mlp";width=8;}' --set data.train_images=64 --set data.test_images=50 --set batch_size=32 --set epochs=1 --set trace.images=2 --set trace.eval=false -q -o opaque
"$BREAK_TRACE" opaque/trace.h5 kind drop1 opaque || fault "cannot make a layer opaque"
works "$SKIPJOULE" sim opaque/trace.h5 $sim -o opaque-run
checks=$((checks + 1))
python3 -c 'import json; r = json.load(open("opaque-run/run.json"))["variants"]; assert len(r) == 2 and all(v["energy_pj_synthetic"] is None and v["total"]["energy_pj"] > 0 for v in r.values()), r' || fault "an opaque layer"
refused 1 'opaque-run: its run.json has no "energy_pj_synthetic" (null: there are no synthetic tensors for its network)' "$SKIPJOULE" estimate compare opaque-run
TMPDIR=/proc refused 1 "/proc, the folder for temporary files (TMPDIR names it): " "$SKIPJOULE" sim made-plain/trace.h5 $sim

# What is refused.
refused 1 'is near the kept fraction of "ssprop keep=1", as epoch 0 is; train with trace.spread' "$SKIPJOULE" sim ssprop/trace.h5 $sim --anchors 10,39 -o none
refused 1 "--anchors: 3 steps are too few" "$SKIPJOULE" sim ssprop/trace.h5 $sim --anchors 3
refused 1 "no training step 4000" "$SKIPJOULE" sim ssprop/trace.h5 $sim --anchors 4,4000
for option in "--step 3" --all-steps "--timeline t.json" --explain-mapping --no-fuse; do
  refused 2 "exclude each other" "$SKIPJOULE" sim ssprop/trace.h5 $sim $option
done
refused 2 "exclude each other" "$SKIPJOULE" sim ssprop/trace.h5 $sim --json --gco2-per-kwh 1
refused 2 "goes with --whole-run" "$SKIPJOULE" sim ssprop/trace.h5 --accel edge16 --anchors 4
refused 2 "batch size, 32" "$SKIPJOULE" sim ssprop/trace.h5 $sim --batch 16
refused 1 "ssprop: it is the folder of a training or a plan (it has trace.h5)" "$SKIPJOULE" sim ssprop/trace.h5 $sim --force -o ssprop
works "$SKIPJOULE" sim unskipped/trace.h5 $sim -o both-kinds
works "$SKIPJOULE" sim unskipped/trace.h5 --accel edge16 --variants skip --codecs bitmask -q --force -o both-kinds
[ "$(ls both-kinds | tr '\n' ' ')" = "config.cfg layers.csv provenance.json stats.json stats.txt tech.cfg " ] || fault "both-kinds holds $(ls both-kinds)"
works "$SKIPJOULE" sim unskipped/trace.h5 $sim --force -o both-kinds
[ "$(ls both-kinds | tr '\n' ' ')" = "config.cfg epochs.csv provenance.json run.json tech.cfg " ] || fault "both-kinds holds $(ls both-kinds)"
refused 1 "the folder exists" "$SKIPJOULE" sim ssprop/trace.h5 $sim -o ssprop-12
refused 1 "steps are more than were traced, 2" "$SKIPJOULE" sim unskipped/trace.h5 $sim --anchors 99
refused 2 "is not a step's number" "$SKIPJOULE" sim unskipped/trace.h5 $sim --anchors 0,00000000000000000000000000000000001

# metrics.csv: that of another run, a torn one, none at all.
cp -r unskipped other
cp eat/metrics.csv other/metrics.csv
sed -i 5d other/metrics.csv
refused 1 "other/metrics.csv: it has 3 epochs, and the ledger of other/trace.h5 4" "$SKIPJOULE" sim other/trace.h5 $sim
{ sed 5d unskipped/metrics.csv; sed -n 5p unskipped/metrics.csv | sed 's/^3,/7,/'; } > other/metrics.csv
refused 1 "other/metrics.csv:5: epoch 7, where the ledger of other/trace.h5 has epoch 3" "$SKIPJOULE" sim other/trace.h5 $sim
head -c -9 unskipped/metrics.csv > other/metrics.csv
refused 1 "other/metrics.csv:5: the row is torn" "$SKIPJOULE" sim other/trace.h5 $sim
rm other/metrics.csv
works "$SKIPJOULE" sim other/trace.h5 $sim --target-accuracy 0.5 --phase forward
says "Whether a test accuracy of 0.5 was reached is not known: there is no metrics.csv beside the trace."
says "Stored images are a sample, 2 of each batch of 32"
checks=$((checks + 1))
grep -q "^grad_weight" .out && fault "a phase without work has a row: $(grep "^grad_weight" .out)"

# A training that did not finish.
mkdir killed
cp unskipped/config.cfg killed
echo > killed/checkpoint.bin
for input in killed/trace.h5 killed; do
  refused 1 "its training did not finish; 'skipjoule train killed/config.cfg --resume -o killed' goes on with it" "$SKIPJOULE" sim $input --accel edge16
done
refused 1 "its training did not finish" "$SKIPJOULE" report killed
works "$SKIPJOULE" trace synth lenet5 --images 2 -o synth.h5
cp synth.h5 killed/trace.partial.h5
refused 1 "a ledger comes with the end of a training: its training did not finish" "$SKIPJOULE" sim killed/trace.partial.h5 $sim
refused 1 "no ledger" "$SKIPJOULE" sim synth.h5 $sim
works "$SKIPJOULE" train glyphs-plain --set data.train_images=64 --set data.test_images=64 --set batch_size=32 --set epochs=1 --set trace.images=2 --set trace.spread=2 -q -o both
refused 1 "exclude each other" "$SKIPJOULE" train glyphs-plain --set trace.spread=4 --set trace.epochs=[0] -o none
finish
