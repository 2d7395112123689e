# SPDX-License-Identifier: Apache-2.0
"""From what was measured to the entries of a tech file.

A tech file knows a lane's energy by what the issue is, not by transition: active, zero, gated, idle. What an issue costs depends on the one before it, so these three are solved for such that
the machines' streams of real operands cost in total what was measured: dense = active and zero, gated and skip = active and gated; each stream weighs as much as its active issues.
All of a lane's energies share the step from 0.18 um: they are one source of error, `own_rtl`; the masks, the codec and the share of clocks that gates let through are others, areas another.
"""
import numpy

from techfile import TechError, Value

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
    if not found:
        raise TechError(f"no {machine} stream has 50 issues of states {state_filter}: measure more issues")
    return min(found), float(numpy.mean(found)), max(found)


def work(streams, machine, idle):
    """pJ and zero issues for each active issue, summed over the machine's streams; a lane out of range costs `idle`."""
    total = zeros = number = 0.0
    for stream in (s for s in streams if s["machine"] == machine):
        states = stream["states"]
        active = states["A"]["n"]
        energy = sum(s["pj"] * s["n"] for s in states.values()) - idle * states.get("l", {"n": 0})["n"]
        total, zeros, number = total + energy / active, zeros + sum(s["n"] for state, s in states.items() if state in "abz") / active, number + 1
    return total, zeros, number


def solve(streams, idle):
    """(active, zero, gated), pJ: total = number x active + zeros x (zero or gated) on each machine."""
    (dense, dense_zeros, number), (gated, gated_zeros, _), (skip, skip_zeros, _) = (work(streams, machine, idle) for machine in ("dense", "gated", "skip"))
    if gated_zeros <= skip_zeros:
        raise TechError("the streams that skip have as many zeros as those that are gated: nothing tells active from gated")
    held = (gated - skip) / (gated_zeros - skip_zeros)
    active = (skip - held * skip_zeros) / number
    return active, (dense - number * active) / dense_zeros, held


def lane_values(dtype, lane):
    streams, tables = lane["streams"], lane["transitions"]
    idle = lane["idle"]["beyond_n"]["pj"]
    active, zero, held = solve(streams, idle)
    if min(active, zero, held) < 0.0:
        raise TechError(f"{dtype}: the streams' totals give a negative energy: active {active:.3g}, zero {zero:.3g}, gated {held:.3g} pJ")
    skip, dense = mean_of(streams, "skip", "A"), mean_of(streams, "dense", "A")
    text = f"own RTL: gate-level runs of one {dtype} lane (Yosys, osu018, cell delays, wires by fan-out) on operands of the sample trace, scaled from 0.18 um (docs/calibration.md)"
    still = tables["dense_zero_delay"]["classes"]["active>active"]["pj"] / tables["dense"]["classes"]["active>active"]["pj"]
    values = {f"mac_{dtype}_active": Value(min(skip[0], dense[0], active) * min(still, 1.0), active, max(skip[2], dense[2], active), "energy", 1,
                                           f"{text}; the three machines' streams come out right in total; low: lowest stream without glitches; high: highest stream", "own_rtl")}
    for kind, machine, typical in (("zero", "dense", zero), ("gated", "gated", held)):
        after_zero = tables[machine]["classes"]["zero>zero"]["pj"]
        values[f"mac_{dtype}_{kind}"] = Value(min(after_zero, typical), typical, max(mean_of(streams, machine, "abz")[2], typical), "energy", 1,
                                             f"{text}; the streams come out right in total; low: zeros after zeros; high: dearest stream's zero issues by themselves", "own_rtl")
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
                                    f"own RTL: sj_select with the reading of sj_mask_store, {text}; low: sj_select alone", "own_rtl_masks")
        write = results["front"]["write_bit"]["pj"]
        values["mask_register_write"] = Value(write, write, write, "energy", 1, f"own RTL: sj_mask_store in flip-flops, a step's masks, bases and flags by bit, {text}", "own_rtl_masks")
        select = results["select"]
        values["clock_mask_bit"] = Value(select["clock_pj"], select["clock_pj"], select["clock_pj"], "energy", KTILE, f"own RTL: clock pins of sj_select's {select['flip_flops']} flip-flops by mask bit, {text}", "own_rtl_masks")
        front = results["front"]
        store = (front["clock_pj"] - select["clock_pj"]) / (front["flip_flops"] - select["flip_flops"])
        values["clock_mask_store"] = Value(0.0, store / 16, store / 4, "energy", 1,
                                           f"own RTL: the clock pin of sj_mask_store's flip-flops, with clocks gated as the literature's set estimates it: x 1/16 (low: none, high: x 1/4); {text}", "own_rtl_clock_gates")
        values["area_scan_bit"] = Value(select["area_um2"], select["area_um2"], select["area_um2"], "area", KTILE, "own RTL: cells of sj_select without routing by mask bit, osu018, scaled from 0.18 um", "own_rtl_area")
    for name in ("decode", "encode"):
        if f"codec_{name}" in results:
            block = results[f"codec_{name}"]
            line, clock, still = block["line"]["pj"], block["clock_pj"], block["line_zero_delay"]["pj"]
            values[f"codec_{name}"] = Value(min(line, still), line + clock, line + clock, "energy", 1,
                                            f"own RTL: sj_codec_{name}, bf16, {text}, with the clock pins of its busy cycles; low: without them and without glitches", "own_rtl_codec")
    return values
