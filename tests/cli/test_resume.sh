# SPDX-License-Identifier: Apache-2.0
# A training run that ends at any moment goes on and gives the same files, bit for bit, as one that never ended. What cannot be continued is refused and left as it is.
source "$SOURCE/tests/cli/lib.sh"
export OMP_WAIT_POLICY=passive
RANDOM=${SJ_TEST_SEED:-7}
echo "SJ_TEST_SEED=${SJ_TEST_SEED:-7}"
kills_wanted=8  # of each of the three runs
[ "${SJ_SANITIZED:-0}" = 1 ] && kills_wanted=2

# common IMAGES EPOCHS
common() {
  echo "seed = 3; data = { name = \"glyphs\"; train_images = $1; test_images = 128; flip = true; crop = 2; };
batch_size = 32; epochs = $2; checkpoint = { minutes = 0.002; each_epoch = true; };
evaluate = { every = 1; asic_ratio = true; asic_batch = 64; };"
}
cat > plain.cfg << CFG
$(common 640 3)
network = { model = "cnn8"; width = 8; };
optimizer = { lr = 0.05; momentum = 0.9; weight_decay = 5e-4; schedule = "cosine"; warmup_epochs = 0.5; };
trace = { images = 2; epochs = [0, 1, 2]; iterations = [0, -1]; };
CFG
# All methods together, Adam, residual blocks, a skipped epoch (the third of four), bfloat16.
cat > all.cfg << CFG
$(common 320 4)
network = { model = "resnet8"; width = 8; };
compute = { dtype = "bf16"; };
optimizer = { name = "adam"; lr = 0.001; weight_decay = 0.0; schedule = "constant"; };
method = {
  eat = { lambda = 0.1; sigma = 1e-4; reduce = "mean"; warmup_epochs = 1.0; };
  ssprop = { keep = 0.5; schedule = "linear"; by = "iteration"; period = 7; };
  gradsamp = { schedule = "periodic"; period = 3; fit = "tensor"; norm = "sample"; momentum = "keep"; };
};
trace = { images = 2; dtype = "float32"; epochs = [0, 1, 3]; iterations = [3, -1]; };
CFG
# Everything that is drawn: dropout, ssProp's control on linear layers, epochs skipped at random (the third and the fourth of six); and Adam, which starts anew behind them.
cat > drawn.cfg << CFG
$(common 640 6)
network = { model = "mlp"; width = 48; };
optimizer = { name = "adam"; lr = 0.001; weight_decay = 0.0; schedule = "constant"; };
method = {
  ssprop = { keep = 0.5; schedule = "constant"; select = "random"; linear = true; };
  gradsamp = { schedule = "random"; probability = 0.4; momentum = "reset"; };
};
trace = { images = 2; epochs = [1, 4, 5]; iterations = [0, -1]; };
CFG

train() { "$SKIPJOULE" train "$@" -q; }

