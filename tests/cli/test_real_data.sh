# SPDX-License-Identifier: Apache-2.0
# Fashion-MNIST and CIFAR-10 from SJ_DATA (skipped without it): read, learned from, traced, simulated; a damaged copy is refused by name.
[ -n "${SJ_DATA:-}" ] || { echo "skipped: SJ_DATA is not set"; exit 77; }
source "$SOURCE/tests/cli/lib.sh"
images=6000
bar=0.6
[ "${SJ_SANITIZED:-0}" = 1 ] && images=512 && bar=0.0  # a sanitized build only shows that the way is sound

works "$SKIPJOULE" train "$SOURCE/configs/train/fashion-plain.cfg" --data "$SJ_DATA/fashion-mnist" --set data.train_images=$images --set data.test_images=1000 \
  --set epochs=1 --set batch_size=64 --set trace.images=2 -q -o fashion
works python3 - fashion/metrics.csv $bar << 'PY'
import csv, sys
accuracy = float(list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))[-1]["test_accuracy"])
print("test accuracy", accuracy)
sys.exit(not accuracy >= float(sys.argv[2]))
PY
works "$SKIPJOULE" trace check fashion/trace.h5
says "ok"
works "$SKIPJOULE" sim fashion/trace.h5 --accel edge16 --batch 2 -q

sed 's#data = .*#data = { name = "cifar10"; train_images = 256; test_images = 128; };#; s/epochs = 4/epochs = 1/' "$SOURCE/configs/train/glyphs-ssprop.cfg" > cifar.cfg
works "$SKIPJOULE" train cifar.cfg --data "$SJ_DATA/cifar-10-batches-bin" --set trace.images=2 --set method.ssprop.schedule=constant -q -o cifar
works "$SKIPJOULE" trace check cifar/trace.h5
works "$SKIPJOULE" sim cifar/trace.h5 --accel edge256 --batch 2 -q

mkdir damaged
cp "$SJ_DATA"/fashion-mnist/* damaged/
head -c 100000 "$SJ_DATA/fashion-mnist/train-images-idx3-ubyte.gz" > damaged/train-images-idx3-ubyte.gz
refused 1 "train-images-idx3-ubyte.gz" "$SKIPJOULE" train "$SOURCE/configs/train/fashion-plain.cfg" --data damaged -q -o never
finish
