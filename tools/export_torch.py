#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes traces (traces/FORMAT.md) of any PyTorch CNN; PyTorch 1.13 and newer, h5py and NumPy. docs/torch.md tells how to use it and what becomes opaque.

    with Exporter(model, "trace.h5", images=8, dtype="bf16", seed=1, network="resnet18", dataset="cifar10") as e:
        loss = e.step(loss_fn, x, labels, mode="train", epoch=3, iteration=1170)      # forward, loss, backward; the parameters' gradients are left for the optimizer

or around a loop of one's own: `with e.recording(epoch=3, iteration=1170): loss = loss_fn(model(x), labels); loss.backward()`.

While a step is recorded, every torch function that the model calls passes a TorchFunctionMode, whether a module made the call or a line of forward(): so nothing is
patched and functional operations are seen. Gradients come from hooks on the autograd nodes of those calls.
"""
import argparse
import contextlib
import importlib
import importlib.util
import os
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

VERSION = "1"
INPUTS_MAX = 8
NAME_MAX = 63
ROUNDS_TO_NORMAL = float(np.uint32(0x007F8000).view(np.float32))  # the smallest magnitude whose bfloat16 has an exponent: below it a value counts as zero
SMALLEST_NORMAL = 2.0 ** -126


class ExportError(Exception):
    """One sentence for the user."""


# ---- what is stored of a tensor

class Sample:
    """The stored images of a tensor, as NHWC, and the counts of the whole batch."""

    def __init__(self, values, nonzero, count):
        self.values, self.nonzero, self.count = values, int(nonzero), int(count)


class Value:
    """A tensor that one layer makes and others read. order: (C, H, W) of what was flattened, whose values are stored in the order H, W, C."""

    def __init__(self, recording, maker, dims, order=None):
        self.recording, self.maker, self.dims, self.order = recording, maker, dims, order
        self.sample = self.grad = None
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


def pair(v):
    return (v, v) if isinstance(v, int) else tuple(v) * (2 if len(v) == 1 else 1)


def bind(names, defaults, args, kwargs):
    """The arguments of a call by name."""
    return {**defaults, **dict(zip(names, args)), **{k: v for k, v in kwargs.items() if k in names}}


def tensors_in(thing):
    if isinstance(thing, torch.Tensor):
        yield thing
    elif isinstance(thing, (list, tuple)):
        for part in thing:
            yield from tensors_in(part)
    elif isinstance(thing, dict):
        yield from tensors_in(list(thing.values()))


def replaced(thing, swap):
    """The same structure with its tensors exchanged."""
    if isinstance(thing, torch.Tensor):
        return swap(thing)
    if type(thing) in (list, tuple):
        return type(thing)(replaced(part, swap) for part in thing)
    return {k: replaced(v, swap) for k, v in thing.items()} if isinstance(thing, dict) else thing


# ---- which call becomes which layer. A rule gets the call's arguments, its first input's tensor and axis, and its output; it returns the keys of a Layer, or a sentence saying why not.

def window(kind, x, axis, out, kernel, stride, padding, dilation=1):
    (kh, kw), (sh, sw), (ph, pw) = pair(kernel), pair(stride), pair(padding)
    if x.dim() != 4 or axis != 1:
        return "its input is not (N, C, H, W)"
    if pair(dilation) != (1, 1):
        return "its dilation is not 1"
    if ph != pw or (sh != sw and tuple(out.shape[2:]) != (1, 1)):
        return "its stride or padding differs between the directions"
    made = tuple((size + 2 * ph - k) // sh + 1 for size, k in zip(x.shape[2:], (kh, kw)))
    if made != tuple(out.shape[2:]):
        return "its output size is rounded up"
    return {"kind": kind, "kernel": (kh, kw), "stride": sh, "padding": ph}


def conv2d(args, kwargs, x, axis, out):
    a = bind(("input", "weight", "bias", "stride", "padding", "dilation", "groups"), {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}, args, kwargs)
    kernel, padding = tuple(a["weight"].shape[2:]), a["padding"]
    if isinstance(padding, str):
        padding = 0 if padding == "valid" else tuple((k - 1) // 2 for k in kernel)
        if a["padding"] == "same" and any(k % 2 == 0 for k in kernel):
            return "padding \"same\" with an even kernel is not the same on all sides"
    keys = window("conv", x, axis, out, kernel, a["stride"], padding, a["dilation"])
    return keys if isinstance(keys, str) else {**keys, "groups": a["groups"], "weight": a["weight"], "bias": a["bias"]}


def linear(args, kwargs, x, axis, out):
    a = bind(("input", "weight", "bias"), {"bias": None}, args, kwargs)
    if x.dim() == 2:
        return {"kind": "linear", "weight": a["weight"], "bias": a["bias"]}
    if x.dim() == 3 or (x.dim() == 4 and axis == 3):  # the same product at every position
        return {"kind": "conv", "kernel": (1, 1), "weight": a["weight"], "bias": a["bias"]}
    return "its input is neither (N, C) nor (N, ..., C)"


def batch_norm(args, kwargs, x, axis, out):
    a = bind(("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"), {"weight": None, "bias": None, "training": False, "eps": 1e-5}, args, kwargs)
    if x.dim() not in (2, 4) or axis != 1:
        return "its input is neither (N, C) nor (N, C, H, W)"
    return {"kind": "bn", "norm": a}


def max_pool2d(args, kwargs, x, axis, out):
    a = bind(("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"), {"stride": None, "padding": 0, "dilation": 1}, args, kwargs)
    return window("maxpool", x, axis, out, a["kernel_size"], a["stride"] or a["kernel_size"], a["padding"], a["dilation"])


def avg_pool2d(args, kwargs, x, axis, out):
    a = bind(("input", "kernel_size", "stride", "padding", "ceil_mode"), {"stride": None, "padding": 0}, args, kwargs)
    return window("avgpool", x, axis, out, a["kernel_size"], a["stride"] or a["kernel_size"], a["padding"])


def adaptive_avg_pool2d(args, kwargs, x, axis, out):
    if x.dim() != 4 or any(i % o for i, o in zip(x.shape[2:], out.shape[2:])):
        return "its windows have several sizes"
    kernel = tuple(i // o for i, o in zip(x.shape[2:], out.shape[2:]))
    return window("avgpool", x, axis, out, kernel, kernel, 0)


def mean(args, kwargs, x, axis, out):
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if x.dim() != 4 or axis != 1 or not isinstance(dim, (list, tuple)) or sorted(d % 4 for d in dim) != [2, 3]:
        return "it is no mean over height and width"
    return {"kind": "avgpool", "kernel": tuple(x.shape[2:]), "stride": x.shape[2]}


def relu(args, kwargs, x, axis, out):
    return {"kind": "relu"}


def dropout(args, kwargs, x, axis, out):
    a = bind(("input", "p", "training"), {"p": 0.5, "training": True}, args, kwargs)
    return {"kind": "dropout", "p": a["p"] if a["training"] else 0.0}


def add(args, kwargs, x, axis, out):
    values = [a for a in args[:2] if isinstance(a, torch.Tensor)] + [kwargs[k] for k in ("other",) if isinstance(kwargs.get(k), torch.Tensor)]
    if len(values) != 2 or kwargs.get("alpha", 1) != 1 or values[0].shape != values[1].shape:
        return "it is no sum of two tensors of one shape"
    return {"kind": "add"}


RULES = {"conv2d": conv2d, "linear": linear, "batch_norm": batch_norm, "relu": relu, "relu_": relu, "max_pool2d": max_pool2d, "max_pool2d_with_indices": max_pool2d, "avg_pool2d": avg_pool2d,
         "adaptive_avg_pool2d": adaptive_avg_pool2d, "mean": mean, "dropout": dropout, "dropout_": dropout, "add": add, "add_": add, "__add__": add, "__radd__": add, "__iadd__": add}
RESHAPES = {"view", "reshape", "flatten", "squeeze", "unsqueeze", "unflatten", "__getitem__"}
COPIES = {"contiguous", "to", "float", "half", "bfloat16", "type", "cpu", "cuda", "clone", "view_as", "requires_grad_", "type_as", "identity"}  # the same values elsewhere: no layer
AS_THEY_ARE = {"__get__", "__set__", "__setitem__", "register_hook", "retain_grad", "requires_grad_", "backward"}  # calls that mean the very tensor they are given
LIKE_INPUT = {"relu", "dropout", "bn", "add"}


def is_in_place(name, kwargs):
    return (name.endswith("_") and not name.endswith("__")) or (name.startswith("__i") and name not in ("__index__", "__invert__", "__int__")) or bool(kwargs.get("inplace")) or name == "__setitem__"


# ---- recording one step

class Mode(TorchFunctionMode):
    def __init__(self, recording):
        super().__init__()
        self.recording = recording

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self.recording.call(func, args, kwargs or {})


class Recording:
    """What happens between entering and leaving: layers in the order of their calls, samples of what they made."""

    def __init__(self, model, which_of, keep_gradients):
        self.model, self.which_of, self.train = model, which_of, keep_gradients
        self.layers, self.handles, self.nodes, self.modules, self.names = [], [], {}, [], {}
        self.batch = self.which = self.input = self.outputs = self.loss = None

    # -- hooks that tell in which module a call is made
    def __enter__(self):
        for path, module in self.model.named_modules():
            self.handles.append(module.register_forward_pre_hook(self.entering(path)))
            self.handles.append(module.register_forward_hook(self.leaving))
        self.mode = Mode(self)
        self.mode.__enter__()
        return self

    def __exit__(self, kind, error, trace):
        self.mode.__exit__(kind, error, trace)
        for handle in self.handles:
            handle.remove()
        self.nodes.clear()

    def entering(self, path):
        def hook(module, args):
            if module is self.model:
                self.start(args)
            self.modules.append((path, module))
        return hook

    def leaving(self, module, args, out):
        self.modules.pop()
        if module is self.model:
            self.outputs = [self.known(t) for t in tensors_in(out)]
            self.outputs = [v for v, _ in filter(None, self.outputs)]

    def start(self, args):
        if self.outputs is not None or self.modules:
            raise ExportError("the model ran twice while one step was recorded; record one forward pass a step")
        images = [t for t in tensors_in(args) if t.is_floating_point()]
        if len(images) != 1 or images[0].dim() < 2:
            raise ExportError(f"the model got {len(images)} floating-point tensors with a batch dimension; a trace needs exactly one, the batch of images (N, C, H, W)")
        x = images[0]
        self.batch = x.shape[0]
        self.which = self.which_of(self.batch)
        self.input = Value(self, None, dims_of(x, 1, self.batch))
        self.input.sample = self.sample(x, 1, None, "the network's input")
        x._sj_value = (self.input, 1)

    # -- values
    def known(self, tensor):
        held = getattr(tensor, "_sj_value", None)
        return held if held is not None and held[0].recording is self else None

    def sample(self, tensor, axis, order, what):
        """None where the first dimension is not the batch."""
        t = tensor.detach()
        if not bool(torch.isfinite(t).all()):
            raise ExportError(f"{what} holds {'NaN' if bool(torch.isnan(t).any()) else 'infinity'}")
        if t.dim() == 0 or t.shape[0] != self.batch:
            return None
        nonzero = (t.to(torch.float32).abs() >= ROUNDS_TO_NORMAL).sum()
        stored = t.index_select(0, torch.as_tensor(self.which, device=t.device))
        return Sample(np.ascontiguousarray(to_nhwc(stored, axis, order).cpu().numpy()), nonzero, t.numel())

    def on_gradient(self, tensor, take):
        """take(gradient of tensor), when backward has it."""
        node, number = tensor.grad_fn, tensor.output_nr
        def hook(_, grads):
            if grads[number] is not None:
                take(grads[number])
        self.handles.append(node.register_hook(hook))

    def make_value(self, tensor, axis, order, layer):
        value = Value(self, layer, dims_of(tensor, axis, self.batch), order)
        value.sample = self.sample(tensor, axis, order, f"layer {layer.name}: the output")
        if self.train and tensor.requires_grad and tensor.grad_fn is not None:
            def take(grad):
                if value.grad is not None:
                    raise ExportError(f"layer {layer.name}: its gradient came twice while one step was recorded; call backward once")
                value.grad = self.sample(grad, axis, order, f"layer {layer.name}: the gradient of its output")
            self.nodes[tensor.grad_fn] = value
            self.on_gradient(tensor, take)
        tensor._sj_value = (value, axis)
        layer.output = value

    def read(self, tensor, alias):
        """A reader of the tensor's value; alias: also a second name for it, through which this reader's share of the gradient comes back."""
        value, axis = self.known(tensor)
        reader, out = Reader(value), tensor
        if alias and self.train and tensor.requires_grad and torch.is_grad_enabled():
            out = tensor.view_as(tensor)
            def take(grad):
                if len(value.readers) > 1:
                    reader.grad = self.sample(grad, axis, value.order, f"layer {reader.layer.name}: the gradient of its input")
                if len(value.readers) > INPUTS_MAX:
                    reader.kept = grad.detach()
            self.on_gradient(out, take)
        return reader, out

    def adopt(self, tensor):
        """A value that no call of a torch function made (a custom autograd function, a script): an opaque layer, its inputs found by walking autograd's graph back."""
        found, seen, queue = [], set(), [tensor.grad_fn]
        while queue:
            node = queue.pop(0)
            if node is None or node in seen:
                continue
            seen.add(node)
            if node in self.nodes:
                found.append(self.nodes[node])
            else:
                queue += [n for n, _ in node.next_functions]
        layer = Layer(self.name("joint"), "opaque", None, None, why="not made by a torch function")
        layer.readers = [Reader(v) for v in found]
        self.append(layer, tensor, 1, None)

    # -- calls
    def call(self, func, args, kwargs):
        name = getattr(func, "__name__", str(func))
        if not self.modules:
            return self.call_outside(name, func, args, kwargs)
        if name in RULES and RULES[name] not in (add, mean) and args and isinstance(args[0], torch.Tensor) and self.known(args[0]) is None and args[0].is_floating_point():
            self.adopt(args[0])
        readers, swapped = [], {}
        in_place = is_in_place(name, kwargs)
        target = args[0] if in_place and args else None
        before = (target.grad_fn, target.output_nr) if isinstance(target, torch.Tensor) else None

        def swap(tensor):
            if self.known(tensor) is None:
                return tensor
            reader, out = self.read(tensor, tensor is not target and name not in AS_THEY_ARE)
            readers.append(reader)
            swapped[id(out)] = tensor
            return out
        learns = any(t.requires_grad for t in tensors_in([args, kwargs]) if self.known(t) is None)
        first = next((t for t in tensors_in([args, kwargs]) if self.known(t) is not None), None)
        if first is None:
            return func(*args, **kwargs)
        x_shape, axis = first.shape, self.known(first)[1]
        state = rng_state(first) if name in ("dropout", "dropout_") else None
        out = func(*replaced(tuple(args), swap), **replaced(kwargs, swap))
        outputs = [t for t in tensors_in(target if name == "__setitem__" else out) if t.is_floating_point()]
        if not outputs:
            return out
        if name in AS_THEY_ARE - {"__setitem__", "__get__"}:
            return out
        if len(outputs) == 1 and not in_place and outputs[0] is first:  # a call that gave its argument back
            return out
        if len(outputs) == 1 and self.passes_on(name, first, readers, outputs[0], args, kwargs):
            return out
        for reader in readers:
            reader.shared = len(outputs) > 1
        for tensor in outputs:
            self.add_layer(name, args, kwargs, first, x_shape, axis, tensor, readers if tensor is outputs[-1] else [share(r) for r in readers], learns, state)
        if in_place and isinstance(target, torch.Tensor) and before[0] is not None:
            self.hook_in_place(target, before, readers)
        return out

    def hook_in_place(self, tensor, before, readers):
        """The reading that was overwritten has no alias: its gradient leaves the node towards what made the value."""
        node = tensor.grad_fn
        places = [i for i, edge in enumerate(node.next_functions) if edge == before] if node is not None and self.train else []
        reader = next((r for r in readers if r.layer is not None), None)
        if len(places) != 1 or reader is None:
            return
        value = reader.value
        def hook(grads, _):
            if len(value.readers) > 1 and grads[places[0]] is not None:
                reader.grad = self.sample(grads[places[0]], 1, value.order, f"layer {reader.layer.name}: the gradient of its input")
        self.handles.append(node.register_hook(hook))

    def passes_on(self, name, first, readers, out, args, kwargs):
        """Calls after which the same values lie in the same NHWC order are no layers: the output stands for the same value."""
        value, axis = self.known(first)
        plain = len(readers) == 1 and out.numel() == first.numel()
        to_axis = None
        if plain and name in COPIES:
            to_axis = axis
        elif plain and name == "permute" and first.dim() == 4:
            order = tuple(d % 4 for d in (args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else args[1:] or kwargs.get("dims", ())))
            to_axis = {((0, 2, 3, 1), 1): 3, ((0, 3, 1, 2), 3): 1}.get((order, axis))
        elif plain and name in RESHAPES and out.dim() in (2, 4) and first.dim() in (2, 4) and value.order is None and out.shape[0] == self.batch:
            to_axis = next((a for a in ((1, 3) if out.dim() == 4 else (1,)) if dims_of(out, a, self.batch) == value.dims == (1, 1, value.dims[2])), None)
        elif plain and name in ("add", "__radd__", "__add__") and not any(isinstance(a, torch.Tensor) for a in args[1:]) and args[1:] == (0,):
            to_axis = axis
        if to_axis is None:
            return False
        out._sj_value = (value, to_axis)
        return True

    def add_layer(self, name, args, kwargs, first, x_shape, axis, out, readers, learns, state):
        value = readers[0].value
        order = value.order
        shapes_known = len(x_shape) > 1 and x_shape[0] == self.batch and out.dim() > 1 and out.shape[0] == self.batch
        keys = RULES[name](args, kwargs, first, axis, out) if name in RULES else f"{name} is none of the format's layers"
        if name in RESHAPES and first.dim() == 4 and out.dim() == 2 and shapes_known:
            keys = {"kind": "flatten"}
            order = tuple(x_shape[1:]) if axis == 1 else None
        if not isinstance(keys, str) and (not shapes_known or len(readers) != (2 if keys["kind"] == "add" else 1)):
            keys = "its input or output is not a batch of images" if not shapes_known else "it reads several values"
        if not isinstance(keys, str) and keys["kind"] == "add" and len({(self.known(t)[1], self.known(t)[0].order) for t in args[:2] if self.known(t)}) > 1:
            keys = "its summands lie in different orders"
        opaque = isinstance(keys, str)
        keys = {"kind": "opaque", "why": keys} if opaque else keys
        weight, norm = keys.pop("weight", None), keys.pop("norm", None)
        bias, p = keys.pop("bias", None), keys.pop("p", None)
        layer = Layer(self.name(name), keys.pop("kind"), None, None, learns=learns, readers=readers, log_softmax=name == "log_softmax", **keys)
        if weight is not None:
            self.put_weights(layer, weight, bias, order if layer.kind == "linear" else None)
        if norm is not None:
            self.put_norm(layer, norm, first, order)
        if p is not None and self.train:
            layer.tensors["mask"] = (to_nhwc(dropout_mask(first, out, p, state)[self.which], axis, order).cpu().numpy().astype(np.uint8), "bits", None)
        self.append(layer, out, axis if out.dim() == 4 and len(x_shape) == 4 else 1, order if layer.kind in LIKE_INPUT or layer.kind == "flatten" else None)

    def append(self, layer, out, axis, order):
        for reader in layer.readers:
            reader.layer = layer
            reader.value.readers.append(reader)
        self.make_value(out, axis, order, layer)
        layer.dims_out = layer.output.dims
        layer.dims_in = layer.readers[0].value.dims if layer.readers else layer.dims_out
        self.layers.append(layer)

    def name(self, call):
        """A module of torch.nn without children is its one call; else the call stands behind the module's path."""
        path, module = self.modules[-1] if self.modules else ("", None)
        own = module is not None and type(module).__module__.startswith("torch.nn.modules") and next(module.children(), None) is None
        base = (path if own and path else f"{path}.{call.strip('_')}" if path else call.strip("_") or "call").replace("/", "_")[-(NAME_MAX - 5):]
        self.names[base] = self.names.get(base, 0) + 1
        return base if self.names[base] == 1 else f"{base}_{self.names[base]}"

    @staticmethod
    def put_weights(layer, weight, bias, order):
        layer.tensors["w"] = (to_krsc(weight, order).cpu().numpy(), "values", (weight.data_ptr(), order))
        layer.has_bias = bias is not None
        if bias is not None:
            layer.tensors["bias"] = (bias.detach().to(torch.float32).cpu().numpy(), "vector", None)

    def put_norm(self, layer, norm, x, order):
        x = x.detach().to(torch.float32)
        if norm["training"] or norm.get("running_mean") is None:
            dims = [0] + list(range(2, x.dim()))
            middle, variance = x.double().mean(dims), x.double().var(dims, unbiased=False)
        else:
            middle, variance = norm["running_mean"], norm["running_var"]
        ones = torch.ones(x.shape[1])
        vectors = {"gamma": norm["weight"] if norm["weight"] is not None else ones, "beta": norm["bias"] if norm["bias"] is not None else 0 * ones, "mean": middle, "variance": variance}
        for name, v in vectors.items():
            v = v.detach().to(torch.float32).cpu()
            layer.tensors[name] = ((v if order is None else v.reshape(order).permute(1, 2, 0).reshape(-1)).numpy(), "vector", None)
        layer.tensors["eps"] = (np.array([norm["eps"]], np.float32), "vector", None)

    # -- the loss, outside of the model
    def call_outside(self, name, func, args, kwargs):
        out = func(*args, **kwargs)
        given = bind(("input", "target"), {}, args, kwargs) if name in ("cross_entropy", "nll_loss") else {}
        held = self.known(given["input"]) if isinstance(given.get("input"), torch.Tensor) else None
        if held is None or self.outputs is None or self.loss is not None:
            return out
        value, axis = held
        if name == "cross_entropy":
            p = F.softmax(given["input"].detach().to(torch.float32), axis)
            layer = Layer("cross_entropy" if "loss" in self.names else "loss", "softmax_ce", value.dims, value.dims, readers=[Reader(value)])
            layer.output = Value(self, layer, value.dims)
            layer.readers[0].layer = layer
            value.readers.append(layer.readers[0])
            self.layers.append(layer)
        elif value.maker is not None and value.maker.log_softmax and not value.readers:
            p, layer = given["input"].detach().to(torch.float32).exp(), value.maker
            layer.kind, layer.why = "softmax_ce", ""
        else:
            return out
        layer.output.sample = self.sample(p, axis, None, f"layer {layer.name}: the output")
        target = given["target"]
        if target.dim() == 1 and not target.is_floating_point():
            layer.tensors["labels"] = (target[self.which].cpu().numpy().astype(np.int32), "ints", None)
        self.outputs = [layer.output]
        self.loss = float(out.detach()) if out.numel() == 1 else None
        return out


