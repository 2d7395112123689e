#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The experiments and tables of scripts/validate.sh: our machines beside what papers print. Usage: validate.py SKIPJOULE OUT

Every figure of a paper stands here once, in PAPERS or beside its layers; docs/validation.md says where each comes from."""
import json
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np

SKIPJOULE, OUT = sys.argv[1], sys.argv[2]
OFF_CHIP = ("dram", "dram_standby")


def run(*args):
    done = subprocess.run([SKIPJOULE, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"validate.py: {' '.join(map(str, args))}: {done.stderr.strip()}")
    return done.stdout


# ---- traces


def synth(name, network, text, *args):
    """A trace of random operands, kept in OUT; network: a file of this text."""
    with open(f"{OUT}/{network}", "w", encoding="utf-8") as f:
        f.write(text)
    path = f"{OUT}/{name}.h5"
    run("trace", "synth", f"{OUT}/{network}", "-o", path, "--force", "-q", *args)
    return path


def conv_trace(name, shape, x, w=1.0):
    """An inference of one convolution whose input (behind a ReLU) has density x, as has its pooled output."""
    h, c, out, kernel, padding, stride, pool = shape
    layers = [
        '{ kind = "relu"; name = "in"; }',
        f'{{ kind = "conv"; name = "conv"; out = {out}; kernel = {kernel}; padding = {padding}; stride = {stride}; }}',
        '{ kind = "relu"; name = "out"; }',
        *([f'{{ kind = "maxpool"; name = "pool"; kernel = {pool}; stride = 2; }}'] if pool else []),
        '{ kind = "avgpool"; name = "mean"; global = true; }',
        '{ kind = "linear"; name = "fc"; out_classes = true; }',
        '{ kind = "softmax_ce"; name = "loss"; }',
    ]
    text = f'name = "{name}";\ninput = [{h}, {h}, {c}];\nclasses = 10;\nlayers = (\n  ' + ",\n  ".join(layers) + "\n);\n"
    return synth(name, f"{name}.cfg", text, "--mode", "eval", "--images", 1, "--density", f"x={x},w={w}")


def topology(name, rows, *args):
    """Convolutions that stand alone: rows of (name, h, c, out, kernel, padding, stride)."""
    text = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    for row, h, c, out, kernel, padding, stride in rows:
        text += f"{row}, {h + 2 * padding}, {h + 2 * padding}, {kernel}, {kernel}, {c}, {out}, {stride},\n"
    return synth(name, f"{name}.csv", text, *args)


# ---- the tech file: every machine here names 45nm


def tech(key, end="typical"):
    with open("configs/tech/45nm.cfg", encoding="utf-8") as f:
        return re.search(rf"^{key}\s*=.*?\b{end} = ([0-9.e-]+);", f.read(), re.M).group(1)


# A zero operand in a dense lane costs what any value does
FULL_PRICE = ("--set", f"tech.mac_bf16_zero.typical={tech('mac_bf16_active')}")


# ---- results


def stats(trace, accel, *args):
    return json.loads(run("sim", trace, "--accel", accel, "--json", "-q", *args))["variants"]


def sim(trace, accel, *args):
    """variant: the layers that are products"""
    return {variant: [x for x in v["layers"] if x["macs"]["total"] > 0] for variant, v in stats(trace, accel, *args).items()}


def total(layers, weight=None):
    """Sums over layers: cycles, work (busy cycles of the fullest rows), MACs, DRAM bytes, pJ a component."""
    s = {"cycles": 0, "work": 0, "macs": 0, "issued": 0, "bytes": 0, "b_reads": 0, "pj": {}}
    for i, x in enumerate(layers):
        n = weight[i] if weight else 1
        s["cycles"] += n * x["cycles"]
        s["work"] += n * x["busy"]["work"]
        s["macs"] += n * x["macs"]["total"]
        s["issued"] += n * (x["macs"]["active"] + x["macs"]["gated"] + x["macs"]["zero"])
        s["bytes"] += n * sum(x["dram_bytes"].values())
        s["b_reads"] += n * x["counts"]["b_pad.read"]
        for k, v in x["energy_pj"].items():
            if k != "total":
                s["pj"][k] = s["pj"].get(k, 0) + n * v
    return s


# all: run to completion; dynamic: without leakage and DRAM standby; chip: without DRAM; core: chip without leakage
LEFT_OUT = {"all": (), "dynamic": ("leakage", "dram_standby"), "chip": OFF_CHIP, "core": (*OFF_CHIP, "leakage")}


def energy(s, account="all"):
    return sum(v for k, v in s["pj"].items() if k not in LEFT_OUT[account])


def by_component(a, b):
    """What b takes less than a, a component, in per cent of all of a's energy"""
    less = {k: 100 * (a["pj"][k] - b["pj"][k]) / energy(a) for k in a["pj"]}
    return ", ".join(f"{k} {v:.1f}" for k, v in sorted(less.items(), key=lambda kv: -abs(kv[1])) if abs(v) >= 0.05)


