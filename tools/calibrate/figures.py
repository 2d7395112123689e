# SPDX-License-Identifier: Apache-2.0
"""From what was measured to the entries of a tech file.

A lane's energy is priced by what its issues are (active, zero, gated, idle) and by the changes between active and not active (mac.change, docs/timing.md section 9). A machine's streams of real
operands cost in total, each stream weighing as much as its active issues:
  dense         active issues x active + changes x change + zero issues x zero
  gated, skip   active issues x active + changes x change + zero issues x gated
Zero and gated are what an issue with a zero costs behind another that is not active, as measured on the dense and on the gated streams. Active and change are solved for such that the gated and the skipping streams cost in total what was measured.
The dense streams' total then follows; it must be near what was measured (DENSE_BOUND). A lane out of range costs idle, and a change where it was or will be active.
All of a lane's energies share the step from 0.18 um: they are one source of error, `own_rtl`; the masks, the codec and the share of clocks that gates let through are others, areas another.
"""
import collections

from techfile import TechError, Value

KTILE, SLOTS, ROWS = 64, 8, 16  # as operands.py has them, which needs numpy
ACTIVE, ZERO, IDLE = "A", "abz", "pl"
OUT = ZERO + IDLE  # not active
FEWEST = 50  # issues, for a mean that is told
DENSE_BOUND = 0.03  # of the dense streams' total
ROUNDING = 1e-9
Sums = collections.namedtuple("Sums", "pj active change zero idle")
Prices = collections.namedtuple("Prices", "active change zero gated")


def behind(stream, before, now):
    """pJ and number of a stream's issues of the states `now` that come behind one of the states `before`."""
    found = [t for pair, t in stream["transitions"].items() if pair[0] in before and pair[1] in now]
    return sum(t["pj"] * t["n"] for t in found), sum(t["n"] for t in found)


def sums(stream):
    """A stream's pJ, and what a machine would count of it. Its first issue has none before it and is left out."""
    number = lambda before, now: behind(stream, before, now)[1]
    return Sums(behind(stream, ACTIVE + OUT, ACTIVE + OUT)[0], number(ACTIVE + OUT, ACTIVE), number(ACTIVE, OUT) + number(OUT, ACTIVE), number(ACTIVE + OUT, ZERO), number(ACTIVE + OUT, IDLE))


def of_machine(streams, *machines):
    return [s for s in streams if s["machine"] in machines]


def by_active(streams, machine, idle):
    """Sums over a machine's streams, each by its active issues; pJ without those of idle lanes."""
    total = Sums(0.0, 0.0, 0.0, 0.0, 0.0)
    for stream in of_machine(streams, machine):
        one = sums(stream)
        if one.active == 0:
            raise TechError(f"a {machine} stream has no active issue: measure more issues")
        one = one._replace(pj=one.pj - idle * one.idle)
        total = Sums(*(t + x / one.active for t, x in zip(total, one)))
    if total.active == 0.0:
        raise TechError(f"there is no {machine} stream")
    return total


def zeros_behind_zeros(streams, machine):
    """pJ of a machine's issue with a zero behind one that is not active either; each stream by its active issues. by_active has looked at the streams before."""
    energy = number = 0.0
    for stream in of_machine(streams, machine):
        pj, n = behind(stream, OUT, ZERO)
        energy, number = energy + pj / sums(stream).active, number + n / sums(stream).active
    if number == 0.0:
        raise TechError(f"no {machine} stream has a zero behind a zero: nothing tells what one costs")
    return energy / number


def solve(streams, idle):
    """The prices, pJ: zeros as they cost behind zeros, active and change such that the gated and the skipping streams cost in total what was measured."""
    _, gate, skip = (by_active(streams, machine, idle) for machine in ("dense", "gated", "skip"))
    zero, gated = (zeros_behind_zeros(streams, machine) for machine in ("dense", "gated"))
    if gate.change <= skip.change:
        raise TechError("the streams that skip change as often as those that are gated: nothing tells active issues from changes")
    change = (gate.pj - skip.pj - gated * (gate.zero - skip.zero)) / (gate.change - skip.change)
    active = (skip.pj - gated * skip.zero - change * skip.change) / skip.active
    return Prices(active, change, zero, gated)