def share(reader):
    other = Reader(reader.value)
    other.shared = True
    return other


def rng_state(x):
    return {"cpu": torch.get_rng_state, "cuda": lambda: torch.cuda.get_rng_state(x.device)}.get(x.device.type, lambda: None)()


def dropout_mask(x, out, p, state):
    """Which values passed, found by drawing once more from the generator's state before the call; elsewhere from the values (where the input was 0 it is not to be seen)."""
    if p == 0.0:
        return torch.ones_like(x.detach())
    if state is None:
        return out.detach() != 0
    put = torch.set_rng_state if x.device.type == "cpu" else lambda s: torch.cuda.set_rng_state(s, x.device)
    after = rng_state(x)
    put(state)
    mask = F.dropout(torch.ones_like(x.detach()), p, True) != 0
    put(after)
    return mask


# ---- from a recording to the layer table and the groups of a step

class Row:
    """A row of the layer table. inputs: numbers of rows; -1: the network's input; -2: its own."""

    def __init__(self, layer, inputs, needs_dx):
        self.layer, self.inputs, self.needs_dx = layer, inputs, needs_dx

    def cells(self):
        r = self.layer
        return (r.name, r.kind, tuple(self.inputs), r.dims_in, r.dims_out, tuple(r.kernel), r.stride, r.padding, r.groups, self.needs_dx, r.has_bias)


