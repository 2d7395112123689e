#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Of scripts/study-sweep.sh: draws points, compares one with `sim --json`, and the volumes that searches dominate with that of the grid. The volume is computed here by itself, not by the program's own."""
import csv
import json
import math
import random
import sys

OBJECTIVES = (("energy_pj", "cycles"), ("energy_pj", "cycles", "area_mm2"))


def valid_rows(path):
    return [row for row in csv.DictReader(open(path)) if row["valid"] == "1"]


def sample(path, count):
    print("\n".join(row["id"] for row in random.Random(1).sample(valid_rows(path), int(count))))


def equal(point, point_path, sim_path):
    values = {line.split()[0]: float(line.split()[1]) for line in open(point_path) if "  # " in line}
    (run,) = json.load(open(sim_path))["variants"].values()
    total = run["total"]
    want = {"cycles": total["cycles"], "energy_pj": total["energy_pj"]["total"], "energy_low_pj": total["energy_pj_low"]["total"], "energy_high_pj": total["energy_pj_high"]["total"],
            "dram_bytes": total["dram_bytes"]["read"] + total["dram_bytes"]["write"]}
    for name, value in want.items():
        if values[name] != value:
            sys.exit(f"point {point}: {name} is {values[name]!r} in the sweep, {value!r} by itself")


def volume(rows, reference):
    """Volume between the rows and the reference point, two or three objectives, all to be least."""
    rows = sorted(row for row in rows if all(x < r for x, r in zip(row, reference)))
    if len(reference) == 2:
        total, lowest = 0.0, reference[1]
        for x, y in rows:
            if y < lowest:
                total += (reference[0] - x) * (lowest - y)
                lowest = y
        return total
    total = 0.0
    heights = sorted({row[2] for row in rows}) + [reference[2]]
    for low, high in zip(heights, heights[1:]):
        total += (high - low) * volume([row[:2] for row in rows if row[2] <= low], reference[:2])
    return total


def points(path, names):
    return [tuple(float(row[name]) for name in names) for row in valid_rows(path)]


def front(rows):
    kept = []
    for row in sorted(set(rows)):
        if not any(all(k <= r for k, r in zip(other, row)) for other in kept):
            kept.append(row)
    return kept


def strict(rows, best):
    """Logarithms against the true front's own worst values: what remains where the grid's worst points do not count."""
    reference = [math.log(max(row[i] for row in best) * 1.02) for i in range(len(best[0]))]
    return volume([tuple(math.log(x) for x in row) for row in front(rows)], reference)


def volumes(grid_path, *paths):
    for names in OBJECTIVES:
        grid = points(grid_path, names)
        best = front(grid)
        worst = [max(row[i] for row in grid) for i in range(len(names))]
        whole, whole_strict = volume(best, worst), strict(best, best)
        counts = [sum(1 for _ in csv.DictReader(open(path))) for path in paths]
        shares = [volume(front(points(path, names)), worst) / whole for path in paths]
        stricter = [strict(points(path, names), best) / whole_strict for path in paths]
        found = [len(set(best) & set(points(path, names))) for path in paths]
        print(f"{', '.join(names)}: front of the grid {len(best)} of {len(grid)} valid points; points looked at: {max(counts)} at most")
        print(f"  hypervolume, share of the grid's (reference: its worst values): least {min(shares):.4f}, mean {sum(shares) / len(shares):.4f}")
        print(f"  of logarithms, against the front's own worst values x 1.02:     least {min(stricter):.4f}, mean {sum(stricter) / len(stricter):.4f}")
        print(f"  points of the front found: {min(found)} to {max(found)}")
        # As many points at random, for comparison.
        rows = [tuple(float(row[name]) for name in names) if row["valid"] == "1" else None for row in csv.DictReader(open(grid_path))]
        drawn = [[row for row in random.Random(seed).sample(rows, max(counts)) if row] for seed in range(100)]
        print(f"  as many points at random, a hundred times: least {min(volume(front(d), worst) / whole for d in drawn):.4f}, mean {sum(volume(front(d), worst) / whole for d in drawn) / 100:.4f};"
              f" stricter {min(strict(d, best) / whole_strict for d in drawn):.4f}, {sum(strict(d, best) / whole_strict for d in drawn) / 100:.4f}")


if __name__ == "__main__":
    {"sample": sample, "equal": equal, "volumes": volumes}[sys.argv[1]](*sys.argv[2:])
