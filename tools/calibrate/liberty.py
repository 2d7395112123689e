# SPDX-License-Identifier: Apache-2.0
"""Reads a Liberty file: pins, functions, and the tables of delay, slew and internal energy. Units as in the file: ns, pF, pJ (= V^2 pF), nW."""
import bisect
import re


class LibertyError(Exception):
    pass


TOKEN = re.compile(r'"[^"]*"|[A-Za-z0-9_.+\-*/!&|^\[\]]+|[(){}:;,]')


class Group:
    """name(arguments) { attributes; groups }"""

    def __init__(self, name, arguments):
        self.name, self.arguments, self.attributes, self.groups = name, arguments, {}, []

    def all(self, name):
        return [g for g in self.groups if g.name == name]

    def number(self, name, default=None):
        return float(self.attributes[name]) if name in self.attributes else default


def parse(text):
    """The outermost group of a Liberty text."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
    tokens = [t.strip('"') if t[0] == '"' else t for t in TOKEN.findall(text)]
    at = 0
    root = Group("", [])
    stack = [root]
    while at < len(tokens):
        token = tokens[at]
        if token == "}":
            stack.pop()
            at += 1
        elif token == ";":
            at += 1
        elif tokens[at + 1] == ":":
            stack[-1].attributes[token] = tokens[at + 2]
            at += 3
        elif tokens[at + 1] == "(":
            end = tokens.index(")", at)
            arguments = [t for t in tokens[at + 2:end] if t != ","]
            if end + 1 < len(tokens) and tokens[end + 1] == "{":
                group = Group(token, arguments)
                stack[-1].groups.append(group)
                stack.append(group)
                at = end + 2
            else:
                stack[-1].attributes[token] = arguments
                at = end + 1
        else:
            raise LibertyError(f"the Liberty file is not understood at '{token}'")
    return root.groups[0]


def numbers(parts):
    return [float(x) for part in parts for x in part.replace(",", " ").split()]


def bracket(axis, x):
    """Index i and weight of x between axis[i] and axis[i+1]; beyond the ends the last two points are extended, as static timing does."""
    if len(axis) == 1:
        return 0, 0.0
    i = min(max(bisect.bisect_right(axis, x) - 1, 0), len(axis) - 2)
    return i, (x - axis[i]) / (axis[i + 1] - axis[i])


class Table:
    """A table over (load, slew), over slew alone, or one number."""

    def __init__(self, group, library):
        template = next((t for t in library.all("lu_table_template") + library.all("power_lut_template") if t.arguments[:1] == group.arguments[:1]), None)
        variables = [] if template is None else [template.attributes.get(f"variable_{i}") for i in (1, 2) if f"variable_{i}" in template.attributes]
        self.axes = [numbers(group.attributes[f"index_{i + 1}"]) for i in range(len(variables))]
        self.load_first = bool(variables) and variables[0] == "total_output_net_capacitance"
        self.values = numbers(group.attributes["values"])

    def at(self, load, slew):
        if not self.axes:
            return self.values[0]
        if len(self.axes) == 1:
            i, w = bracket(self.axes[0], load if self.load_first else slew)
            v = self.values + self.values[-1:]
            return v[i] * (1 - w) + v[i + 1] * w
        first, second = (load, slew) if self.load_first else (slew, load)
        n = len(self.axes[1])
        i, w = bracket(self.axes[0], first)
        j, u = bracket(self.axes[1], second)
        v = self.values
        return (v[i * n + j] * (1 - u) + v[i * n + j + 1] * u) * (1 - w) + (v[(i + 1) * n + j] * (1 - u) + v[(i + 1) * n + j + 1] * u) * w


class Arc:
    """From a related pin to an output: delay, slew, by edge of the output."""

    def __init__(self, group, library):
        self.related = group.attributes["related_pin"].split()[0]
        self.sense = group.attributes.get("timing_sense", "non_unate")
        self.tables = {key: Table(group.all(key)[0], library) for key in ("cell_rise", "cell_fall", "rise_transition", "fall_transition") if group.all(key)}


class Power:
    """Internal energy of an edge at a pin, for an output by the input that caused it."""

    def __init__(self, group, library):
        self.related = group.attributes.get("related_pin", "").split()
        self.rise, self.fall = (Table(group.all(key)[0], library) if group.all(key) else None for key in ("rise_power", "fall_power"))


class Pin:
    def __init__(self, group, library):
        self.name = group.arguments[0]
        self.output = group.attributes.get("direction") == "output"
        if not self.output and group.number("capacitance") is None and group.number("rise_capacitance") is None:
            raise LibertyError(f"input pin {self.name} has no capacitance")
        self.capacitance = (group.number("rise_capacitance", group.number("capacitance", 0.0)) + group.number("fall_capacitance", group.number("capacitance", 0.0))) / 2
        self.function = group.attributes.get("function")
        self.arcs = [a for a in (Arc(t, library) for t in group.all("timing") if t.attributes.get("timing_type", "combinational") in
                                 ("combinational", "rising_edge", "clear", "preset")) if a.tables] if self.output else []
        self.powers = [Power(p, library) for p in group.all("internal_power")]


class Cell:
    def __init__(self, group, library):
        self.name, self.area, self.leakage = group.arguments[0], group.number("area", 0.0), group.number("cell_leakage_power")
        self.pins = {p.arguments[0]: Pin(p, library) for p in group.all("pin")}
        self.outputs = [p for p in self.pins.values() if p.output]
        ff = group.all("ff")
        self.ff = dict(ff[0].attributes, state=ff[0].arguments) if ff else None
        self.clock = self.ff["clocked_on"].strip("() ") if ff else None


class Library:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            root = parse(file.read())
        if root.attributes.get("time_unit") != "1ns" or root.attributes.get("capacitive_load_unit") != ["1", "pf"]:
            raise LibertyError("the Liberty file's units are not ns and pF")
        self.voltage = root.number("nom_voltage")
        self.cells = {g.arguments[0]: Cell(g, root) for g in root.all("cell")}


def verilog_function(text):
    """A Liberty function as a Verilog expression: blanks and * are AND, + is OR. E.g. (!(A B)) -> (~(A&B))."""
    tokens = re.findall(r"[A-Za-z0-9_]+|[()!+*^'&|]", text)
    out = []
    for previous, token in zip([None] + tokens, tokens):
        operand_before = previous is not None and (previous == ")" or re.fullmatch(r"\w+", previous))
        if operand_before and (token in "(!" or re.fullmatch(r"\w+", token)):
            out.append("&")
        out.append({"!": "~", "+": "|", "*": "&"}.get(token, token))
    return "".join(out)
