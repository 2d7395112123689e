# SPDX-License-Identifier: Apache-2.0
"""A PyTorch network from the layer table of a trace, with the trace's parameters; what dump_step wrote, read back."""
import os
import subprocess
import tempfile

import h5py
import numpy as np
import torch
from torch import nn

KINK = 1e-4  # a value this near to 0 may be on either side of a ReLU's corner, by rounding alone


def nchw(a):
    return torch.from_numpy(np.ascontiguousarray(np.transpose(a, (0, 3, 1, 2))))


def nhwc(t):
    return t.detach().numpy().transpose(0, 2, 3, 1) if t.dim() == 4 else t.detach().numpy().reshape(t.shape[0], 1, 1, -1)


class Dump:
    """The files of one run of dump_step."""

    def __init__(self, program, model, *settings):
        self.folder = tempfile.TemporaryDirectory()
        subprocess.run([program, model, self.folder.name, *settings], check=True)
        self.trace = h5py.File(os.path.join(self.folder.name, "trace.h5"), "r")
        self.at(0)
        self.lines = [line.split() for line in open(os.path.join(self.folder.name, "step.txt"), encoding="ascii")]
        n = self.trace["network"]
        self.rows = [{k: n[k][i] for k in n} for i in range(len(n["name"]))]
        for i, row in enumerate(self.rows):
            row["number"], row["name"], row["kind"] = i, row["name"].decode(), row["kind"].decode()
            row["inputs"] = [int(v) for v in row["inputs"][:row["input_count"]]]
        first = next(row for row in self.rows if row["inputs"][0] == -1)
        self.images = torch.from_numpy(self.array("batch", "images").reshape((-1,) + tuple(first["in"]))).permute(0, 3, 1, 2).contiguous()
        self.labels = torch.from_numpy(self.array("batch", "labels").astype(np.int64))
        self.which = np.load(os.path.join(self.folder.name, "which.npy"))[0]

    def at(self, number):
        """Looks at another step."""
        self.step = self.trace[f"steps/{number}"]

    def array(self, layer, name):
        return np.load(os.path.join(self.folder.name, f"{layer}.{name}.npy"))[0]

    def quantities(self, name):
        return [float(value) for key, value in self.lines if key == name]

    def input_name(self, row, j):
        return f"x{j}" if len(row["inputs"]) > 1 else "x"

    def output_of(self, number):
        """What a layer made, as a reader of it stores it; None where nobody does."""
        for row in self.rows:
            for j, i in enumerate(row["inputs"]):
                if i == number:
                    return self.step[row["name"]][self.input_name(row, j)][...]
        return None


class CornerRelu(torch.autograd.Function):
    """ReLU whose derivative next to its corner is that of the other program."""

    @staticmethod
    def forward(ctx, z, theirs, network):
        ours = z > 0
        other = ours != (theirs > 0)
        network.corners += int(other.sum())
        if other.any() and float(z[other].abs().max()) > KINK:
            raise AssertionError(f"a ReLU's sign differs at {float(z[other].abs().max())}")
        ctx.save_for_backward(theirs > 0)
        return torch.where(ours, z, torch.zeros_like(z))

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0], None, None


