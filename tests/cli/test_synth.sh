# SPDX-License-Identifier: Apache-2.0
# trace synth: what it writes passes the checker and can be simulated; equal arguments make equal files; wrong input is one clear sentence and leaves nothing.
source "$SOURCE/tests/cli/lib.sh"
synth() { "$SKIPJOULE" trace synth "$@"; }

# networks
works synth cnn8 --images 2 --batch-size 8 --density x=0.5,w=1,dy=0.3 --channel-keep 0.2 -o a.h5 -q
says "a.h5: cnn8, 26 layers, train step of 8 images, 2 stored"
works "$SKIPJOULE" trace check a.h5
says "ok"
golden synth-stats.txt "$SKIPJOULE" trace stats a.h5
works synth cnn8 --images 2 --batch-size 8 --density dy=0.3,x=0.5 --channel-keep 0.2 -o b.h5 --seed 1
cmp a.h5 b.h5 || fault "equal arguments made different files"
works synth cnn8 --images 2 --batch-size 8 --density x=0.5,dy=0.3 --channel-keep 0.2 -o b.h5 --seed 2 --force
cmp -s a.h5 b.h5 && fault "another seed made the same file"
for dtype in bf16 int8 float32; do
  for mode in train eval; do
    works synth resnet18 --set width=4 --images 1 --dtype $dtype --mode $mode --density x=0.5 -o $dtype-$mode.h5
    works "$SKIPJOULE" trace check $dtype-$mode.h5
  done
done
works synth vgg16 --set width=4 --input 64x48x1 --classes 7 --images 1 --mode eval -o small.h5
works "$SKIPJOULE" trace info small.h5
says "1x1x7"
works synth "$SOURCE/models/lenet5.cfg" --images 1 -o lenet.h5

# what is asked for arrives at the machine
works "$SKIPJOULE" sim a.h5 --accel edge16 --batch 1 --variants dense,skip --codecs none --json -q
python3 - .out << 'PY' || fault "the simulated densities and channels are not what was asked for"
import json, sys
variants = json.load(open(sys.argv[1], encoding="utf-8"))["variants"]
layers = {(l["name"], l["phase"]): l for l in variants["skip/none"]["layers"]}
assert abs(layers["conv5", "forward"]["density"]["a"] - 0.5) < 0.05
assert abs(layers["conv5", "grad_input"]["density"]["a"] - 0.3) < 0.1
active, total = (layers["conv5", "forward"]["macs"][k] for k in ("active", "total"))
assert abs(active / total - 0.5) < 0.05
full = layers["conv5", "forward"]["macs"]["total"]
assert abs(layers["conv5", "grad_input"]["macs"]["total"] / full - 12 / 64) < 1e-9
PY

# topologies of SCALE-Sim
cat > resnet.csv << 'CSV'
Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
Conv1, 38, 38, 7, 7, 3, 16, 2,

Conv2_1a, 10, 10, 3, 3, 16, 16, 1,
Conv2_1b, 10, 10, 3, 3, 16, 16, 1,
Conv3_1a, 9, 9, 3, 3, 16, 32, 2,
Conv3_1s, 7, 7, 1, 1, 16, 32, 2,
Conv_dw, 6, 6, 3, 3, 1, 1, 1,#dw
FC, 1, 1, 1, 1, 128, 100, 1
CSV
printf 'Layer,M,N,K,\r\nQKT,32,24,64,\r\nLinear 1,8,100,20\r\n' > gemm.csv
works synth resnet.csv --images 2 --density x=0.5,dy=0.5 -o resnet.h5
works "$SKIPJOULE" trace check resnet.h5
golden synth-topology.txt "$SKIPJOULE" trace info resnet.h5
works "$SKIPJOULE" sim resnet.h5 --accel edge16 --variants skip --codecs bitmask -q
says "Conv3_1s"
works synth gemm.csv --images 1 --mode eval -o gemm.h5
works "$SKIPJOULE" trace check gemm.h5
works "$SKIPJOULE" sim gemm.h5 --accel edge16 --batch 1 --variants dense --codecs none --json -q
python3 - .out << 'PY' || fault "a row of M, N, K is not a product of M x N x K MACs"
import json, sys
layers = json.load(open(sys.argv[1], encoding="utf-8"))["variants"]["dense/none"]["layers"]
assert [l["macs"]["total"] for l in layers] == [32 * 24 * 64, 8 * 100 * 20], layers
PY