def without_changes(streams, idle):
    """The prices of a tech file that does not count changes, for the table that tells what counting them is worth: with them all three machines' streams come out right in total. None where nothing tells them apart."""
    dense, gate, skip = (by_active(streams, machine, idle) for machine in ("dense", "gated", "skip"))
    if gate.zero <= skip.zero or dense.zero == 0.0:
        return None
    gated = (gate.pj - skip.pj) / (gate.zero - skip.zero)
    active = (skip.pj - gated * skip.zero) / skip.active
    return Prices(active, 0.0, (dense.pj - active * dense.active) / dense.zero, gated)


def cost(stream, prices, idle):
    """pJ of a stream by its counts."""
    one = sums(stream)
    return one.active * prices.active + one.change * prices.change + one.zero * (prices.zero if stream["machine"] == "dense" else prices.gated) + one.idle * idle


def left_out(solver, streams, stream, idle):
    """The prices by the streams of all other products; None where these do not tell them."""
    try:
        return solver([s for s in streams if (s["layer"], s["phase"]) != (stream["layer"], stream["phase"])], idle)
    except TechError:
        return None


def priced(lane):
    """For each stream its counts and pJ an issue: as measured, by the prices with its own counts, by prices that do not count changes, and by either solved for without this product's streams."""
    streams, idle = lane["streams"], lane["idle"]["beyond_n"]["pj"]
    whole = {solver: solver(streams, idle) for solver in (solve, without_changes)}
    found = []
    for stream in streams:
        one = sums(stream)
        issues = one.active + one.zero + one.idle
        by = lambda prices: None if prices is None else cost(stream, prices, idle) / issues
        found.append({"layer": stream["layer"], "phase": stream["phase"], "machine": stream["machine"], "active": one.active, "change": one.change, "zero": one.zero, "idle": one.idle,
                      "measured_pj": one.pj / issues, "priced_pj": by(whole[solve]), "left_out_pj": by(left_out(solve, streams, stream, idle)),
                      "without_changes_pj": by(whole[without_changes]), "without_changes_left_out_pj": by(left_out(without_changes, streams, stream, idle))})
    return found


def total_error(rows, machine):
    """By how much a machine's streams come out high in total by the prices, each by its active issues, as a fraction of what was measured. rows: of priced()."""
    found = [(row["priced_pj"], row["measured_pj"], (row["active"] + row["zero"] + row["idle"]) / row["active"]) for row in rows if row["machine"] == machine]
    return sum(pj * weight for pj, _, weight in found) / sum(pj * weight for _, pj, weight in found) - 1


def range_of(streams, before, now, table=None):
    """Mean pJ of issues `now` behind issues `before`: of the lowest and of the highest stream that has enough of them; the controlled streams' mean is one more."""
    found = [table] if table is not None else []
    for pj, n in (behind(stream, before, now) for stream in streams):
        if n >= FEWEST:
            found.append(pj / n)
    if not found:
        raise TechError(f"no stream has {FEWEST} issues of states {now} behind states {before}: measure more issues")
    return min(found), max(found)


def half_detour(active_zero, zero_active, active_active, zero_zero):
    """What a change costs: going to zero and back, less what the two issues cost where nothing changes, by two."""
    return (active_zero + zero_active - active_active - zero_zero) / 2


def change_of_table(table):
    return half_detour(*(table["classes"][pair]["pj"] for pair in ("active>zero", "zero>active", "active>active", "zero>zero")))


def change_range(streams, tables):
    """The lowest and the highest such figure: of controlled values, of each stream's zeros, of its lanes beyond N, where there are enough of each."""
    found = [change_of_table(tables[machine]) for machine in ("dense", "gated")]
    for stream in streams:
        for still in (ZERO, IDLE):
            means = [behind(stream, *pair) for pair in ((ACTIVE, still), (still, ACTIVE), (ACTIVE, ACTIVE), (still, still))]
            if min(n for _, n in means) >= FEWEST:
                found.append(half_detour(*(pj / n for pj, n in means)))
    return max(min(found), 0.0), max(found)


def without_glitches(tables, of):
    """Share of an energy that is left when the controlled streams are simulated without delays; at most 1."""
    dense, still = of(tables["dense"]), of(tables["dense_zero_delay"])
    return min(max(still, 0.0) / dense, 1.0) if dense > 0.0 else 1.0


def inside(name, low, typical, high):
    """The three of a figure whose ends are measured as it is itself: outside of them it is an error, but for rounding."""
    if not low * (1 - ROUNDING) <= typical <= high * (1 + ROUNDING):
        raise TechError(f"{name}: the mean of {typical:.4g} pJ is not between the lowest and the highest that were measured, {low:.4g} and {high:.4g}: measure more issues")
    return min(low, typical), typical, max(high, typical), ""


