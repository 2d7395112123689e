#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a Python test with the first Python that has torch and h5py: SJ_PYTHON, the one in PATH, the system's. Exit 77 (skipped) where none has. Usage: run.sh TEST.py [ARG ...]
set -euo pipefail
export OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=1
test=$(dirname "$0")/$1
shift
for python in ${SJ_PYTHON:-} python3 /usr/bin/python3; do
  if "$python" -c 'import torch, h5py' 2> /dev/null; then
    exec "$python" "$test" "$@"
  fi
done
echo "skipped: no Python with torch and h5py; install python3-torch and python3-h5py, or set SJ_PYTHON"
exit 77