def live_layers(recording):
    """Layers whose output is used; the readings of the others are taken back."""
    wanted, todo = set(), [v.maker for v in recording.outputs if v.maker is not None]
    while todo:
        layer = todo.pop()
        if layer not in wanted:
            wanted.add(layer)
            todo += [r.value.maker for r in layer.readers if r.value.maker is not None]
    layers = [layer for layer in recording.layers if layer in wanted]
    for value in [recording.input] + [layer.output for layer in layers]:
        value.readers = [r for r in value.readers if r.layer in wanted]
    return layers


def cut_inputs(layers):
    """An opaque layer with more inputs than a row has takes the first ones through opaque layers of their own."""
    out = []
    for layer in layers:
        while len(layer.readers) > INPUTS_MAX:
            head, part = layer.readers[:INPUTS_MAX], Layer(f"{layer.name[:NAME_MAX - 8]}.part{len(out)}", "opaque", None, None, why="more than 8 inputs: some of them")
            part.dims_in = head[0].value.dims
            part.dims_out = (1, 1, sum(int(np.prod(r.value.dims)) for r in head))
            part.output = Value(None, part, part.dims_out)
            part.readers, layer.readers = head, [Reader(part.output)] + layer.readers[INPUTS_MAX:]
            for reader in head:
                reader.layer = part
            layer.readers[0].layer = layer
            part.output.readers = [layer.readers[0]]
            layer.dims_in = part.dims_out
            out.append(part)
        out.append(layer)
    return out


