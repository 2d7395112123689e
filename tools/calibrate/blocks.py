# SPDX-License-Identifier: Apache-2.0
"""What is not a lane: find-first and selection, the masks' places, accumulators, step control, codec. Stimulus of real masks and values; pJ an action."""
import numpy

from operands import KTILE, ROWS, SLOTS, Dtype

OFFSET_BITS = 10


def word(bits):
    return sum(1 << i for i, b in enumerate(bits) if b)


def steps_of(trace, count, rng):
    """Masks of a row's slots and the flags of a tile of 16 columns, step after step, of products with a sparse A: [(masks, flags)]."""
    dtype = Dtype("bf16")
    found = []
    for layer, phase in (("conv4", "forward"), ("conv6", "forward"), ("conv3", "grad_weight, swapped"), ("conv2", "forward")):
        a, b = (dtype.code(x) for x in trace.product(layer, phase))
        for _ in range(count // 4):
            base, step = rng.integers(max(a.shape[0] - ROWS * SLOTS, 1)), rng.integers(max(a.shape[1] // KTILE, 1)) * KTILE
            lane = rng.integers(max(b.shape[1] - ROWS, 1))
            rows = [a[min(base + ROWS * s, a.shape[0] - 1), step:step + KTILE] for s in range(SLOTS)]
            found.append(([word(r != 0) for r in rows], word((b[step:step + KTILE, lane:lane + ROWS] != 0).any(axis=1))))
    return found


def bases(masks):
    return [sum(bin(m).count("1") for m in masks[:s]) for s in range(SLOTS)]


def flat(values, bits):
    return sum(v << (bits * i) for i, v in enumerate(values))


def issues_of(masks, flags):
    """(slot, k) in the order in which a row issues them."""
    return [(s, k) for s in range(SLOTS) for k in range(KTILE) if masks[s] >> k & 1 and flags >> k & 1]


def action(energies, cycles, actions):
    """pJ an action of the cycles in which it happens, with the standard error over them."""
    picked = energies[cycles]
    return {"pj": float(picked.sum() / actions), "se": float(picked.std(ddof=1) * len(picked) ** 0.5 / actions), "n": int(actions)}


def common(block):
    netlist = block.netlist
    return {"area_um2": netlist.area(), "cells": len(netlist.instances), "flip_flops": len(netlist.flip_flops()), "clock_pj": block.clock_energy(),
            "leakage_nw": netlist.leakage(), "critical_path_ns": netlist.critical_path()}


def front(block, trace, rng, count):
    """sj_mask_store and sj_select of a row: a step's masks and flags are written while the step before is worked on."""
    block.group_by([(n, 0) for n in ("we_i", "buffer_i", "mask_i", "base_i", "flag_we_i", "flag_buffer_i", "flag_i")] +
                   [(n, 1) for n in ("active_i", "read_buffer_i", "mask_q", "base_q", "flag_q", "has_work_q", "written_q", "slots_done_q", "k_done_q", "rst_ni")] +
                   [(f"{n}[{i}]", 1) for n in ("mask_q", "base_q", "flag_q") for i in range(32)])
    steps = steps_of(trace, count, rng)
    rows, working, at_rest = [], [], []

    def write(n):
        masks, flags = steps[n]
        return [{"we_i": 1, "buffer_i": n % 4, "mask_i": flat(masks, KTILE), "base_i": flat(bases(masks), OFFSET_BITS)},
                {"we_i": 0, "flag_we_i": 1, "flag_buffer_i": n % 4, "flag_i": flags}, {"flag_we_i": 0}]

    rows += write(0)
    for n, (masks, flags) in enumerate(steps):
        cycles = [{} for _ in range(max(len(issues_of(masks, flags)), 1))]
        cycles[0].update(active_i=1, read_buffer_i=n % 4)
        pending = write(n + 1) if n + 1 < len(steps) else []
        for i, change in enumerate(pending):
            if i >= len(cycles):
                raise ValueError("a step is too short to write the next one's masks in")
            cycles[i].update(change)
        working += range(len(rows), len(rows) + len(cycles))
        rows += cycles
        rest = [{"active_i": 0, "read_buffer_i": (n + 1) % 4}, {}]
        at_rest += range(len(rows), len(rows) + len(rest))
        rows += rest
    measured = block.measure(rows, "front")
    writes = numpy.arange(len(rows))
    bits = len(steps) * KTILE * (SLOTS + 1)
    # The change to the next step's masks, here in cycles of its own, falls in a working cycle on the machine: it is part of the scan.
    return {**common(block), "scan": action(measured.energies[:, 1], sorted(working + at_rest), len(working)), "step_change": action(measured.energies[:, 1], at_rest, len(steps)),
            "write_bit": action(measured.energies[:, 0], writes, bits)}


def select(block, trace, rng, count):
    """sj_select alone, its masks given."""
    rows = []
    for masks, flags in steps_of(trace, count, rng):
        base, has_work = bases(masks), word(bool(m & flags) for m in masks)
        for slot, _ in issues_of(masks, flags):
            rows.append({"active_i": 1, "has_work_i": has_work, "mask_i": masks[slot], "base_i": base[slot], "any_b_i": flags})
    measured = block.measure(rows, "select")
    return {**common(block), "scan": action(measured.total(), numpy.arange(len(rows)), len(rows))}


def prefix(block, trace, rng, count):
    """sj_mask_prefix: a row's masks are written, then nothing."""
    rows = []
    for masks, _ in steps_of(trace, count, rng):
        rows += [{"enable_i": 1, "mask_i": flat(masks, KTILE)}, {"enable_i": 0}, {}]
    measured = block.measure(rows, "prefix")
    return {**common(block), "step": action(measured.total(), numpy.arange(len(rows)), len(rows) // 3)}


def accumulators(block, trace, rng, count):
    """One lane's: a load and, some cycles later, a store, slot after slot; then the bank is drained."""
    rows, loads, stores, drains = [], [], [], []
    for visit in range(max(count // 8, 2)):
        for _ in range(3):
            for slot in range(SLOTS):
                loads.append(len(rows))
                rows += [{"bank_i": visit % 2, "slot_i": slot, "load_i": 1}, {"load_i": 0}, {}, {}]
                stores.append(len(rows))
                rows += [{"we_i": 1, "sum_i": int(numpy.float32(rng.normal()).view(numpy.uint32))}, {"we_i": 0}]
        for slot in range(SLOTS):
            drains.append(len(rows))
            rows.append({"drain_i": 1, "drain_bank_i": visit % 2, "drain_slot_i": slot})
        rows += [{"drain_i": 0, "clear_i": 1, "clear_bank_i": visit % 2}, {"clear_i": 0}]
    energy = block.measure(rows, "accumulators").total()
    both = lambda starts: sum(energy[numpy.array(starts) + d] for d in (0, 1))
    return {**common(block), **{name: action(both(starts), numpy.arange(len(starts)), len(starts)) for name, starts in (("load", loads), ("store", stores), ("drain", drains))}}


def step_control(block, trace, rng, count):
    """Steps of sixteen rows with work of real spread; every third step ends a visit."""
    rows, row_step = [], [0] * ROWS
    for n in range(max(count // 2, 4)):
        work = [int(w) for w in rng.normal(60, 12, ROWS).clip(10, 120)]
        rows.append({"commit_i": 1, "visit_first_i": int(n % 3 == 0), "visit_last_i": int(n % 3 == 2), "drains_done_i": n // 3})
        rows.append({"commit_i": 0})
        for c in range(1, max(work) + 1):
            ends = [int(w == c) for w in work]
            rows.append({"row_step_i": flat([s % 4 for s in row_step], 2), "row_step_end_i": word(ends), "row_work_i": flat([min(c, w) % 2048 for w in work], 11)})
            row_step = [s + e for s, e in zip(row_step, ends)]
        rows.append({"row_step_i": flat([s % 4 for s in row_step], 2), "row_step_end_i": 0, "row_work_i": 0})
    measured = block.measure(rows, "control")
    return {**common(block), "cycle": action(measured.total(), numpy.arange(len(rows)), len(rows))}


def groups_of(trace, count):
    """Groups of 512 bf16 values of stored activations."""
    dtype = Dtype("bf16")
    found = []
    for layer in ("conv2", "conv4", "conv6", "conv5"):
        codes = dtype.code(trace.file["steps/0"][layer]["x"][:]).ravel()
        found += [codes[g * 512:(g + 1) * 512] for g in range(3, 3 + max(count // 4, 1))]
    return found


def bursts_of(group):
    packed = [int(v) for v in group if v]
    packed += [0] * (-len(packed) % 32)
    return [flat(packed[i:i + 32], 16) for i in range(0, len(packed), 32)]


def lines_of(group):
    return [flat([int(v) for v in group[i:i + 32]], 16) for i in range(0, 512, 32)]


def codec(block, rows, name, output, expected):
    """Energies of a stimulus of expected lines or groups of 16; what comes out is also compared with the format, not only with the RTL."""
    still = block.measure(rows, name, delays=False)
    measured = block.measure(rows, name)
    met = [value for valid, value in zip(block.output(name, "valid_o"), block.output(name, output)) if valid]
    if met != expected:
        raise ValueError(f"{block.top}: what leaves {output} is not what the format says")
    lines = sum(row.get("ready_i", row["valid_i"]) for row in rows)
    every = numpy.arange(len(rows))
    return {**common(block), "line": action(measured.total(), every, lines), "line_zero_delay": action(still.total(), every, lines)}


def decode(block, trace, rng, count):
    """Group after group without a pause but that of the start; a burst is shown for as long as it is not taken."""
    rows, groups = [], groups_of(trace, count)
    for group in groups:
        bursts, left, taken = bursts_of(group), 0, 0
        rows.append({"start_i": 1, "mask_i": word(group != 0), "ready_i": 0, "valid_i": int(bool(bursts)), "burst_i": bursts[0] if bursts else 0})
        for line in range(16):
            need = int((group[line * 32:line * 32 + 32] != 0).sum())
            rows.append({"start_i": 0, "ready_i": 1, "valid_i": int(taken < len(bursts)), "burst_i": bursts[min(taken, len(bursts) - 1)] if bursts else 0})
            if left < need:
                taken, left = taken + 1, left + 32
            left -= need
    rows.append({"ready_i": 0, "valid_i": 0})
    return codec(block, rows, "decode", "line_o", [line for group in groups for line in lines_of(group)])


def encode(block, trace, rng, count):
    groups = groups_of(trace, count)
    rows = [{"valid_i": 1, "last_i": int(i == 15), "line_i": line} for group in groups for i, line in enumerate(lines_of(group))]
    rows += [{"valid_i": 0, "last_i": 0}, {"valid_i": 0}]
    return codec(block, rows, "encode", "burst_o", [burst for group in groups for burst in bursts_of(group)])


PARTS = {
    "front": ("sj_cal_front", front), "select": ("sj_select", select), "prefix": ("sj_mask_prefix", prefix), "accumulators": ("sj_cal_accumulators", accumulators),
    "step_control": ("sj_cal_step_control", step_control), "codec_decode": ("sj_codec_decode", decode), "codec_encode": ("sj_codec_encode", encode),
}