class Network(nn.Module):
    """dropout: its probability; the masks are the dump's. share: the fraction of output channels that the backward pass of a convolution keeps (ssProp).
    dump_corners: derivatives next to a ReLU's corner are taken from the dump."""

    def __init__(self, dump, dropout=0.0, share=1.0, dump_corners=False, keep_gradients=False):
        super().__init__()
        self.dump, self.dropout, self.share, self.dump_corners, self.keep_gradients = dump, dropout, share, dump_corners, keep_gradients
        self.corners, self.outputs, self.branches, self.kept, self.order = 0, [], {}, {}, {}
        orders = []
        for row in dump.rows:
            before = orders[row["inputs"][0]] if row["inputs"][0] >= 0 else None
            h, w, c = (int(n) for n in row["in"])
            orders.append((c, h, w) if row["kind"] == "flatten" else None if row["kind"] in ("linear", "conv") else before)
            self.order[row["name"]] = before
            module = self.make(row)
            if module is not None:
                self.add_module(row["name"], module)

    def make(self, row):
        kernel, stride, padding = tuple(int(k) for k in row["kernel"]), int(row["stride"]), int(row["padding"])
        c, k, bias = int(row["in"][2]), int(row["out"][2]), bool(row["has_bias"])
        stored = self.dump.step[row["name"]]
        made = {"conv": lambda: nn.Conv2d(c, k, kernel, stride, padding, groups=int(row["groups"]), bias=bias), "linear": lambda: nn.Linear(c, k, bias=bias),
                "bn": lambda: nn.BatchNorm2d(c, eps=float(stored["eps"][0])), "relu": nn.ReLU, "flatten": nn.Flatten, "maxpool": lambda: nn.MaxPool2d(kernel, stride, padding),
                "avgpool": lambda: nn.AvgPool2d(kernel, stride, padding)}.get(row["kind"], lambda: None)()
        for name, parameter in (made.named_parameters() if made is not None else ()):
            theirs = {"conv": {"weight": "w"}, "linear": {"weight": "w"}, "bn": {"weight": "gamma", "bias": "beta"}}[row["kind"]].get(name, name)
            parameter.data.copy_(self.as_torch(row, theirs, stored[theirs][...]))
        return made

    def as_torch(self, row, name, values):
        """A parameter, or its gradient, as PyTorch has it."""
        t = torch.from_numpy(np.ascontiguousarray(values, np.float32))
        if name != "w":
            return t
        t = t.reshape(int(row["out"][2]), int(row["kernel"][0]), int(row["kernel"][1]), -1)
        if row["kind"] == "conv":
            return t.permute(0, 3, 1, 2).contiguous()
        order = self.order[row["name"]]
        return t.reshape(t.shape[0], -1) if order is None else t.reshape(t.shape[0], order[1], order[2], order[0]).permute(0, 3, 1, 2).reshape(t.shape[0], -1)

    def parameters_of(self, row):
        module = getattr(self, row["name"], None)
        names = {"conv": {"weight": "w", "bias": "bias"}, "linear": {"weight": "w", "bias": "bias"}, "bn": {"weight": "gamma", "bias": "beta"}}.get(row["kind"], {})
        return [(theirs, getattr(module, own)) for own, theirs in names.items() if getattr(module, own, None) is not None]

    def select(self, row):
        """ssProp as the paper has it: mean |dy| a channel, the largest int(share * K) channels stay, the others' gradient is 0."""
        def hook(dy):
            scores = dy.abs().mean((0, 2, 3))
            count = max(int(self.share * scores.numel()), 1)
            kept = torch.sort(torch.argsort(scores, descending=True, stable=True)[:count]).values
            self.kept[row["name"]] = kept.numpy()
            mask = torch.zeros_like(scores)
            mask[kept] = 1
            return dy * mask[None, :, None, None]
        return hook

    def forward(self, x):
        self.outputs, self.branches = [], {}
        for row in self.dump.rows:
            if row["kind"] == "softmax_ce":
                break
            inputs = [x if i < 0 else self.read(i, (row["number"], j)) for j, i in enumerate(row["inputs"])]
            y = self.run_row(row, inputs)
            if self.keep_gradients and y.requires_grad:
                y.retain_grad()
            self.outputs.append(y)
        return self.outputs[-1]

    def read(self, number, place):
        """What a layer made; of a fork under a name of its own, so that each reader's gradient is to be seen."""
        y = self.outputs[number]
        if self.dump.rows[number]["kind"] == "fork" and self.keep_gradients:
            y = y.view_as(y)
            if y.requires_grad:
                y.retain_grad()
            self.branches[place] = (number, y)
        return y

    def run_row(self, row, inputs):
        x, kind = inputs[0], row["kind"]
        if kind == "add":
            return sum(inputs[1:], inputs[0])
        if kind == "fork":
            return x.view_as(x)
        if kind == "relu" and self.dump_corners:
            return CornerRelu.apply(x, self.from_nhwc(row, self.dump.output_of(row["number"]), x), self)
        if kind == "dropout":
            return x * self.from_nhwc(row, self.dump.step[row["name"]]["mask"][...].astype(np.float32), x) / (1 - self.dropout)
        if kind == "linear" and x.dim() == 4:
            x = torch.flatten(x, 1)
        y = getattr(self, row["name"])(x)
        if kind == "conv" and self.share < 1.0 and y.requires_grad:
            shown = y.view_as(y)  # dy stands before the selection
            y.register_hook(self.select(row))
            return shown
        return y

    def from_nhwc(self, row, a, like):
        """What the trace stores of a layer, as PyTorch has it."""
        order = self.order[row["name"]]
        if like.dim() == 2 and order is not None:
            a = a.reshape((a.shape[0], order[1], order[2], order[0]))
        return nchw(a).reshape(like.shape)

    def as_nhwc(self, row, t):
        """A value or gradient behind a layer, as the trace stores it."""
        order = (int(row["in"][2]), int(row["in"][0]), int(row["in"][1])) if row["kind"] == "flatten" else None if row["kind"] == "linear" else self.order[row["name"]]
        if t.dim() == 2 and order is not None:
            return nhwc(t.reshape((t.shape[0],) + order)).reshape(t.shape[0], 1, 1, -1)
        return nhwc(t)


def penalty_of(network, x, sigma, total, l1):
    """EAT's term: over the output of every conv, bn, relu, pool and linear layer, and of the input."""
    kinds = ("conv", "bn", "relu", "maxpool", "avgpool", "linear")
    modules = [x] + [y for row, y in zip(network.dump.rows, network.outputs) if row["kind"] in kinds]
    terms = [m.abs().mean() if l1 else (m * m / (m * m + sigma)).mean() for m in modules]
    return sum(terms) if total else sum(terms) / len(terms)


def difference(a, b):
    """Relative to b: by norms, and the largest element by the largest."""
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    norm, largest = np.linalg.norm(b), np.abs(b).max(initial=0.0)
    return np.linalg.norm(a - b) / norm if norm > 0 else float(np.linalg.norm(a)), np.abs(a - b).max(initial=0.0) / largest if largest > 0 else float(np.abs(a).max(initial=0.0))