def fork_of(value, recording, names):
    """A fork behind the maker of a value that several layers read; past 8 readers the last place is another fork's."""
    name = f"{value.maker.name[:NAME_MAX - 10]}.fork"
    fork = Layer(name if name not in names else f"{name}{len(names)}", "fork", value.dims, value.dims)
    names.add(fork.name)
    up = Reader(value)
    up.layer, fork.readers = fork, [up]
    fork.output = Value(recording, fork, value.dims, value.order)
    fork.output.sample, fork.output.grad = value.sample, value.grad
    fork.output.readers, value.readers = value.readers, [up]
    for reader in fork.output.readers:
        reader.value = fork.output
    made = [fork]
    if len(fork.output.readers) > INPUTS_MAX:
        rest = fork.output.readers[INPUTS_MAX - 1:]
        inner = Value(recording, fork, value.dims, value.order)
        inner.readers, inner.sample = rest, value.sample
        kept = [r.kept for r in rest]
        inner.grad = recording.sample(sum(kept[1:], kept[0]), 1, value.order, f"layer {fork.name}: a gradient") if all(k is not None for k in kept) else None
        below = fork_of(inner, recording, names)
        below[0].readers[0].grad = inner.grad
        below[0].readers[0].value = fork.output
        fork.output.readers = fork.output.readers[:INPUTS_MAX - 1] + [below[0].readers[0]]
        made += below
    return made


