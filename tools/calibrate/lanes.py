# SPDX-License-Identifier: Apache-2.0
"""Energies of a lane by transition: what an issue costs by what it is and what the issue before it was.

An issue's energy falls in three cycles: the B register's inputs, the multiplier, the adder. The nets of the lane are told apart by these stages, so that each stage's energy is
counted for the issue that caused it, however the issues around it look.
"""
import collections
import math

import numpy

from operands import CONTROLLED, STREAMS, Dtype, Source, lane_rows, real_stream

STAGES = [(n, 0) for n in ("issue_i", "b_i", "b_in_range_i", "b_nonzero_i")] + \
         [(n, 1) for n in ("multiply_i", "gate_i", "a_i", "a_in_range_i", "a_nonzero_i", "b_q", "b", "in_range_q", "nonzero_q")] + \
         [(n, 2) for n in ("add_i", "add_first_i", "loaded_i", "product_q", "working_q", "sum_o")]
STATES = "Aabzpln"
ZERO = "abz"


def by_issue(measured, count):
    """pJ of each issue: stage 0 in its cycle, 1 in the next, 2 in the one behind."""
    e = measured.energies
    return e[:count, 0] + e[1:count + 1, 1] + e[2:count + 2, 2]


def summary(values):
    n = len(values)
    return {"pj": float(numpy.mean(values)), "se": float(numpy.std(values, ddof=1) / math.sqrt(n)) if n > 1 else None, "n": n}


def transitions(issues, energies):
    found = collections.defaultdict(list)
    for i in range(1, len(issues)):
        found[issues[i - 1].state + issues[i].state].append(energies[i])
    return {pair: summary(v) for pair, v in sorted(found.items())}


def pooled(issues, energies, classes):
    """Transitions of classes, each a set of states: 'active>zero'."""
    name = {s: key for key, states in classes.items() for s in states}
    found = collections.defaultdict(list)
    for i in range(1, len(issues)):
        found[f"{name[issues[i - 1].state]}>{name[issues[i].state]}"].append(energies[i])
    return {pair: summary(v) for pair, v in sorted(found.items())}


def pair_counts(issues):
    return dict(collections.Counter(issues[i - 1].state + issues[i].state for i in range(1, len(issues))))


def predict(pairs, table):
    """Mean pJ an issue from a table of transitions; None where one of the stream's transitions is not in it."""
    if any(p not in table for p in pairs):
        return None
    return sum(n * table[p]["pj"] for p, n in pairs.items()) / sum(pairs.values())


def merged(tables):
    """One table of several: means weighted by samples."""
    found = collections.defaultdict(lambda: [0.0, 0])
    for table in tables:
        for pair, entry in table.items():
            found[pair][0] += entry["pj"] * entry["n"]
            found[pair][1] += entry["n"]
    return {pair: {"pj": total / n, "n": n} for pair, (total, n) in found.items()}


def predictions(streams, tables):
    """Predictions of each real stream's energy an issue from tables of transitions: the controlled one (of another layer's values); that of the stream's own values in random order;
    that of the other real streams. And, to show what transitions are worth, from pure streams of own values mixed by their fractions."""
    for stream in streams:
        own = stream.pop("own_table")
        table = tables["dense" if stream["machine"] == "dense" else "gated"]["states"]
        others = merged([s["transitions"] for s in streams if s["machine"] == stream["machine"] and s is not stream])
        pairs = stream["pairs"]
        pure = None if any(p[1] * 2 not in own for p in pairs) else sum(n * own[p[1] * 2]["pj"] for p, n in pairs.items()) / sum(pairs.values())
        stream["predicted"] = {"controlled": predict(pairs, table), "own_values": predict(pairs, own), "other_streams": predict(pairs, others), "pure": pure}


