#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The exporter for PyTorch and the trainer's export make the same trace of the same parameters and batch: layer table, tensors, links, counts.

usage: test_equal.py DUMP_STEP MODELS_DIR TOOLS_DIR SKIPJOULE
"""
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import torch.nn.functional as F

from rebuild import Dump, Network, difference

LIMIT = 1e-5


def automatic_names(dump):
    """The exporter's own names of what is no module here: sums, forks, the loss."""
    names, own, sums = {}, {}, 0
    for row in dump.rows:
        if row["kind"] == "add":
            sums += 1
            own[row["number"]] = "add" if sums == 1 else f"add_{sums}"
        elif row["kind"] == "fork":
            own[row["number"]] = own[row["inputs"][0]] + ".fork"
        elif row["kind"] == "softmax_ce":
            own[row["number"]] = "loss"
        else:
            own[row["number"]] = row["name"]
        names[own[row["number"]]] = row["name"]
    return names


def tensors_of(step):
    found = {}
    step.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    for layer in step:  # visititems shows a dataset with several names once
        found.update({f"{layer}/{name}": step[layer][name] for name in step[layer]})
    return found


def links_of(tensors):
    """Which names are one dataset."""
    groups = {}
    for name, dataset in tensors.items():
        groups.setdefault(h5py.h5o.get_info(dataset.id).addr, set()).add(name)
    return {frozenset(group) for group in groups.values()}


def compare_tables(ours, theirs, faults):
    for column in ours:
        a, b = ours[column][...], theirs[column][...]
        if a.shape != b.shape or np.any(a != b):
            where = [i for i in range(min(len(a), len(b))) if np.any(a[i] != b[i])] if a.shape[1:] == b.shape[1:] else []
            names = [(ours["name"][i].decode(), str(a[i]), str(b[i])) for i in where[:4]]
            faults.append(f"table, column {column}: shapes {a.shape}, {b.shape}; the trainer's and the exporter's differ at {names}")


def compare_steps(ours, theirs, faults):
    a, b = tensors_of(ours), tensors_of(theirs)
    for name in sorted(set(a) ^ set(b)):
        faults.append(f"{name} is only in the {'trainer' if name in a else 'exporter'}'s trace")
    worst, where, off = 0.0, "", 0
    for name in sorted(set(a) & set(b)):
        x, y = a[name], b[name]
        if x.shape != y.shape or x.dtype != y.dtype:
            faults.append(f"{name}: {x.dtype} {x.shape} and {y.dtype} {y.shape}")
            continue
        norm, _ = difference(x[...], y[...])
        if norm > worst:
            worst, where = norm, name
        if not norm <= LIMIT:
            faults.append(f"{name} differs by {norm:.2e} (norm-wise)")
        counts = [(int(t.attrs["full_nonzero"]), int(t.attrs["full_count"])) for t in (x, y)]
        off = max(off, abs(counts[0][0] - counts[1][0]))
        if counts[0][1] != counts[1][1] or abs(counts[0][0] - counts[1][0]) > 3:
            faults.append(f"{name}: nonzero and all values of the batch: {counts[0]} and {counts[1]}")
    one, other = links_of(a), links_of(b)
    for group in one - other:
        faults.append(f"one dataset in the trainer's trace alone: {sorted(group)}")
    for group in other - one:
        faults.append(f"one dataset in the exporter's trace alone: {sorted(group)}")
    return worst, where, off, len(a), len(one)


def no_corner(dump, network):
    """No value so near to a ReLU's corner that rounding decides: its derivative may be either."""
    network.eval()
    probe = Network(dump, dump_corners=True)
    probe.train()
    probe(dump.images)
    return probe.corners == 0


def run_case(program, models, skipjoule, exporter, model, width):
    for seed in range(1, 6):
        whole = Dump(program, os.path.join(models, f"{model}.cfg"), f"width={width}", "batch=8", f"seed={seed}")
        if no_corner(whole, Network(whole)):
            break
    dump = Dump(program, os.path.join(models, f"{model}.cfg"), f"width={width}", "batch=8", "images=3", f"seed={seed}")
    network, faults = Network(dump), []
    network.train()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "torch.h5")
        with exporter.Exporter(network, path, images=3, dtype="float32", seed=seed, network="test", dataset="random", names=automatic_names(dump)) as e:
            e.step(F.cross_entropy, dump.images, dump.labels, which=dump.which)
        checked = subprocess.run([skipjoule, "trace", "check", path], capture_output=True, text=True, check=False) if skipjoule else None
        if checked and checked.returncode != 0:
            faults.append(f"trace check: {checked.stderr.strip()}")
        with h5py.File(path, "r") as theirs:
            compare_tables(dump.trace["network"], theirs["network"], faults)
            for name in ("format", "version", "batch_size", "images", "seed", "method"):
                if dump.trace.attrs[name] != theirs.attrs[name]:
                    faults.append(f"attribute {name}: {dump.trace.attrs[name]} and {theirs.attrs[name]}")
            worst, where, off, tensors, datasets = compare_steps(dump.step, theirs["steps/0"], faults)
    print(f"{model}, seed {seed}: {len(dump.rows)} layers, {tensors} tensors in {datasets} datasets; largest relative difference {worst:.1e} ({where}), counts differ by at most {off}", flush=True)
    return [f"{model}: {fault}" for fault in faults]


def main():
    program, models, tools = sys.argv[1:4]
    skipjoule = sys.argv[4] if len(sys.argv) > 4 else None
    sys.path.insert(0, tools)
    import export_torch
    faults = []
    for model, width in (("resnet8", 8), ("lenet5", 6), ("cnn8", 8)):
        faults += run_case(program, models, skipjoule, export_torch, model, width)
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
