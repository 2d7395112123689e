# SPDX-License-Identifier: Apache-2.0
"""One step while it happens."""
import numpy as np
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from .rules import AS_THEY_ARE, COPIES, LIKE_INPUT, NEED_A_VALUE, RESHAPES, RULES, NotTheLayer, bind, is_in_place, replaced, tensors_in
from .tensors import INPUTS_MAX, NAME_MAX, ROUNDS_TO_NORMAL, ExportError, Layer, Reader, Sample, Value, dims_of, to_krsc, to_nhwc


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
        tensor._sj_value = (value, axis)
        layer.output = value
        self.watch(tensor)

    def watch(self, tensor):
        """The gradient of a value, once its node is there: inside of a custom autograd function it comes later than the value."""
        value, axis = self.known(tensor)
        if value.watched or not self.train or not tensor.requires_grad or tensor.grad_fn is None or value.maker is None:
            return
        value.watched = True
        self.nodes[tensor.grad_fn] = value
        def take(grad):
            if value.grad is not None:
                raise ExportError(f"layer {value.maker.name}: its gradient came twice while one step was recorded; call backward once")
            value.grad = self.sample(grad, axis, value.order, f"layer {value.maker.name}: the gradient of its output")
        self.on_gradient(tensor, take)

    def read(self, tensor, alias):
        """A reader of the tensor's value; alias: also a second name for it, through which this reader's share of the gradient comes back."""
        self.watch(tensor)
        value, axis = self.known(tensor)
        reader, out = Reader(value), tensor
        if alias and self.train and tensor.requires_grad and torch.is_grad_enabled():
            out = tensor.view_as(tensor)
            def take(grad):
                if reader.layer is not None and len(value.readers) > 1:
                    reader.grad = self.sample(grad, axis, value.order, f"layer {reader.layer.name}: the gradient of its input")
                if len(value.readers) > INPUTS_MAX:
                    reader.kept = grad.detach()
            self.on_gradient(out, take)
        return reader, out

    def adopt(self, tensor):
        """A value that no call of a torch function made (a custom autograd function, a script): an opaque layer. Its inputs are found by walking autograd's graph back; where there
        is none, they are what nobody has read yet, or else what was made last."""
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
        if not found:
            made = [layer.output for layer in self.layers]
            found = [v for v in made if not v.readers][:INPUTS_MAX] or made[-1:]
        layer = Layer(self.name("joint"), "opaque", None, None, why="not made by a torch function")
        layer.readers = [Reader(v) for v in found]
        self.append(layer, tensor, 1, None)

    # -- calls
    def call(self, func, args, kwargs):
        name = getattr(func, "__name__", str(func))
        if not self.modules:
            return self.call_outside(name, func, args, kwargs)
        if name in NEED_A_VALUE and args and isinstance(args[0], torch.Tensor) and self.known(args[0]) is None and args[0].is_floating_point():
            self.adopt(args[0])
        if not any(self.known(t) for t in tensors_in([args, kwargs])):
            return func(*args, **kwargs)
        call = Call(self, name, args, kwargs)
        out = func(*call.args, **call.kwargs)
        if name == "dropout" and call.gave(out) and not call.in_place:
            out = out.view_as(out)  # outside of training it gives its argument back; it is a layer all the same
        outputs = [t for t in tensors_in(call.target if name == "__setitem__" else out) if t.is_floating_point()]
        if not outputs or name in AS_THEY_ARE - {"__setitem__", "__get__"}:
            return out
        if len(outputs) == 1 and call.gave(outputs[0]) and not call.in_place:
            return replaced(out, lambda t: call.given.get(id(t), t))  # x.contiguous() is x: the alias that came back is unknown to later calls
        if len(outputs) == 1 and self.passes_on(call, outputs[0]):
            return out
        for reader in call.readers:
            reader.shared = len(outputs) > 1
        for tensor in outputs:
            self.add_layer(call, tensor, call.readers if tensor is outputs[-1] else [share(r) for r in call.readers])
        if call.before is not None and call.before[0] is not None:
            self.hook_in_place(call)
        return out

    def hook_in_place(self, call):
        """The reading that was overwritten has no alias: its gradient leaves the node towards what made the value."""
        node, axis = call.target.grad_fn, call.axis
        places = [i for i, edge in enumerate(node.next_functions) if edge == call.before] if node is not None and self.train else []
        reader = next((r for r in call.readers if r.layer is not None), None)
        if len(places) != 1 or reader is None:
            return
        value = reader.value
        def hook(grads, _):
            if len(value.readers) > 1 and grads[places[0]] is not None:
                reader.grad = self.sample(grads[places[0]], axis, value.order, f"layer {reader.layer.name}: the gradient of its input")
        self.handles.append(node.register_hook(hook))

    def passes_on(self, call, out):
        """Calls after which the same values lie in the same NHWC order are no layers: the output stands for the same value."""
        name, first, args, kwargs, value, axis = call.name, call.first, call.args, call.kwargs, call.value, call.axis
        plain = len(call.readers) == 1 and out.numel() == first.numel()
        to_axis = None
        if plain and name in COPIES:
            to_axis = axis
        elif plain and name == "permute" and first.dim() == 4:
            order = tuple(d % 4 for d in (args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else args[1:] or kwargs.get("dims", ())))
            to_axis = {((0, 2, 3, 1), 1): 3, ((0, 3, 1, 2), 3): 1}.get((order, axis))
        elif plain and call.reshapes(out) and out.dim() in (2, 4) and first.dim() in (2, 4) and value.order is None and out.shape[0] == self.batch:
            to_axis = next((a for a in ((1, 3) if out.dim() == 4 else (1,)) if dims_of(out, a, self.batch) == value.dims == (1, 1, value.dims[2])), None)
        elif plain and name in ("add", "__radd__", "__add__") and not any(isinstance(a, torch.Tensor) for a in args[1:]) and args[1:] == (0,):
            to_axis = axis
        if to_axis is None:
            return False
        out._sj_value = (value, to_axis)
        return True

    def keys_of(self, call, out, readers):
        """The keys of the call's layer, or a sentence saying why it is opaque."""
        shape = call.x_shape
        if len(shape) < 2 or shape[0] != self.batch or out.dim() < 2 or out.shape[0] != self.batch:
            return "its input or output is not a batch of images"
        if call.reshapes(out) and len(shape) == 4 and out.dim() == 2:
            return {"kind": "flatten"}
        if call.name not in RULES:
            return f"{call.name} is none of the format's layers"
        try:
            keys = RULES[call.name](call.args, call.kwargs, call.first, call.axis, out)
        except NotTheLayer as why:
            return str(why)
        if isinstance(keys, str):
            return keys
        if len(readers) != (2 if keys["kind"] == "add" else 1):
            return "it reads several values, or one and a constant"
        if keys["kind"] == "add" and call.orders > 1:
            return "its summands lie in different orders"
        return keys

    def add_layer(self, call, out, readers):
        keys = self.keys_of(call, out, readers)
        keys = {"kind": "opaque", "why": keys} if isinstance(keys, str) else keys
        order = call.value.order
        if keys["kind"] == "flatten":
            order = tuple(call.x_shape[1:]) if call.axis == 1 else None
        weight, bias, norm, p = (keys.pop(name, None) for name in ("weight", "bias", "norm", "p"))
        layer = Layer(self.name(call.name), keys.pop("kind"), None, None, learns=call.learns, readers=readers, log_softmax=call.name == "log_softmax", **keys)
        if weight is not None:
            self.put_weights(layer, weight, bias, order if layer.kind == "linear" else None)
        if norm is not None:
            self.put_norm(layer, norm, call.first, order)
        if p is not None and self.train:
            mask = dropout_mask(call.first, out, p, call.state)[self.which]
            layer.tensors["mask"] = (to_nhwc(mask, call.axis, order).cpu().numpy().astype(np.uint8), "bits", None)
        self.append(layer, out, call.axis if out.dim() == 4 and len(call.x_shape) == 4 else 1, order if layer.kind in LIKE_INPUT or layer.kind == "flatten" else None)

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
        layer.tensors["w"] = (to_krsc(weight, order).cpu().numpy(), "values", (id(weight), order) if isinstance(weight, torch.nn.Parameter) else None)
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
        wanted = ("input", "target")  # a loss is taken with any options: the format stores none
        given = bind(wanted, {}, args[:2], {k: kwargs[k] for k in wanted if k in kwargs}) if name in ("cross_entropy", "nll_loss") else {}
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


