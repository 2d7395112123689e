# SPDX-License-Identifier: Apache-2.0
"""A mapped netlist with its Liberty cells: loads, slews, delays; the Verilog that is simulated; the energy of a toggle of each net.

Every figure follows from the Liberty tables and one wire model: a net has WIRE_UM micrometres of wire for each pin it drives (docs/calibration.md says why), of WIRE_FF_PER_UM.
"""
import collections
import json
import re

from liberty import verilog_function

WIRE_UM = 20.0        # wire for each pin driven: some three cell pitches of 7 um
WIRE_FF_PER_UM = 0.2  # 0.2 pF/mm
INPUT_SLEW = 0.12     # ns, at ports and clock pins: a flip-flop that drives four pins
CLOCK = "clk_i"


class NetlistError(Exception):
    pass


class Net:
    def __init__(self, bit):
        self.name, self.driver, self.sinks, self.names = f"n{bit}", None, [], []
        self.rise_slew = self.fall_slew = INPUT_SLEW
        self.rise_delay = self.fall_delay = self.arrival = 0.0
        self.load = 0.0
        self.clock = False

    def slew(self):
        return (self.rise_slew + self.fall_slew) / 2


class Instance:
    def __init__(self, name, cell, pins):
        self.name, self.cell, self.pins = name, cell, pins  # pins: name -> Net, or "0", "1"

    def input_nets(self):
        return [(p, self.pins[p.name]) for p in self.cell.pins.values() if not p.output and isinstance(self.pins.get(p.name), Net)]