def ratio_ends(a, b, account):
    """E_a / E_b at its low and high end: each source of error moves in both (docs/energy.md section 1). a, b: totals of variants"""

    def part(by_component, end=None):
        return sum(v if end is None else v[end] for k, v in by_component.items() if k != "total" and k not in LEFT_OUT[account])

    ea, eb = part(a["energy_pj"]), part(b["energy_pj"])
    low = high = 0.0
    for source in a["energy_pj_spread"].keys() | b["energy_pj_spread"].keys():
        moves = [(ea + part(a["energy_pj_spread"].get(source, {}), end)) / (eb + part(b["energy_pj_spread"].get(source, {}), end)) - ea / eb for end in (0, 1)]
        low, high = low + min(*moves, 0.0) ** 2, high + max(*moves, 0.0) ** 2
    return ea / eb - low**0.5, ea / eb + high**0.5


def table(head, rows):
    width = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    for n, r in enumerate([head, *rows]):
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, width))).rstrip())
        if n == 0:
            print("-" * (sum(width) + 2 * len(width) - 2))


def title(text):
    print(f"\n== {text}", flush=True)


# ---- networks: (input height, input channels, outputs, kernel, padding, stride, max pool behind it), and how often the shape stands for the layer

# Krizhevsky et al., 2012, as Eyeriss runs it (227 x 227); conv2, conv4 and conv5 are two groups, of which one is run and counted twice.
ALEXNET = {
    "conv1": ((227, 3, 96, 11, 0, 4, 3), 1),
    "conv2": ((27, 48, 128, 5, 2, 1, 3), 2),
    "conv3": ((13, 256, 384, 3, 1, 1, 0), 1),
    "conv4": ((13, 192, 192, 3, 1, 1, 0), 2),
    "conv5": ((13, 192, 128, 3, 1, 1, 3), 2),
}
VGG16 = {
    "conv1_1": (224, 3, 64, 0), "conv1_2": (224, 64, 64, 2), "conv2_1": (112, 64, 128, 0), "conv2_2": (112, 128, 128, 2), "conv3_1": (56, 128, 256, 0),
    "conv3_2": (56, 256, 256, 0), "conv3_3": (56, 256, 256, 2), "conv4_1": (28, 256, 512, 0), "conv4_2": (28, 512, 512, 0), "conv4_3": (28, 512, 512, 2),
    "conv5_1": (14, 512, 512, 0), "conv5_2": (14, 512, 512, 0), "conv5_3": (14, 512, 512, 2),
}  # fmt: skip
VGG16 = {k: ((h, c, out, 3, 1, 1, pool), 1) for k, (h, c, out, pool) in VGG16.items()}
# Szegedy et al., 2014, table 1: the 54 convolutions of the inception modules: side, input channels; 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
INCEPTION = {
    "3a": (28, 192, 64, 96, 128, 16, 32, 32), "3b": (28, 256, 128, 128, 192, 32, 96, 64), "4a": (14, 480, 192, 96, 208, 16, 48, 64), "4b": (14, 512, 160, 112, 224, 24, 64, 64),
    "4c": (14, 512, 128, 128, 256, 24, 64, 64), "4d": (14, 512, 112, 144, 288, 32, 64, 64), "4e": (14, 528, 256, 160, 320, 32, 128, 128),
    "5a": (7, 832, 256, 160, 320, 32, 128, 128), "5b": (7, 832, 384, 192, 384, 48, 128, 128),
}  # fmt: skip


