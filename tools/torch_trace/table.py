# SPDX-License-Identifier: Apache-2.0
"""From a recording to the layer table."""
import numpy as np

from .tensors import INPUTS_MAX, NAME_MAX, ExportError, Layer, Reader, Value


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