def rows_of(recording, rename):
    """The layer table of a recording, forks inserted."""
    layers, names = [], set()
    for layer in cut_inputs(live_layers(recording)):
        layers.append(layer)
        names.add(layer.name)
        if len(layer.output.readers) > 1:
            layers += fork_of(layer.output, recording, names)
    number = {layer: i for i, layer in enumerate(layers)}
    rows = []
    for layer in layers:
        inputs = [-1 if r.value.maker is None else number[r.value.maker] for r in layer.readers] or [-2]
        needs_dx = any(i >= 0 and (rows[i].needs_dx or rows[i].layer.learns) for i in inputs)
        rows.append(Row(layer, inputs, needs_dx))
    for layer in layers:
        layer.name = rename.get(layer.name, layer.name)
    twice = [n for n in names if sum(layer.name == n for layer in layers) > 1]
    if twice:
        raise ExportError(f"two layers are named \"{twice[0]}\" after renaming; each needs a name of its own")
    if not any(layer.kind in ("conv", "linear") for layer in layers):
        raise ExportError(f"no CNN: none of the {len(layers)} operations that the model's output comes from is a convolution or a linear layer that the format knows")
    return rows


class StepWriter:
    """Writes the groups of one step; a tensor that stands in several places is written at the first and linked from the others."""

    def __init__(self, group, dtype, train, number):
        self.group, self.dtype, self.train, self.number, self.places = group, dtype, train, number, {}

    def put(self, layer, name, values, kind, counts, key=None):
        place = f"{layer.name}/{name}"
        if key is not None and key in self.places:
            self.group[place] = self.group[self.places[key]]
            return
        try:
            put_dataset(self.group, place, values, self.dtype if kind == "values" else kind, counts)
        except FloatingPointError as error:
            raise ExportError(f"step {self.number}: layer {layer.name}, tensor {name}: {error}") from None
        if key is not None:
            self.places[key] = place

    def put_sample(self, layer, name, sample, key=None):
        if sample is not None:
            self.put(layer, name, sample.values, "values", (sample.nonzero, sample.count), key)

    def write(self, rows, keep):
        for row in rows:
            self.group.require_group(row.layer.name)
            self.write_values(row)
        if self.train:
            for row in rows:
                self.write_gradients(rows, row)
        for name, channels in keep.items():
            layer = next((row.layer for row in rows if row.layer.name == name and row.layer.kind in ("conv", "linear")), None)
            if layer is None:
                raise ExportError(f"keep: there is no conv or linear layer \"{name}\"")
            channels = np.unique(np.asarray(channels, np.int32))
            self.put(layer, "keep", channels, "ints", (channels.size, channels.size))

    def write_values(self, row):
        layer = row.layer
        for j, reader in enumerate(layer.readers):
            value = reader.value
            while value.maker is not None and value.maker.kind == "fork":
                value = value.maker.readers[0].value
            self.put_sample(layer, f"x{j}" if len(layer.readers) > 1 else "x", value.sample, ("value", id(value)))
        for name, (values, kind, key) in layer.tensors.items():
            nonzero = np.count_nonzero(np.abs(values) >= (ROUNDS_TO_NORMAL if kind == "values" else SMALLEST_NORMAL)) if kind in ("values", "vector") else np.count_nonzero(values)
            counts = (values.size, values.size) if kind == "ints" else (nonzero, values.size)
            self.put(layer, name, values, kind, counts, ("weights", key) if key else None)
        if not layer.output.readers:
            self.put_sample(layer, "y", layer.output.sample)

    def write_gradients(self, rows, row):
        layer = row.layer
        if layer.kind == "softmax_ce":
            return
        grad = layer.output.grad
        must = layer.kind in ("conv", "linear", "bn") or row.needs_dx
        if grad is None and must and layer.kind != "opaque":
            raise ExportError(f"step {self.number}: no gradient reached layer {layer.name} ({layer.kind}): is it behind frozen layers, not on the way to the loss, or was backward not called? "
                              "A training step needs one; mode=\"eval\" does not")
        if grad is None or not must:
            return
        if layer.kind == "fork":
            for i, reader in enumerate(layer.output.readers):
                if reader.grad is not None and not reader.shared:
                    self.put_sample(layer, f"dy{i}", reader.grad, self.gradient_key(reader.grad, reader.layer))
            self.put_sample(layer, "dy", grad, self.sum_key(grad, layer))
        else:
            readers = layer.output.readers
            self.put_sample(layer, "dy", grad, self.gradient_key(grad, layer if layer.kind == "add" else readers[0].layer if len(readers) == 1 else None))

    def gradient_key(self, grad, sum_layer):
        """An add hands its gradient on as it is: equal ones around it are one tensor."""
        if sum_layer is None or sum_layer.kind != "add":
            return ("gradient", id(grad))
        return ("gradient of", id(sum_layer), grad.values.tobytes())

    @staticmethod
    def sum_key(grad, fork):
        maker = fork.readers[0].value.maker
        return ("gradient", id(grad)) if maker.kind not in ("add",) else ("gradient of", id(maker), grad.values.tobytes())