def inception_rows():
    rows = []
    for m, (h, c, n1, r3, n3, r5, n5, proj) in INCEPTION.items():
        rows += [(f"i{m}_1x1", h, c, n1, 1, 0, 1), (f"i{m}_3x3r", h, c, r3, 1, 0, 1), (f"i{m}_3x3", h, r3, n3, 3, 1, 1)]
        rows += [(f"i{m}_5x5r", h, c, r5, 1, 0, 1), (f"i{m}_5x5", h, r5, n5, 5, 2, 1), (f"i{m}_pool", h, c, proj, 1, 0, 1)]
    return rows


def network(name, shapes, accel, x, w=None, *args, batch=None):
    """variant: sums over the convolutions at densities x[layer] (and w[layer]); batch[layer]: 1 where it is not named"""
    layers = {}
    for layer, (shape, _) in shapes.items():
        trace = conv_trace(f"{name}-{layer}", shape, x[layer], w[layer] if w else 1.0)
        for variant, found in sim(trace, accel, "--layer", "conv", "--batch", (batch or {}).get(layer, 1), *args).items():
            layers.setdefault(variant, []).extend(found)
        os.remove(trace)
    weights = [n for _, n in shapes.values()]
    return {variant: (total(found, weights), found) for variant, found in layers.items()}


# ---- 2. Eyeriss (Chen et al., JSSC 2017): AlexNet, the gating machine

EYERISS = {  # zeros of the inputs in %, chip power in mW, DRAM in MB for four images: table V, from memory
    "conv1": (0.01, 332, 5.0), "conv2": (38.7, 288, 4.0), "conv3": (72.5, 266, 3.0), "conv4": (79.3, 235, 2.1), "conv5": (77.6, 236, 1.3),
}  # fmt: skip
EYERISS_ACCESSES = {"AlexNet": 0.0029, "VGG16": 0.0035}  # 16-bit values moved to or from DRAM, a MAC


def price(accel, counter, *args):
    for line in run("counters", "--accel", accel, *args).splitlines():
        if line.startswith(f"| `{counter}` |"):
            return float(line.split("|")[6].split()[0])
    sys.exit(f"validate.py: no price of {counter}")