# wrong input
rm -f ./*.h5
refused 2 "--images N is missing" synth cnn8 -o x.h5
refused 2 "-o FILE is missing" synth cnn8 --images 1
refused 2 "exactly one is needed" synth --images 1 -o x.h5
refused 2 "exactly one is needed" synth cnn8 lenet5 --images 1 -o x.h5
refused 2 "between 1 and 65536" synth cnn8 --images 0 -o x.h5
refused 2 "at least --images, 4" synth cnn8 --images 4 --batch-size 3 -o x.h5
refused 2 '"z=1" is not x=SHARE' synth cnn8 --images 1 --density z=1 -o x.h5
refused 2 '"" is not x=SHARE' synth cnn8 --images 1 --density x=1, -o x.h5
refused 2 '"x" is not x=SHARE' synth cnn8 --images 1 --density x -o x.h5
refused 2 '"netwrk" is no share between 0 and 1, and not the word network' synth cnn8 --images 1 --density dy=netwrk -o x.h5
refused 2 "x network: it must be a number" synth cnn8 --images 1 --density x=network -o x.h5
refused 2 "leave out --optimizer" synth cnn8 --images 1 --mode eval --optimizer adam -o x.h5
refused 2 "leave out dy=" synth cnn8 --images 1 --mode eval --density dy=network -o x.h5
refused 2 "is not one of sgd, adam" synth cnn8 --images 1 --optimizer adan -o x.h5
refused 2 "w stands there twice" synth cnn8 --images 1 --density w=1,w=0.5 -o x.h5
refused 2 "between 0 and 1" synth cnn8 --images 1 --density x=1.5 -o x.h5
refused 2 "must be a number" synth cnn8 --images 1 --density x= -o x.h5
refused 2 "between 0 and 1" synth cnn8 --images 1 --channel-keep 2 -o x.h5
refused 2 "did you mean bf16" synth cnn8 --images 1 --dtype bf61 -o x.h5
refused 2 "train, eval" synth cnn8 --images 1 --mode test -o x.h5
refused 2 "leave out dy=" synth cnn8 --images 1 --mode eval --density dy=0.5 -o x.h5
refused 2 "leave out --channel-keep" synth cnn8 --images 1 --mode eval --channel-keep 0.5 -o x.h5
refused 2 "for example 32x32x3" synth cnn8 --images 1 --input 32x32 -o x.h5
refused 2 "for example 32x32x3" synth cnn8 --images 1 --input 32x32x0 -o x.h5
refused 2 "PATH=VALUE" synth cnn8 --images 1 --set width -o x.h5
refused 2 "did you mean --density" synth cnn8 --images 1 --densty x=1 -o x.h5
refused 2 "leave out --set" synth gemm.csv --images 1 --set width=3 -o x.h5
refused 2 "leave out --input" synth gemm.csv --images 1 --input 3x3x3 -o x.h5
refused 2 "right behind trace" "$SKIPJOULE" trace --json synth
refused 1 "did you mean resnet18" synth resnett18 --images 1 -o x.h5
refused 1 "set widht=4" synth resnet18 --images 1 --set widht=4 -o x.h5
refused 1 "does not fit" synth lenet5 --images 1 --input 2x2x1 -o x.h5
refused 1 "absent.csv" synth absent.csv --images 1 -o x.h5
refused 1 "absent/x.h5" synth cnn8 --images 1 -o absent/x.h5
mkdir folder
refused 1 "it is a folder" synth cnn8 --images 1 -o folder --force
echo kept > x.h5
refused 1 "x.h5: it exists" synth cnn8 --images 1 -o x.h5
[ "$(cat x.h5)" = kept ] || fault "a refused output changed what was there"
rm x.h5
topology() { printf 'Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n%s\n' "$1" > bad.csv; }
topology 'Conv1, 5, 5, 7, 5, 3, 16, 2,'
refused 1 'bad.csv:2: column 4 "Filter Height": 7; it is larger than column 2 "IFMAP Height", 5' synth bad.csv --images 1 -o x.h5
topology 'Conv1, 5, 5, 3, 5, 3, sixteen, 2,'
refused 1 'bad.csv:2: column 7 "Num Filter": "sixteen"; a whole number from 1' synth bad.csv --images 1 -o x.h5
topology 'Conv1, 5, 5, 3, 5, 3, 16, 0,'
refused 1 'bad.csv:2: column 8 "Strides": "0"' synth bad.csv --images 1 -o x.h5
noise 4000 bad.csv
refused 1 "bad.csv:1" synth bad.csv --images 1 -o x.h5
limited() { (ulimit -f 20; trap '' XFSZ; "$@"); }
refused 1 "x.h5: cannot write" limited "$SKIPJOULE" trace synth resnet18 --set width=8 --images 1 -o x.h5
refused 130 "interrupted" interrupted "$SKIPJOULE" trace synth resnet18 --images 64 -o x.h5
works synth -h
says "ssProp"
finish
