#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""asic_ratio of an inference step of a trace, counted from its tensors with NumPy: a restatement of the definition that shares nothing with trainer/sj_asic_ratio.c.

    asic_ratio.py TRACE [--step N] [--batch 512] [--inplace-relu] [--input]

Needs all images of the step's batch in the trace (trace.images = the batch). Prints JSON. Python 3 with h5py and NumPy.

Per forward pass over all leaf modules: P, I, O = numbers of parameters and buffers, of inputs, of outputs; * the nonzero ones, |x| > 2^-126; C = computations.
E_opt = 1950 (P* + I* + O*) + 3.7 C (P*/P) (I*/I), E_worst = 1950 (P + I + O) + 3.7 C, in pJ; ratio = E_opt / E_worst, mean over batches.
What the definition leaves open stands in trainer/sj_asic_ratio.h and is done here as well.
"""
import argparse
import json
import os
import sys

import h5py
import numpy as np

DRAM_PJ, COMPUTATION_PJ = 1950.0, 3.7
SMALLEST = 2.0 ** -126
LEAF_KINDS = ("conv", "linear", "bn", "relu", "maxpool", "avgpool", "dropout")


def nonzero(values):
    return int(np.count_nonzero(np.abs(values.astype(np.float64)) > SMALLEST))


class Step:
    """An eval step with its layer table."""

    def __init__(self, file, number):
        kind = file.attrs.get("format")
        if kind not in ("skipjoule-trace", b"skipjoule-trace"):
            raise SystemExit(f"{file.filename}: its attribute \"format\" is {kind!r}; a trace's is \"skipjoule-trace\"")
        self.table = {name: file["network"][name][...] for name in ("name", "kind", "input_count", "inputs", "kernel")}
        self.names = [n.decode().rstrip("\0") for n in self.table["name"]]
        self.kinds = [k.decode().rstrip("\0") for k in self.table["kind"]]
        steps = {int(k): v for k, v in file["steps"].items() if v.attrs["mode"] in ("eval", b"eval")}
        if number is None and steps:
            number = max(steps)
        if number not in steps:
            raise SystemExit(f"{file.filename}: there is no eval step {'' if number is None else number}")
        self.number, self.group = number, steps[number]
        self.images = int(file.attrs["images"])

    def tensor(self, layer, name):
        data = self.group[self.names[layer]][name]
        if int(data.attrs["full_count"]) != data.size:
            raise SystemExit(f"step {self.number}, layer {self.names[layer]}, tensor {name}: {data.size} of {data.attrs['full_count']} values are stored; all images of the batch are needed")
        return data[...].astype(np.float32)

    def inputs(self, layer):
        if self.table["input_count"][layer] == 1:
            return [self.tensor(layer, "x")]
        return [self.tensor(layer, f"x{i}") for i in range(self.table["input_count"][layer])]

    def output(self, layer):
        """What the first reader of the layer reads; its own y where nobody does."""
        for reader in range(layer + 1, len(self.names)):
            count = int(self.table["input_count"][reader])
            for i in range(count):
                if self.table["inputs"][reader][i] == layer:
                    return self.tensor(reader, "x" if count == 1 else f"x{i}")
        return self.tensor(layer, "y")

    def network_input(self):
        return next(self.inputs(i)[0] for i in range(len(self.names)) if self.table["inputs"][i][0] == -1)


def parameters_and_buffers(step, layer):
    """Arrays; batch norm's counter of batches is a buffer of one value that is no longer 0 after training."""
    kind = step.kinds[layer]
    if kind in ("conv", "linear"):
        arrays = [step.tensor(layer, "w")]
        if "bias" in step.group[step.names[layer]]:
            arrays.append(step.tensor(layer, "bias"))
        return arrays
    if kind == "bn":
        return [step.tensor(layer, name) for name in ("gamma", "beta", "mean", "variance")] + [np.ones(1, np.float32)]
    return []


def computations(step, layer, x, y):
    """x, y: of the images that are counted."""
    kind = step.kinds[layer]
    kernel_h, kernel_w = (int(k) for k in step.table["kernel"][layer])
    if kind == "conv":
        return y.size * kernel_h * kernel_w * x.shape[3]
    if kind == "linear":
        return step.tensor(layer, "w").size * x.shape[0]
    if kind in ("maxpool", "avgpool"):  # of an average over the whole image these are its inputs, too
        return y.size * kernel_h * kernel_w
    return 4 * x.size if kind == "bn" else 0


def ratio_of(step, images, options):
    """Of one batch: a slice of the images."""
    total = dict.fromkeys(("P", "P*", "I", "I*", "O", "O*", "C"), 0)
    if options.input:
        x = step.network_input()[images]
        total["O"] += x.size
        total["O*"] += nonzero(x)
    for layer, kind in enumerate(step.kinds):
        if kind not in LEAF_KINDS:
            continue
        x, y = step.inputs(layer)[0][images], step.output(layer)[images]
        for array in parameters_and_buffers(step, layer):
            total["P"] += array.size
            total["P*"] += nonzero(array)
        total["I"] += x.size
        total["I*"] += nonzero(y if kind == "relu" and options.inplace_relu else x)
        total["O"] += y.size
        total["O*"] += nonzero(y)
        total["C"] += computations(step, layer, x, y)
    optimal = DRAM_PJ * (total["P*"] + total["I*"] + total["O*"]) + COMPUTATION_PJ * total["C"] * (total["P*"] / total["P"]) * (total["I*"] / total["I"])
    worst = DRAM_PJ * (total["P"] + total["I"] + total["O"]) + COMPUTATION_PJ * total["C"]
    return {"images": len(range(*images.indices(step.images))), **total, "E_opt_pj": optimal, "E_worst_pj": worst, "ratio": optimal / worst}


def measured(options):
    """The step's number and the ratios of its batches."""
    try:
        with h5py.File(options.trace, "r") as file:
            step = Step(file, options.step)
            return step.number, [ratio_of(step, slice(first, min(first + options.batch, step.images)), options) for first in range(0, step.images, options.batch)]
    except OSError as error:
        raise SystemExit(f"{options.trace}: cannot be read as HDF5, a trace is needed: {os.strerror(error.errno) if error.errno else error}") from None
    except KeyError as error:
        raise SystemExit(f"{options.trace}: a part of the trace is missing: {error.args[0]}") from None


def main(argv):
    parser = argparse.ArgumentParser(description="asic_ratio of an inference step of a trace that holds all images of its batch.")
    parser.add_argument("trace")
    parser.add_argument("--step", type=int, help="its number; the last eval step")
    parser.add_argument("--batch", type=int, default=512, help="images a batch; a last smaller one counts like the others")
    parser.add_argument("--inplace-relu", action="store_true", help="a ReLU's input counts after it")
    parser.add_argument("--input", action="store_true", help="the input normaliser is a module: its output counts")
    options = parser.parse_args(argv)
    if options.batch < 1:
        parser.error(f"argument --batch: {options.batch}; allowed: at least 1")
    number, batches = measured(options)
    print(json.dumps({"trace": options.trace, "step": number, "batch": options.batch, "inplace_relu": options.inplace_relu, "input": options.input,
                      "asic_ratio": float(np.mean([b["ratio"] for b in batches])), "batches": batches}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
