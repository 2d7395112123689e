# SPDX-License-Identifier: Apache-2.0
# train --plan: what a training would take, before it: its steps are what the trained run's synthetic ones are, and PRE tells the rest.
. "$SOURCE/tests/cli/lib.sh"
sim="--accel edge16 --variants gate,skip --codecs bitmask --whole-run -q"
tiny="--set network.model=lenet5 --set network.width=0 --set data.train_images=96 --set data.test_images=50 --set batch_size=32 --set epochs=4 --set trace.images=2 --set trace.eval=false"

for method in eat ssprop gradsamp; do
  # shellcheck disable=SC2086
  works "$SKIPJOULE" train glyphs-$method $tiny --set 'trace.epochs=[0,1]' -q -o trained-$method
  # shellcheck disable=SC2086
  works "$SKIPJOULE" train glyphs-$method $tiny --plan -o plan-$method
  says "a plan of $method on glyphs: 4 epochs, $([ $method = gradsamp ] && echo "1 of them skipped, 9 iterations with data" || echo "12 iterations"), "
  [ "$(ls plan-$method | tr '\n' ' ')" = "config.cfg provenance.json trace.h5 " ] || fault "plan-$method holds $(ls plan-$method)"
  works "$SKIPJOULE" trace check plan-$method/trace.h5
  works "$SKIPJOULE" trace info plan-$method/trace.h5
  says "synthetic+$method, seed 1"
  says "  optimizer   sgd"
  checks=$((checks + 1))
  grep -q "^step 0 .*iteration [0-9]*, $method" .out || fault "a step of a plan has no loss: $(tail -2 .out)"
  for kind in trained plan; do
    # shellcheck disable=SC2086
    works "$SKIPJOULE" sim $kind-$method/trace.h5 $sim -o $kind-$method-run
  done
  says "A plan: nothing was trained"
done
checks=$((checks + 1))
python3 - << 'PY' || fault "the energies of plans"
import json
for method in ("eat", "ssprop", "gradsamp"):
    trained, plan = (json.load(open(f"{kind}-{method}-run/run.json")) for kind in ("trained", "plan"))
    assert plan["method"] == "synthetic+" + method, plan["method"]
    for variant, p in plan["variants"].items():
        t, energy = trained["variants"][variant], p["total"]["energy_pj"]
        assert t["energy_pj_synthetic"] == p["energy_pj_synthetic"], (method, variant, t["energy_pj_synthetic"], p["energy_pj_synthetic"])
        assert abs(p["energy_pj_synthetic"] / energy - 1) < 1e-12, (method, variant, p["energy_pj_synthetic"] / energy)
        assert 0.6 < energy / t["total"]["energy_pj"] < 1.6, (method, variant, energy / t["total"]["energy_pj"])
    key = lambda run: [(e["epoch"], e["iterations"], e["skipped"], e["kept_fraction"], e["backward_macs"]) for e in run["epochs"]]
    assert key(trained) == key(plan), method
PY

# Fractions that move are between the two that are simulated.
# shellcheck disable=SC2086
works "$SKIPJOULE" train glyphs-ssprop $tiny --set 'method.ssprop={keep=0.2;schedule="linear";}' --plan -q -o linear
# shellcheck disable=SC2086
works "$SKIPJOULE" sim linear/trace.h5 $sim --json
checks=$((checks + 1))
python3 -c '
import json
w = json.load(open(".out"))
v = w["variants"]["skip/bitmask"]
energies = [e["energy_pj"] for e in v["epochs"]]
assert energies == sorted(energies, reverse=True) and energies[0] > 1.05 * energies[-1], energies
assert abs(v["energy_pj_synthetic"] / v["total"]["energy_pj"] - 1) < 0.01, v["energy_pj_synthetic"] / v["total"]["energy_pj"]' || fault "a linear schedule"

