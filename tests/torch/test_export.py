#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The exporter for PyTorch by itself: what it writes agrees with itself and with autograd, it changes nothing about training, and it says what it cannot do. asic_ratio.py with one of its traces.

usage: test_export.py TOOLS_DIR [SKIPJOULE]
"""
import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

TOOLS, SKIPJOULE = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
sys.path.insert(0, TOOLS)
import asic_ratio  # noqa: E402
import export_torch  # noqa: E402
from export_torch import Exporter, ExportError, ResNet8  # noqa: E402
from torch_trace.store import bf16_bits  # noqa: E402


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() ** 2)

    @staticmethod
    def backward(ctx, dy):
        return 2 * dy * ctx.saved_tensors[0]


class Zoo(nn.Module):
    """Layers as modules, as functions, in place; what the format does not know; a value with eleven readers; a flattened image."""

    def __init__(self):
        super().__init__()
        self.c, self.b, self.r, self.p = nn.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.depthwise, self.dilated = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.norm, self.wide, self.narrow = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)
        self.many, self.tail, self.av = nn.ModuleList(nn.Conv2d(8, 8, 1) for _ in range(10)), nn.Conv2d(88, 8, 1), nn.AvgPool2d(2)
        self.f, self.b1, self.d, self.l, self.l2 = nn.Flatten(), nn.BatchNorm1d(128), nn.Dropout(0.3), nn.Linear(128, 12), nn.Linear(12, 5)

    def forward(self, x):
        x = self.p(self.r(self.b(self.c(x))))
        i = x
        x = self.depthwise(x)
        x += i
        x = self.dilated(F.relu_(x))
        x = Square.apply(0.1 * x)
        y = self.narrow(F.gelu(self.wide(self.norm(x.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)
        x = torch.cat(list(reversed((x + y).chunk(2, 1))), 1)
        x = self.tail(torch.cat([x] + [layer(x) for layer in self.many], 1))
        x.mean().item()
        x = self.d(F.relu(self.b1(self.f(self.av(x)))))
        return self.l2(self.l(x).relu())


class Residual(nn.Module):
    """The same block, written as torchvision does (in place, one ReLU module) or with functions."""

    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place
        self.conv1, self.bn1, self.conv2, self.bn2 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.relu, self.fc = nn.ReLU(inplace=in_place), nn.Linear(8, 10)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(x))
        if self.in_place:
            y += x
        else:
            y = torch.add(y, x)
        return self.fc(self.relu(y).mean((2, 3)))


class Between(nn.Module):
    """A convolution (4 channels, 4 x 4), the part to be looked at, a linear layer."""

    def __init__(self, part, features):
        super().__init__()
        self.conv, self.part, self.fc = nn.Conv2d(3, 4, 3, 4, 1), part, nn.Linear(features, 5)

    def forward(self, x):
        return self.fc(self.part(self.conv(x)).flatten(1))


def batch(images=6, size=16, classes=5, seed=3):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(images, 3, size, size, generator=g), torch.randint(classes, (images,), generator=g)


def read(path):
    """rows of the table, and layer -> tensor -> array of the first step."""
    with h5py.File(path, "r") as f:
        n = f["network"]
        rows = [{"name": n["name"][i].decode(), "kind": n["kind"][i].decode(), "inputs": [int(v) for v in n["inputs"][i][:n["input_count"][i]]],
                 "kernel": tuple(int(k) for k in n["kernel"][i]), **{key: int(n[key][i]) for key in ("groups", "stride", "padding", "needs_dx")}} for i in range(len(n["name"]))]
        step = next(iter(f["steps"].values()))
        return rows, {name: {t: step[name][t][...] for t in step[name]} for name in step}


def nchw(a):
    return torch.from_numpy(np.ascontiguousarray(a)).permute(0, 3, 1, 2)


def computed(row, t):
    """What a layer makes of its stored operands."""
    kind = row["kind"]
    if kind == "opaque":
        return None
    x = nchw(t["x0" if "x0" in t else "x"])
    if kind in ("conv", "linear"):
        return F.conv2d(x, nchw(t["w"]), torch.from_numpy(t["bias"]) if "bias" in t else None, row["stride"], row["padding"], 1, row["groups"])
    if kind == "bn":
        g, b, m, v = (torch.from_numpy(t[n])[None, :, None, None] for n in ("gamma", "beta", "mean", "variance"))
        return g * (x - m) / torch.sqrt(v + float(t["eps"][0])) + b
    if kind == "flatten":
        return nchw(t["x"].reshape(len(t["x"]), 1, 1, -1))
    window = (row["kernel"], row["stride"], row["padding"])
    return {"relu": lambda: F.relu(x), "maxpool": lambda: F.max_pool2d(x, *window), "avgpool": lambda: F.avg_pool2d(x, *window),
            "add": lambda: x + nchw(t["x1"]), "fork": lambda: x, "dropout": lambda: x * nchw(t["mask"].astype(np.float32)) / 0.7 if "mask" in t else x,
            "softmax_ce": lambda: F.softmax(x, 1)}[kind]()


def close(a, b, limit=1e-5):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return a.shape == b.shape and np.linalg.norm(a - b) <= limit * max(np.linalg.norm(b), 1e-12)


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "t.h5")
        torch.manual_seed(5)

    def tearDown(self):
        self.folder.cleanup()

    def export(self, model, x, labels, images=3, dtype="float32", mode="train", **options):
        with Exporter(model, self.path, images, dtype, 1, force=True) as e:
            e.step(nn.CrossEntropyLoss(), x, labels, mode, iteration=4, **options)
        self.check()
        return e

    def check(self):
        if SKIPJOULE:
            done = subprocess.run([SKIPJOULE, "trace", "check", self.path], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def refused(self, words, action):
        with self.assertRaises(ExportError) as caught:
            action()
        self.assertIn(words, str(caught.exception))
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_every_layer_makes_what_the_next_one_reads(self):
        for mode in ("train", "eval"):
            self.export(Zoo(), *batch(), mode=mode)
            rows, step = read(self.path)
            kinds = {row["kind"] for row in rows}
            self.assertEqual(kinds, {"conv", "linear", "bn", "relu", "maxpool", "avgpool", "add", "fork", "flatten", "dropout", "softmax_ce", "opaque"})
            compared = 0
            for i, row in enumerate(rows):
                made = computed(row, step[row["name"]])
                for other in rows[i + 1:] if made is not None else []:
                    for j, source in enumerate(other["inputs"]):
                        if source == i:
                            read_name = f"x{j}" if len(other["inputs"]) > 1 else "x"
                            self.assertTrue(close(step[other["name"]][read_name], made.permute(0, 2, 3, 1).numpy()), f"{mode}: {row['name']} -> {other['name']}")
                            compared += 1
            self.assertGreater(compared, 40)

    def test_gradients_are_autograds(self):
        model = Zoo()
        twin, (x, labels) = copy.deepcopy(model), batch()
        state = torch.get_rng_state()
        self.export(model, x, labels, images=6)
        after = torch.get_rng_state()
        rows, step = read(self.path)
        torch.set_rng_state(state)
        seen = {}
        for name, module in twin.named_modules():
            module.register_forward_hook(lambda m, args, out, name=name: (out.retain_grad(), seen.update({name: out}), out.clone())[2])  # the clone: what later calls overwrite
        F.cross_entropy(twin(x), labels).backward()
        self.assertTrue(torch.equal(after, torch.get_rng_state()))
        for a, b in zip(model.parameters(), twin.parameters()):  # recording changes nothing: also not the bits of a dropout
            self.assertTrue(torch.equal(a.grad, b.grad))
        compared = 0
        for row in rows:
            name = row["name"]
            if name in seen and seen[name].dim() == 4 and row["kind"] in ("conv", "bn", "maxpool", "avgpool") and name not in ("wide", "narrow"):
                self.assertTrue(close(step[name]["dy"], seen[name].grad.permute(0, 2, 3, 1).numpy(), 1e-12), row["name"])
                compared += 1
        self.assertGreater(compared, 14)
        self.assertTrue(close(step["l"]["dy"].reshape(6, 12), seen["l"].grad.numpy(), 1e-12))

    def test_a_forks_gradient_is_the_sum_of_its_readers(self):
        self.export(Zoo(), *batch())
        rows, step = read(self.path)
        forks = [row["name"] for row in rows if row["kind"] == "fork"]
        number = {row["name"]: i for i, row in enumerate(rows)}
        readers = {name: sum(row["inputs"].count(number[name]) for row in rows) for name in forks}
        whole = [step[name] for name in forks if all(f"dy{i}" in step[name] for i in range(readers[name]))]
        self.assertGreaterEqual(len(whole), 3)
        for t in whole:
            self.assertTrue(close(sum(t[n] for n in t if n.startswith("dy") and n != "dy"), t["dy"], 1e-6))
        nested = [row for row in rows if row["kind"] == "fork" and rows[row["inputs"][0]]["kind"] == "fork"]
        self.assertEqual(len(nested), 1)  # eleven readers: seven and a second fork of four

    def test_in_place_and_functional_code_make_one_trace(self):
        traces, (x, labels) = [], batch()
        for in_place in (False, True):
            torch.manual_seed(7)
            model = Residual(in_place)
            self.export(model, x, labels)
            traces.append(read(self.path))
        self.assertEqual([{**r, "name": ""} for r in traces[0][0]], [{**r, "name": ""} for r in traces[1][0]])
        self.assertEqual([r["kind"] for r in traces[0][0]], ["conv", "bn", "relu", "fork", "conv", "bn", "add", "relu", "avgpool", "linear", "softmax_ce"])
        for one, other in zip(traces[0][0], traces[1][0]):
            a, b = traces[0][1][one["name"]], traces[1][1][other["name"]]
            self.assertEqual(set(a), set(b))
            for name in a:
                self.assertTrue(np.array_equal(a[name], b[name]), f"{one['name']}/{name}")
        self.assertEqual([r["needs_dx"] for r in traces[0][0]], [0] + [1] * 10)

    def test_a_loop_of_ones_own_and_several_steps(self):
        model, (x, labels) = ResNet8(3, 5, 4), batch()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with Exporter(model, self.path, 2, "bf16", 1, network="r8", dataset="noise", method="ssprop", optimizer="sgd") as e:
            for i in (3, 4):
                optimizer.zero_grad()
                with e.recording(epoch=1, iteration=i, method_state="ssprop keep=0.5", keep={"conv1": [2, 0]}):
                    loss = F.cross_entropy(model(x), labels, label_smoothing=0.1)
                    loss.backward()
                optimizer.step()
            e.step(F.cross_entropy, x[:4], labels[:4], "eval", iteration=5)
        self.assertTrue(model.training)
        self.check()
        with h5py.File(self.path, "r") as f:
            self.assertEqual((f.attrs["batch_size"], f.attrs["images"], f.attrs["method"], f.attrs["optimizer"], f.attrs["network"]), (6, 2, "ssprop", "sgd", "r8"))
            self.assertEqual(sorted(f["steps"]), ["3", "4", "5"])
            self.assertEqual(f["steps/3/conv1/keep"][...].tolist(), [0, 2])
            self.assertAlmostEqual(f["steps/4"].attrs["loss"], float(loss), places=6)
            self.assertFalse(np.array_equal(f["steps/3/conv1/w"][...], f["steps/4/conv1/w"][...]))
            self.assertNotIn("dy", f["steps/5/conv1"])

    def test_counts_are_of_the_whole_batch_and_rounding_is_to_even(self):
        x, labels = batch()
        x[0, 0, 0, :4] = torch.tensor([0.0, -0.0, 1e-39, 1.1754943e-38])  # a denormal, and the largest one, which rounds to a normal
        e = self.export(ResNet8(3, 5, 4), x, labels, 3, "bf16", which=[0, 2, 5])
        with h5py.File(self.path, "r") as f:
            t = f["steps/4/conv1/x"]
            self.assertEqual((int(t.attrs["full_nonzero"]), int(t.attrs["full_count"])), (x.numel() - 3, x.numel()))
            self.assertEqual(t[0, 0, :4, 0].tolist(), [0.0, 0.0, 0.0, 2.0 ** -126])
            y = f["steps/4/fc/x"]
            self.assertEqual(int(y.attrs["full_count"]), 6 * 16)
            self.assertEqual(t.shape, (3, 16, 16, 3))
            self.assertTrue(np.array_equal(t[1], bf16_values(x[2].permute(1, 2, 0).numpy())))
        self.assertEqual(e.opaque, [])
        halves = np.array([0x3F808000, 0x3F818000, 0x3F808001, 0xBF817FFF, 0x00000001, 0x80000000, 0x007F7FFF, 0x007F8000], np.uint32).view(np.float32)
        self.assertEqual([hex(v) for v in bf16_bits(halves)], ["0x3f80", "0x3f82", "0x3f81", "0xbf81", "0x0", "0x0", "0x0", "0x80"])
        with self.assertRaises(FloatingPointError):
            bf16_bits(np.array([3.4e38], np.float32))

    def test_one_dataset_for_what_is_shared(self):
        self.export(Residual(False), *batch())
        with h5py.File(self.path, "r") as f:
            s = f["steps/4"]
            def same(*names):
                return len({h5py.h5o.get_info(s[n].id).addr for n in names}) == 1
            self.assertTrue(same("relu.fork/x", "conv2/x", "add/x1"))
            self.assertTrue(same("add/dy", "bn2/dy", "relu.fork/dy1"))
            self.assertTrue(same("relu.fork/dy", "relu/dy"))
            self.assertFalse(same("add/x0", "add/x1"))

    def test_weights_that_are_shared_and_weights_that_are_made(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.c, self.k, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.Parameter(torch.randn(4, 3, 3, 3)), nn.Linear(4, 5)

            def forward(self, x):
                x = F.conv2d(self.c(self.c(x)), self.k / self.k.norm())
                return self.fc(F.conv2d(x, (self.k[:, :1] - 2).expand(4, 4, 3, 3)).mean((2, 3)))
        net = Net()
        for mode in ("train", "eval"):
            self.export(net, *batch(), mode=mode)
            with h5py.File(self.path, "r") as f:
                s = f["steps/4"]
                self.assertEqual(h5py.h5o.get_info(s["c/w"].id).addr, h5py.h5o.get_info(s["c_2/w"].id).addr)
                self.assertTrue(close(s["conv2d/w"][...], (net.k / net.k.norm()).detach().permute(0, 2, 3, 1).numpy(), 1e-7))
                self.assertTrue(close(s["conv2d_2/w"][...], (net.k[:, :1] - 2).expand(4, 4, 3, 3).detach().permute(0, 2, 3, 1).numpy(), 1e-7))

    def test_dropout_mask(self):
        self.export(nn.Sequential(nn.Flatten(), nn.Linear(768, 40), nn.ReLU(), nn.Dropout(0.25), nn.Linear(40, 5)), *batch())
        rows, step = read(self.path)
        name = next(row["name"] for row in rows if row["kind"] == "dropout")
        t, y = step[name], step[rows[-2]["name"]]["x"]
        self.assertTrue(close(y, t["x"] * t["mask"] / 0.75, 1e-6))
        self.assertTrue(0.5 < t["mask"].mean() < 0.95 and t["mask"][t["x"] == 0].any() and not t["mask"][t["x"] == 0].all())

    def between(self, part, features):
        """The kinds of the layers between convolution and linear layer, why one is opaque, and what the linear layer reads, which is compared with what it got."""
        got, model = [], Between(part, features)
        model.fc.register_forward_pre_hook(lambda m, args: got.append(args[0].detach().numpy().copy()))
        e = self.export(model, *batch(), images=6)
        rows, step = read(self.path)
        self.assertEqual((rows[0]["name"], rows[-2]["name"]), ("conv", "fc"))
        x, order = step["fc"]["x"].reshape(6, -1), got[0].reshape(6, 4, -1).transpose(0, 2, 1).reshape(6, -1)
        self.assertTrue(np.array_equal(x, order))
        return [row["kind"] for row in rows[1:-2]], [why for _, why in e.opaque]

    def test_a_call_that_gives_its_argument_back_is_no_layer(self):
        same = lambda v: v.contiguous().float().to(v.device)  # noqa: E731
        self.assertEqual(self.between(lambda v: F.relu(same(v)) + 2 * same(v), 64)[0], ["fork", "relu", "opaque", "add", "flatten"])
        self.assertEqual(self.between(lambda v: torch.flatten(torch.flatten(v.mean((2, 3)), 1), 1), 4), (["avgpool"], []))
        self.assertEqual(self.between(lambda v: F.relu(v) if same(v) is v else 2 * v, 64)[0], ["relu", "flatten"])

    def test_an_index_is_a_reshape_only_where_it_takes_everything_in_order(self):
        pool, back, no_layer = nn.AdaptiveAvgPool2d(1), torch.tensor([3, 2, 1, 0]), "__getitem__ is none of the format's layers"
        self.assertEqual(self.between(lambda v: v[:, :, 0, 0], 4), (["opaque"], [no_layer]))
        self.assertEqual(self.between(lambda v: pool(v)[:, :, 0, 0], 4), (["avgpool"], []))
        self.assertEqual(self.between(lambda v: pool(v)[:, back, 0, 0], 4), (["avgpool", "opaque"], [no_layer]))
        self.assertEqual(self.between(lambda v: v[:, :, :, :], 64), (["opaque", "flatten"], [no_layer]))

    def test_a_call_with_arguments_that_the_format_does_not_know_is_opaque(self):
        padded, divided = ["its padding is no part of the average"], ["it has a divisor of its own"]
        self.assertEqual(self.between(nn.AvgPool2d(3, 2, 1), 16), (["avgpool", "flatten"], []))
        self.assertEqual(self.between(nn.AvgPool2d(3, 2, 1, count_include_pad=False), 16), (["opaque", "flatten"], padded))
        self.assertEqual(self.between(lambda v: F.avg_pool2d(v, 3, 2, (1, 1), False, False), 16), (["opaque", "flatten"], padded))
        self.assertEqual(self.between(nn.AvgPool2d(2, count_include_pad=False), 16), (["avgpool", "flatten"], []))
        self.assertEqual(self.between(nn.AvgPool2d(2, divisor_override=3), 16), (["opaque", "flatten"], divided))
        norm = (torch.ones(4), torch.ones(4), torch.zeros(4), torch.ones(4), False, 0.1, 1e-5, False)
        self.assertEqual(self.between(lambda v: torch.batch_norm(v, *norm), 64), (["opaque", "flatten"], ["it has 9 arguments, 8 are known"]))  # its order is not F.batch_norm's
        self.assertEqual(self.between(lambda v: torch.dropout(v, p=0.5, train=False), 64), (["opaque", "flatten"], ["its argument train is not known"]))

    def test_a_step_that_cannot_be_written_leaves_nothing(self):
        model, (x, labels) = ResNet8(3, 5, 4), batch()
        with Exporter(model, self.path, 2, "float32", 1) as e:
            e.step(F.cross_entropy, x[:4], labels[:4], "eval", iteration=1)
            for wrong in ("conv9", "conv8"):  # a second try meets nothing of the first
                with self.assertRaisesRegex(ExportError, wrong):
                    e.step(F.cross_entropy, x, labels, iteration=2, keep={wrong: [0]})
        self.check()
        with h5py.File(self.path, "r") as f:
            self.assertEqual((list(f["steps"]), f.attrs["batch_size"]), (["1"], 4))
        os.unlink(self.path)

        def caught():
            with Exporter(model, self.path, 2) as e:
                with self.assertRaisesRegex(ExportError, "conv9"):
                    e.step(F.cross_entropy, x, labels, keep={"conv9": [0]})
        self.refused("no step was recorded", caught)

    def test_log_softmax_and_nll_are_the_loss(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.c = nn.Conv2d(3, 5, 16)

            def forward(self, x):
                return F.log_softmax(self.c(x).flatten(1), 1)
        with Exporter(Net(), self.path, 2) as e:
            e.step(F.nll_loss, *batch())
        self.check()
        rows, step = read(self.path)
        self.assertEqual([row["kind"] for row in rows], ["conv", "softmax_ce"])
        self.assertTrue(close(step[rows[1]["name"]]["y"].sum(3), np.ones((2, 1, 1)), 1e-2))

    def test_what_is_refused(self):
        x, labels = batch()
        new = lambda model, **o: lambda: Exporter(model, self.path, **o)  # noqa: E731

        def steps(model, *calls, images=3, **options):
            def run():
                with Exporter(model, self.path, images, **options) as e:
                    for call in calls:
                        call(e)
            return run
        step = lambda e: e.step(F.cross_entropy, x, labels)  # noqa: E731
        self.refused("no CNN: the model is a function", new(lambda v: v))
        self.refused("dtype \"fp16\" is unknown; allowed: bf16, float32", new(ResNet8(), dtype="fp16"))
        self.refused("no CNN: none of the", steps(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(768)), step))
        self.refused("no step was recorded", steps(ResNet8()))
        self.refused("7 images of a batch of 6", steps(ResNet8(3, 5, 4), lambda e: e.step(F.cross_entropy, x, labels, which=range(7)), images=7))
        self.refused("step 0 was written before", steps(ResNet8(3, 5, 4), step, step))
        self.refused("a batch of 4 images, where the steps before had 6", steps(ResNet8(3, 5, 4), step, lambda e: e.step(F.cross_entropy, x[:4], labels[:4], iteration=1)))
        frozen = ResNet8(3, 5, 4)
        frozen.conv1.weight.requires_grad_(False)
        self.refused("no gradient reached layer conv1", steps(frozen, step))
        broken = ResNet8(3, 5, 4)
        broken.blocks[1].conv2.weight.data[0] = float("nan")
        self.refused("layer blocks.1.conv2: the output holds NaN", steps(broken, step))
        def twice(e):
            with e.recording():
                e.model(x)
                e.model(x)
        self.refused("ran twice", steps(ResNet8(3, 5, 4), twice))
        def no_loss(e):
            with e.recording():
                e.model(x).sum().backward()
        self.refused("the loss is not known", steps(ResNet8(3, 5, 4), no_loss))
        self.refused("keep: there is no conv or linear layer \"conv9\"", steps(ResNet8(3, 5, 4), lambda e: e.step(F.cross_entropy, x, labels, keep={"conv9": [0]})))
        for channels, wrong in ([0, 4, 9], "[4, 9]"), ([-1], "[-1]"), ([2 ** 32], "[4294967296]"), ([], "[]"), (np.array([], np.int64), "[]"), ([True, False, True, True], "[True, False, True, True]"), ([0.5], "[0.5]"), (3, "3"):
            self.refused(f"step 0: keep of layer \"conv1\": {wrong}; allowed: numbers of channels, 0 to 3, at least one",
                         steps(ResNet8(3, 5, 4), lambda e, c=channels: e.step(F.cross_entropy, x, labels, keep={"conv1": c})))
        self.refused("keep of layer \"conv1\" in a step of mode \"eval\"", steps(ResNet8(3, 5, 4), lambda e: e.step(F.cross_entropy, x, labels, "eval", keep={"conv1": [0]})))
        class Fickle(ResNet8):
            def forward(self, v):
                return super().forward(F.relu(v) if self.training else v)
        self.refused("the network is not that of the steps before", steps(Fickle(3, 5, 4), step, lambda e: e.step(F.cross_entropy, x, labels, "eval", iteration=1)))
        open(self.path, "w", encoding="ascii").close()
        with self.assertRaisesRegex(ExportError, "exists"):
            Exporter(ResNet8(), self.path)

    def test_the_command(self):
        tool = os.path.join(TOOLS, "export_torch.py")
        done = subprocess.run([sys.executable, tool, "--demo", "resnet8", "--batch", "4", "--images", "2", "-o", self.path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("34 layers, 2 of 4 images", done.stdout)
        self.check()
        if SKIPJOULE:
            done = subprocess.run([SKIPJOULE, "sim", self.path, "--accel", "edge16", "--batch", "2"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("blocks.2.conv2", done.stdout)
        done = subprocess.run([sys.executable, tool, "--demo", "resnet8", "-o", self.path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("exists; remove it, or replace it with --force", done.stderr)
        done = subprocess.run([sys.executable, tool, "-o", self.path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        os.unlink(self.path)
        net = os.path.join(self.folder.name, "net.py")
        with open(net, "w", encoding="ascii") as f:
            f.write("import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(144, 3))\n")
        arguments = ["--model", f"{net}:make", "--input", "1,8,8", "--classes", "3", "--mode", "eval", "--dtype", "float32", "-o", self.path]
        done = subprocess.run([sys.executable, tool, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("opaque: 1 (gelu is none of the format's layers)", done.stdout)
        self.check()


    def ran(self, main, *arguments):
        """Exit code, stdout and stderr of a tool. Run in this process, because loading PyTorch takes longer than all of it; what would be a traceback is raised."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(arguments)
            except SystemExit as stop:
                code = stop.code
        if isinstance(code, str):  # what Python makes of a sentence
            print(code, file=err)
            code = 1
        return code, out.getvalue(), err.getvalue()

    def fails(self, code, words, main, *arguments):
        """One sentence on stderr; behind the usage where the call is wrong."""
        got, out, err = self.ran(main, *arguments)
        self.assertEqual((got, out), (code, ""), err)
        self.assertTrue(err.endswith("\n") and (code == 2 or err.count("\n") == 1), err)
        self.assertIn(words, err.splitlines()[-1])

    def file(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def test_the_command_says_what_is_wrong(self):
        demo = (export_torch.main, "--demo", "resnet8", "-o", self.path)
        shape, count = "C,H,W, whole numbers, at least 1", "whole numbers, at least "
        for option, value, allowed in ("input", "abc", shape), ("input", "3,0,2", shape), ("batch", "0", count + "1"), ("classes", "x", count + "1"), ("images", "0", count + "1"), ("seed", "-1", count + "0"):
            self.fails(2, f"argument --{option}: \"{value}\"; allowed: {allowed}", *demo, f"--{option}", value)
        self.fails(2, "argument --input: \"784\"; allowed with --demo: C,H,W", *demo, "--input", "784")
        whole = os.path.join(self.folder.name, "w.pt")
        torch.save({"a": torch.ones(3)}, whole)
        self.fails(1, f"--weights {whole}: a state_dict of this model is needed: ", *demo, "--weights", whole)
        with open(whole, "rb") as f:
            half = self.file("half.pt", f.read()[:300])
        for path in half, self.file("text.pt", b"\x89PNG"), self.file("empty.pt", b""), os.path.join(self.folder.name, "none.pt"):
            self.fails(1, f"--weights {path}: a state_dict that torch.load reads is needed: ", *demo, "--weights", path)
        self.assertFalse(os.path.exists(self.path))

    def test_a_model_that_does_not_fit_is_one_sentence(self):
        net = self.file("own.py", b"from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3))\n"
                        b"def stops():\n    raise KeyError('no')\ndef number():\n    return 7\nfive = 5\n")
        run = (export_torch.main, "-o", self.path, "--input", "1,8,8", "--model")
        for name, words in (("mke", "has no module, function or class mke; did you mean make?"), ("five", "has no module, function or class five"), ("number", "number() gives int; a torch.nn.Module"),
                            ("stops", "calling stops() without arguments failed: KeyError")):
            self.fails(1, words, *run, f"{net}:{name}")
        self.fails(1, "none.py cannot be read: FileNotFoundError", *run, f"{net}.none.py:make")
        self.fails(1, "fails on images of --input 1,8,8 with labels below --classes 100: ", *run, f"{net}:make", "--classes", "100", "--batch", "64")
        self.fails(1, "fails on images of --input 3,8,8 with labels below --classes 3: ", *run, f"{net}:make", "--input", "3,8,8", "--classes", "3")
        self.assertFalse(os.path.exists(self.path))

    def test_asic_ratio_reads_a_trace_and_nothing_else(self):
        self.export(ResNet8(3, 5, 4), *batch(), images=6, mode="eval")
        code, out, err = self.ran(asic_ratio.main, self.path, "--batch", "4")
        self.assertEqual((code, err), (0, ""))
        result = json.loads(out)
        self.assertEqual((result["step"], [b["images"] for b in result["batches"]]), (4, [4, 2]))
        self.assertTrue(0.0 < result["asic_ratio"] < 1.0)
        self.fails(2, "argument --batch: 0; allowed: at least 1", asic_ratio.main, self.path, "--batch", "0")
        self.fails(1, f"{self.path}: there is no eval step 9", asic_ratio.main, self.path, "--step", "9")
        missing, text, other = os.path.join(self.folder.name, "none.h5"), self.file("text.h5", b"hello"), os.path.join(self.folder.name, "other.h5")
        for path in missing, text, self.folder.name:
            self.fails(1, f"{path}: cannot be read as HDF5, a trace is needed: ", asic_ratio.main, path)
        h5py.File(other, "w").close()
        self.fails(1, f"{other}: its attribute \"format\" is None; a trace's is \"skipjoule-trace\"", asic_ratio.main, other)
        with h5py.File(other, "w") as f:
            f.attrs["format"] = "skipjoule-trace"
        self.fails(1, f"{other}: a part of the trace is missing: ", asic_ratio.main, other)


def bf16_values(a):
    return (bf16_bits(a).astype(np.uint32) << 16).view(np.float32)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
