#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches a public data set, checks it and unpacks it. Usage: scripts/fetch-data.sh [--no-verify] NAME DIR     NAME: cifar10, cifar100, fashion-mnist, mnist, gtsrb
# Every file is compared with a published checksum: one that differs is never used; one without a known checksum is used with --no-verify alone. Nothing half-fetched or half-unpacked keeps a
# final name, so a run that was interrupted is repeated; what is there already is not fetched again. The last line says what to give to skipjoule.
# SJ_FETCH_BASE=URL: take the files from there (a mirror; file:///folder works with curl). SJ_FETCH_SUMS=FILE: its lines (md5|sha256 SUM NAME) in place of the checksums below.
set -euo pipefail

usage="usage: scripts/fetch-data.sh [--no-verify] cifar10|cifar100|fashion-mnist|mnist|gtsrb DIR"
fail() {
  echo "fetch-data.sh: $*" >&2
  exit 1
}
wrong_call() {
  echo "fetch-data.sh: $*; $usage" >&2
  exit 2
}
help() {
  cat << EOF
$usage

Fetches a public data set into DIR, compares every file with its published checksum and unpacks it; the last line says what to give to skipjoule.

  --no-verify   also use a file of which no published checksum is known
  -h, --help    this text

SJ_FETCH_BASE=URL      take the files from there (a mirror; file:///folder works with curl)
SJ_FETCH_SUMS=FILE     checksums in place of the published ones: lines of md5|sha256 SUM NAME
EOF
}

# The data set with the nearest name, by Levenshtein's distance; none where a third of the word and more is different.
nearest() {
  awk -v word="$1" 'function least(a, b) { return a < b ? a : b }
    {
      for (j = 0; j <= length($1); j++) row[j] = j
      for (i = 1; i <= length(word); i++) {
        diagonal = row[0]; row[0] = i
        for (j = 1; j <= length($1); j++) {
          above = row[j]
          row[j] = least(least(above, row[j - 1]) + 1, diagonal + (substr(word, i, 1) != substr($1, j, 1)))
          diagonal = above
        }
      }
      if (NR == 1 || row[length($1)] < best) { best = row[length($1)]; name = $1 }
    }
    END { if (best <= 1 + length(word) / 3) print name }' << EOF
cifar10
cifar100
fashion-mnist
mnist
gtsrb
EOF
}

# Checksums. CIFAR: md5 on the authors' page, https://www.cs.toronto.edu/~kriz/cifar.html. Fashion-MNIST: md5 in the authors' README, github.com/zalandoresearch/fashion-mnist. MNIST (from
# PyTorch's mirror) and GTSRB (https://benchmark.ini.rub.de, which leads to this archive): not published by the authors; these are what the loaders of several independent projects compare
# with, among them torchvision-ruby (MNIST, sha256) and torchvision (GTSRB's test images and annotation, md5); of the training images, the loaders that fetch this archive agree.
sums="md5 c32a1d4ab5d03f1284b67883e8d87530 cifar-10-binary.tar.gz
md5 03b5dce01913d631647c71ecec9e9cb8 cifar-100-binary.tar.gz
md5 8d4fb7e6c68d591d4c3dfef9ec88bf0d fashion-mnist/train-images-idx3-ubyte.gz
md5 25c81989df183df01b3e8a0aad5dffbe fashion-mnist/train-labels-idx1-ubyte.gz
md5 bef4ecab320f06d8554ea6380940ec79 fashion-mnist/t10k-images-idx3-ubyte.gz
md5 bb300cfdad3c16e7a12a480ee83cd310 fashion-mnist/t10k-labels-idx1-ubyte.gz
sha256 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609 mnist/train-images-idx3-ubyte.gz
sha256 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c mnist/train-labels-idx1-ubyte.gz
sha256 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6 mnist/t10k-images-idx3-ubyte.gz
sha256 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6 mnist/t10k-labels-idx1-ubyte.gz
md5 f33fd80ac59bff73c82d25ab499e03a3 GTSRB_Final_Training_Images.zip
md5 c7e4e6327067d32654124b0fe9e82185 GTSRB_Final_Test_Images.zip
md5 fe31e9c9270bbcd7b84b7f21a9d9d9e5 GTSRB_Final_Test_GT.zip"

case ${1:-} in
  -h | --help) help; exit 0 ;;
esac
verify=1
if [ "${1:-}" = --no-verify ]; then
  verify=0
  shift
