# SPDX-License-Identifier: Apache-2.0
# scripts/fetch-data.sh against a folder that stands for the servers: whole, damaged, missing, unknown and interrupted.
source "$SOURCE/tests/cli/lib.sh"
command -v curl > /dev/null || { echo "skipped: curl is not installed, and wget reads no file:// address"; exit 77; }
fetch=$SOURCE/scripts/fetch-data.sh
mkdir server
export SJ_FETCH_BASE="file://$PWD/server" SJ_FETCH_SUMS=$PWD/sums
: > sums

publish() { echo "${2:-md5} $("${2:-md5}sum" < "server/$1" | cut -d' ' -f1) $1" >> sums; }

# The archives in small: the layout of the real ones, other content.
mkdir cifar-10-batches-bin cifar-100-binary
for i in 1 2 3 4 5; do echo "batch $i" > cifar-10-batches-bin/data_batch_$i.bin; done
echo test > cifar-10-batches-bin/test_batch.bin
echo train > cifar-100-binary/train.bin
echo test > cifar-100-binary/test.bin
tar -czf server/cifar-10-binary.tar.gz cifar-10-batches-bin
tar -czf server/cifar-100-binary.tar.gz cifar-100-binary
rm -r cifar-10-batches-bin cifar-100-binary
for part in train t10k; do
  echo "$part images" | gzip -n > server/$part-images-idx3-ubyte.gz
  echo "$part labels" | gzip -n > server/$part-labels-idx1-ubyte.gz
done
python3 - << 'PY'
import zipfile
with zipfile.ZipFile("server/GTSRB_Final_Training_Images.zip", "w") as z:
    for i in range(43):
        z.writestr(f"GTSRB/Final_Training/Images/{i:05d}/GT-{i:05d}.csv", "csv")
with zipfile.ZipFile("server/GTSRB_Final_Test_Images.zip", "w") as z:
    z.writestr("GTSRB/Final_Test/Images/00000.ppm", "ppm")
with zipfile.ZipFile("server/GTSRB_Final_Test_GT.zip", "w") as z:
    z.writestr("GT-final_test.csv", "truth")
PY

# Wrong calls.
refused 2 "usage: scripts/fetch-data.sh" "$fetch"
refused 2 "not 1 arguments" "$fetch" cifar10
refused 2 "unknown data set 'cifar'" "$fetch" cifar data
refused 2 "'cifar01' (did you mean cifar10?)" "$fetch" cifar01 data
refused 2 "'cifar-100' (did you mean cifar100?)" "$fetch" cifar-100 data
refused 2 "'fashon-mnist' (did you mean fashion-mnist?)" "$fetch" fashon-mnist data
refused 2 "'imagenet'; usage" "$fetch" imagenet data
for option in -h --help; do
  works "$fetch" $option
  says "usage: scripts/fetch-data.sh [--no-verify] cifar10|cifar100|fashion-mnist|mnist|gtsrb DIR"
  [ ! -s .err ] || fault "$option writes on stderr: $(cat .err)"
done
refused 2 "cifar10|cifar100|fashion-mnist|mnist|gtsrb" "$fetch" --noverify cifar10 data

# Without a published checksum: stopped, or used on demand.
mkdir data
refused 1 "cifar-10-binary.tar.gz: no published checksum is known" "$fetch" cifar10 data
works "$fetch" --no-verify cifar10 data
grep -q "not verified" .err || fault "the unverified file is not named: $(cat .err)"
rm -r data/cifar-10-batches-bin

