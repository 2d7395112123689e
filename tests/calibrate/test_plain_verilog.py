# SPDX-License-Identifier: Apache-2.0
"""plain_verilog.py: what it makes of a module does, in every cycle, what the module does; what it does not know it refuses. Usage: test_plain_verilog.py SOURCE_FOLDER VERILATOR"""
import os
import re
import subprocess
import sys
import unittest

from helper import ROOT, Folder, seed_of_run  # first: it says where the modules are

import plain_verilog  # noqa: E402

VERILATOR = sys.argv[2]
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS, RTL = os.path.join(ROOT, "tools", "calibrate"), os.path.join(ROOT, "rtl")
CASES = os.path.join(HERE, "plain_verilog_cases.sv")
CYCLES, IN_BITS = 4000, 1280
EXTRA = 1100  # random bits from here on belong to no port

LANES = {"sj_cal_lane_bf16": "sj_float_pkg", "sj_cal_lane_int8": "sj_int_pkg"}
# Inputs that are not just random bits. {name}: the port's, as they would be. Near exponents, so that sums are aligned and rounded; lines with zeros; groups longer than two cycles; one flag,
# so that slots may have no work. Masks and flags are never written to one buffer in one cycle: there the translation reads a memory as it was before (plain_verilog.py, statement()), and so do the calibration's streams.
ZEROS = " & {" + ", ".join(f"{{16{{in_q[{EXTRA + i}]}}}}" for i in range(32)) + "}"
NEAR = "in_q[{extra}] ? ({{{port}}} & {bits}'h{keep}) | {bits}'h{exponent} : {{{port}}}"
SHAPED = {
    "sj_cal_lane_bf16": {port: NEAR.format(extra=EXTRA, port=port, bits=16, keep="83ff", exponent="3c00") for port in ("a_i", "b_i")} |
                        {"loaded_i": NEAR.format(extra=EXTRA, port="loaded_i", bits=32, keep="83ffffff", exponent="3c000000")},
    "sj_cal_front": {"flag_buffer_i": f"{{buffer_i}} + (in_q[{EXTRA}] ? 2'd1 : 2'd3)", "flag_i": f"64'd1 << in_q[{EXTRA + 6}:{EXTRA + 1}]"},
    "sj_codec_encode": {"line_i": "{line_i}" + ZEROS},
    "sj_codec_decode": {"start_i": f"{{start_i}} & in_q[{EXTRA}] & in_q[{EXTRA + 1}]"},
}


def measured_modules():
    """Every module that calibrate.py measures: the lanes, and what blocks.py names."""
    with open(os.path.join(TOOLS, "blocks.py"), encoding="utf-8") as file:
        return list(LANES) + re.findall(r'\("(sj_\w+)", \w+\)', file.read())


def source_of(top):
    own = os.path.join(TOOLS, "rtl", f"{top}.sv")
    return own if os.path.exists(own) else os.path.join(RTL, f"{top}.sv")


