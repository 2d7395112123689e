#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Energies of our own RTL at gate level, and the tech file that follows from them (docs/calibration.md). From nothing: installs what it needs (get-deps.sh --calibrate).
# Usage: scripts/calibrate.sh OUT [ARGUMENT ...]     ARGUMENTs go to tools/calibrate/calibrate.py, e.g. --seed 2, --only int8. Makes OUT/{table.md,calibration.json,45nm-calibrated.cfg}
set -euo pipefail
usage="usage: calibrate.sh OUT [ARGUMENT ...]"
[ $# -ge 1 ] || { echo "$usage" >&2; exit 2; }
case $1 in
  -*) echo "calibrate: $1 is no folder; $usage" >&2; exit 2 ;;
  *[[:space:]]*) echo "calibrate: '$1' has a blank, which the synthesis tools do not take" >&2; exit 2 ;;
esac
root=$(cd "$(dirname "$0")/.." && pwd)
out=$1
shift
mkdir -p "$out/blocks" || exit 1
"$root/scripts/get-deps.sh" --calibrate

python=""
for candidate in ${SJ_PYTHON:-} python3 /usr/bin/python3; do
  if "$candidate" -c 'import h5py, numpy' 2> /dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || { echo "calibrate: no Python with h5py; install python3-h5py, or set SJ_PYTHON" >&2; exit 1; }
export SJ_PYTHON=$python PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

out=$(cd "$out" && pwd)
cc -std=c17 -O2 -Wall -Wextra -o "$out/blocks/toggles" "$root/tools/calibrate/toggles.c"
exec "$python" "$root/tools/calibrate/calibrate.py" "$out" --toggles "$out/blocks/toggles" --trace "$root/traces/samples/cnn8-train.h5" --tech "$root/configs/tech/45nm.cfg" "$@"
