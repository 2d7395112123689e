# SPDX-License-Identifier: Apache-2.0
"""The same netlist, wires and toggles in OpenSTA: its energies beside ours.

Debian's OpenSTA (2.0.17) takes activities of ports, of flip-flops, and one for all pins alike, but overwrites what is set at a gate's pin with what it propagates from probabilities,
which know no glitches. So it is asked for each instance's power with one toggle a cycle at every pin and with none, and the toggles that were counted come from us: its
tables, slews, loads and sums are compared, not its activities. What it leaves out (nets that a port drives, the clock's net) is left out of ours.

For each toggle it counts the internal energy of a rise and that of a fall (found at the clock pins, which have one table and come out at exactly twice the sum of one rise and
one fall a cycle, and at every gate of one or two inputs): its internal energies are halved here. For gates of three and four inputs it adds up the arcs by probabilities that do
not sum to one: those, and flip-flops, are told apart and left out of the difference.
"""
import math
import os
import re

from bench import BenchError, run
from netlist import INPUT_SLEW, WIRE_FF_PER_UM, WIRE_UM, Net

MAX_FANOUT = 100


def liberty_with_wires(path, out):
    """The Liberty with our wire model as one of its wire loads: WIRE_UM for each pin driven."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lengths = "".join(f"    fanout_length ({n}, {n * WIRE_UM});\n" for n in range(1, MAX_FANOUT + 1))
    wires = f'  wire_load ("calibrate") {{\n    resistance : 0;\n    capacitance : {WIRE_FF_PER_UM / 1000};\n    area : 0;\n    slope : {WIRE_UM};\n{lengths}  }}\n'
    at = text.index("cell (")
    with open(out, "w", encoding="utf-8") as file:
        file.write(text[:at] + wires + text[at:])


def script(block, liberty, activity):
    return "\n".join([f"read_liberty {liberty}", f"read_verilog {block.folder}/{block.top}.net.v", f"link_design {block.top}", "set_wire_load_mode top",
                      "set_wire_load_model -name calibrate", f"create_clock -name clk -period {block.period_ps / 1000} [get_ports clk_i]",
                      "set_input_delay 0 -clock clk [all_inputs]", f"set_input_transition {INPUT_SLEW} [all_inputs]", f"set_clock_transition {INPUT_SLEW} [all_clocks]",
                      f"set_power_activity -global -activity {activity}", "report_power -instances [get_cells *] -digits 9", "exit", ""])


def report_lines(text, top):
    """Instance -> (internal, switching, leakage), W, of what report_power says: lines of these three, their total and the instance. Lines that begin with no number are headings."""
    found = {}
    for line in text.splitlines():
        if not re.match(r"\s*[-+]?(\.?\d|nan\b|inf\b)", line):
            continue
        *figures, name = line.split()
        try:
            figures = [float(x) for x in figures]
        except ValueError:
            figures = []
        if len(figures) != 4 or not all(math.isfinite(x) for x in figures) or name in found:
            raise BenchError(f"OpenSTA of {top}: this line of its report is not four figures and an instance that no other line has: {line.strip()}")
        found[name] = tuple(figures[:3])
    return found


def instance_energies(block, liberty, activity):
    """Instance -> (internal, switching, leakage), pJ a cycle."""
    path = os.path.join(block.folder, "power.tcl")
    with open(path, "w", encoding="utf-8") as file:
        file.write(script(block, liberty, activity))
    text = run(["sta", "-exit", path], f"OpenSTA of {block.top}")
    found = {name: tuple(x * block.period_ps for x in watts) for name, watts in report_lines(text, block.top).items()}  # W x ps = pJ
    missing = [i.name for i in block.netlist.instances if i.name not in found]
    if missing:
        raise BenchError(f"OpenSTA of {block.top} tells nothing of {len(missing)} instances, the first is {missing[0]}: {(text.strip().splitlines() or ['it says nothing'])[-1]}")
    return found


def driven(instance):
    return [instance.pins[p.name] for p in instance.cell.outputs if isinstance(instance.pins.get(p.name), Net)]


class Ours:
    """Our energies in OpenSTA's terms, by instance: internal at its output and at its input pins with a table, switching of the nets it drives."""

    def __init__(self, netlist, counts, cycles):
        self.netlist, self.counts, self.cycles = netlist, counts, cycles

    def toggles(self, net):
        return 1.0 if self.counts is None else self.counts[net.name] / self.cycles

    def internal(self, instance):
        total = 0.0
        for net in driven(instance):
            rise, fall = self.netlist.internal(net, self.counts)
            at_sinks = sum(p.rise.at(net.load, net.rise_slew) + p.fall.at(net.load, net.fall_slew) for _, pin in net.sinks for p in pin.powers)
            total += self.toggles(net) * (rise + fall - at_sinks) / 2
        for pin, net in instance.input_nets():
            if not net.clock:
                total += self.toggles(net) * sum(p.rise.at(net.load, net.rise_slew) + p.fall.at(net.load, net.fall_slew) for p in pin.powers) / 2
        return total

    def clock(self, instance):
        if not instance.cell.ff:
            return 0.0
        return sum(p.rise.at(0.0, INPUT_SLEW) + p.fall.at(0.0, INPUT_SLEW) for p in instance.cell.pins[instance.cell.clock].powers)

    def switching(self, instance):
        return sum(self.toggles(net) * self.netlist.switching(net) for net in driven(instance))


def part_of(instance):
    if instance.cell.ff:
        return "internal, flip-flops"
    return "internal, gates of 1 and 2 inputs" if len(instance.cell.pins) - len(instance.cell.outputs) <= 2 else "internal, gates of 3 and 4 inputs"


def compare(block, measured, liberty):
    """pJ a cycle by part: ours, OpenSTA's (internal energies halved)."""
    wired = os.path.join(block.folder, "wired.lib")
    liberty_with_wires(liberty, wired)
    still, unit = (instance_energies(block, wired, a) for a in (0.0, 1.0))
    mine, per_toggle = Ours(block.netlist, measured.counts, len(measured.energies)), Ours(block.netlist, None, 1)
    parts = {}

    def add(key, own, other):
        entry = parts.setdefault(key, {"ours_pj": 0.0, "opensta_pj": 0.0})
        entry["ours_pj"] += own
        entry["opensta_pj"] += other

    for instance in block.netlist.instances:
        internal, switching = mine.internal(instance), mine.switching(instance)
        unit_internal, unit_switching = per_toggle.internal(instance), per_toggle.switching(instance)
        theirs, at_rest = unit[instance.name], still[instance.name]
        # Of a flip-flop OpenSTA tells D and Q together: they are weighed by our tables.
        add(part_of(instance), internal, (theirs[0] - at_rest[0]) / 2 * (internal / unit_internal if unit_internal else 0.0))
        add("clock pins", mine.clock(instance), at_rest[0] / 2 if instance.cell.ff else 0.0)
        add("switching", switching, theirs[1] * (switching / unit_switching if unit_switching else 0.0))
        add("leakage", instance.cell.leakage * block.period_ps / 1e9, theirs[2])
    compared = [p for key, p in parts.items() if key in ("internal, gates of 1 and 2 inputs", "clock pins", "switching", "leakage")]
    own, other = (sum(p[k] for p in compared) for k in ("ours_pj", "opensta_pj"))
    return {"parts": parts, "compared_ours_pj": own, "compared_opensta_pj": other, "difference": other / own - 1.0,
            "compared_share": own / sum(p["ours_pj"] for p in parts.values())}
