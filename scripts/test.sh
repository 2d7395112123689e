#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Set-up, build and every test, in the release and the asan build. Real data: SJ_DATA=DIR (else its tests are skipped and counted).
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=passive  # spinning threads starve each other where other programs run too
scripts/get-deps.sh
jobs=$(nproc)
for preset in release asan; do
  cmake --preset "$preset" > /dev/null
  cmake --build --preset "$preset" -j "$jobs"
done
status=0
for preset in asan release; do
  echo "=== tests of the $preset build"
  ctest --preset "$preset" -j "$jobs" || status=1
done
exit $status
