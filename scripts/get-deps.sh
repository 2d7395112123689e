#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that Skipjoule is built from. Idempotent: what is there is left alone. Without root it prints the command.
# Usage: scripts/get-deps.sh [--minimal | --calibrate]     --calibrate: what scripts/calibrate.sh needs, alone. --minimal: what the program needs; else also what the tests need. Of those python3-torch is the largest: with what it depends on 64 MB to
# download, 270 MB installed, for tests/torch and bench/train alone; without it those tests are skipped. slurm-wlm, slurmctld, slurmd, slurm-client and munge are for tests/slurm alone, skipped without them; no daemon of them need run.
# chromium, a font for it and Node.js are for tests/html alone, which fetches one npm package (playwright-core) and is skipped without them.
set -euo pipefail

packages=(build-essential cmake ninja-build pkg-config libsystemc-dev verilator libconfig-dev libhdf5-dev libdnnl-dev ocl-icd-opencl-dev libjansson-dev zlib1g-dev libpng-dev libsqlite3-dev libjs-vega python3)
case "${1:-}" in
  --minimal) ;;
  "")
    packages+=(libcmocka-dev python3-h5py python3-torch slurm-wlm slurmctld slurmd slurm-client munge chromium fonts-dejavu-core)
    if ! command -v node > /dev/null || ! command -v npm > /dev/null; then  # another Node.js than Debian's is as good, and they do not install side by side
      packages+=(nodejs npm)
    fi ;;
  --calibrate) packages=(build-essential verilator yosys iverilog qflow-tech-osu018 opensta python3 python3-h5py python3-numpy) ;;
  *) echo "get-deps.sh: unknown argument '$1'; allowed: --minimal, --calibrate" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "get-deps: all ${#packages[@]} packages are installed" >&2
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "get-deps: ${#missing[@]} packages are missing; as root run:" >&2
  echo "apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >&2
apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
echo "get-deps: installed ${missing[*]}" >&2
