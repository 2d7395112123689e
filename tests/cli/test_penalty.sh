# SPDX-License-Identifier: Apache-2.0
# A training step with a penalty: charged where the trace says which outputs bear it, else called a lower bound, in the run's files and by report too; wrong words are refused.
source "$SOURCE/tests/cli/lib.sh"
trace=$SOURCE/traces/samples/cnn8-train.h5
sim() { "$SKIPJOULE" sim "$@" --accel edge16 -q; }
put() { "$BREAK_TRACE" "$@" || fault "cannot write the attribute: $*"; }
operations() { python3 -c 'import json, sys; run = json.load(open(sys.argv[1])); print(sum(l["counts"]["vector.op"] for l in run["variants"]["skip/bitmask"]["layers"]))' "$1"; }
penalty_of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get("penalty", "no key"))' "$1"; }
# kept FILE WANTED: the file's key `penalty`
kept() {
  checks=$((checks + 1))
  [ "$(penalty_of "$1")" = "$2" ] || fault "$1: penalty is $(penalty_of "$1"), not $2"
}
step=$("$SKIPJOULE" trace info --json "$trace" | python3 -c 'import json,sys; print(json.load(sys.stdin)["steps"][0]["number"])')

works sim "$trace" -o plain
grep -q "A lower bound" .out && fault "a plain step is called a lower bound"
kept plain/stats.json "no key"
grep -q penalty_charged plain/stats.txt && fault "stats.txt of a plain step speaks of a penalty"
cp "$trace" eat.h5
for method in eat l1 ssprop+eat; do
  put eat.h5 attribute method $method
  works sim eat.h5
  says "A lower bound: the trace does not say which outputs bear the penalty"
done
works sim eat.h5 -o without
kept without/stats.json "left out"
works grep -q '\.penalty_charged 0 # ' without/stats.txt
works sim eat.h5 --json
cp .out json
kept json "left out"
cp "$SOURCE/traces/samples/cnn8-eval.h5" inference.h5
put inference.h5 attribute method eat
works sim inference.h5 --batch 1 --json
cp .out json
kept json "no key"
put eat.h5 attribute method wheat
works sim eat.h5
grep -q "A lower bound" .out && fault "wheat is no eat"

put eat.h5 attribute method eat
put eat.h5 attribute penalty eat "/steps/$step/conv1"
works sim eat.h5 -o charged
grep -q "A lower bound" .out && fault "a charged step is called a lower bound"
kept charged/stats.json charged
works grep -q '\.penalty_charged 1 # ' charged/stats.txt
works "$SKIPJOULE" report plain charged without
says "without: a lower bound: the trace does not say which outputs bear the penalty"
[ "$(grep -c "a lower bound" .out)" = 1 ] || fault "report calls more than one run a lower bound: $(grep "a lower bound" .out)"
works "$SKIPJOULE" trace info eat.h5
says "; penalty eat on 1 output"
put eat.h5 attribute input_penalty eat "/steps/$step"
works "$SKIPJOULE" trace info eat.h5
says "; penalty eat on 2 outputs"
works "$SKIPJOULE" trace info --json eat.h5
says '"conv1": "eat"'
says '"input": "eat"'
works "$SKIPJOULE" trace check eat.h5
cp eat.h5 both.h5
put both.h5 attribute penalty l1 "/steps/$step/conv2"
works "$SKIPJOULE" trace info both.h5
says "; penalty eat on 2 outputs; penalty l1 on 1 output"
works sim eat.h5 --layer conv1 --phase elementwise
says "conv1"

put eat.h5 attribute penalty l2 "/steps/$step/conv2"
for command in "sim" "$SKIPJOULE trace check" "$SKIPJOULE trace info"; do
  refused 1 "step $step, layer \"conv2\": attribute \"penalty\" is \"l2\"; it must be \"eat\" or \"l1\"" $command eat.h5
done

# conv1's 32x32x12 results, batch 64: 6 operations on each as it leaves, 9 where batch norm writes its gradient
checks=$((checks + 1))
more=$(($(operations charged/stats.json) - $(operations plain/stats.json)))
[ $more -eq $(((6 + 9) * 64 * 32 * 32 * 12)) ] || fault "conv1's penalty takes $more operations"
finish
