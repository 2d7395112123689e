# SPDX-License-Identifier: Apache-2.0
"""Which call of a torch function becomes which layer."""
import torch


def pair(v):
    return (v, v) if isinstance(v, int) else tuple(v) * (2 if len(v) == 1 else 1)


class NotTheLayer(Exception):
    """A call that cannot be taken for the layer of its name; the text says why."""


def bind(names, defaults, args, kwargs):
    """The arguments of a call by name. One without a name here may change the result (another PyTorch, another function of that name): dropped, it would make a wrong layer."""
    if len(args) > len(names):
        raise NotTheLayer(f"it has {len(args)} arguments, {len(names)} are known")
    unknown = [k for k in kwargs if k not in names]
    if unknown:
        raise NotTheLayer(f"its argument {unknown[0]} is not known")
    return {**defaults, **dict(zip(names, args)), **kwargs}


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


# A rule gets the call's arguments, its first input's tensor and axis, and its output; it returns the keys of a Layer, or a sentence saying why not (bind raises its own).

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
    a = bind(("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"), {"stride": None, "padding": 0, "dilation": 1}, args, kwargs)
    return window("maxpool", x, axis, out, a["kernel_size"], a["stride"] or a["kernel_size"], a["padding"], a["dilation"])


def avg_pool2d(args, kwargs, x, axis, out):
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    a = bind(names, {"stride": None, "padding": 0, "count_include_pad": True, "divisor_override": None}, args, kwargs)
    if a["divisor_override"] is not None:
        return "it has a divisor of its own"
    if not a["count_include_pad"] and any(pair(a["padding"])):
        return "its padding is no part of the average"
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
    a = bind(("input", "p", "training", "inplace"), {"p": 0.5, "training": True}, args, kwargs)
    return {"kind": "dropout", "p": a["p"] if a["training"] else 0.0}


def add(args, kwargs, x, axis, out):
    values = [a for a in args[:2] if isinstance(a, torch.Tensor)] + [kwargs[k] for k in ("other",) if isinstance(kwargs.get(k), torch.Tensor)]
    if len(values) != 2 or kwargs.get("alpha", 1) != 1 or values[0].shape != values[1].shape:
        return "it is no sum of two tensors of one shape"
    return {"kind": "add"}


RULES = {"conv2d": conv2d, "linear": linear, "batch_norm": batch_norm, "relu": relu, "relu_": relu, "max_pool2d": max_pool2d, "max_pool2d_with_indices": max_pool2d, "avg_pool2d": avg_pool2d,
         "adaptive_avg_pool2d": adaptive_avg_pool2d, "mean": mean, "dropout": dropout, "dropout_": dropout, "add": add, "add_": add, "__add__": add, "__radd__": add, "__iadd__": add}
NEED_A_VALUE = {name for name, rule in RULES.items() if rule not in (add, mean)}  # whose first argument is never a constant
RESHAPES = {"view", "reshape", "flatten", "squeeze", "unsqueeze", "unflatten", "__getitem__"}
COPIES = {"contiguous", "to", "float", "half", "bfloat16", "type", "cpu", "cuda", "clone", "view_as", "requires_grad_", "type_as", "identity"}  # the same values elsewhere: no layer
AS_THEY_ARE = {"__get__", "__set__", "__setitem__", "register_hook", "retain_grad", "requires_grad_", "backward"}  # calls that mean the very tensor they are given
LIKE_INPUT = {"relu", "dropout", "bn", "add"}


def is_in_place(name, kwargs):
    return (name.endswith("_") and not name.endswith("__")) or (name.startswith("__i") and name not in ("__index__", "__invert__", "__int__")) or bool(kwargs.get("inplace")) or name == "__setitem__"