# same RUN BASE: the files that a run leaves, but for when and how fast it ran.
same() {
  local file
  checks=$((checks + 1))
  [ "$(ls -A "$1")" = "$(ls -A "$2")" ] || fault "$1 holds $(ls -A "$1" | tr '\n' ' '), and $2 $(ls -A "$2" | tr '\n' ' ')"
  for file in trace.h5 metrics.csv checkpoint.bin config.cfg; do
    cmp "$1/$file" "$2/$file" || fault "$1/$file differs from $2/$file"
  done
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# killed CONFIG RUN MS SIGNAL [new]: starts or resumes the run and ends it after so many milliseconds, with `new` counted from a checkpoint that this start wrote. Its exit code.
killed() {
  local pid resume=()
  [ -e "$2" ] && resume=(--resume)  # also where it ended before its first checkpoint: from the start, then
  touch .started
  "$SKIPJOULE" train "$1" "${resume[@]}" -q -o "$2" > .out 2> .err &
  pid=$!
  if [ "${5:-}" = new ]; then
    until [ "$2/checkpoint.bin" -nt .started ] || ! kill -0 $pid 2> /dev/null; do sleep 0.005; done
  fi
  sleep "$(printf '%d.%03d' $(($3 / 1000)) $(($3 % 1000)))"
  kill -s "$4" $pid 2> /dev/null
  wait $pid 2> /dev/null
}

# Until so many kills are done, and half as many starts went on from a checkpoint, run after run; each run is compared once it has come to its end.
# Every second kill waits for a checkpoint: on a busy machine all moments drawn from an idle one's time may lie before the first.
run_through_kills() {
  local config=$1.cfg base=$1-1 wanted=$2 kills=0 resumed=0 attempts=0 run=$1-killed status moment from
  while { [ $kills -lt "$wanted" ] || [ $resumed -lt $((wanted / 2)) ]; } && [ $attempts -lt 100 ]; do
    attempts=$((attempts + 1))
    if ((attempts % 2)); then moment=$((span / 10 + RANDOM % span)) from=; else moment=$((RANDOM % (span / 2))) from=new; fi
    export OMP_NUM_THREADS=$((1 + RANDOM % 2))
    [ -e $run/checkpoint.bin ] && resumed=$((resumed + 1))
    killed $config $run $moment KILL $from
    status=$?
    if [ $status = 137 ]; then
      kills=$((kills + 1))
    elif [ $status = 0 ]; then
      same $run $base
      rm -rf $run
    else
      fault "$config: exit $status: $(cat .err)"
      rm -rf $run
    fi
  done
  if [ -e $run/checkpoint.bin ]; then
    works train $config --resume -o $run
    same $run $base
  fi
  checks=$((checks + 1))
  echo "$config: $kills kills, $resumed resumed, in $attempts starts of up to $span ms"
  [ $kills -ge "$wanted" ] && [ $resumed -ge $((wanted / 2)) ] || fault "$config: $kills kills with $resumed resumed were too few"
}

# One and two threads, twice; then the kills.
for name in plain all drawn; do
  span=1000000
  for threads in 1 2; do
    started=$(now_ms)
    OMP_NUM_THREADS=$threads works train $name.cfg -o $name-$threads
    took=$((($(now_ms) - started) * 7 / 10 + 50))
    [ $took -lt $span ] && span=$took  # the machine may have been busy
  done
  same $name-2 $name-1
  [ $name = plain ] && span_plain=$span
  works "$SKIPJOULE" trace check $name-1/trace.h5
  run_through_kills $name $kills_wanted
done
export OMP_NUM_THREADS=2
# Training goes on behind the epochs that were skipped: the last column of the rows.
checks=$((checks + 1))
for name in all drawn; do
  column=$(cut -d, -f13 $name-1/metrics.csv | tail -n +2 | tr '\n' ' ')
  [[ $column == *1*0* ]] || fault "$name: no epoch is trained behind a skipped one: $column"
done

# SIGINT: a checkpoint, exit 130, and the same end. Once just behind a checkpoint, whatever else the machine is doing.
interrupted=0
for part in 0 3 5 7; do
  rm -rf int
  if [ $part = 0 ]; then from=new; else from=; fi
  killed plain.cfg int $((span_plain * part / 10)) INT $from
  status=$?
  [ $status = 0 ] && continue  # it was through before
  interrupted=$((interrupted + 1))
  checks=$((checks + 1))
  [ $status = 130 ] || fault "SIGINT: exit $status: $(cat .err)"
  [ -e int ] || continue  # interrupted before its first step
  [ -e int/checkpoint.bin ] || fault "SIGINT left no checkpoint: $(ls -A int)"
  cp -r int kept
  works train plain.cfg --resume -o int
  same int plain-1
  [ -e stopped ] && rm -rf kept || mv kept stopped
done
checks=$((checks + 1))
[ $interrupted -gt 0 ] && [ -e stopped/checkpoint.bin ] || fault "no run was interrupted"

# What cannot be continued. `refused` sees that no file comes or changes its size; contents are compared at the end.
cp -r stopped before
refused 1 "exists" train plain.cfg -o stopped
refused 1 "optimizer.lr" train plain.cfg --set optimizer.lr=0.06 --resume -o stopped
refused 1 "network.width" train plain.cfg --set network.width=16 --resume -o stopped
refused 1 "epochs" train plain.cfg --set epochs=4 --resume -o stopped
refused 1 "seed" train plain.cfg --set seed=4 --resume -o stopped
refused 1 "method.eat" train plain.cfg --set method.eat.lambda=1 --set method.eat.sigma=1e-4 --set method.eat.reduce=mean --set method.eat.warmup_epochs=0.0 --resume -o stopped
checks=$((checks + 1))
diff -r before stopped || fault "a refused resume changed the run"

# A checkpoint with one byte changed, cut short, of another version, empty.
damage() {
  rm -rf damaged
  cp -r stopped damaged
  python3 - damaged/checkpoint.bin "$1" << 'PY'
import sys
path, how = sys.argv[1:]
data = bytearray(open(path, "rb").read())
if how == "flipped":
    data[len(data) // 2] ^= 4
elif how == "cut":
    del data[-8:]
elif how == "version":
    data[8] = 1
else:
    data = b""
open(path, "wb").write(data)
PY
  cp -r damaged damaged-before
  refused 1 "damaged/checkpoint.bin: $2" train plain.cfg --resume -o damaged
  checks=$((checks + 1))
  diff -r damaged-before damaged || fault "a damaged run was changed"
  rm -rf damaged-before
}
damage flipped "the file is damaged"
damage cut "the file is truncated"
damage version "checkpoint version 1"
damage empty "not a checkpoint"

# A network whose file was changed meanwhile, if only by a comment.
cp "$SOURCE/models/cnn8.cfg" own.cfg
short=(--set network.model=./own.cfg --set epochs=1 --set trace.epochs=[0] --set data.train_images=64)
works train plain.cfg "${short[@]}" -o own
echo "// changed" >> own.cfg
cp -r own own-before
refused 1 "was made with another version of" train plain.cfg "${short[@]}" --resume -o own
diff -r own-before own || fault "a refused resume changed the run"

# The run's own config.cfg, in which the zeros of the file have become numbers.
short=(--set network.width=0 --set epochs=1 --set trace.epochs=[0] --set data.train_images=64 --set data.test_images=0)
works train plain.cfg "${short[@]}" -o resolved
checks=$((checks + 1))
grep -q "width = 16;" resolved/config.cfg || fault "the model's own width is not in config.cfg"
works train resolved/config.cfg --resume -o resolved
works train plain.cfg "${short[@]}" --resume -o resolved

# Other data under the same names: one pixel. Other arithmetic: the kernels of another processor.
mkdir pixels
python3 - << 'PY'
import gzip, random, struct
random.seed(5)
for part, count in (("train", 64), ("t10k", 32)):
    with gzip.open(f"pixels/{part}-images-idx3-ubyte.gz", "wb") as f:
        f.write(struct.pack(">IIII", 0x803, count, 8, 8) + bytes(random.randrange(256) for _ in range(count * 64)))
    with gzip.open(f"pixels/{part}-labels-idx1-ubyte.gz", "wb") as f:
        f.write(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
PY
cat > pixels.cfg << 'CFG'
seed = 1; batch_size = 32; epochs = 1;
data = { name = "idx"; dir = "pixels"; };
network = { model = "mlp"; width = 16; };
optimizer = { lr = 0.01; momentum = 0.9; weight_decay = 0.0; schedule = "constant"; };
trace = { images = 1; };
CFG
works train pixels.cfg -o pixel
cp -r pixel pixel-before
works train pixels.cfg --resume -o pixel
if grep -q "kernels avx" pixel/checkpoint.bin; then
  SJ_KERNELS=portable refused 1 "rounds otherwise" train pixels.cfg --resume -o pixel
fi
python3 - << 'PY'
import gzip
path = "pixels/train-images-idx3-ubyte.gz"
data = bytearray(gzip.open(path).read())
data[16 + 700] ^= 1
gzip.open(path, "wb").write(data)
PY
refused 1 "was made from other data" train pixels.cfg --resume -o pixel
diff -r pixel-before pixel || fault "a refused resume changed the run"

# A folder with a trace and no checkpoint: it is another's, or its checkpoint is lost.
cp -r plain-1 lost
rm lost/checkpoint.bin
cp -r lost lost-before
refused 1 "no checkpoint.bin" train plain.cfg --resume -o lost
diff -r lost-before lost || fault "a refused resume changed the folder"

# Where ssProp selects on linear layers, they count as kept; where it may select on none, nothing does.
checks=$((checks + 1))
[ "$(cut -d, -f11 drawn-1/metrics.csv | sed -n 2p)" = 0.5 ] || fault "half of the linear layers' channels are kept, and metrics.csv says $(cut -d, -f11 drawn-1/metrics.csv | sed -n 2p)"
[ "$(cut -d, -f11 pixel/metrics.csv | sed -n 2p)" = "" ] || fault "no layer's channels are selected, and metrics.csv says $(cut -d, -f11 pixel/metrics.csv | sed -n 2p)"

# Interleaved ssProp begins with a dense epoch: a run of one epoch would have it by name alone.
refused 1 "method.ssprop: its schedule by epoch selects channels in none of the 1 trained epochs" train drawn.cfg --set method.ssprop.schedule=interleaved --set epochs=1 --set trace.epochs=[0] -o x

# Another process holds the folder.
mkdir held
refused 1 "another process is writing this run" flock held "$SKIPJOULE" train plain.cfg -q -o held
refused 1 "another process is writing this run" flock held "$SKIPJOULE" train plain.cfg -q --force -o held
cp -r stopped/. held
refused 1 "another process is writing this run" flock held "$SKIPJOULE" train plain.cfg -q --resume -o held
diff -r stopped held || fault "a refused resume changed the run"

# A forced run that comes to nothing leaves the older one; one that does not takes its place.
cp -r plain-1 forced
too_fast=(--set network.model=lenet5 --set network.width=0 --set checkpoint.minutes=0.0 --set 'optimizer={lr=900.0;momentum=0.9;weight_decay=0.0;schedule="constant";}')
refused 1 "epoch 0, iteration" train plain.cfg "${too_fast[@]}" --force -o forced
diff -r plain-1 forced || fault "a forced run without a checkpoint changed the older one"
works train plain.cfg --set epochs=1 --set trace.epochs=[0] --force -o forced
works train plain.cfg --set epochs=1 --set trace.epochs=[0] -o unforced
same forced unforced

# A run that is through says so and stays as it is.
cp -r plain-1 before-finished
checks=$((checks + 1))
"$SKIPJOULE" train plain.cfg --resume -o plain-1 > .out 2> .err
grep -q "the run is complete" .err || fault "resuming a finished run does not say so: $(cat .out .err)"
diff -r before-finished plain-1 || fault "resuming a finished run changed it"
finish
