#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A whole training step (zero_grad, forward, loss, backward, update by SGD with momentum and weight decay) of ResNet18 for small images, in PyTorch and in the trainer, in turn in one run.

usage: bench_torch.py STEP_PROGRAM [ROUNDS [CASE ...]]     the same network as models/resnet18.cfg; cases: w16 w64 ssprop (default: all)
"""
import os
import re
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

THREADS = os.cpu_count()


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if stride != 1 else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.short(x)
        return self.relu(y)


class ResNet18(nn.Sequential):
    def __init__(self, width):
        w = width
        blocks = [Block(w, w, 1), Block(w, w, 1), Block(w, 2 * w, 2), Block(2 * w, 2 * w, 1), Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w, 1), Block(4 * w, 8 * w, 2), Block(8 * w, 8 * w, 1)]
        super().__init__(nn.Conv2d(3, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(inplace=True), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * w, 10))


def torch_step(model, optimizer, x, labels, bf16):
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = F.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()


def run_torch(width, batch, dtype, layout, warm_up, steps):
    """Measures PyTorch in this process, and prints what the trainer's program prints."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    model = ResNet18(width).to(memory_format=memory_format)
    x, labels = torch.randn(batch, 3, 32, 32).to(memory_format=memory_format), torch.randint(10, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4)
    times = []
    for _ in range(warm_up + steps):
        start = time.perf_counter()
        torch_step(model, optimizer, x, labels, dtype == "bf16")
        times.append(time.perf_counter() - start)
    times = sorted(times[warm_up:])
    print(f"best {batch / times[0]:.2f} images/s, median {batch / times[steps // 2]:.2f} images/s")


class Contender:
    """A program that measures itself, in a process of its own each time: threads of another one that wait by spinning would take a core from it. `policy`: OMP_WAIT_POLICY."""

    def __init__(self, command, steps, policy):
        self.command = [*command, "--steps", str(steps)]
        self.environment = {**os.environ, "OMP_WAIT_POLICY": policy}

    def speeds(self):
        """Of the best step and of the median step, in images/s."""
        out = subprocess.run(self.command, check=True, capture_output=True, text=True, env=self.environment).stdout
        return float(re.search(r"best ([0-9.]+) images/s", out)[1]), float(re.search(r"median ([0-9.]+) images/s", out)[1])


def contenders_of(program, names):
    """name -> Contender; names of PyTorch's begin with "PyTorch". Each is run with threads that wait spinning (active) and asleep (passive); ssProp stands right behind what it is compared with: the load of a machine changes."""
    made = {}
    for width, batch, warm_up, steps in ((16, 128, 6, {"f32": 12, "bf16": 5}), (64, 64, 2, {"f32": 3, "bf16": 1})):
        for dtype in ("f32", "bf16"):
            whole, sparse = f"w{width}" in names, width == 64 and "ssprop" in names
            shape = ("--width", str(width), "--batch", str(batch), "--dtype", dtype)
            ours = [program, *shape, "--threads", str(THREADS)]
            for policy in ("active", "passive"):
                for layout in ("NCHW", "channels_last") if whole else ():
                    command = [sys.executable, __file__, "--torch", *shape, "--layout", layout, "--warm-up", str(warm_up)]
                    made[f"PyTorch w{width} {dtype} {layout} {policy}"] = Contender(command, steps[dtype], policy)
                if whole and dtype == "f32":
                    made[f"ours w{width} {dtype} direct {policy}"] = Contender([*ours, "--algorithm", "direct"], steps["f32"], policy)
                if whole or sparse:
                    made[f"ours w{width} {dtype} auto {policy}"] = Contender([*ours, "--algorithm", "auto"], steps["f32"], policy)
                if sparse:
                    made[f"ours w{width} {dtype} keep 0.2 gather {policy}"] = Contender([*ours, "--algorithm", "auto", "--keep", "0.2", "--gather"], steps["f32"], policy)
    return made


def load():
    return "%.2f %.2f %.2f" % os.getloadavg()


def measure(program, rounds, names):
    speeds, bests = {}, {}
    for i in range(rounds):
        print(f"round {i + 1} of {rounds}, load {load()}", file=sys.stderr, flush=True)
        for name, contender in contenders_of(program, names).items():
            try:
                best, median = contender.speeds()
                speeds.setdefault(name, []).append(median)
                bests[name] = max(best, bests.get(name, 0.0))
                print(f"  {name}: {median:.1f}", file=sys.stderr, flush=True)
            except (subprocess.CalledProcessError, OSError) as error:
                sys.exit(f"bench_torch.py: {name}: {error}\n{getattr(error, 'stderr', '') or ''}")
    return speeds, bests


def best_of(speeds, start):
    """The contender of these with the best median."""
    found = [name for name in speeds if name.startswith(start)]
    return max(found, key=lambda name: statistics.median(speeds[name])) if found else None


def report(speeds, bests):
    print(f"{'images/s':44s} {'median':>8s} {'best':>8s}   median step of each round")
    for name, values in speeds.items():
        print(f"{name:44s} {statistics.median(values):8.1f} {bests[name]:8.1f}   {' '.join(f'{v:.1f}' for v in values)}")
    print()
    for width in (16, 64):
        for dtype in ("f32", "bf16"):
            theirs, ours = best_of(speeds, f"PyTorch w{width} {dtype}"), best_of({n: v for n, v in speeds.items() if "keep" not in n}, f"ours w{width} {dtype}")
            if theirs and ours:
                print(f"width {width} {dtype}: {ratio(speeds, bests, ours, theirs)}   ({ours} against {theirs})")
    for dtype in ("f32", "bf16"):
        sparse = best_of(speeds, f"ours w64 {dtype} keep 0.2 gather")
        if sparse:
            dense = best_of(speeds, f"ours w64 {dtype} auto")
            pairs = statistics.median(1 - d / s for d, s in zip(speeds[dense], speeds[sparse]))
            medians = 1 - statistics.median(speeds[dense]) / statistics.median(speeds[sparse])
            print(f"ssProp keep 0.2 gather, width 64 {dtype}: step time {100 * medians:.1f} % less than dense by medians, {100 * pairs:.1f} % by the median round   ({sparse} against {dense})")


def ratio(speeds, bests, ours, theirs):
    pairs = [a / b for a, b in zip(speeds[ours], speeds[theirs])]
    return (f"ours / PyTorch = {statistics.median(speeds[ours]) / statistics.median(speeds[theirs]):.2f} by medians, {bests[ours] / bests[theirs]:.2f} by best steps, "
            f"{min(pairs):.2f} to {max(pairs):.2f} round by round")


def main():
    if sys.argv[1] == "--torch":
        given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
        run_torch(int(given["--width"]), int(given["--batch"]), given["--dtype"], given["--layout"], int(given["--warm-up"]), int(given["--steps"]))
        return
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4
    names = sys.argv[3:] or ["w16", "w64", "ssprop"]
    print(f"PyTorch {torch.__version__}, {THREADS} threads each, {rounds} rounds in turn, load at the start {load()}")
    report(*measure(program, rounds, names))
    print(f"load at the end {load()}")


if __name__ == "__main__":
    main()
