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
import difflib
import importlib
import importlib.util
import os
import sys
import textwrap

try:
    import h5py
    import numpy as np
    import torch
    from torch import nn

    from torch_trace.demo import ResNet8
    from torch_trace.recording import Recording
    from torch_trace.store import StepWriter
    from torch_trace.table import rows_of
    from torch_trace.tensors import INPUTS_MAX, ExportError
except ImportError as missing:
    sys.exit(f"export_torch.py: {missing}; PyTorch 1.13 or newer, h5py and NumPy are needed (Debian: python3-torch, python3-h5py)")

VERSION = "1"


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
            raise ExportError(f"{path} exists; remove it, or replace it with --force (from Python: force=True)")
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
        if keep and mode == "eval":
            raise ExportError(f"keep of layer \"{next(iter(keep))}\" in a step of mode \"eval\"; allowed: in mode \"train\" alone, where there are gradients")
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
        train, sized = attributes["mode"] == "train", self.batch is not None and self.batch[0]
        if train and sized and self.batch[1] != recording.batch:
            raise ExportError(f"step {number}: a batch of {recording.batch} images, where the steps before had {self.batch[1]}; all training steps of a trace have one size")
        rows = rows_of(recording, self.names)
        cells = [row.cells() for row in rows]
        if self.table is not None and cells != self.table:
            other = next((i for i, pair_ in enumerate(zip(cells, self.table)) if pair_[0] != pair_[1]), min(len(cells), len(self.table)))
            names = [t[other][0] if other < len(t) else "nothing" for t in (self.table, cells)]
            raise ExportError(f"step {number}: the network is not that of the steps before: layer number {other} was {names[0]} and is {names[1]}; all steps of a trace run the same layers")
        self.write_group(number, attributes, rows, keep)
        # only a step that was written says what the file's steps are like: after an error the caller may go on with others
        if self.table is None:
            self.table, self.opaque = cells, [(row.layer.name, row.layer.why) for row in rows if row.layer.kind == "opaque"]
        if self.batch is None or (train and not sized):
            self.batch = (train, recording.batch)

    def write_group(self, number, attributes, rows, keep):
        group = self.file.create_group(f"steps/{number}")
        try:
            group.attrs.update(attributes)
            StepWriter(group, self.dtype, attributes["mode"] == "train", number).write(rows, keep)
        except BaseException:  # an interrupt as well: a half of a step must not be published, nor be in the way of another try
            del self.file["steps"][str(number)]
            raise

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


def said(error):
    """What an error of somebody else's code says, in one line."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 300)


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
    except Exception as error:  # whatever a user's file raises
        raise ExportError(f"--model {text}: {place} cannot be read: {said(error)}") from None
    thing = getattr(module, name, None)
    if not isinstance(thing, nn.Module) and not callable(thing):
        near = difflib.get_close_matches(name, [known for known, value in vars(module).items() if callable(value)], 1)
        raise ExportError(f"--model {text}: {place} has no module, function or class {name}" + (f"; did you mean {near[0]}?" if near else ""))
    try:
        model = thing if isinstance(thing, nn.Module) else thing()
    except Exception as error:
        raise ExportError(f"--model {text}: calling {name}() without arguments failed: {said(error)}") from None
    if not isinstance(model, nn.Module):
        raise ExportError(f"--model {text}: {name}() gives {type(model).__name__}; a torch.nn.Module is needed")
    return model


def load_weights(model, path):
    try:
        state = torch.load(path, map_location="cpu")
    except Exception as error:  # which one a damaged file raises depends on where the damage is
        raise ExportError(f"--weights {path}: a state_dict that torch.load reads is needed: {said(error)}") from None
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ExportError(f"--weights {path}: a state_dict of this model is needed: {said(error)}") from None


def at_least(minimum):
    """The type of an option: whole numbers from there on."""
    def number(text):
        if not text.strip().isdecimal() or int(text) < minimum:
            raise argparse.ArgumentTypeError(f"\"{text}\"; allowed: whole numbers, at least {minimum}")
        return int(text)
    return number


def image_shape(text):
    try:
        return [at_least(1)(n) for n in text.split(",")]
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"\"{text}\"; allowed: C,H,W, whole numbers, at least 1") from None


def one_step(exporter, x, labels, a):
    try:
        return exporter.step(nn.CrossEntropyLoss(), x, labels, a.mode)
    except ExportError:
        raise
    except Exception as error:  # the model does not take such images, or has fewer outputs than labels
        shape = ",".join(map(str, a.input))
        raise ExportError(f"{a.model or a.demo} fails on images of --input {shape} with labels below --classes {a.classes}: {said(error)}") from None


def main(argv):
    parser = argparse.ArgumentParser(description="Writes a Skipjoule trace of one step of a PyTorch CNN on random images. For real data use the module: see docs/torch.md.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--demo", choices=["resnet8"], help="a network that is built in")
    which.add_argument("--model", metavar="FILE.py:NAME", help="a module, or a function or class that makes one without arguments; or PACKAGE:NAME")
    parser.add_argument("--weights", metavar="FILE", help="a state_dict for --model (torch.load)")
    parser.add_argument("--input", type=image_shape, default="3,32,32", metavar="C,H,W", help="shape of an image (default 3,32,32)")
    parser.add_argument("--classes", type=at_least(1), default=10, help="labels are drawn below this (default 10)")
    parser.add_argument("--batch", type=at_least(1), default=32, help="images of the step (default 32)")
    parser.add_argument("--images", type=at_least(1), default=4, help="of them stored (default 4)")
    parser.add_argument("--dtype", choices=["bf16", "float32"], default="bf16")
    parser.add_argument("--mode", choices=["train", "eval"], default="train")
    parser.add_argument("--seed", type=at_least(0), default=1)
    parser.add_argument("--force", action="store_true", help="replace an output that exists")
    parser.add_argument("-o", dest="output", required=True, metavar="FILE.h5")
    a = parser.parse_args(argv)
    if a.demo and len(a.input) != 3:
        parser.error(f"argument --input: \"{','.join(map(str, a.input))}\"; allowed with --demo: C,H,W, three numbers")
    try:
        torch.manual_seed(a.seed)
        model = ResNet8(a.input[0], a.classes) if a.demo else load_model(a.model)
        if a.weights:
            load_weights(model, a.weights)
        x, labels = torch.randn(a.batch, *a.input), torch.randint(a.classes, (a.batch,))
        with Exporter(model, a.output, a.images, a.dtype, a.seed, network=a.demo, dataset="random", force=a.force) as e:
            loss = one_step(e, x, labels, a)
    except (ExportError, ValueError, OSError, RuntimeError) as error:
        print(f"export_torch.py: {error}", file=sys.stderr)
        return 1
    print(f"{a.output}: {len(e.table)} layers, {a.images} of {a.batch} images, loss {float(loss):.4f}")
    for name, why in e.opaque:
        print(f"opaque: {name} ({why})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
