# SPDX-License-Identifier: Apache-2.0
# Wrong input: one clear sentence, the right exit code, nothing half-written.
source "$SOURCE/tests/cli/lib.sh"
train_trace=$SOURCE/traces/samples/cnn8-train.h5
sim() { "$SKIPJOULE" sim "$@" --accel edge16 -q; }
accel() { sed "$1" "$SOURCE/configs/accel/edge16.cfg" > accel.cfg; }
tech() { sed "$1" "$SOURCE/configs/tech/45nm.cfg" > tech.cfg; }

# calls
refused 2 "unknown command" "$SKIPJOULE" simulate
refused 2 "sim" "$SKIPJOULE" sim
refused 2 "--fidelty" "$SKIPJOULE" sim "$train_trace" --accel edge16 --fidelty fast
refused 2 "fast" "$SKIPJOULE" sim "$train_trace" --accel edge16 --fidelity quick
refused 2 "--batch" "$SKIPJOULE" sim "$train_trace" --accel edge16 --batch 0
refused 2 "between 1 and 65536" "$SKIPJOULE" sim "$train_trace" --accel edge16 --batch 65537
refused 2 "K" "$SKIPJOULE" gemm 4 x 4 --accel edge16
refused 2 "-o needs a value" "$SKIPJOULE" sim "$train_trace" --accel edge16 -o
refused 2 "PATH=VALUE" sim "$train_trace" --set array.rows
refused 2 "PATH=VALUE" sim "$train_trace" --set tech.=3
refused 2 "PATH=VALUE" "$SKIPJOULE" train glyphs-plain -o run --set epochs
refused 1 "the phases there are forward, grad_weight, update" sim "$train_trace" --layer conv1 --phase grad_input
refused 1 "layer relu1" sim "$train_trace" --layer relu1
works "$SKIPJOULE" sim -h
says "skipjoule sim"

# traces
refused 1 "absent.h5" sim absent.h5
noise 4000 noise.h5
refused 1 "noise.h5" sim noise.h5
head -c 20000 "$train_trace" > short.h5
refused 1 "short.h5" sim short.h5
cp "$train_trace" broken.h5
step=$("$SKIPJOULE" trace info --json "$train_trace" | python3 -c 'import json,sys; print(json.load(sys.stdin)["steps"][0]["number"])')
"$BREAK_TRACE" broken.h5 delete "/steps/$step/conv2/dy" || fault "cannot delete dy"
refused 1 "dy" sim broken.h5 -o out
refused 1 "conv2" sim broken.h5 -o out
refused 1 "dy" "$SKIPJOULE" trace check broken.h5
cp "$train_trace" broken.h5
"$BREAK_TRACE" broken.h5 nan "/steps/$step/conv3/w" || fault "cannot write NaN"
refused 1 "conv3" sim broken.h5 -o out
cp "$train_trace" broken.h5
"$BREAK_TRACE" broken.h5 attribute format something-else || fault "cannot change the format"
refused 1 "something-else" sim broken.h5

# accelerator and tech files
refused 1 "edge16" "$SKIPJOULE" sim "$train_trace" --accel edge61 -q
accel 's/lanes/lane/'
refused 1 "lanes" "$SKIPJOULE" sim "$train_trace" --accel accel.cfg -q
accel 's/rows = 16/rows = "many"/'
refused 1 "accel.cfg" "$SKIPJOULE" sim "$train_trace" --accel accel.cfg -q
accel 's/kib = 512/kib = 5000000000/'
refused 1 "5000000000" "$SKIPJOULE" sim "$train_trace" --accel accel.cfg -q
accel 's/rows = 16/rows = 0/'
refused 1 "array.rows" "$SKIPJOULE" sim "$train_trace" --accel accel.cfg -q
refused 1 "array.rows" sim "$train_trace" --set array.rows=0
refused 1 "array.rowz" sim "$train_trace" --set array.rowz=4
refused 1 "must be a group" sim "$train_trace" --set array=3
refused 1 "must be a group" "$SKIPJOULE" train glyphs-plain --set trace=3 -o run -q
accel 's/^array *= .*/array = 3;/'
refused 1 "must be a group" "$SKIPJOULE" sim "$train_trace" --accel accel.cfg -q
refused 1 "set tech.wire.typical=-1: " sim "$train_trace" --set tech.wire.typical=-1
refused 1 "a folder" "$SKIPJOULE" sim "$train_trace" --accel . -q
tech '0,/typical = [0-9.]*/s//typical = -1.0/'
refused 1 "tech.cfg" "$SKIPJOULE" sim "$train_trace" --accel edge16 --tech tech.cfg -q

# training
sed 's/kind = "relu"/kind = "rellu"/; s/relu/rellu/' "$SOURCE/models/lenet5.cfg" > net.cfg
sed "s#model = \"cnn8\"#model = \"$PWD/net.cfg\"#; s/ width = 16;//" "$SOURCE/configs/train/glyphs-plain.cfg" > train.cfg
refused 1 "rellu" "$SKIPJOULE" train train.cfg -o run -q
mkdir -p data
for name in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
  printf '\000\000\010\003\000\000\000\012\000\000\000\034\000\000\000\034abc' > "data/$name"
done
refused 1 "train-images-idx3-ubyte" "$SKIPJOULE" train "$SOURCE/configs/train/fashion-plain.cfg" --data data -o run -q
refused 1 "must hold train- and t10k-images-idx3-ubyte" "$SKIPJOULE" train fashion-plain --data absent -o run -q
refused 1 "scripts/fetch-data.sh fashion-mnist DIR fetches them" "$SKIPJOULE" train fashion-plain --data absent -o run -q
refused 1 "they lie in ./data: give that" "$SKIPJOULE" train fashion-plain --data . -o run -q
refused 1 "learning_rte" "$SKIPJOULE" train "$SOURCE/configs/train/glyphs-plain.cfg" --set optimizer.learning_rte=1.0 -o run -q

# outputs
works sim "$train_trace" --batch 1 --variants skip --codecs none -o out
before=$(md5sum out/stats.json)
refused 1 "out" sim "$train_trace" --batch 1 --variants skip --codecs none -o out
[ "$(md5sum out/stats.json)" = "$before" ] || fault "a refused output changed what was there"
works sim "$train_trace" --batch 1 --variants skip --codecs none -o out --force

mkdir -p clash/stats.txt
refused 1 "clash/stats.txt" sim "$train_trace" --batch 1 -o clash --force
[ "$(ls clash)" = stats.txt ] || fault "a refused output left files"
rm -r clash
for edit in 's/"mode": "train"/"mode": "other"/' 's/"total": [0-9.]*$/"total": 0.0/'; do
  mkdir -p edited
  sed "$edit" out/stats.json > edited/stats.json
  refused 1 "edited/stats.json" "$SKIPJOULE" report out edited
done

# a full disk: a limit on the size of files everywhere, a small tmpfs where root allows
limited() { (ulimit -f 1; trap '' XFSZ; "$@"); }
refused 1 "full" limited "$SKIPJOULE" sim "$train_trace" --accel edge16 --batch 1 -q -o full
if mkdir -p disk && mount -t tmpfs -o size=16k tmpfs disk 2> .err; then
  refused 1 "disk/full" sim "$train_trace" --batch 1 -o disk/full
  umount disk
else
  echo "no tmpfs here: skipped"
fi
refused 2 "did you mean --accel" "$SKIPJOULE" counters --accl edge16
refused 2 "\"edge16\" is not an option" "$SKIPJOULE" counters edge16
refused 1 "did you mean edge16" "$SKIPJOULE" counters --accel edge15
finish
