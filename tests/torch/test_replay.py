#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps by the trainer and by PyTorch from the same parameters and batch: loss, penalty, every activation, all gradients, updates.

usage: test_replay.py DUMP_STEP MODELS_DIR
"""
import os
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F

from rebuild import Dump, Network, difference, penalty_of

LIMIT = 1e-4
SEED = os.environ.get("SJ_TEST_SEED", "1")


class Worst:
    """The largest difference met, and where."""

    def __init__(self):
        self.norm, self.largest, self.where, self.count = 0.0, 0.0, "", 0

    def see(self, where, ours, theirs):
        norm, largest = difference(ours, theirs)
        self.count += 1
        self.largest = max(self.largest, largest)
        if not norm <= self.norm:
            self.norm, self.where = norm, where


def step_of(network, dump, options):
    """Loss and penalty of a step, gradients left in the network."""
    network.train()
    logits = network(dump.images)
    loss = F.cross_entropy(logits, dump.labels, label_smoothing=options.get("smoothing", 0.0))
    penalty = torch.zeros(())
    if "lambda" in options:
        penalty = options["lambda"] * penalty_of(network, dump.images, options.get("sigma", 1e-2), options.get("reduce") == "sum", options.get("l1") == 1)
    (loss + penalty).backward()
    return float(loss), float(penalty), int((logits.argmax(1) == dump.labels).sum())


def compare_step(network, dump, number, worst):
    values, gradients, parameters = worst
    for row, y in zip(dump.rows, network.outputs):
        stored = dump.step[row["name"]]
        theirs = dump.output_of(row["number"])
        if theirs is not None:
            values.see(f"output of {row['name']}", theirs, network.as_nhwc(row, y).reshape(theirs.shape))
        if "dy" in stored:
            gradients.see(f"dy of {row['name']}", stored["dy"][...], network.as_nhwc(row, y.grad).reshape(stored["dy"].shape))
        for name, parameter in network.parameters_of(row) if number == 0 else ():
            ours = network.as_torch(row, name, dump.array(row["name"], f"{name}.grad"))
            parameters.see(f"gradient of {row['name']}.{name}", ours.numpy(), parameter.grad.numpy())
        if row["kind"] == "bn":
            for ours, theirs in (("mean", y_mean(network, dump, row)), ("variance", y_variance(network, dump, row))):
                values.see(f"{ours} of {row['name']}", stored[ours][...], theirs)
    seen = {}
    for _, (fork, y) in sorted(network.branches.items()):
        place = seen[fork] = seen.get(fork, -1) + 1
        name = f"{dump.rows[fork]['name']}/dy{place}"
        if name in dump.step:
            gradients.see(name, dump.step[name][...], network.as_nhwc(dump.rows[fork], y.grad))
    if network.share < 1.0:
        for name, kept in network.kept.items():
            if not np.array_equal(kept, dump.step[name]["keep"][...]):
                raise AssertionError(f"ssProp keeps {dump.step[name]['keep'][...]} of layer {name}, by the formula {kept}")


def y_mean(network, dump, row):
    return network.outputs[row["inputs"][0]].detach().double().mean((0, 2, 3)).numpy()


def y_variance(network, dump, row):
    return network.outputs[row["inputs"][0]].detach().double().var((0, 2, 3), unbiased=False).numpy()


def optimizer_of(network, options):
    lr, decay = options.get("lr", 0.05), options.get("decay", 0.0)
    if options.get("optimizer") == "adam":
        return torch.optim.Adam(network.parameters(), lr, (0.9, 0.999), 1e-8, decay)
    return torch.optim.SGD(network.parameters(), lr, 0.9, weight_decay=decay, nesterov=options.get("optimizer") == "nesterov")


def compare_updates(network, dump, before, updates):
    for row in dump.rows:
        for name, parameter in network.parameters_of(row):
            ours = network.as_torch(row, name, dump.array(row["name"], name)).numpy()
            start = before[f"{row['name']}.{name}"]
            updates.see(f"change of {row['name']}.{name}", ours - start, parameter.detach().numpy() - start)
        if row["kind"] == "bn":
            module = getattr(network, row["name"])
            updates.see(f"running mean of {row['name']}", dump.array(row["name"], "running_mean"), module.running_mean.numpy())
            updates.see(f"running variance of {row['name']}", dump.array(row["name"], "running_variance"), module.running_var.numpy())


def run_case(program, models, title, model, **options):
    settings = {"width": 8, "batch": 8, "seed": SEED, **options}
    dump = Dump(program, os.path.join(models, f"{model}.cfg"), *(f"{k}={v}" for k, v in settings.items() if k != "p"))
    network = Network(dump, dropout=options.get("p", 0.0), share=options.get("keep", 1.0), dump_corners=True, keep_gradients=True)
    before = {f"{row['name']}.{name}": p.detach().numpy().copy() for row in dump.rows for name, p in network.parameters_of(row)}
    values, gradients, parameters, updates = Worst(), Worst(), Worst(), Worst()
    limits = {"value": LIMIT, "dy": LIMIT, "parameter": LIMIT, "update": 1e-3}
    optimizer = optimizer_of(network, options)
    for step in range(options.get("steps", 1)):
        optimizer.zero_grad()
        dump.at(step)
        loss, penalty, correct = step_of(network, dump, options)
        for name, mine in (("loss", loss), ("penalty", penalty)):
            theirs = dump.quantities(name)[step]
            if abs(theirs - mine) > LIMIT * max(abs(mine), 1e-30):
                raise AssertionError(f"{title}: {name} of step {step}: {theirs}, PyTorch has {mine}")
        if dump.quantities("correct")[step] != correct:
            raise AssertionError(f"{title}: {dump.quantities('correct')[step]} images are right, PyTorch has {correct}")
        compare_step(network, dump, step, (values, gradients, parameters))
        optimizer.step()
    compare_updates(network, dump, before, updates)
    parts = [f"{kind} {w.norm:.1e} (max {w.largest:.1e}; {w.where}; {w.count})" for kind, w in zip(limits, (values, gradients, parameters, updates))]
    print(f"{title}: loss {loss:.5f}, corners {network.corners}, " + ", ".join(parts), flush=True)
    return [f"{title}: {w.where} differs by {w.norm:.2e} (norm-wise)" for (kind, limit), w in zip(limits.items(), (values, gradients, parameters, updates))
            if not w.norm <= limit]


CASES = [
    ("resnet8", "resnet8", {}), ("resnet8, Winograd", "resnet8", {"algorithm": "winograd"}),
    ("resnet8, width 16, auto", "resnet8", {"width": 16, "batch": 16, "algorithm": "auto"}), ("resnet8, width 64, auto", "resnet8", {"width": 64, "algorithm": "auto"}),
    ("label smoothing", "resnet8", {"smoothing": 0.1}), ("EAT mean", "resnet8", {"lambda": 1.0, "sigma": 1e-2}), ("EAT sum", "resnet8", {"lambda": 0.1, "sigma": 1e-1, "reduce": "sum"}),
    ("L1", "resnet8", {"lambda": 0.01, "l1": 1}), ("ssProp mask", "resnet8", {"keep": 0.3}), ("ssProp gather", "resnet8", {"keep": 0.3, "gather": 1}),
    ("EAT and ssProp gather", "resnet8", {"keep": 0.3, "gather": 1, "lambda": 1.0}), ("lenet5", "lenet5", {"width": 6}), ("cnn8", "cnn8", {}),
    ("mlp with dropout", "mlp", {"width": 64, "p": 0.2}),
    ("three steps of nesterov", "resnet8", {"steps": 3, "optimizer": "nesterov", "decay": 5e-4}), ("three steps of sgd", "resnet8", {"steps": 3, "decay": 5e-4}),
    ("three steps of adam", "resnet8", {"steps": 3, "optimizer": "adam", "lr": 1e-3, "decay": 5e-4}),
]


def main():
    program, models = sys.argv[1:3]
    only = sys.argv[3:]
    torch.manual_seed(0)
    print(f"seed {SEED}; relative differences by norms, the largest tensor each; limit {LIMIT}, of changes by updates 1e-3")
    faults = []
    for title, model, options in CASES:
        if not only or title in only:
            try:
                faults += run_case(program, models, title, model, **options)
            except (AssertionError, subprocess.CalledProcessError) as error:
                faults.append(f"{title}: {error}")
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
