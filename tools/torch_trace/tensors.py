# SPDX-License-Identifier: Apache-2.0
"""What is kept of a step: layers, the values between them, samples of those; and how PyTorch's tensors lie in a trace."""
import numpy as np
import torch

INPUTS_MAX = 8
NAME_MAX = 63
ROUNDS_TO_NORMAL = float(np.uint32(0x007F8000).view(np.float32))  # the smallest magnitude whose bfloat16 has an exponent: below it a value counts as zero
SMALLEST_NORMAL = 2.0 ** -126


class ExportError(Exception):
    """One sentence for the user."""


class Sample:
    """The stored images of a tensor, as NHWC, and the counts of the whole batch."""

    def __init__(self, values, nonzero, count):
        self.values, self.nonzero, self.count = values, int(nonzero), int(count)


class Value:
    """A tensor that one layer makes and others read. order: (C, H, W) of what was flattened, whose values are stored in the order H, W, C."""

    def __init__(self, recording, maker, dims, order=None):
        self.recording, self.maker, self.dims, self.order = recording, maker, dims, order
        self.sample, self.grad, self.watched = None, None, False
        self.readers = []


class Reader:
    """One reading of a value by a layer; grad is what comes back through it."""

    def __init__(self, value):
        self.value, self.layer, self.grad, self.kept, self.shared = value, None, None, None, False


class Layer:
    def __init__(self, name, kind, dims_in, dims_out, **keys):
        self.name, self.kind, self.dims_in, self.dims_out = name, kind, dims_in, dims_out
        self.kernel, self.stride, self.padding, self.groups, self.has_bias = (1, 1), 1, 0, 1, False
        self.readers, self.output, self.learns, self.why = [], None, False, ""
        self.tensors = {}  # beside x, y and gradients: name -> (array, "values" | "vector" | "ints" | "bits", key of what it is a copy of)
        self.log_softmax = False
        vars(self).update(keys)


def dims_of(tensor, axis, batch):
    """H, W, C of one image: exact for (N, C, H, W), (N, H, W, C), (N, L, C) and (N, C), else the number of values."""
    shape = tuple(tensor.shape)
    if not shape or shape[0] != batch:
        return 1, 1, max(1, -(-tensor.numel() // batch))
    if len(shape) == 4:
        return (shape[2], shape[3], shape[1]) if axis == 1 else shape[1:]
    if len(shape) == 3:
        return (1,) + shape[1:]
    return 1, 1, max(1, tensor.numel() // batch)


def to_nhwc(tensor, axis, order):
    """(N, ...) as (N, H, W, C) floats."""
    t = tensor.detach().to(torch.float32)
    n = t.shape[0]
    if order is not None:
        return t.reshape((n,) + order).permute(0, 2, 3, 1).reshape(n, 1, 1, -1)
    if t.dim() == 4:
        return t.permute(0, 2, 3, 1) if axis == 1 else t
    return t.reshape(n, 1, t.shape[1], t.shape[2]) if t.dim() == 3 else t.reshape(n, 1, 1, -1)


def to_krsc(weight, order):
    w = weight.detach().to(torch.float32)
    if w.dim() == 4:
        return w.permute(0, 2, 3, 1)
    if order is not None:
        w = w.reshape((w.shape[0],) + order).permute(0, 2, 3, 1)
    return w.reshape(w.shape[0], 1, 1, -1)