def xml_of(top, sources, path):
    """As synthesise.sh has Verilator write it."""
    arguments = [VERILATOR, "--xml-only", "-fno-dfg", "--unroll-count", "1", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-DSYNTHESIS", "--xml-output", path, "--top-module", top] + sources
    result = subprocess.run(arguments + ["-y", RTL, "-y", os.path.join(TOOLS, "rtl")], capture_output=True, text=True, check=False)
    if result.returncode:
        raise AssertionError(f"Verilator does not read {top}:\n{result.stderr}")


class Pair:
    """A module and its translation, whose modules are named `..._plain_TOP`: another original may use the same ones."""

    def __init__(self, top, sources, path, mend=lambda text: text, suffix=""):
        self.top, self.name = top, f"{top}{suffix}"
        xml_of(top, sources, path)
        text = mend(plain_verilog.translate(path))
        names = re.findall(r"^module (\w+) \(", text, flags=re.M)
        self.text = re.sub(rf"\b({'|'.join(names)})\b", rf"\1_plain_{self.name}", text)
        header = re.search(rf"^module {top}_plain_{self.name} \((.*)\);$", self.text, flags=re.M)[1]
        self.ports = [(direction, port, int(left or 0) + 1) for direction, left, port in re.findall(r"(input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+)", header)]

    def inputs(self):
        at, found = 0, {}
        for direction, port, width in self.ports:
            if direction == "input" and port not in ("clk_i", "rst_ni"):
                found[port] = f"in_q[{at + width - 1}:{at}]"
                at += width
        if at > EXTRA:
            raise AssertionError(f"{self.top} has {at} bits of inputs")
        shaped = SHAPED.get(self.top, {})
        if set(shaped) - set(found):
            raise AssertionError(f"{self.top} has no inputs {set(shaped) - set(found)}")
        return {port: re.sub(r"\{(\w+_i)\}", lambda m: found[m[1]], shaped.get(port, bits)) for port, bits in found.items()}

    def instances(self, number):
        outputs = [(port, width) for direction, port, width in self.ports if direction == "output"]
        total = sum(width for _, width in outputs)
        lines = [f"wire [{total - 1}:0] original_{number}, plain_{number};", f"reg [{total - 1}:0] before_{number};"]
        inputs = self.inputs()
        for wires, module in (("original", self.top), ("plain", f"{self.top}_plain_{self.name}")):
            at, pins = 0, [f".{port}({port})" for _, port, _ in self.ports if port in ("clk_i", "rst_ni")] + [f".{port}({bits})" for port, bits in inputs.items()]
            for port, width in outputs:
                pins.append(f".{port}({wires}_{number}[{at + width - 1}:{at}])")
                at += width
            lines.append(f"{module} u_{wires}_{number} ({', '.join(pins)});")
        return lines + [f"assign differ_o[{number}] = original_{number} != plain_{number};", f"assign changed_o[{number}] = original_{number} != before_{number};",
                        f"always @(posedge clk_i) before_{number} <= original_{number};"]


class Equal(Folder):
    def pairs(self):
        with open(CASES, encoding="utf-8") as file:
            cases = re.findall(r"^module (case_\w+) \(input logic clk_i", file.read(), flags=re.M)
        self.assertGreaterEqual(len(cases), 10)
        modules = measured_modules()
        self.assertGreaterEqual(len(modules), 9)
        found = [Pair(case, [CASES], self.path(f"{case}.xml")) for case in cases]
        found += [Pair(top, [os.path.join(RTL, f"{LANES[t]}.sv") for t in LANES if t == top] + [source_of(top)], self.path(f"{top}.xml")) for top in modules]
        spoil = lambda text: text.replace(" + ", " - ", 1)
        return found + [Pair("case_functions", [CASES], self.path("spoilt.xml"), spoil, "_spoilt")]

    def build(self, pairs):
        """Verilator with all pairs below one top. Translations are read as Verilog of 2005: a word of SystemVerilog in them is an error."""
        plain = [self.path(f"{p.name}_plain.v", p.text) for p in pairs]
        top = self.path("pairs.sv", "\n".join([f"module pairs (input logic clk_i, input logic rst_ni, input logic [{IN_BITS - 1}:0] in_i, output logic [31:0] differ_o, output logic [31:0] changed_o);",
                                               f"logic [{IN_BITS - 1}:0] in_q;  // inputs from a register: Verilator then makes a copy less of all logic\nalways_ff @(posedge clk_i) in_q <= in_i;",
                                               f"assign {{differ_o[31:{len(pairs)}], changed_o[31:{len(pairs)}]}} = '0;"] +
                                              [line for number, p in enumerate(pairs) for line in p.instances(number)] + ["endmodule", ""]))
        arguments = [VERILATOR, "--cc", "--exe", "--build", "-j", "2", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-UNOPTFLAT", "-DSYNTHESIS", "--unroll-count", "1", "--expand-limit", "2", "--x-assign", "0", "--x-initial", "0",
                     "--top-module", "pairs", "--Mdir", self.path("model"), "-o", "pairs", "-CFLAGS", f"-g0 -w -DPAIRS={len(pairs)}",
                     "-MAKEFLAGS", "VM_PARALLEL_BUILDS=1 OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0", "+1364-2005ext+v"]
        arguments += [os.path.join(RTL, f"{package}.sv") for package in LANES.values()] + [CASES] + plain + [top, os.path.join(HERE, "plain_verilog_main.cpp"), "-y", RTL, "-y", os.path.join(TOOLS, "rtl")]
        result = subprocess.run(arguments, capture_output=True, text=True, check=False, env={**os.environ, "MAKEFLAGS": ""})
        self.assertEqual(result.returncode, 0, f"Verilator:\n{result.stderr[-4000:]}")
        return self.path(os.path.join("model", "pairs"))

    def test_translations_do_what_their_originals_do(self):
        """All outputs, in both halves of every cycle. One translation is spoilt, so that it is known that a difference would be seen."""
        pairs = self.pairs()
        result = subprocess.run([self.build(pairs), str(seed_of_run()), str(CYCLES)], capture_output=True, text=True, check=True)
        lines = [[int(x) for x in line.split()] for line in result.stdout.splitlines()]
        self.assertEqual(len(lines), len(pairs))
        for pair, (differ, first, changed) in zip(pairs, lines):
            with self.subTest(pair.name):
                self.assertGreater(changed, CYCLES // 10, "its outputs hardly change")
                if pair.name.endswith("_spoilt"):
                    self.assertGreater(differ, CYCLES // 10)
                else:
                    self.assertEqual((differ, first), (0, -1), "cycles that differ, the first of them")


def module(body, ports="input logic clk_i, input logic [7:0] a_i, output logic [7:0] y_o"):
    return f"module refused (\n  {ports}\n);\n{body}\nendmodule\n"


# What is refused: the line, what is said of it, the source.
REFUSED = [
    (4, "expression lts", module("assign y_o = {7'b0, $signed(a_i) > $signed(8'd3)};")),
    (4, "expression extends", module("logic [15:0] w; assign w = 16'($signed(a_i)); assign y_o = w[15:8];")),
    (4, "expression shiftrs", module("assign y_o = $signed(a_i) >>> 2;")),
    (4, "expression div", module("assign y_o = a_i / 8'd3;")),
    (4, "statement case", module("always_comb case (a_i[0]) 1'b0: y_o = 8'd1; default: y_o = a_i; endcase")),
    (4, "statement jumpblock", module("function automatic logic [7:0] f(input logic [7:0] x);\n if (x[0]) return 8'd1; return x; endfunction\nassign y_o = f(a_i);")),
    (5, "type structdtype", module("typedef struct packed { logic [3:0] h; logic [3:0] l; } s_t;\ns_t s; assign s = a_i; assign y_o = {s.l, s.h};")),
    (5, "type real", module("\nreal r; assign y_o = a_i;")),
    (5, "an element of an array of arrays", module("logic [7:0] m [2][2];\nalways_comb begin m[a_i[0]][0] = a_i; y_o = m[0][0]; end")),
    (4, "an unpacked array that does not begin at 0", module("logic [7:0] m [1:2];\nalways_comb begin m[1] = a_i; m[2] = ~a_i; y_o = m[2]; end")),
    (6, "an array's value other than zeros", module("logic [7:0] m [2];\nalways_comb begin\n m = '{default: 8'd1}; m[0] = a_i; y_o = m[a_i[0]]; end")),
    (4, "a loop whose end is not constant", module("always_comb begin y_o = '0; for (int unsigned i = 0; i < 32'(a_i[2:0]); i++) y_o = y_o + 8'd3; end")),
    (4, "a loop without end", module("always_comb begin int unsigned i; y_o = a_i; i = 0; while (i < 3) y_o = y_o + 8'd1; end")),
    (6, "a loop's variable that is written in one branch of an if", module("always_comb begin y_o = '0; for (int unsigned i = 0; i < 8; i++) begin\n y_o = y_o + 8'd1;\n if (a_i[0]) i = 7; end end")),
    (5, "a loop's variable whose value is not constant", module("always_comb begin y_o = '0; for (int unsigned i = 0; i < 8; i++) begin\n i = i + 32'(a_i); y_o = y_o + 8'd1; end end")),
    (5, "a loop's variable that is written in part", module("always_comb begin y_o = '0; for (int unsigned i = 0; i < 8; i++) begin\n i[3] = 1'b1; y_o = y_o + 8'd1; end end")),
    (5, "a process that waits for something other than an edge", module("/* verilator lint_off COMBDLY */\nalways @(a_i) y_o = ~a_i;")),
    (5, "an initial process other than constants", module("logic [7:0] q;\ninitial q = 8'd5;\nalways_ff @(posedge clk_i) q <= a_i;\nassign y_o = q;")),
    (4, "an initial process other than constants", module("initial y_o = a_i;")),
    (4, "item initialstatic", module("logic [7:0] q = 8'd5; always_ff @(posedge clk_i) q <= a_i; assign y_o = q;")),
    (2, "port y_io of direction inout", module("assign y_io = a_i;", "input logic a_i, inout wire y_io")),
    (6, "routine f: not found, or of two packages", "package p1; function automatic logic f(input logic x); return x; endfunction endpackage\npackage p2; function automatic logic f(input logic x); return ~x; endfunction endpackage\n" +
     module("assign y_o = {6'b0, p1::f(a_i[0]), p2::f(a_i[0])};")),
    (4, "two names that become x", module("for (genvar g = 0; g < 2; g++) begin : gen_half logic [3:0] x; assign x = ~a_i[4*g+:4]; assign y_o[4*g+:4] = x; end")),
]


class Refused(Folder):
    def test_with_place_and_construct(self):
        for line, construct, text in REFUSED:
            with self.subTest(construct):
                source = self.path("refused.sv", text)
                xml_of("refused", [source], self.path("refused.xml"))
                result = self.translate("refused.xml")
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertRegex(result.stderr, rf"^plain_verilog: {re.escape(source)}:{line}: this construct is not translated: {re.escape(construct)}[^\n]*\n$")
                self.assertFalse(os.path.exists(self.path("out.v")))

    def translate(self, xml):
        return subprocess.run([sys.executable, "-B", os.path.join(TOOLS, "plain_verilog.py"), self.path(xml), self.path("out.v")], capture_output=True, text=True, check=False)

    def test_file_that_is_no_xml_is_an_error(self):
        self.path("text.xml", "<netlist>")
        for name, message in (("nothing.xml", "No such file"), ("text.xml", "text.xml: .*no element found")):
            result = self.translate(name)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, rf"^plain_verilog: .*{message}[^\n]*\n$")


class Text(Folder):
    def test_program_writes_what_translate_says(self):
        xml_of("case_sized", [CASES], self.path("x.xml"))
        result = subprocess.run([sys.executable, "-B", os.path.join(TOOLS, "plain_verilog.py"), self.path("x.xml"), self.path("out.v")], capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        with open(self.path("out.v"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "// Made by tools/calibrate/plain_verilog.py.\n" + plain_verilog.translate(self.path("x.xml")))

    def test_memories_are_kept_and_other_arrays_are_flat(self):
        xml_of("case_memories", [CASES], self.path("m.xml"))
        xml_of("case_unpacked", [CASES], self.path("u.xml"))
        text = plain_verilog.translate(self.path("m.xml"))
        for line in ("reg [7:0] bytes [0:7];", "reg flags [0:3];", "reg [47:0] pairs;"):
            self.assertIn(line, text.splitlines())
        self.assertIn("reg [15:0] kept_q;", plain_verilog.translate(self.path("u.xml")).splitlines())

    def test_variables_of_blocks_and_calls_hold_no_state(self):
        """Each begins its process at 0: synthesis would else make a latch of what some path does not write."""
        xml_of("case_functions", [CASES], self.path("f.xml"))
        text = plain_verilog.translate(self.path("f.xml"))
        variables = re.findall(r"^reg (?:\[(\d+):0\] )?(\w+__\d+);$", text, flags=re.M)
        self.assertGreater(len(variables), 20)
        for left, name in variables:
            self.assertEqual(re.search(rf"^{name} = .*$", text, flags=re.M)[0], f"{name} = {int(left or 0) + 1}'h0;")

    def test_reset_is_an_if_again(self):
        """Yosys takes that alone for an asynchronous reset."""
        xml_of("case_registers", [CASES], self.path("r.xml"))
        text = plain_verilog.translate(self.path("r.xml"))
        self.assertIn("if (!rst_ni) one_q <= 8'ha5;\nelse one_q <= in_i[13:6];", text)
        self.assertNotIn("rst_ni ?", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