class Call:
    """One call of a torch function that reads values: its arguments with an alias for each value that it reads, and what has to be looked at before it happens."""

    def __init__(self, recording, name, args, kwargs):
        values = [t for t in tensors_in([args, kwargs]) if recording.known(t)]
        self.name, self.first, self.x_shape = name, values[0], values[0].shape
        self.value, self.axis = recording.known(self.first)
        self.orders = len({(recording.known(t)[1], recording.known(t)[0].order) for t in values})
        self.learns = any(t.requires_grad for t in tensors_in([args, kwargs]) if not recording.known(t))
        self.state = rng_state(self.first) if name in ("dropout", "dropout_") else None
        self.in_place = is_in_place(name, kwargs)
        self.target = args[0] if self.in_place and args else None
        self.before = (self.target.grad_fn, self.target.output_nr) if isinstance(self.target, torch.Tensor) and recording.known(self.target) else None
        self.readers, self.given = [], {}  # given: id of what the call got -> what stands for it outside of the call

        def swap(tensor):
            if not recording.known(tensor):
                return tensor
            reader, out = recording.read(tensor, tensor is not self.target and name not in AS_THEY_ARE)
            self.readers.append(reader)
            self.given[id(out)] = tensor
            return out
        shown = 1 if name.endswith("_as") else len(args)  # x.view_as(other) looks at the other's shape alone
        self.args = (*replaced(tuple(args[:shown]), swap), *args[shown:])
        self.kwargs = replaced(kwargs, swap)

    def gave(self, out):
        """Is this one of the arguments?"""
        return id(out) in self.given

    def reshapes(self, out):
        """Is this all of the first value in its order, and only the shape another? An index may choose a part of it, or move its parts: then the result is a copy."""
        return self.name in RESHAPES and out.numel() == self.x_shape.numel() and (self.name != "__getitem__" or out.data_ptr() == self.first.data_ptr())


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
