# SPDX-License-Identifier: Apache-2.0
"""Plain Verilog of our SystemVerilog, for Yosys 0.23, which reads no packages, void functions, packed arrays in ports or unpacked ports.

Verilator is the front end: its XML holds the design with types, widths and parameters settled, packed selects turned into bit selects. What is left to do here: unroll loops,
put functions and tasks in place of their calls, and make flat vectors of arrays. No logic is changed; that the netlist made from it does what Verilator's simulation of the
original does is proved by comparison in every run (bench.py). What is not translated is refused, with its place in the source.

Usage: plain_verilog.py IN.xml OUT.v
"""
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

BINARY = {"and": "&", "or": "|", "xor": "^", "add": "+", "sub": "-", "mul": "*", "shiftl": "<<", "shiftr": ">>", "eq": "==", "neq": "!=",
          "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "logand": "&&", "logor": "||"}
UNARY = {"not": "~", "negate": "-", "redor": "|", "redand": "&", "redxor": "^", "lognot": "!"}
FOLD = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "<<": lambda a, b: a << b, ">>": lambda a, b: a >> b, "&": lambda a, b: a & b,
        "|": lambda a, b: a | b, "<": lambda a, b: int(a < b), "<=": lambda a, b: int(a <= b), ">": lambda a, b: int(a > b), ">=": lambda a, b: int(a >= b),
        "==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b)}


class Unsupported(Exception):
    pass


class Types:
    """Widths of the design's types, by dtype_id."""

    def __init__(self, table):
        self.nodes = {node.get("id"): node for node in table}

    def _length(self, node):
        left, right = (constant(c) for c in node.find("range"))
        return abs(left - right) + 1

    def width(self, key):
        node = self.nodes[key]
        if node.tag == "basicdtype":
            if node.get("left") is None and node.get("name") not in ("logic", "bit"):
                raise Unsupported(f"type {node.get('name')}")
            return abs(int(node.get("left", 0)) - int(node.get("right", 0))) + 1
        if node.tag in ("packarraydtype", "unpackarraydtype"):
            return self._length(node) * self.width(node.get("sub_dtype_id"))
        if node.tag == "refdtype":
            return self.width(node.get("sub_dtype_id"))
        raise Unsupported(f"type {node.tag}")

    def unpacked(self, key):
        """(elements, width of one) of an unpacked array, else None."""
        node = self.nodes[key]
        if node.tag == "refdtype":
            return self.unpacked(node.get("sub_dtype_id"))
        if node.tag != "unpackarraydtype":
            return None
        if min(constant(c) for c in node.find("range")) != 0:
            raise Unsupported("an unpacked array that does not begin at 0")
        return self._length(node), self.width(node.get("sub_dtype_id"))


def constant(node):
    text = re.fullmatch(r"(\d+)'(s?)([hbd])([0-9a-fA-F]+)", node.get("name"))
    if not text:
        raise Unsupported(f"constant {node.get('name')}")
    return int(text[4], {"h": 16, "b": 2, "d": 10}[text[3]])


def literal(value, width):
    return f"{width}'h{value & ((1 << width) - 1):x}"


class Block:
    """One always block being written: its lines, and the variables that live in it alone."""

    def __init__(self, module):
        self.module, self.lines, self.locals = module, [], []

    def fresh(self, name, width):
        while f"{name}__{self.module.count}" in self.module.names:
            self.module.count += 1
        unique = f"{name}__{self.module.count}"
        self.module.count += 1
        self.module.declare(unique, f"reg {span(width)}{unique};")
        self.locals.append(f"{unique} = {width}'h0;")
        return unique


def span(width):
    return f"[{width - 1}:0] " if width > 1 else ""


class Module:
    def __init__(self, node, types, routines):
        self.node, self.types, self.routines = node, types, routines
        self.count, self.declarations, self.body, self.memories = 0, [], [], set()
        self.names, self.at = set(), node.get("loc")  # at: the place that is being translated
        self.resets = {s[0].get("name") for s in node.iter("senitem") if s.get("edgeType") == "NEG"}

    def take(self, name):
        """A name of the output, which nothing else may have."""
        if name in self.names:
            raise Unsupported(f"two names that become {name}")
        self.names.add(name)

    def declare(self, name, text):
        self.take(name)
        self.declarations.append(text)

    # ---- expressions. scope: name -> the constant of a loop variable, or the name in the output.
    def width(self, node):
        if node.tag in ("extend", "extends"):
            return int(node.get("width"))
        return self.types.width(node.get("dtype_id"))

    def fold(self, node, scope):
        """The value of an expression of constants and loop variables, else None."""
        if node.tag == "const":
            return constant(node)
        if node.tag == "varref":
            value = scope.get(node.get("name"))
            return value if isinstance(value, int) else None
        if node.tag == "extend":
            return self.fold(node[0], scope)
        if node.tag == "sel":
            parts = [self.fold(child, scope) for child in node]
            return None if None in parts else (parts[0] >> parts[1]) & ((1 << parts[2]) - 1)
        operator = BINARY.get(node.tag)
        if operator in FOLD:
            a, b = (self.fold(child, scope) for child in node)
            if a is None or b is None:
                return None
            bits = 1 if node.tag in ("lt", "lte", "gt", "gte", "eq", "neq") else self.width(node)
            return FOLD[operator](a, b) & ((1 << bits) - 1)
        return None

    def name_of(self, node, scope):
        return scope.get(node.get("name"), mangle(node.get("name")))

    def as_variable(self, node, scope, block):
        """A name that can be indexed."""
        if node.tag == "varref" and not isinstance(scope.get(node.get("name")), int):
            return self.name_of(node, scope)
        width = self.width(node)
        text = self.expression(node, scope, block)
        temporary = block.fresh("t", width)
        block.lines.append(f"{temporary} = {text};")
        return temporary

    def select(self, node, scope, block):
        width = self.fold(node[2], scope)
        lsb = self.fold(node[1], scope)
        if width == self.width(node[0]) and lsb == 0:
            return self.expression(node[0], scope, block)
        base = self.as_variable(node[0], scope, block)
        if lsb is None:
            lsb = self.expression(node[1], scope, block)
            return f"{base}[{lsb} +: {width}]"
        return f"{base}[{lsb + width - 1}:{lsb}]" if width > 1 else (f"{base}[{lsb}]" if self.width(node[0]) > 1 else base)

    def element(self, node, scope, block):
        if node[0].tag != "varref":
            raise Unsupported("an element of an array of arrays")
        elements, width = self.types.unpacked(node[0].get("dtype_id"))
        name = self.name_of(node[0], scope)
        index = self.fold(node[1], scope)
        if node[0].get("name") in self.memories and name == mangle(node[0].get("name")):
            return f"{name}[{self.expression(node[1], scope, block) if index is None else index}]"
        if index is not None:
            return f"{name}[{index * width + width - 1}:{index * width}]" if elements * width > 1 else name
        return f"{name}[{literal(width, 32)} * {self.expression(node[1], scope, block)} +: {width}]"

    def expression(self, node, scope, block):
        value = self.fold(node, scope)
        if value is not None:
            return literal(value, self.width(node))
        tag = node.tag
        self.at = node.get("loc", self.at)
        if tag == "varref":
            return self.name_of(node, scope)
        if tag == "sel":
            return self.select(node, scope, block)
        if tag == "arraysel":
            return self.element(node, scope, block)
        if tag == "funcref":
            return self.call(node, scope, block)
        parts = [self.expression(child, scope, block) for child in node]
        if tag == "extend":
            return f"{{{literal(0, self.width(node) - self.width(node[0]))}, {parts[0]}}}"
        if tag == "cond":
            return f"({parts[0]} ? {parts[1]} : {parts[2]})"
        if tag == "concat":
            return f"{{{parts[0]}, {parts[1]}}}"
        if tag == "replicate":
            return f"{{{self.fold(node[1], scope)}{{{parts[0]}}}}}"
        if tag == "countones":
            name, width = self.as_variable(node[0], scope, block), self.width(node)
            bits = self.width(node[0])
            return "(" + " + ".join(f"{{{literal(0, width - 1)}, {name if bits == 1 else f'{name}[{i}]'}}}" for i in range(bits)) + ")"
        if tag in BINARY:
            return f"({parts[0]} {BINARY[tag]} {parts[1]})"
        if tag in UNARY:
            return f"({UNARY[tag]}{parts[0]})"
        raise Unsupported(f"expression {tag}")

    # ---- statements
    def call(self, node, scope, block):
        """The routine's body in place of the call; its result, if it has one."""
        routine = self.routines.get(node.get("name"))
        if routine is None:
            raise Unsupported(f"routine {node.get('name')}: not found, or of two packages")
        inner, outputs, ports = {}, [], [v for v in routine.findall("var") if v.get("dir")]
        result = None
        if routine.tag == "func":
            result = block.fresh(mangle(routine.get("name")), self.width(routine))
            inner[routine.get("name")] = result
            ports = ports[1:]
        for port, argument in zip(ports, node.findall("arg")):
            width = self.types.width(port.get("dtype_id"))
            name = block.fresh(mangle(port.get("name")), width)
            inner[port.get("name")] = name
            if port.get("dir") not in ("input", "output", "inout"):
                raise Unsupported(f"an argument of direction {port.get('dir')}")
            if port.get("dir") != "output":
                block.lines.append(f"{name} = {self.expression(argument[0], scope, block)};")
            if port.get("dir") != "input":
                outputs.append((argument[0], name))
        for var in routine.findall("var"):
            if not var.get("dir"):
                inner[var.get("name")] = block.fresh(mangle(var.get("name")), self.types.width(var.get("dtype_id")))
        self.statements([c for c in routine if c.tag not in ("var", "pragma")], inner, block)
        for target, name in outputs:
            block.lines.append(f"{self.target(target, scope, block)} = {name};")
        return result

    def target(self, node, scope, block):
        if isinstance(scope.get(base_name(node)), int):
            raise Unsupported("a loop's variable that is written in part, or by a routine")
        if node.tag == "varref":
            return self.name_of(node, scope)
        if node.tag == "arraysel":
            return self.element(node, scope, block)
        if node.tag == "sel" and node[0].tag in ("varref", "arraysel"):
            return self.select(node, scope, block) if node[0].tag == "varref" else self.element_bits(node, scope, block)
        raise Unsupported(f"assignment to {node.tag}")

    def element_bits(self, node, scope, block):
        """Bits of an array's element, to be assigned."""
        if node[0][0].tag != "varref":
            raise Unsupported("an element of an array of arrays")
        width = self.types.unpacked(node[0][0].get("dtype_id"))[1]
        index, lsb = (self.expression(n, scope, block) for n in (node[0][1], node[1]))
        return f"{self.name_of(node[0][0], scope)}[{literal(width, 32)} * {index} + {lsb} +: {self.fold(node[2], scope)}]"

    def statements(self, nodes, scope, block):
        for node in nodes:
            self.statement(node, scope, block)

    def statement(self, node, scope, block):
        tag = node.tag
        self.at = node.get("loc", self.at)
        if tag == "assigndly" and node[0].tag == "cond" and node[0][0].get("name") in self.resets:
            self.reset_choice(node, scope, block)
        elif tag in ("assign", "assigndly", "contassign"):
            if node[1].tag == "varref" and isinstance(scope.get(node[1].get("name")), int):
                scope[node[1].get("name")] = self.fold(node[0], scope)  # a loop's variable
                if scope[node[1].get("name")] is None:
                    raise Unsupported("a loop's variable whose value is not constant")
                return
            value = self.value(node[0], node[1], scope, block)
            # A memory is written at the end of the cycle, also where the original's blocking write would be seen by a later read in the same process: ours reads first.
            late = tag == "assigndly" or (node[1].tag == "arraysel" and node[1][0].get("name") in self.memories)
            block.lines.append(f"{self.target(node[1], scope, block)} {'<=' if late else '='} {value};")
        elif tag == "begin":
            self.begin(node, scope, block)
        elif tag == "if":
            self.branch(node, scope, block)
        elif tag == "while":
            self.unroll(node, scope, block)
        elif tag == "stmtexpr" and node[0].tag == "taskref":
            self.call(node[0], scope, block)
        elif tag == "taskref":
            self.call(node, scope, block)
        elif tag not in ("comment", "pragma"):
            raise Unsupported(f"statement {tag}")

    def value(self, node, target, scope, block):
        """What is assigned to a target; a whole array's value has no type of its own."""
        if node.tag != "initarray":
            return self.expression(node, scope, block)
        if any(item[0].tag != "const" or constant(item[0]) for item in node):
            raise Unsupported("an array's value other than zeros")
        return literal(0, self.types.width(target.get("dtype_id")))

    def reset_choice(self, node, scope, block):
        """q <= rst_ni ? d : reset, as Verilator writes a process of one assignment: an if again, which is what Yosys takes for an asynchronous reset."""
        choice, target = node[0], self.target(node[1], scope, block)
        at_reset, value = (self.value(choice[i], node[1], scope, block) for i in (2, 1))  # before the if: they may add lines
        block.lines.append(f"if (!{self.name_of(choice[0], scope)}) {target} <= {at_reset};")
        block.lines.append(f"else {target} <= {value};")

    def begin(self, node, scope, block):
        """A block's variables hide those of the same names outside it, as far as it reaches."""
        loops = {v.get("name") for w in node.iter("while") for v in w[1].iter("varref")}
        names = [var.get("name") for var in node.findall("var")]
        hidden = {name: scope[name] for name in names if name in scope}
        for var in node.findall("var"):
            name = var.get("name")
            scope[name] = 0 if name in loops else block.fresh(mangle(name), self.types.width(var.get("dtype_id")))
        self.statements([c for c in node if c.tag != "var"], scope, block)
        for name in names:
            del scope[name]
        scope.update(hidden)

    def branch(self, node, scope, block):
        condition = self.expression(node[0], scope, block)
        loops = {name: value for name, value in scope.items() if isinstance(value, int)}
        block.lines.append(f"if ({condition}) begin")
        self.statement(node[1], scope, block)
        if len(node) > 2:
            block.lines.append("end else begin")
            self.statement(node[2], scope, block)
        block.lines.append("end")
        if any(scope[name] != value for name, value in loops.items()):
            raise Unsupported("a loop's variable that is written in one branch of an if")

    def unroll(self, node, scope, block):
        _, condition, body, *step = node
        for _ in range(100000):
            go_on = self.fold(condition[0], scope)
            if go_on is None:
                raise Unsupported("a loop whose end is not constant")
            if not go_on:
                return
            self.statements([body] + step, scope, block)
        raise Unsupported("a loop without end")

    # ---- the module
    def process(self, nodes, sensitivity):
        block = Block(self)
        self.statements(nodes, {}, block)
        self.body += [f"always @({sensitivity}) begin"] + block.locals + block.lines + ["end"]

    def item(self, node):
        self.at = node.get("loc", self.at)
        if node.tag == "always":
            tree = node.find("sentree")
            if tree is None:
                return self.process([c for c in node], "*")
            for event in tree:
                if event.get("edgeType") not in ("POS", "NEG") or event[0].tag != "varref":
                    raise Unsupported("a process that waits for something other than an edge of a signal")
            edges = [f"{'posedge' if s.get('edgeType') == 'POS' else 'negedge'} {mangle(s[0].get('name'))}" for s in tree]
            return self.process([c for c in node if c.tag != "sentree"], " or ".join(edges))
        if node.tag in ("contassign", "initial"):  # initial: an assignment of a constant, as Verilator has it
            return self.process([node] if node.tag == "contassign" else list(node), "*")
        if node.tag == "instance":
            return self.instance(node)
        if node.tag == "begin":
            return [self.item(child) for child in node]
        if node.tag not in ("var", "typedef", "func", "task", "cell"):
            raise Unsupported(f"item {node.tag}")

    def instance(self, node):
        ports = []
        for port in node.findall("port"):
            width = self.width(port[0])
            if port.get("direction") == "out":
                ports.append(f".{mangle(port.get('name'))}({self.target(port[0], {}, None)})")
                continue
            wire = f"{mangle(node.get('name'))}__{mangle(port.get('name'))}"
            if port[0].tag == "varref":
                wire = mangle(port[0].get("name"))
            else:
                self.declare(wire, f"reg {span(width)}{wire};")
                block = Block(self)
                text = self.expression(port[0], {}, block)
                self.body += ["always @(*) begin"] + block.locals + block.lines + [f"{wire} = {text};", "end"]
            ports.append(f".{mangle(port.get('name'))}({wire})")
        self.body.append(f"{mangle(node.get('defName'))} {mangle(node.get('name'))} ({', '.join(ports)});")

    def is_array(self, var):
        if var.get("dir") or not var.get("dtype_id") or var.get("param") is not None:
            return False
        self.at = var.get("loc", self.at)
        return self.types.unpacked(var.get("dtype_id")) is not None

    def find_memories(self):
        """Arrays of the module that clocked processes alone write, element by element: memories, whose decoders synthesis then shares."""
        arrays = {v.get("name") for v in self.node.iter("var") if self.is_array(v)}
        elements = {id(s[0]) for s in self.node.iter("arraysel")}
        whole = {v.get("name") for v in self.node.iter("varref") if id(v) not in elements}
        inner = {a[1][0].get("name") for tag in ("always", "contassign") for p in self.node.iter(tag) if p.find("sentree") is None
                 for a in ([p] if tag == "contassign" else p.iter("assign")) if a[1].tag == "arraysel"}
        parts = {s[0][0].get("name") for s in self.node.iter("sel") if s[0].tag == "arraysel"}
        self.memories = arrays - whole - inner - parts

    def check_initials(self):
        """An initial process becomes one that always drives: right for a constant that nothing else writes."""
        for process in self.node.iter("initial"):
            self.at = process.get("loc", self.at)
            constants = {base_name(a[1]) for a in process.iter("assign")}
            others = {base_name(a[1]) for tag in ("always", "contassign") for p in self.node.iter(tag) for a in p.iter() if a.tag in ("assign", "assigndly", "contassign")}
            if constants & others or {v.get("name") for v in process.iter("varref")} - constants:
                raise Unsupported("an initial process other than constants for variables that nothing else writes")

    def text(self):
        self.find_memories()
        self.check_initials()
        driven = {v.get("name") for i in self.node.iter("instance") for p in i.findall("port") if p.get("direction") == "out" for v in p.iter("varref")}
        used = {v.get("name") for v in self.node.iter("varref")}
        header = []
        for var in self.node.iter("var"):
            if var.get("param") or var.get("localparam") or self.in_routine(var) or (var.get("vartype") == "integer" and var.get("name") not in used):  # a genvar
                continue
            self.at = var.get("loc", self.at)
            name, width = mangle(var.get("name")), self.types.width(var.get("dtype_id"))
            kind = "wire" if var.get("dir") == "input" or var.get("name") in driven else "reg"
            if var.get("name") in self.memories:
                count, width = self.types.unpacked(var.get("dtype_id"))
                self.declare(name, f"reg {span(width)}{name} [0:{count - 1}];")
            elif var.get("dir") == "inout":
                raise Unsupported(f"port {name} of direction inout")
            elif var.get("dir"):
                self.take(name)
                header.append(f"{var.get('dir')} {kind} {span(width)}{name}")
            else:
                self.declare(name, f"{kind} {span(width)}{name};")
        for child in self.node:
            self.item(child)
        return "\n".join([f"module {mangle(self.node.get('name'))} ({', '.join(header)});"] + self.declarations + self.body + ["endmodule", ""])

    def in_routine(self, var):
        return any(var is v for tag in ("func", "task") for r in self.node.iter(tag) for v in r.iter("var")) or \
            any(var is v for p in self.node.iter("always") for v in p.iter("var"))


def base_name(node):
    """The variable that an assignment's target is part of."""
    while node.tag in ("sel", "arraysel"):
        node = node[0]
    return node.get("name")


def mangle(name):
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def routines_of(module, packages):
    """Functions and tasks that the module may call. A name in two packages cannot be told apart in the XML: it is left out, and a call of it refused."""
    found = {}
    for package in packages:
        for routine in list(package.iter("func")) + list(package.iter("task")):
            found[routine.get("name")] = None if routine.get("name") in found else routine
    for routine in list(module.iter("func")) + list(module.iter("task")):
        found[routine.get("name")] = routine
    return found


def place(loc, files):
    """FILE:LINE of a loc attribute: file, line, column, end."""
    parts = (loc or "").split(",")
    return f"{files.get(parts[0], 'unknown file')}:{parts[1]}" if len(parts) > 1 else "unknown place"


def translate(path):
    root = ElementTree.parse(path).getroot()
    netlist = root.find("netlist")
    files = {f.get("id"): f.get("filename") for f in root.iter("file")}
    types = Types(netlist.find("typetable"))
    packages = netlist.findall("package")
    texts = []
    for node in netlist.findall("module"):
        module = Module(node, types, routines_of(node, packages))
        try:
            texts.append(module.text())
        except Unsupported as error:
            raise Unsupported(f"{place(module.at, files)}: this construct is not translated: {error}") from error
    return "\n".join(texts)


def main(arguments):
    if len(arguments) != 2:
        sys.exit("usage: plain_verilog.py IN.xml OUT.v")
    try:
        text = translate(arguments[0])
    except (Unsupported, OSError) as error:
        sys.exit(f"plain_verilog: {error}")
    except ElementTree.ParseError as error:
        sys.exit(f"plain_verilog: {arguments[0]}: {error}")
    temporary = arguments[1] + ".tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write("// Made by tools/calibrate/plain_verilog.py.\n" + text)
    os.replace(temporary, arguments[1])


if __name__ == "__main__":
    main(sys.argv[1:])