def bf16_type():
    t = h5py.h5t.IEEE_F32LE.copy()
    t.set_fields(15, 7, 8, 0, 7)
    t.set_size(2)
    t.set_ebias(127)
    return t


def bf16_bits(values):
    """To nearest even; what has exponent 0 becomes +0."""
    u = np.ascontiguousarray(values, np.float32).view(np.uint32)
    high = ((u + (0x7FFF + ((u >> 16) & 1)).astype(np.uint32)) >> 16).astype(np.uint16)
    high[(high & 0x7F80) == 0] = 0
    if ((high & 0x7F80) == 0x7F80).any():
        raise FloatingPointError("a value is too large for bfloat16")
    return high


TYPES = {"float32": h5py.h5t.IEEE_F32LE, "vector": h5py.h5t.IEEE_F32LE, "ints": h5py.h5t.STD_I32LE, "bits": h5py.h5t.STD_U8LE}


def put_dataset(group, place, values, kind, counts):
    values = np.ascontiguousarray(values) if kind in ("ints", "bits") else np.ascontiguousarray(values, np.float32)
    if values.dtype == np.float32 and not np.isfinite(values).all():
        raise FloatingPointError("it holds NaN or infinity")
    file_type = bf16_type() if kind == "bf16" else TYPES[kind]
    data = bf16_bits(values) if kind == "bf16" else values
    rows = max(1, (1 << 20) // max(1, data[0].nbytes))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((min(rows, data.shape[0]),) + data.shape[1:])
    plist.set_shuffle()
    plist.set_deflate(4)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    dataset = h5py.h5d.create(group.id, place.encode(), file_type, h5py.h5s.create_simple(data.shape), plist, links)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, data, mtype=file_type)  # the file's own type: the bits go through as they are
    attributes = h5py.Dataset(dataset).attrs
    attributes["full_nonzero"], attributes["full_count"] = np.int64(counts[0]), np.int64(counts[1])