class Netlist:
    def __init__(self, path, top, library):
        with open(path, encoding="utf-8") as file:
            module = json.load(file)["modules"][top]
        self.library, self.top, self.nets, self.instances = library, top, {}, []
        self.ports = [(name, port["direction"], port["bits"]) for name, port in module["ports"].items()]
        for name, port in module["ports"].items():
            for bit in port["bits"]:
                self.net(bit)
        for name, cell in sorted(module["cells"].items()):
            self.add(name, cell)
        for name, entry in module["netnames"].items():
            for i, bit in enumerate(entry["bits"]):
                if bit in self.nets:
                    self.nets[bit].names.append(f"{name}[{i}]" if len(entry["bits"]) > 1 else name)
        self.clock_net = next((self.nets[bits[0]] for name, _, bits in self.ports if name == CLOCK), None)
        if self.clock_net:
            self.clock_net.clock = True
        self.check()
        self.find_loads()
        self.find_slews()

    def net(self, bit):
        if bit in ("0", "1"):
            return bit
        if not isinstance(bit, int):
            raise NetlistError(f"{self.top}: a pin is tied to '{bit}'")
        return self.nets.setdefault(bit, Net(bit))

    def add(self, name, cell):
        kind = self.library.cells.get(cell["type"])
        if kind is None:
            raise NetlistError(f"{self.top}: cell {name} is a {cell['type']}, which the Liberty file does not have")
        pins = {pin: self.net(bits[0]) for pin, bits in cell["connections"].items() if bits}
        instance = Instance(name, kind, pins)
        self.instances.append(instance)
        for pin in kind.pins.values():
            net = pins.get(pin.name)
            if pin.output:
                if isinstance(net, Net):
                    net.driver = (instance, pin)
            elif net is None:
                raise NetlistError(f"{self.top}: pin {pin.name} of {name} is open")
            elif isinstance(net, Net):
                net.sinks.append((instance, pin))

    def check(self):
        """Each cell has energies, each net a driver."""
        for kind in {i.cell.name: i.cell for i in self.instances}.values():
            if kind.leakage is None or not all(any(q.rise for q in p.powers) and any(q.fall for q in p.powers) for p in kind.outputs):
                raise NetlistError(f"{self.top}: the Liberty file has no energy table for cell {kind.name}")
            if kind.area <= 0.0 or any(p.function and not p.arcs for p in kind.outputs):
                raise NetlistError(f"{self.top}: the Liberty file has no area or no delays for cell {kind.name}")
            if kind.ff and (not kind.pins[kind.clock].powers or not all(any(kind.clock in q.related for q in p.powers) for p in kind.outputs)):
                raise NetlistError(f"{self.top}: the Liberty file has no energy of the clock for flip-flop {kind.name}")
        inputs = {bit for _, direction, bits in self.ports if direction == "input" for bit in bits}
        for bit, net in self.nets.items():
            if net.driver is None and bit not in inputs:
                raise NetlistError(f"{self.top}: net {net.name} ({', '.join(net.names[:1])}) has no driver")

    def find_loads(self):
        outputs = collections.Counter(bit for _, direction, bits in self.ports if direction == "output" for bit in bits)
        for bit, net in self.nets.items():
            pins = sum(pin.capacitance for _, pin in net.sinks)
            net.wire = (len(net.sinks) + outputs[bit]) * WIRE_UM * WIRE_FF_PER_UM / 1000
            net.load = pins + net.wire

    # ---- slews and delays, from the flip-flops and ports on
    def order(self):
        """Instances, each after those that drive it; flip-flops first."""
        waiting = {id(i): 0 if i.cell.ff else sum(1 for _, n in i.input_nets() if n.driver) for i in self.instances}
        ready = [i for i in self.instances if waiting[id(i)] == 0]
        done = []
        while ready:
            instance = ready.pop()
            done.append(instance)
            for pin in instance.cell.outputs:
                net = instance.pins.get(pin.name)
                for sink, _ in net.sinks if isinstance(net, Net) else []:
                    waiting[id(sink)] -= 1
                    if waiting[id(sink)] == 0 and not sink.cell.ff:
                        ready.append(sink)
        if len(done) != len(self.instances):
            raise NetlistError(f"{self.top}: the netlist has a loop without a flip-flop")
        return done

    def find_slews(self):
        for instance in self.order():
            for pin in instance.cell.outputs:
                net = instance.pins.get(pin.name)
                if isinstance(net, Net):
                    self.find_slew(instance, pin, net)

    def find_slew(self, instance, pin, net):
        """Delay and slew are the mean over the pin's arcs; the arrival time, for the clock's period, is the latest."""
        found = collections.defaultdict(list)
        for arc in pin.arcs:
            source = instance.pins.get(arc.related)
            if not isinstance(source, Net):
                continue
            clocked = instance.cell.ff is not None
            rise_in, fall_in = (source.rise_slew, source.fall_slew) if not clocked else (INPUT_SLEW, INPUT_SLEW)
            if arc.sense == "negative_unate":
                rise_in, fall_in = fall_in, rise_in
            elif arc.sense == "non_unate":
                rise_in = fall_in = (rise_in + fall_in) / 2
            for key, table in arc.tables.items():
                found[key].append(table.at(net.load, rise_in if "rise" in key else fall_in))
            delay = max(max(arc.tables[k].at(net.load, s) for k, s in (("cell_rise", rise_in), ("cell_fall", fall_in)) if k in arc.tables), 0.0)
            net.arrival = max(net.arrival, (0.0 if clocked else source.arrival) + delay)
        mean = {key: sum(values) / len(values) for key, values in found.items()}
        net.rise_slew, net.fall_slew = max(mean.get("rise_transition", INPUT_SLEW), 0.001), max(mean.get("fall_transition", INPUT_SLEW), 0.001)
        net.rise_delay, net.fall_delay = max(mean.get("cell_rise", 0.0), 0.001), max(mean.get("cell_fall", 0.0), 0.001)

    def critical_path(self):
        return max(net.arrival for net in self.nets.values())

    # ---- energies
    def switching(self, net):
        return 0.5 * net.load * self.library.voltage ** 2

    def internal(self, net, counts):
        """(rise, fall) pJ inside the cells of a toggle: the driver's, by the inputs that toggle most often, and that of the input pins that have a table."""
        rise = fall = 0.0
        if net.driver:
            instance, pin = net.driver
            shares = []
            powers = [p for p in pin.powers if instance.cell.clock in p.related] if instance.cell.ff else pin.powers  # resets are not counted cycles
            for power in powers:
                source = next((instance.pins[r] for r in power.related if isinstance(instance.pins.get(r), Net)), None)
                toggles = 0.0 if source is None else (1.0 if counts is None else float(counts.get(source.name, 0.0)))
                shares.append((toggles, power, source.slew() if source and not source.clock else INPUT_SLEW))
            total = sum(s[0] for s in shares)
            for toggles, power, slew in shares:
                weight = toggles / total if total else 1.0 / len(shares)
                rise += weight * power.rise.at(net.load, slew)
                fall += weight * power.fall.at(net.load, slew)
        for _, pin in net.sinks:
            for power in pin.powers:
                rise += power.rise.at(net.load, net.rise_slew)
                fall += power.fall.at(net.load, net.fall_slew)
        return rise, fall

    def toggle_energies(self, counts=None):
        """Net -> (rise, fall), pJ, of all nets but the clock. counts: toggles by net name, clock included, which weigh the inputs of a cell."""
        found = {}
        for net in self.nets.values():
            if not net.clock:
                rise, fall = self.internal(net, counts)
                found[net.name] = (rise + self.switching(net), fall + self.switching(net))
        return found

    def clock_energy(self, instance):
        """pJ a cycle at the clock pin of a flip-flop: both edges inside the cell, its pin and its piece of wire."""
        pin = instance.cell.pins[instance.cell.clock]
        inside = sum(p.rise.at(0.0, INPUT_SLEW) + p.fall.at(0.0, INPUT_SLEW) for p in pin.powers)
        return inside + (pin.capacitance + WIRE_UM * WIRE_FF_PER_UM / 1000) * self.library.voltage ** 2

    def flip_flops(self):
        return [i for i in self.instances if i.cell.ff]

    def area(self):
        return sum(i.cell.area for i in self.instances)

    def leakage(self):
        return sum(i.cell.leakage for i in self.instances)

    # ---- the Verilog that is simulated
    def verilog(self):
        """One wire a net, so that net and waveform have one name; delays in ps, left out where ZERO_DELAY is defined."""
        lines = ["`timescale 1ps/1ps", "`ifdef ZERO_DELAY", "`define D(r, f)", "`else", "`define D(r, f) #(r, f)", "`endif"]
        ports = ", ".join(f"{d} {f'[{len(bits) - 1}:0] ' if len(bits) > 1 else ''}{name}" for name, d, bits in self.ports)
        lines += [f"module {self.top}_netlist ({ports});"] + [f"wire {net.name};" for net in self.nets.values()]
        for name, direction, bits in self.ports:
            for i, bit in enumerate(bits):
                part = f"{name}[{i}]" if len(bits) > 1 else name
                net = f"1'b{bit}" if bit in ("0", "1") else self.nets[bit].name
                lines.append(f"assign {net} = {part};" if direction == "input" else f"assign {part} = {net};")
        for number, instance in enumerate(self.instances):
            lines += self.flip_flop(number, instance) if instance.cell.ff else self.gate(instance)
        return "\n".join(lines + ["endmodule", ""])

    @staticmethod
    def pin_text(instance, name):
        net = instance.pins[name]
        return net.name if isinstance(net, Net) else f"1'b{net}"

    @staticmethod
    def delay(net):
        return f"`D({max(round(net.rise_delay * 1000), 1)}, {max(round(net.fall_delay * 1000), 1)})"

    def substitute(self, instance, text):
        return re.sub(r"[A-Za-z_]\w*", lambda m: self.pin_text(instance, m[0]), verilog_function(text))

    def gate(self, instance):
        return [f"assign {self.delay(net)} {net.name} = {self.substitute(instance, pin.function)};"
                for pin in instance.cell.outputs for net in [instance.pins.get(pin.name)] if isinstance(net, Net)]

    def flip_flop(self, number, instance):
        """All begin at 0."""
        ff, state = instance.cell.ff, f"ff{number}"
        pin = instance.cell.outputs[0]
        net = instance.pins[pin.name]
        edge = "negedge" if "!" in ff["clocked_on"] else "posedge"
        if pin.function != ff["state"][0]:
            raise NetlistError(f"{self.top}: the output of {instance.cell.name} is not its state")
        sensitivity, branches = [f"{edge} {self.pin_text(instance, instance.cell.clock)}"], ""
        for key, value in (("clear", 0), ("preset", 1)):
            if key in ff:
                text = self.substitute(instance, ff[key])
                signal = instance.pins[ff[key].strip("()! ")]
                if isinstance(signal, Net):
                    sensitivity.append(f"negedge {signal.name}")
                    branches += f"if ({text}) {state} <= 1'b{value}; else "
        return [f"reg {state} = 1'b0;", f"always @({' or '.join(sensitivity)}) {branches}{state} <= {self.substitute(instance, ff['next_state'])};",
                f"assign {self.delay(net)} {net.name} = {state};"]