# With the right one.
for file in server/*; do publish "${file#server/}" "$([ "$file" = server/cifar-100-binary.tar.gz ] && echo sha256 || echo md5)"; done
works "$fetch" cifar10 data
says 'ready: data.name = "cifar10", --data data/cifar-10-batches-bin'
[ "$(cat data/cifar-10-batches-bin/data_batch_5.bin)" = "batch 5" ] || fault "data_batch_5.bin is not what was packed"
[ "$(ls -A data)" = cifar-10-batches-bin ] || fault "more than the data is left: $(ls -A data)"
works "$fetch" cifar100 data
says '--data data/cifar-100-binary'
works "$fetch" gtsrb "deep er/data"
says 'ready: data.name = "gtsrb", --data deep er/data/GTSRB'
[ "$(cat "deep er/data/GTSRB/GT-final_test.csv")" = truth ] || fault "the annotation of the test images is not in place"
[ -e "deep er/data/GTSRB/Final_Training/Images/00042/GT-00042.csv" ] || fault "a training class is not in place"
[ "$(ls -A "deep er/data")" = GTSRB ] || fault "more than the data is left: $(ls -A "deep er/data")"
for name in mnist fashion-mnist; do
  works "$fetch" $name $name
  says "ready: data.name = \"$name\", --data $name"
  [ "$(zcat $name/t10k-labels-idx1-ubyte.gz)" = "t10k labels" ] || fault "$name: labels are not what was packed"
  [ "$(ls -A $name | wc -l)" -eq 4 ] || fault "$name: not four files: $(ls -A $name)"
done

# What is there is not fetched again: the server may be away.
mv server away
works "$fetch" cifar10 data
grep -q "is there already" .err || fault "it is not said that the data is there: $(cat .err)"
works "$fetch" mnist mnist
refused 1 "cifar-10-binary.tar.gz: cannot be fetched" "$fetch" cifar10 mnist
mv away server

# A file that is not the published one: on the server, and in the folder.
cp server/cifar-10-binary.tar.gz kept
printf x >> server/cifar-10-binary.tar.gz
mkdir other
refused 1 "published is $(md5sum < kept | cut -d' ' -f1)" "$fetch" cifar10 other
refused 1 "it is not used" "$fetch" --no-verify cifar10 other
mv kept server/cifar-10-binary.tar.gz
printf x >> server/cifar-100-binary.tar.gz
refused 1 "cifar-100-binary.tar.gz: sha256 is" "$fetch" cifar100 other
printf x >> mnist/train-images-idx3-ubyte.gz
refused 1 "mnist/train-images-idx3-ubyte.gz is there already, with other content" "$fetch" mnist mnist

# An archive that is verified, yet cannot be used, leaves the archive alone: repeated, it says the same.
echo "no archive" > server/cifar-100-binary.tar.gz
sed -i '/cifar-100/d' sums
publish cifar-100-binary.tar.gz
mkdir odd
for turn in 1 2; do
  "$fetch" cifar100 odd > .out 2> .err && fault "an archive that is none was accepted"
  grep -q "cifar-100-binary.tar.gz: cannot be unpacked" .err || fault "turn $turn: $(cat .err)"
  [ "$(ls -A odd)" = cifar-100-binary.tar.gz ] || fault "turn $turn left $(ls -A odd)"
done
mkdir cifar-100-binary
echo train > cifar-100-binary/train.bin
tar -czf server/cifar-100-binary.tar.gz cifar-100-binary
sed -i '/cifar-100/d' sums
publish cifar-100-binary.tar.gz
rm odd/*
"$fetch" cifar100 odd > .out 2> .err && fault "an archive without test.bin was accepted"
grep -q "cifar-100-binary/test.bin is not in it" .err || fault "the missing file is not named: $(cat .err)"

# Interrupted while a file is on its way: nothing is left, and the next run goes on.
mkfifo server/slow
mv server/cifar-10-binary.tar.gz kept
mv server/slow server/cifar-10-binary.tar.gz
mkdir late
timeout -s TERM 1 "$fetch" cifar10 late > .out 2> .err
status=$?
[ $status -eq 124 ] || fault "it was to be interrupted, exit $status: $(cat .err)"
[ -z "$(ls -A late)" ] || fault "an interrupted run left $(ls -A late)"
rm server/cifar-10-binary.tar.gz
mv kept server/cifar-10-binary.tar.gz
works "$fetch" cifar10 late
says '--data late/cifar-10-batches-bin'

# The checksums in the script itself: none for what stands here.
unset SJ_FETCH_SUMS
for name in cifar10 mnist fashion-mnist gtsrb; do
  refused 1 "published is" "$fetch" $name other
done
finish