class Lane:
    def __init__(self, block, dtype_name, trace, seed, issues):
        self.block, self.dtype, self.trace, self.seed, self.issues = block, Dtype(dtype_name), trace, seed, issues
        block.group_by(STAGES)
        self.source = Source(trace, self.dtype, numpy.random.default_rng(seed), *CONTROLLED)

    def run(self, issues, gate, name, delays=True):
        measured = self.block.measure(lane_rows(issues, gate), name, 0, delays)
        return by_issue(measured, len(issues)), measured

    def controlled(self):
        """The table of transitions, on the dense machine and gated; zero-delay as a comparison."""
        found = {}
        classes = {"active": "A", "zero": ZERO, "padding": "p", "beyond_n": "l", "nothing": "n"}
        stream = self.source.states(4 * self.issues, STATES)
        for name, gate, delays in (("dense", 0, True), ("gated", 1, True), ("dense_zero_delay", 0, False)):
            energies, _ = self.run(stream, gate, name, delays)
            found[name] = {"states": transitions(stream, energies), "classes": pooled(stream, energies, classes)}
        return found

    def fractions(self):
        found = []
        for a_zero, b_zero in ((0, 0), (0.25, 0), (0.5, 0), (0.75, 0), (1, 0), (0, 0.5), (0, 1), (0.5, 0.5)):
            stream = self.source.fractions(self.issues // 2, a_zero, b_zero)
            entry = {"a_zero": a_zero, "b_zero": b_zero}
            for name, gate in (("dense", 0), ("gated", 1)):
                energies, _ = self.run(stream, gate, "fraction")
                entry[name] = summary(energies[1:])
            found.append(entry)
        return found

    def streams(self, tables):
        """Real operands: dense, gated, and without the issues that skip leaves out. By state of the issue, and against the table's prediction."""
        found = []
        for number, (layer, phase) in enumerate(STREAMS):
            source = Source(self.trace, self.dtype, numpy.random.default_rng([self.seed, number, 1]), layer, phase)
            shuffled = source.states(self.issues, "AAabzl")
            own = {gate: transitions(shuffled, self.run(shuffled, gate, "own")[0]) for gate in (0, 1)}
            for machine in ("dense", "gated", "skip"):
                same = numpy.random.default_rng([self.seed, number])  # the three machines begin at the same operands
                issues = real_stream(self.trace, self.dtype, layer, phase, self.issues, same, machine == "skip")
                gate = int(machine != "dense")
                energies, measured = self.run(issues, gate, "real")
                states = {s: summary([energies[i] for i in range(1, len(issues)) if issues[i].state == s]) for s in {x.state for x in issues[1:]}}
                found.append({"pairs": pair_counts(issues), "own_table": own[gate], "layer": layer, "phase": phase, "machine": machine, **summary(energies[1:]), "states": states, "transitions": transitions(issues, energies),
                              "stages": [float(measured.energies[:, s].mean()) for s in range(3)]})
        predictions(found, tables)
        return found

    def idle(self):
        """A lane beyond N while its row works; and nothing issued at all: the clock's energy is then all that is left."""
        beyond = [self.source.issue("l", i) for i in range(self.issues // 2)]
        nothing = [self.source.issue("n", i) for i in range(200)]
        return {"beyond_n": summary(self.run(beyond, 1, "beyond")[0][1:]), "nothing": summary(self.run(nothing, 1, "nothing")[0][1:])}

    def result(self):
        netlist = self.block.netlist
        tables = self.controlled()
        found = {"transitions": tables, "streams": self.streams(tables), "fractions": self.fractions(), "idle": self.idle()}
        registers = collections.Counter(f.pins[f.cell.outputs[0].name].names[0].split("[")[0].split(".")[-1] for f in netlist.flip_flops())
        found["clock_pj"], found["flip_flops"], found["registers"] = self.block.clock_energy(), len(netlist.flip_flops()), dict(registers)
        found["area_um2"], found["leakage_nw"], found["cells"] = netlist.area(), netlist.leakage(), len(netlist.instances)
        found["critical_path_ns"], found["period_ns"] = netlist.critical_path(), self.block.period_ps / 1000
        return found