# Reports tell a plan from a training; estimates are not held against it; PRE tells its energy.
works "$SKIPJOULE" report trained-eat-run plan-eat-run
says "synthetic+eat"
says "nothing was trained"
python3 "$SOURCE/tests/cli/make_whole_runs.py" runs --networks 2 --trainings 3 --epochs 20
works "$SKIPJOULE" estimate pre train runs/* -o model.json
works "$SKIPJOULE" estimate pre predict model.json plan-eat-run plan-ssprop-run runs/net0-0-edge16 --format csv --part predictions
checks=$((checks + 1))
python3 -c '
import csv
rows = list(csv.DictReader(open(".out")))
assert len(rows) == 3 and sum(r["energy_pj"] == "" for r in rows) == 2, rows
assert all(float(r["predicted_pj"]) > 0 and (r["error"] == "") == (r["energy_pj"] == "") for r in rows), rows' || fault "predictions of plans"
works "$SKIPJOULE" estimate pre predict model.json plan-eat-run plan-ssprop-run runs/net0-0-edge16
says "Errors over these runs"
says "2 of 3 runs are plans"
works "$SKIPJOULE" estimate pre predict model.json plan-eat-run
says "there is no energy to tell an error by"
checks=$((checks + 1))
grep -q "Errors over" .out && fault "errors of nothing"
for task in step baselines compare pairs "pre train -o no.json"; do
  # shellcheck disable=SC2086
  refused 1 "plan-eat-run: nothing was trained there" "$SKIPJOULE" estimate $task plan-eat-run
done

checks=$((checks + 1))
python3 -c '
import json
trained, plan = (json.load(open(f"{kind}-eat/provenance.json")) for kind in ("trained", "plan"))
assert set(trained) - set(plan) == {"images_per_second"} and not set(plan) - set(trained), plan
assert plan["command"] == "train --plan"' || fault "the provenance of a plan"

# What is refused. Where a folder holds anything but a plan, it is as it was afterwards.
refused 2 "leave out --resume" "$SKIPJOULE" train glyphs-plain --plan --resume -o none
refused 2 "--plan has no result to print as JSON" "$SKIPJOULE" train glyphs-plain --plan --json -o none
refused 1 "not empty" "$SKIPJOULE" train glyphs-plain --plan -o plan-eat
refused 1 "a batch cannot be larger" "$SKIPJOULE" train glyphs-plain --plan --set data.train_images=10 -o none
refused 1 "only 5 test images" "$SKIPJOULE" train glyphs-plain --plan --set data.test_images=5 -o none
refused 1 "method.ssprop" "$SKIPJOULE" train glyphs-ssprop --plan --set epochs=1 -o none
limited() { (ulimit -v 8000000; "$@"); }
[ "${SJ_SANITIZED:-0}" = 1 ] || refused 1 "data.train_images: 1000000000: glyphs: no memory for" limited "$SKIPJOULE" train glyphs-plain --plan --set data.train_images=1000000000 -o none

refused_in() { # PART FOLDER: by --force
  local before
  before=$(sha256sum "$2"/*)
  refused 1 "$1" "$SKIPJOULE" train glyphs-plain --plan --force -o "$2"
  checks=$((checks + 1))
  [ "$(sha256sum "$2"/*)" = "$before" ] || fault "$2 is not as it was"
}
mkdir only-trained text lone empty
cp trained-eat/trace.h5 only-trained
echo "a text" > text/trace.h5
cp plan-eat/config.cfg lone
refused_in "trained-eat/checkpoint.bin exists: the folder holds a training" trained-eat
refused_in "only-trained/trace.h5 exists and is not the trace of a plan" only-trained
refused_in "text/trace.h5 exists and is not the trace of a plan" text
refused_in "lone/config.cfg exists, and no plan's trace.h5 beside it" lone
refused_in "plan-eat-run/run.json exists: the folder holds a simulated run" plan-eat-run
cp plan-eat/trace.h5 plan-eat-run
refused_in "plan-eat-run/run.json exists: the folder holds a simulated run" plan-eat-run
works "$SKIPJOULE" sim trained-eat/trace.h5 --accel edge16 -q -o one-step
refused_in "one-step/stats.json exists: the folder holds a simulated run" one-step
works "$SKIPJOULE" train glyphs-plain --plan --force -q -o empty
refused 1 "no checkpoint.bin beside it to resume from" "$SKIPJOULE" train glyphs-eat --resume -o plan-eat
true & wait $!
cp plan-eat/trace.h5 plan-eat/trace.h5.tmp-$!  # of a process that is no more
works "$SKIPJOULE" train glyphs-plain --plan --set epochs=2 --force -o plan-eat
says "a plan of plain on glyphs: 2 epochs"
checks=$((checks + 1))
[ "$(ls plan-eat | tr '\n' ' ')" = "config.cfg provenance.json trace.h5 " ] || fault "plan-eat holds $(ls plan-eat)"

refused 130 "the plan was interrupted; nothing was written" interrupted "$SKIPJOULE" train glyphs-plain --plan --set network.model=resnet18 --set network.width=64 --set trace.images=64 -o none
finish