def eyeriss():
    x = {layer: 1 - EYERISS[layer][0] / 100 for layer in ALEXNET}
    found = network("eyeriss", ALEXNET, "gated168", x, None, "--variants", "dense,gate", "--codecs", "rle")
    toggling = network("eyeriss", ALEXNET, "gated168", x, None, "--variants", "dense", "--codecs", "rle", *FULL_PRICE)
    b_read = price("gated168", "b_pad.read")
    pins_pj = price("gated168", "clock", "--set", "tech.clock_wire.low=0", "--set", "tech.clock_wire.typical=0")  # a cycle, all PEs

    def array(s):  # arithmetic, pads, sums
        return s["pj"]["mac"] + s["pj"]["pads"] + s["pj"]["acc"]

    title("2a. Eyeriss: AlexNet's convolutions, chip power of the gating machine (gated168, one image, rle); PE saving: gating against not gating")
    rows, first, sums, pins = [], None, [0.0] * 4, 0.0
    for i, (layer, (_, n)) in enumerate(ALEXNET.items()):
        dense, gate, all_toggle = (total([v[k][1][i]]) for v, k in ((found, "dense/rle"), (found, "gate/rle"), (toggling, "dense/rle")))
        mw = {"typical": energy(gate, "chip") / gate["cycles"] * 0.2, "core": energy(gate, "core") / gate["cycles"] * 0.2}
        first = first or (EYERISS[layer][1], mw["typical"], mw["core"])
        reads = gate["b_reads"] * (1 - x[layer]) * b_read
        for j, pj in enumerate((array(gate), array(dense), array(all_toggle), array(gate) - reads)):
            sums[j] += n * pj
        pins += n * gate["cycles"] * pins_pj
        rows.append((
            layer, f"{EYERISS[layer][0]:.1f}%", EYERISS[layer][1], f"{EYERISS[layer][1] / first[0]:.2f}", f"{mw['typical']:.0f}", f"{mw['typical'] / first[1]:.2f}", f"{mw['core']:.0f}", f"{mw['core'] / first[2]:.2f}",
            f"{gate['macs'] / gate['cycles'] / 168:.2f}", f"{1 - array(gate) / array(dense):.1%}", f"{1 - array(gate) / array(all_toggle):.1%}", f"{1 - (array(gate) - reads) / array(all_toggle):.1%}",
        ))  # fmt: skip
    rows.append(("all", *[""] * 8, f"{1 - sums[0] / sums[1]:.1%}", f"{1 - sums[0] / sums[2]:.1%}", f"{1 - sums[3] / sums[2]:.1%}"))
    table(("layer", "zeros", "Eyeriss mW", "of conv1", "ours mW", "of conv1", "no leakage", "of conv1", "use of PEs", "PE saving", "zero=full", "+B read"), rows)
    print("Eyeriss: gating saves 45% of a PE's power; at which zeros is not said. zero=full: not gating, a zero costs what any value does. +B read: and gating saves the read of B, as Eyeriss'")
    print(f"all, with the PEs' clock pins as a part of them: {1 - (sums[0] + pins) / (sums[1] + pins):.1%}, {1 - (sums[0] + pins) / (sums[2] + pins):.1%}, {1 - (sums[3] + pins) / (sums[2] + pins):.1%}")

    title("2b. Eyeriss: where the chip's energy goes (gated168, gate/rle, without DRAM)")
    print("Eyeriss: ALUs below 10%; pads, buffer and network together up to 45%; of the rest the clock network is the largest, then the pads")
    pins = pins_pj / price("gated168", "clock")
    rows = []
    for layer, i in (("conv1", 0), ("conv5", 4)):
        s = total([found["gate/rle"][1][i]])
        chip = energy(s, "chip")
        share = lambda *names: f"{sum(s['pj'][k] for k in names) / chip:.1%}"
        clock = (f"{part * s['pj']['clock'] / chip:.1%}" for part in (pins, 1 - pins))
        rows.append((f"ours, {layer}", share("mac"), share("pads", "acc"), share("buffer", "bus"), *clock, share("leakage"), share("vector", "codec", "transpose", "mask", "rng")))
    table(("", "ALU", "pads, sums", "buffer, buses", "clock pins", "clock tree", "leakage", "other"), rows)

    title("2c. Eyeriss: 16-bit values from and to DRAM a MAC, convolutions, batch 4 (AlexNet) and 3 (VGG16), gate/rle; least: every input, weight and output once, uncoded")
    half = {layer: 1.0 if layer == "conv1_1" else 0.5 for layer in VGG16}
    rows = []
    for name, shapes, densities, images in (("AlexNet", ALEXNET, x, 4), ("VGG16", VGG16, half, 3)):
        least = macs = 0
        for (h, c, out, kernel, padding, stride, pool), n in shapes.values():
            side = (h + 2 * padding - kernel) // stride + 1
            stored = (side - pool) // 2 + 1 if pool else side
            macs += n * side * side * out * kernel * kernel * c
            least += n * (h * h * c + kernel * kernel * c * out / images + stored * stored * out)
        row = [name, f"{EYERISS_ACCESSES[name]:.4f}", f"{least / macs:.4f}"]
        for accel, args in (("gated168", ()), ("gated168", ("--set", "buffer.kib=512")), ("edge16", ()), ("mobile", ())):
            batch = {layer: 1 if layer == "conv1" else images for layer in shapes}  # conv1 at 4 images: no tile fits, docs/validation.md section 2
            found = network("traffic", shapes, accel, densities, None, "--variants", "gate", "--codecs", "rle", *args, batch=batch)["gate/rle"][1]
            moved = sum(n * total([f])["bytes"] / 2 / batch[layer] for f, (layer, (_, n)) in zip(found, shapes.items()))
            row.append(f"{moved / macs:.4f}")
        rows.append(row)
    table(("", "Eyeriss", "least", "gated168", "at 512 KiB", "edge16", "mobile"), rows)


# ---- 3. Cnvlutin (Albericio et al., ISCA 2016): zeros of the inputs are skipped


