# SPDX-License-Identifier: Apache-2.0
# asic_ratio of metrics.csv equals tools/asic_ratio.py's, which counts the tensors of the same test images in the trace. Skipped where there is no h5py.
/usr/bin/python3 -c "import h5py" 2> /dev/null || { echo "skipped: no h5py"; exit 77; }
source "$SOURCE/tests/cli/lib.sh"
export OMP_WAIT_POLICY=passive

# compare MODEL WIDTH DTYPE INPLACE
compare() {
  local flag=()
  [ "$4" = true ] && flag=(--inplace-relu)
  rm -rf run
  works "$SKIPJOULE" train "$SOURCE/configs/train/glyphs-plain.cfg" --set network.model="$1" --set network.width="$2" --set compute.dtype="$3" --set evaluate.inplace_relu="$4" \
    --set evaluate.asic_ratio=true --set evaluate.asic_batch=16 --set data.train_images=128 --set data.test_images=32 --set batch_size=32 --set epochs=1 \
    --set trace.images=32 --set trace.dtype=float32 -q -o run
  works /usr/bin/python3 "$SOURCE/tools/asic_ratio.py" run/trace.h5 --batch 16 --input "${flag[@]}"
  cp .out there.json
  works python3 - << 'PY'
import csv, json
here = float(list(csv.DictReader(open("run/metrics.csv", encoding="utf-8")))[-1]["asic_ratio"])
there = json.load(open("there.json", encoding="utf-8"))["asic_ratio"]
print(here, there)
raise SystemExit(not (0.0 < here < 1.0 and abs(here - there) <= 1e-6 * there))
PY
  cat .out
}
compare cnn8 4 f32 false
compare cnn8 4 bf16 true
compare resnet8 4 f32 true
compare mlp 16 f32 false
finish