fi
[ $# -eq 2 ] || wrong_call "a name and a folder are needed, not $# arguments"
name=$1
dir=$2
idx=(train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz)
case $name in
  cifar10) base=https://www.cs.toronto.edu/~kriz files=(cifar-10-binary.tar.gz) folder=cifar-10-batches-bin
           needed=(data_batch_{1,2,3,4,5}.bin test_batch.bin) ;;
  cifar100) base=https://www.cs.toronto.edu/~kriz files=(cifar-100-binary.tar.gz) folder=cifar-100-binary
            needed=(train.bin test.bin) ;;
  gtsrb) base=https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370 folder=GTSRB
         files=(GTSRB_Final_Training_Images.zip GTSRB_Final_Test_Images.zip GTSRB_Final_Test_GT.zip)
         needed=(Final_Training/Images/000{00..42} Final_Test/Images GT-final_test.csv) ;;
  fashion-mnist) base=http://fashion-mnist.s3-website.eu-central-1.amazonaws.com files=("${idx[@]}") folder= ;;
  mnist) base=https://ossci-datasets.s3.amazonaws.com/mnist files=("${idx[@]}") folder= ;;
  *) near=$(nearest "$name")
     wrong_call "unknown data set '$name'${near:+ (did you mean $near?)}" ;;
esac
base=${SJ_FETCH_BASE:-$base}
[ -z "${SJ_FETCH_SUMS:-}" ] || sums=$(cat "$SJ_FETCH_SUMS") || fail "SJ_FETCH_SUMS: cannot read $SJ_FETCH_SUMS"

temporary=
trap '[ -z "$temporary" ] || rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM

download() {  # URL FILE
  if command -v curl > /dev/null; then
    curl --fail --location --retry 3 --silent --show-error --output "$2" "$1"
  elif command -v wget > /dev/null; then
    wget --tries=3 --no-verbose --output-document="$2" "$1"
  else
    fail "neither curl nor wget is installed"
  fi
}

# check FILE NAME: is it what was published under this name?
check() {
  local entry kind want got
  entry=$(awk -v a="$2" -v b="$name/$2" '$3 == a || $3 == b' <<< "$sums")
  if [ -z "$entry" ]; then
    [ $verify -eq 0 ] || fail "$2: no published checksum is known, so it cannot be verified; --no-verify uses it all the same"
    echo "fetch-data: $2: not verified, no published checksum is known" >&2
    return 0
  fi
  read -r kind want _ <<< "$entry"
  case $kind in
    md5 | sha256) got=$("${kind}sum" < "$1") ;;
    *) fail "checksum of $2: unknown kind '$kind'; allowed: md5, sha256" ;;
  esac
  [ "${got%% *}" = "$want" ] || fail "$2: $kind is ${got%% *}, published is $want: not the file that was meant, or damaged on its way; it is not used"
}

fetch() {  # FILE: into DIR, under its name once it is verified
  if [ -e "$dir/$1" ]; then
    (check "$dir/$1" "$1") || fail "$dir/$1 is there already, with other content; remove it to fetch it again"
    return 0
  fi
  echo "fetch-data: $base/$1" >&2
  temporary=$dir/.$1.part-$$
  download "$base/$1" "$temporary" || fail "$base/$1: cannot be fetched"
  check "$temporary" "$1"
  mv "$temporary" "$dir/$1"
  temporary=
}

unpack() {  # all archives into one folder; it gets its name when all that is needed is there
  temporary=$dir/.unpack-$$
  mkdir "$temporary"
  for file in "${files[@]}"; do
    case $file in
      *.tar.gz) tar -xzf "$dir/$file" -C "$temporary" --no-same-owner ;;
      *.zip) python3 -m zipfile -e "$dir/$file" "$temporary" ;;
    esac 2> "$temporary/.why" || fail "$file: cannot be unpacked: $(tail -n 1 "$temporary/.why")"
  done
  [ ! -e "$temporary/GT-final_test.csv" ] || mv "$temporary/GT-final_test.csv" "$temporary/$folder/"
  for file in "${needed[@]}"; do
    [ -e "$temporary/$folder/$file" ] || fail "${files[*]}: $folder/$file is not in it"
  done
  mv "$temporary/$folder" "$dir/$folder"
  rm -rf "$temporary"
  temporary=
  for file in "${files[@]}"; do rm "$dir/$file"; done
}

mkdir -p "$dir"
if [ -n "$folder" ] && [ -e "$dir/$folder" ]; then
  echo "fetch-data: $dir/$folder is there already; remove it to fetch it again" >&2
else
  for file in "${files[@]}"; do fetch "$file"; done
  [ -z "$folder" ] || unpack
fi
echo "ready: data.name = \"$name\", --data $dir${folder:+/$folder}"