# ---- the module's face

class Exporter:
    """A trace file in the making: it appears under its name when the block ends, and not at all after an error.

    images: stored of each step's batch, drawn at random with the seed. dtype: "bf16" or "float32", of x, w and dy. names: other names for layers, {automatic: wanted}.
    After a step, `opaque` lists the layers that the format does not know and why."""

    def __init__(self, model, path, images=8, dtype="bf16", seed=0, network=None, dataset="unknown", method="plain", optimizer=None, names=None, force=False):
        if not isinstance(model, nn.Module):
            raise ExportError(f"no CNN: the model is a {type(model).__name__}; a torch.nn.Module is needed")
        if hasattr(model, "_orig_mod"):
            raise ExportError("the model went through torch.compile; give the module that was compiled")
        if dtype not in ("bf16", "float32"):
            raise ExportError(f"dtype \"{dtype}\" is unknown; allowed: bf16, float32")
        if optimizer not in (None, "sgd", "adam"):
            raise ExportError(f"optimizer \"{optimizer}\" is unknown; allowed: sgd, adam")
        if images < 1:
            raise ExportError(f"{images} stored images a step; at least 1 is needed")
        if os.path.exists(path) and not force:
            raise ExportError(f"{path} exists; remove it or ask for force")
        self.model, self.path, self.images, self.dtype, self.seed, self.names = model, path, images, dtype, seed, dict(names or {})
        self.meta = {"network": network or type(model).__name__, "dataset": dataset, "method": method}
        self.optimizer, self.batch, self.table, self.opaque, self.file = optimizer, None, None, [], None

    def __enter__(self):
        self.part = f"{self.path}.{os.getpid()}.part"
        try:
            self.file = h5py.File(self.part, "w")
        except OSError as error:
            raise ExportError(f"{self.path}: cannot write: {error}") from None
        self.file.attrs.update(format="skipjoule-trace", version=1, producer=f"export_torch.py {VERSION}, PyTorch {torch.__version__}", seed=np.uint64(self.seed), images=self.images, **self.meta)
        if self.optimizer:
            self.file.attrs["optimizer"] = self.optimizer
        self.file.create_group("steps")
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None and self.table is None:
                raise ExportError(f"{self.path}: no step was recorded")
            if kind is None:
                self.write_table()
                self.file.attrs["batch_size"] = self.batch[1]
            self.file.close()
            if kind is None:
                os.replace(self.part, self.path)
        finally:
            if self.file:
                self.file.close()
            if os.path.exists(self.part):
                os.unlink(self.part)

    def step(self, loss_fn, x, labels, mode="train", epoch=0, iteration=0, **options):
        """One step as a trace: forward and loss; in mode "train" also backward (gradients add to those of the parameters, as always). Returns the loss."""
        before = {m: m.training for m in self.model.modules()}
        if mode == "eval":
            self.model.eval()
        try:
            with self.recording(mode, epoch, iteration, **options) as r, contextlib.ExitStack() as stack:
                if mode == "eval":
                    stack.enter_context(torch.no_grad())
                loss = loss_fn(self.model(x), labels)
                r.loss = float(loss.detach())
                if mode == "train":
                    loss.backward()
        finally:
            for module, training in before.items():
                module.training = training
        return loss

    @contextlib.contextmanager
    def recording(self, mode="train", epoch=0, iteration=0, method_state="", number=None, which=None, keep=None):
        """Records the model's one forward pass in the block, F.cross_entropy (or F.nll_loss) of its output, and backward. With another loss, set `.loss` of what this gives.
        which: the images to store, instead of random ones; keep: {layer: channels} that ssProp kept."""
        if mode not in ("train", "eval"):
            raise ExportError(f"mode \"{mode}\" is unknown; allowed: train, eval")
        number = iteration if number is None else number
        if str(number) in self.file["steps"]:
            raise ExportError(f"step {number} was written before; give each step a number of its own")
        recording = Recording(self.model, lambda batch: self.choose(batch, number, which), mode == "train")
        with recording:
            yield recording
        if recording.outputs is None:
            raise ExportError(f"step {number}: the model did not run while the step was recorded")
        if recording.loss is None:
            raise ExportError(f"step {number}: the loss is not known: it is no cross entropy of the model's output; set .loss of the recording")
        if not np.isfinite(recording.loss):
            raise ExportError(f"step {number}: the loss is {recording.loss}")
        self.write_step(recording, number, {"mode": mode, "epoch": epoch, "iteration": iteration, "loss": recording.loss, "method_state": method_state}, keep or {})

    def choose(self, batch, number, which):
        count = self.images if which is None else len(which)
        if count != self.images or count > batch:
            raise ExportError(f"step {number}: {count} images of a batch of {batch} are to be stored; images = {self.images}")
        if which is None:
            which = np.random.default_rng([self.seed, number]).choice(batch, count, replace=False)
        return np.sort(np.asarray(which, np.int64))

    def write_step(self, recording, number, attributes, keep):
        train = attributes["mode"] == "train"
        if self.batch is None or (train and not self.batch[0]):
            self.batch = (train, recording.batch)
        elif train and self.batch[1] != recording.batch:
            raise ExportError(f"step {number}: a batch of {recording.batch} images, where the steps before had {self.batch[1]}; all training steps of a trace have one size")
        rows = rows_of(recording, self.names)
        cells = [row.cells() for row in rows]
        if self.table is None:
            self.table, self.opaque = cells, [(row.layer.name, row.layer.why) for row in rows if row.layer.kind == "opaque"]
        elif cells != self.table:
            other = next((i for i, pair_ in enumerate(zip(cells, self.table)) if pair_[0] != pair_[1]), min(len(cells), len(self.table)))
            names = [t[other][0] if other < len(t) else "nothing" for t in (self.table, cells)]
            raise ExportError(f"step {number}: the network is not that of the steps before: layer number {other} was {names[0]} and is {names[1]}; all steps of a trace run the same layers")
        group = self.file.create_group(f"steps/{number}")
        group.attrs.update(attributes)
        StepWriter(group, self.dtype, train, number).write(rows, keep)

    def write_table(self):
        n, cells = self.file.create_group("network"), self.table
        columns = list(zip(*cells))
        n["name"] = np.array([name.encode() for name in columns[0]])
        n["kind"] = np.array([kind.encode() for kind in columns[1]])
        n["input_count"] = np.array([len(inputs) for inputs in columns[2]], np.int64)
        n["inputs"] = np.array([list(inputs) + [-1] * (INPUTS_MAX - len(inputs)) for inputs in columns[2]], np.int64)
        for name, column in zip(("in", "out", "kernel", "stride", "padding", "groups"), columns[3:9]):
            n[name] = np.array(column, np.int64)
        n["needs_dx"], n["has_bias"] = np.array(columns[9], np.uint8), np.array(columns[10], np.uint8)