def cnvlutin():
    title("3a. Cnvlutin: 44% of the products have a zero input (first layer none), forward, one image, skip against dense, codec none")
    print("Cnvlutin, six networks: speed 1.37 (1.24 to 1.55) of a bound of 1.79, EDP 1.47: energy 1.07, on chip")
    rows = []
    for name, shapes in (("AlexNet", ALEXNET), ("VGG16", VGG16)):
        macs = [n * ((h + 2 * p - k) // s + 1) ** 2 * out * k * k * c for (h, c, out, k, p, s, _), n in shapes.values()]
        rest = 1 - 0.44 * sum(macs) / sum(macs[1:])
        for accel in ("edge16", "mobile"):
            v = network("cnv", shapes, accel, {layer: 1.0 if i == 0 else rest for i, layer in enumerate(shapes)}, None, "--codecs", "none")
            d, g, s = (v[m + "/none"][0] for m in ("dense", "gate", "skip"))
            rows.append((f"{name} on {accel}", f"{rest:.3f}", f"{s['macs'] / s['issued']:.2f}", f"{d['work'] / s['work']:.2f}", f"{d['cycles'] / s['cycles']:.2f}", *(f"{energy(d, a) / energy(s, a):.2f}" for a in ("core", "chip", "all")), *(f"{energy(g, a) / energy(s, a):.2f}" for a in ("core", "all"))))
            if (name, accel) == ("VGG16", "mobile"):
                shares = ", ".join(f"{k} {100 * e / energy(d):.1f}" for k, e in sorted(d["pj"].items(), key=lambda kv: -kv[1]) if e / energy(d) >= 0.0005)
                parts = f"VGG16 on mobile, per cent of all energy of dense: {shares}; skip takes less: {by_component(d, s)}"
    table(("", "density", "bound", "rows alone", "speed", "dense/skip: core", "chip", "all", "gate/skip: core", "all"), rows)
    print(parts)


def clustering():
    """Real zeros stand together; those of trace synth do not. The same values in random places tell the difference."""
    real, shuffled = "traces/samples/cnn8-eval.h5", f"{OUT}/cnn8-shuffled.h5"
    shutil.copy(real, shuffled)
    random = np.random.default_rng(1)
    with h5py.File(shuffled, "r+") as f:
        for layer in f["steps/0"].values():
            if "w" in layer:
                values = layer["x"][...]
                layer["x"][...] = random.permuted(values.reshape(values.shape[0], -1), axis=1).reshape(values.shape)
    title("3b. Clustered zeros: cnn8's convolutions, the sample's two real images on edge16, as they are and with each image's values in random places; skip against dense, codec none")
    rows = []
    found = [sim(path, "edge16", "--batch", 2, "--codecs", "none", "--variants", "dense,skip") for path in (real, shuffled)]
    picks = [[i] for i, x in enumerate(found[0]["dense/none"]) if x["kind"] == "conv"]
    for pick in [*picks, sum(picks, [])]:
        cells = []
        for v in found:
            d, s = (total([v[k][i] for i in pick]) for k in ("dense/none", "skip/none"))
            cells.append((d["macs"] / s["issued"], d["work"] / s["work"], d["cycles"] / s["cycles"]))
        rows.append((found[0]["dense/none"][pick[0]]["name"] if len(pick) == 1 else "all", *(f"{c[k]:.2f}" for k in range(3) for c in cells)))
    table(("", "bound: real", "shuffled", "rows alone: real", "shuffled", "speed: real", "shuffled"), rows)


# ---- 4. SCNN (Parashar et al., ISCA 2017): zeros of both operands are skipped

SCNN_SPEED = {"AlexNet": 2.37, "VGG16": 3.52}
# Shares of nonzeros of the pruned networks (Han et al., NeurIPS 2015, tables 4 and 5, from memory): weights of a layer, outputs of a layer.
HAN = {
    "AlexNet": ((84, 38, 35, 37, 37), (88, 52, 37, 40, 34)),
    "VGG16": ((58, 22, 34, 36, 53, 24, 42, 32, 27, 34, 35, 29, 36), (53, 89, 80, 81, 68, 70, 64, 51, 45, 34, 32, 29, 19)),
}


def crossing(points):
    """The density at which the ratio, which falls with it, passes 1; linear between the points of a sweep"""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if y0 >= 1.0 > y1:
            return f"{x0 + (x1 - x0) * (y0 - 1.0) / (y0 - y1):.2f}"
    return "above 1" if points[-1][1] >= 1.0 else "never"


def high_masks():
    """What skipping adds, at the high end of the tech file's figures"""
    args = []
    for key in ("mask_scan", "mask_register_write", "mask_prefix", "clock_mask_bit", "clock_mask_store", "area_flipflop", "area_scan_bit"):
        args += ["--set", f"tech.{key}.typical={tech(key, 'high')}"]
    return args


def scnn_sweep():
    densities = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
    for letter, both, batch, args, what in (
        ("a", False, 1, [], "one image, x at the density, w dense"),
        ("b", True, 1, [], "one image, x and w at the density"),
        ("c", True, 16, [], "sixteen images, x and w at the density"),
        ("d", True, 1, high_masks(), "one image, x and w at the density, masks and scan at the high ends of their prices"),
    ):
        title(f"4{letter}. Density: GoogLeNet's 54 inception convolutions on mobile, {what}")
        rows, curves, ends, bounds = [], {}, {}, {}
        for d in densities if letter in "ab" else (0.1, 0.4, 0.6, 0.8, 0.9, 1.0):
            trace = topology("inception", inception_rows(), "--mode", "eval", "--images", 1, "--density", f"x={d},w={d if both else 1}")
            found = stats(trace, "mobile", "--batch", batch, "--codecs", "none,bitmask", *args)
            dense, gate, skip = (total(found[k]["layers"]) for k in ("dense/none", "gate/bitmask", "skip/bitmask"))
            for i, (k, account) in enumerate((k, account) for k in ("dense/none", "gate/bitmask") for account in ("core", "dynamic", "all")):
                for end, r in zip("lh", ratio_ends(found[k]["total"], found["skip/bitmask"]["total"], account)):
                    ends.setdefault(end + str(i), []).append((d, r))
            if d == 1.0:
                parts = by_component(total(found["skip/none"]["layers"]), dense)
            if d == 0.1:
                for x in found["skip/bitmask"]["layers"]:
                    bounds[x["bound"]] = bounds.get(x["bound"], 0) + x["cycles"] / skip["cycles"]
            cells = [skip["macs"] / skip["issued"], dense["work"] / skip["work"], dense["cycles"] / skip["cycles"]]
            cells += [energy(dense, a) / energy(skip, a) for a in ("core", "dynamic", "all")] + [energy(gate, a) / energy(skip, a) for a in ("core", "dynamic", "all")]
            rows.append((f"{d:.2f}", *(f"{c:.2f}" if i < 3 else f"{c:.3f}" for i, c in enumerate(cells))))
            for i, c in enumerate(cells):
                curves.setdefault(i, []).append((d, c))
        rows.append(("crosses 1 at", "", *(crossing(curves[i]) for i in range(1, 9))))
        rows.append(("its interval", "", "", "", *(f"{crossing(ends[f'l{i}'])}..{crossing(ends[f'h{i}'])}" for i in range(6))))
        if letter == "b":
            rows.append(("SCNN: at 0.10", "", "", "24", "", "", "1/0.06", "", "", ""))
            rows.append(("SCNN: at 1.00", "", "", "0.79", "", "", "1/1.33", "", "", ""))
            rows.append(("SCNN: crosses 1", "", "", "0.85", "", "", "0.83", "", "", "0.60"))
        table(("density", "bound", "rows alone", "speed", "dense/none to skip: core", "dynamic", "all", "gate/bitm. to skip: core", "dynamic", "all"), rows)
        print(f"at 1.00 dense takes less than skip, codec none, per cent of all energy: {parts}")
        print("skip's cycles at 0.10, by what bounds the layer: " + ", ".join(f"{k} {v:.0%}" for k, v in sorted(bounds.items(), key=lambda kv: -kv[1])))


def scnn_networks():
    title("4e. SCNN: pruned networks on mobile (1,024 MACs, as SCNN), one image, skip/bitmask against dense/none; SCNN's energy: 2.3 over three networks")
    rows = []
    for name, shapes in (("AlexNet", ALEXNET), ("VGG16", VGG16)):
        weights, outputs = HAN[name]
        x = dict(zip(shapes, [1.0, *(o / 100 for o in outputs)]))
        w = dict(zip(shapes, (o / 100 for o in weights)))
        v = network("scnn", shapes, "mobile", x, w, "--codecs", "none,bitmask")
        macs = [n * ((h + 2 * p - k) // s + 1) ** 2 * out * k * k * c for (h, c, out, k, p, s, _), n in shapes.values()]
        both = sum(macs) / sum(m * x[layer] * w[layer] for m, layer in zip(macs, shapes))
        d, g, s = v["dense/none"][0], v["gate/bitmask"][0], v["skip/bitmask"][0]
        rows.append((name, f"{both:.2f}", f"{SCNN_SPEED[name]:.2f}", f"{SCNN_SPEED[name] / both:.0%}", f"{s['macs'] / s['issued']:.2f}", f"{d['work'] / s['work']:.2f}", f"{d['cycles'] / s['cycles']:.2f}",
                     f"{d['cycles'] / s['cycles'] / (s['macs'] / s['issued']):.0%}", *(f"{energy(d, a) / energy(s, a):.2f}" for a in ("core", "all")), f"{energy(g, 'all') / energy(s, 'all'):.2f}"))  # fmt: skip
    table(("", "bound x and w", "SCNN", "of bound", "bound x", "rows alone", "ours", "of bound", "energy dense/skip: core", "all", "gate/skip: all"), rows)


# ---- 5. TensorDash (Mahmoud et al., MICRO 2020): training, zeros of one operand of each product


def tensordash():
    title("5. TensorDash: the three products of a training step, VGG16's convolutions on mobile, batch 4, x and dy at the density; skip against dense, codec none")
    print("TensorDash, mean of its networks: speed 1.95 (at most 3 by design), energy 1.89 in the core, 1.6 with memories on and off chip (1.5 in the MICRO version)")
    vgg = [(layer, h, c, out, k, p, s) for layer, ((h, c, out, k, p, s, _), _) in VGG16.items()]
    rows, reached, last = [], [], {}
    accounts = ("core", "chip", "dynamic", "all")

    def cells(d, s, by_phase):
        phases = [f"{by_phase['dense/none'][p]['cycles'] / by_phase['skip/none'][p]['cycles']:.2f}" for p in ("forward", "grad_input", "grad_weight")]
        return [f"{s['macs'] / s['issued']:.2f}", f"{d['cycles'] / s['cycles']:.2f}", *phases, *(f"{energy(d, a) / energy(s, a):.2f}" for a in accounts)]

    def measure(trace, accel, *args):
        v = sim(trace, accel, "--codecs", "none", "--variants", "dense,skip", *args)
        by_phase = {k: {p: total([x for x in found if x["phase"] == p]) for p in ("forward", "grad_input", "grad_weight")} for k, found in v.items()}
        return total(v["dense/none"]), total(v["skip/none"]), by_phase

    for what, dy, args, densities in (
        ("VGG16", None, (), (1.0, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)),
        ("a zero costs a MAC", None, FULL_PRICE, (0.5, 0.4)),
        ("dy dense (batch norm)", 1.0, ("--set", "mapping.swap=always"), (0.5,)),
    ):
        for x in densities:
            trace = topology("vgg-train", vgg, "--images", 1, "--batch-size", 4, "--density", f"x={x},dy={dy or x}")
            d, s, by_phase = measure(trace, "mobile", *args)
            os.remove(trace)
            speed, ratios = d["cycles"] / s["cycles"], [energy(d, a) / energy(s, a) for a in accounts]
            if what in last and last[what][0] < 1.95 <= speed:
                before, at_x, then = last[what]
                at = (1.95 - before) / (speed - before)
                reached.append((f"at speed 1.95: {what}", f"{at_x + at * (x - at_x):.2f}", "", "1.95", "", "", "", *(f"{t + at * (r - t):.2f}" for t, r in zip(then, ratios))))
            last[what] = (speed, x, ratios)
            rows.append((what, f"{x:.2f}", *cells(d, s, by_phase)))
    rows += reached
    rows.append(("cnn8 on edge16, real tensors", "", *cells(*measure("traces/samples/cnn8-train.h5", "edge16"))))
    table(("", "x density", "bound", "speed", "forward", "grad_input", "grad_weight", "energy: core", "chip", "dynamic", "all"), rows)


PARTS = (eyeriss, cnvlutin, clustering, scnn_sweep, scnn_networks, tensordash)
for part in PARTS:
    part()
