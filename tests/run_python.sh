#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a Python test with the first Python that has its modules: SJ_PYTHON, the one in PATH, the system's. Exit 77 (skipped) where none has. Usage: run_python.sh "MODULE, ..." TEST.py [ARG ...]
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
modules=$1
shift
for python in ${SJ_PYTHON:-} python3 /usr/bin/python3; do
  if "$python" -c "import $modules" 2> /dev/null; then
    exec "$python" "$@"
  fi
done
echo "skipped: no Python with $modules; install the Debian packages (python3-h5py brings numpy; python3-torch), or set SJ_PYTHON"
exit 77