def widened(name, low, typical, high):
    """The three of a figure whose ends are measured in another way than it is itself; an end that it passes is the figure, and the text says so."""
    passed = [f"{end} end of {name} is its typical figure, which passes the measured {pj:.3g} pJ" for end, pj, by in (("low", low, low - typical), ("high", high, typical - high)) if by > ROUNDING * typical]
    return min(low, typical), typical, max(high, typical), "".join(f"; the {text}" for text in passed)


def mac_values(dtype, lane, text):
    streams, tables, idle = lane["streams"], lane["transitions"], lane["idle"]["beyond_n"]["pj"]
    prices = solve(streams, idle)
    if min(prices) < 0.0:
        raise TechError(f"{dtype}: the streams' totals give a negative energy: " + ", ".join(f"{name} {pj:.3g}" for name, pj in prices._asdict().items()) + " pJ")
    dense_high = total_error(priced(lane), "dense")
    if abs(dense_high) > DENSE_BOUND:
        raise TechError(f"{dtype}: by zeros behind zeros the dense streams' total comes out {100 * dense_high:+.1f} %: more than {100 * DENSE_BOUND:.0f} %, these prices do not tell what the dense machine takes")
    after_zero = {machine: tables[machine]["classes"]["zero>zero"]["pj"] for machine in ("dense", "gated")}
    active, change = range_of(streams, ACTIVE, ACTIVE), change_range(streams, tables)
    still = without_glitches(tables, lambda table: table["classes"]["active>active"]["pj"]), without_glitches(tables, change_of_table)
    solved = "the gated and the skipping streams come out right in total"
    ends = {"active": (widened, active[0] * still[0], active[1], f"{solved}; low: lowest stream's active behind active without glitches; high: highest stream"),
            "zero": (inside, *range_of(of_machine(streams, "dense"), OUT, ZERO, after_zero["dense"]), f"zeros behind zeros, dense streams, whose total comes out {100 * dense_high:+.1f} %; low, high: lowest and highest stream or controlled values"),
            "gated": (inside, *range_of(of_machine(streams, "gated", "skip"), OUT, ZERO, after_zero["gated"]), "zeros behind zeros, gated streams; low, high: lowest and highest stream or controlled values"),
            "change": (widened, change[0] * still[1], change[1], f"{solved}; low, high: half of what going to zero and back adds, lowest (without glitches) and highest stream or controlled values")}
    values = {}
    for kind, (rule, low, high, what) in ends.items():
        name = f"mac_{dtype}_{kind}"
        *three, passed = rule(name, low, getattr(prices, kind), high)
        values[name] = Value(*three, "energy", 1, f"{text}; {what}{passed}", "own_rtl")
    *three, passed = widened(f"mac_{dtype}_idle", 0.0, idle, tables["gated"]["classes"]["padding>padding"]["pj"])
    values[f"mac_{dtype}_idle"] = Value(*three, "energy", 1, f"{text}; a lane beyond N beside working ones; high: padding{passed}", "own_rtl")
    return values


def lane_values(dtype, lane):
    text = f"own RTL: gate-level runs of one {dtype} lane (Yosys, osu018, cell delays, wires by fan-out) on operands of the sample trace, scaled from 0.18 um (docs/calibration.md)"
    values = mac_values(dtype, lane, text)
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
    if "prefix" in results:
        step = results["prefix"]["step"]["pj"]
        values["mask_prefix"] = Value(step, step, step, "energy", SLOTS * KTILE, f"own RTL: sj_mask_prefix, the masks of a row's slots by mask bit, {text}", "own_rtl_masks")
    if "step_control" in results:
        control = results["step_control"]
        cycle, clock = control["cycle"]["pj"], control["clock_pj"]
        values["control_row"] = Value(clock, cycle + clock, cycle + clock, "energy", ROWS,
                                      f"own RTL: sj_step_control of {ROWS} rows with the clock pins of its {control['flip_flops']} flip-flops by row, {text}; low: clock pins alone", "own_rtl_control")
    for name in ("decode", "encode"):
        if f"codec_{name}" in results:
            block = results[f"codec_{name}"]
            line, clock, still = block["line"]["pj"], block["clock_pj"], block["line_zero_delay"]["pj"]
            values[f"codec_{name}"] = Value(min(line, still), line + clock, line + clock, "energy", 1,
                                            f"own RTL: sj_codec_{name}, bf16, {text}, with the clock pins of its busy cycles; low: without them and without glitches", "own_rtl_codec")
    return values
