# SPDX-License-Identifier: Apache-2.0
"""From what was measured to the entries of a tech file.

A tech file knows a lane's energy by what the issue is, not by transition: active, zero, gated, idle. What an issue costs depends on the one before it, so these are means over the
issues of that kind in streams of real operands. active is taken where a machine that skips has it, among active issues; zero and gated are what is left of the dense and the gated
machine's energy when each active issue is counted with that figure: the totals of those streams come out right, whoever of the two neighbours is named as the cause.
All energies share the step from 0.18 um: they are one source of error, `own_rtl`; all areas are another.
"""
import numpy

from techfile import Value

KTILE = 64


def mean_of(streams, machine, state_filter):
    """Mean over streams of the pJ of issues of some states, and the lowest and highest stream."""
    found = []
    for stream in streams:
        if stream["machine"] == machine:
            picked = [s for state, s in stream["states"].items() if state in state_filter]
            n = sum(s["n"] for s in picked)
            if n >= 50:
                found.append(sum(s["pj"] * s["n"] for s in picked) / n)
    return (min(found), float(numpy.mean(found)), max(found)) if found else None


def remainder(streams, machine, active):
    """pJ of a zero issue such that the machine's streams cost in total what was measured."""
    total = zeros = 0.0
    for stream in streams:
        if stream["machine"] == machine:
            for state, s in stream["states"].items():
                total += s["pj"] * s["n"] - (active * s["n"] if state == "A" else 0.0)
                zeros += s["n"] if state != "A" else 0
    return total / zeros


def lane_values(dtype, lane):
    streams, tables = lane["streams"], lane["transitions"]
    active = mean_of(streams, "skip", "A")
    dense_active = mean_of(streams, "dense", "A")
    values = {}
    text = f"own RTL: gate-level runs of one {dtype} lane (Yosys, osu018, cell delays, wires by fan-out) on operands of the sample trace, scaled from 0.18 um (docs/calibration.md)"
    still = tables["dense_zero_delay"]["classes"]["active>active"]["pj"] / tables["dense"]["classes"]["active>active"]["pj"]
    values[f"mac_{dtype}_active"] = Value(min(active[0], dense_active[0]) * min(still, 1.0), active[1], max(active[2], dense_active[2]), "energy", 1,
                                          f"{text}; low: lowest stream without glitches; high: highest stream", "own_rtl")
    for kind, machine in (("zero", "dense"), ("gated", "gated")):
        after_zero = tables[machine]["classes"]["zero>zero"]["pj"]
        by_state = mean_of(streams, machine, "abz")
        typical = max(remainder(streams, machine, active[1]), 0.0)
        values[f"mac_{dtype}_{kind}"] = Value(min(after_zero, typical), typical, max(by_state[2], typical), "energy", 1,
                                             f"{text}; so that whole streams come out right; low: zeros after zeros; high: dearest stream's zero issues by themselves", "own_rtl")
    idle = lane["idle"]["beyond_n"]["pj"]
    padding = tables["gated"]["classes"]["padding>padding"]["pj"]
    values[f"mac_{dtype}_idle"] = Value(0.0, idle, max(idle, padding), "energy", 1, f"{text}; a lane beyond N beside working ones; high: padding", "own_rtl")
    clock = lane["clock_pj"]
    values[f"clock_{dtype}_pe"] = Value(clock, clock, clock, "energy", 1, f"own RTL: clock pins of the {lane['flip_flops']} flip-flops of a {dtype} lane, osu018, scaled from 0.18 um", "own_rtl")
    area = lane["area_um2"]
    values[f"area_{dtype}_pe"] = Value(area, area, area, "area", 1, f"own RTL: cells of a {dtype} lane without routing, osu018, scaled from 0.18 um", "own_rtl_area")
    return values


def entries(results):
    values = {}
    for dtype in ("bf16", "int8"):
        if dtype in results:
            values.update(lane_values(dtype, results[dtype]))
    text = "gate-level runs on masks and values of the sample trace (Yosys, osu018, cell delays), scaled from 0.18 um (docs/calibration.md)"
    if "front" in results and "select" in results:
        scan, alone = results["front"]["scan"]["pj"], results["select"]["scan"]["pj"]
        values["mask_scan"] = Value(min(scan, alone), scan, max(scan, alone), "energy", KTILE,
                                    f"own RTL: sj_select with the reading of sj_mask_store, {text}; low: sj_select alone", "own_rtl")
        write = results["front"]["write_bit"]["pj"]
        values["mask_register_write"] = Value(write, write, write, "energy", 1, f"own RTL: sj_mask_store in flip-flops, a step's masks, bases and flags by bit, {text}", "own_rtl")
        select = results["select"]
        values["clock_mask_bit"] = Value(select["clock_pj"], select["clock_pj"], select["clock_pj"], "energy", KTILE, f"own RTL: clock pins of sj_select's {select['flip_flops']} flip-flops by mask bit, {text}", "own_rtl")
        values["clock_mask_store"] = Value(0.0, select["clock_pj"] / 16, select["clock_pj"] / 4, "energy", KTILE,
                                           f"own RTL: clock_mask_bit's pins, with clocks gated as estimated in the literature's set: x 1/16 (low: none, high: x 1/4); {text}", "own_rtl")
        values["area_scan_bit"] = Value(select["area_um2"], select["area_um2"], select["area_um2"], "area", KTILE, "own RTL: cells of sj_select without routing by mask bit, osu018, scaled from 0.18 um", "own_rtl_area")
    for name in ("decode", "encode"):
        if f"codec_{name}" in results:
            block = results[f"codec_{name}"]
            line, clock, still = block["line"]["pj"], block["clock_pj"], block["line_zero_delay"]["pj"]
            values[f"codec_{name}"] = Value(min(line, still), line + clock, line + clock, "energy", 1,
                                            f"own RTL: sj_codec_{name}, bf16, {text}, with the clock pins of its busy cycles; low: without them and without glitches", "own_rtl")
    return values
