#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows of a tech file's `sram` table from a CSV of CACTI runs.

Usage: tools/tech/cacti_rows.py CSV TECH_UM DEVICE      cacti_rows.py cacti.csv 0.045 itrs-lop
Columns read: tech_um, device_type, capacity_bytes, width_bits, read_energy_nJ, write_energy_nJ, leakage_mW, gate_leakage_mW, area_mm2, access_time_ns, cycle_time_ns. Rows without an energy
(CACTI found no organisation) are left out. Gate leakage is added to leakage; the last number is the longer of access time and cycle time.
"""
import csv
import sys


def rows(path, tech_um, device):
    with open(path, newline="") as f:
        for r in csv.DictReader(f):
            if float(r["tech_um"]) != tech_um or r["device_type"] != device or r["read_energy_nJ"] == "":
                continue
            yield (int(r["width_bits"]), int(r["capacity_bytes"]), 1e3 * float(r["read_energy_nJ"]), 1e3 * float(r["write_energy_nJ"]),
                   float(r["leakage_mW"]) + float(r["gate_leakage_mW"]), float(r["area_mm2"]), max(float(r["access_time_ns"]), float(r["cycle_time_ns"])))


def number(x):
    text = f"{x:.6g}"
    return text if "." in text or "e" in text else text + ".0"


def text(path, tech_um, device):
    found = sorted(rows(path, tech_um, device))
    if not found:
        raise ValueError(f"no rows of {tech_um} um, {device}")
    return ",\n".join("    (" + ", ".join([str(r[0]), str(r[1])] + [number(x) for x in r[2:]]) + ")" for r in found)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.split("\n\n")[1])
    try:
        print(text(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"{sys.argv[1]}: {e!r}")


if __name__ == "__main__":
    main()
