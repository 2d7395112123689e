# SPDX-License-Identifier: Apache-2.0
"""The groups of a step in the file."""
import h5py
import numpy as np

from .tensors import ROUNDS_TO_NORMAL, SMALLEST_NORMAL, ExportError


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
            self.write_keep(rows, name, channels)

    def write_keep(self, rows, name, channels):
        layer = next((row.layer for row in rows if row.layer.name == name and row.layer.kind in ("conv", "linear")), None)
        if layer is None:
            raise ExportError(f"keep: there is no conv or linear layer \"{name}\"")
        kept, count = np.asarray(channels), layer.dims_out[2]
        numbers = kept.ndim == 1 and kept.size > 0 and kept.dtype.kind in "iu"  # a mask of booleans would be read as channels 0 and 1
        wrong = kept[(kept < 0) | (kept >= count)].tolist() if numbers else channels
        if not numbers or wrong:
            raise ExportError(f"step {self.number}: keep of layer \"{name}\": {wrong}; allowed: numbers of channels, 0 to {count - 1}, at least one")
        kept = np.unique(kept).astype(np.int32)
        self.put(layer, "keep", kept, "ints", (kept.size, kept.size))

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