# ---- the command

class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if stride != 1 or inputs != outputs else nn.Identity()

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.short(x))


class ResNet8(nn.Module):
    """A 3x3 stem and three basic blocks (He and others, arXiv 1512.03385)."""

    def __init__(self, channels=3, classes=10, width=16):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def load_model(text):
    """FILE.py:NAME or package.module:NAME, a module or something to call that gives one."""
    place, _, name = text.rpartition(":")
    if not place:
        raise ExportError(f"--model {text}: FILE.py:NAME or PACKAGE:NAME is needed")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location("model", place)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        thing = getattr(module, name)
    except (ImportError, OSError, AttributeError) as error:
        raise ExportError(f"--model {text}: {error}") from None
    return thing if isinstance(thing, nn.Module) else thing()


def main():
    parser = argparse.ArgumentParser(description="Writes a Skipjoule trace of one step of a PyTorch CNN on random images. For real data use the module: see docs/torch.md.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--demo", choices=["resnet8"], help="a network that is built in")
    which.add_argument("--model", metavar="FILE.py:NAME", help="a module, or a function or class that makes one without arguments; or PACKAGE:NAME")
    parser.add_argument("--weights", metavar="FILE", help="a state_dict for --model (torch.load)")
    parser.add_argument("--input", default="3,32,32", metavar="C,H,W", help="shape of an image (default 3,32,32)")
    parser.add_argument("--classes", type=int, default=10, help="labels are drawn below this (default 10)")
    parser.add_argument("--batch", type=int, default=32, help="images of the step (default 32)")
    parser.add_argument("--images", type=int, default=4, help="of them stored (default 4)")
    parser.add_argument("--dtype", choices=["bf16", "float32"], default="bf16")
    parser.add_argument("--mode", choices=["train", "eval"], default="train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--force", action="store_true", help="replace an output that exists")
    parser.add_argument("-o", dest="output", required=True, metavar="FILE.h5")
    a = parser.parse_args()
    try:
        torch.manual_seed(a.seed)
        shape = [int(n) for n in a.input.split(",")]
        model = ResNet8(shape[0], a.classes) if a.demo else load_model(a.model)
        if a.weights:
            model.load_state_dict(torch.load(a.weights, map_location="cpu"))
        x, labels = torch.randn(a.batch, *shape), torch.randint(a.classes, (a.batch,))
        with Exporter(model, a.output, a.images, a.dtype, a.seed, network=a.demo, dataset="random", force=a.force) as e:
            loss = e.step(nn.CrossEntropyLoss(), x, labels, a.mode)
    except (ExportError, ValueError, OSError, RuntimeError) as error:
        print(f"export_torch.py: {error}", file=sys.stderr)
        return 1
    print(f"{a.output}: {len(e.table)} layers, {a.images} of {a.batch} images, loss {float(loss):.4f}")
    for name, why in e.opaque:
        print(f"opaque: {name} ({why})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
