#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a Python test with the first Python that has numpy and h5py: SJ_PYTHON, the one in PATH, the system's. Exit 77 (skipped) where none has. Usage: run.sh TEST.py [ARG ...]
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
test=$(dirname "$0")/$1
shift
for python in ${SJ_PYTHON:-} python3 /usr/bin/python3; do
  if "$python" -c 'import numpy, h5py' 2> /dev/null; then
    exec "$python" "$test" "$@"
  fi
done
echo "skipped: no Python with numpy and h5py; install python3-h5py, or set SJ_PYTHON"
exit 77
