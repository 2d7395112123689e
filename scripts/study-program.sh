# SPDX-License-Identifier: Apache-2.0
# Sourced by studies, with $root the project's folder: $program, built unless SKIPJOULE names one, and $fashion, the folder of Fashion-MNIST's files: SJ_DATA or fashion-mnist/ in it, empty without SJ_DATA.
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
cd "$root"
program=${SKIPJOULE:-build/demo/skipjoule}
if [ -z "${SKIPJOULE:-}" ]; then
  scripts/get-deps.sh --minimal
  cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSJ_TESTS=OFF > /dev/null
  cmake --build build/demo -j "$(nproc)" > /dev/null
fi
case $program in /*) ;; *) program=$root/$program ;; esac
fashion=
if [ -n "${SJ_DATA:-}" ]; then
  fashion=$SJ_DATA
  [ -e "$fashion/train-images-idx3-ubyte" ] || [ -e "$fashion/train-images-idx3-ubyte.gz" ] || fashion=$SJ_DATA/fashion-mnist
  [ -d "$fashion" ] || { echo "${0##*/}: SJ_DATA=$SJ_DATA holds no Fashion-MNIST" >&2; exit 1; }
fi
