# SPDX-License-Identifier: Apache-2.0
"""One module of ours: synthesised, simulated at gate level and by Verilator on the same stimulus, compared, its toggles priced."""
import math
import os
import subprocess

import numpy

from netlist import Netlist

HERE = os.path.dirname(os.path.abspath(__file__))
RTL = os.path.normpath(os.path.join(HERE, "..", "..", "rtl"))
RESET_CYCLES = 4
INPUT_DELAY_PS = 200  # behind the clock edge: clock to output of a flip-flop
GROUPS = 16


class BenchError(Exception):
    pass


def run(arguments, what, **options):
    result = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if result.returncode != 0:
        raise BenchError(f"{what}: {' '.join(result.stdout.strip().splitlines()[-3:])}")
    return result.stdout


class Measured:
    """What a stimulus cost: pJ by cycle and group, toggles by net, over the counted cycles."""

    def __init__(self, energies, counts):
        self.energies, self.counts = energies, counts

    def total(self):
        return self.energies.sum(axis=1)


class Block:
    def __init__(self, top, library, liberty_path, folder, toggles, packages=(), period_ps=10000, quick=False):
        self.top, self.folder, self.toggles = top, os.path.join(folder, top), toggles
        os.makedirs(self.folder, exist_ok=True)
        own = os.path.join(HERE, "rtl", f"{top}.sv")
        self.sources = [os.path.join(RTL, f"{p}.sv") for p in packages] + [own if os.path.exists(own) else os.path.join(RTL, f"{top}.sv")]
        environment = dict(os.environ, SJ_CALIBRATE_PERIOD_PS=str(period_ps), SJ_CALIBRATE_QUICK="1" if quick else "")
        run(["bash", os.path.join(HERE, "synthesise.sh"), top, liberty_path, self.folder] + self.sources, f"synthesis of {top}", env=environment)
        self.netlist = Netlist(os.path.join(self.folder, f"{top}.json"), top, library)
        self.period_ps = 1000 * math.ceil(1.2 * self.netlist.critical_path() + 1.0)
        self.inputs = [(n, len(b)) for n, d, b in self.netlist.ports if d == "input" and n not in ("clk_i", "rst_ni")]
        self.outputs = [(n, len(b)) for n, d, b in self.netlist.ports if d == "output"]
        self.reset = any(n == "rst_ni" for n, _, _ in self.netlist.ports)
        self.in_bits, self.out_bits = sum(w for _, w in self.inputs), sum(w for _, w in self.outputs)
        self.groups = {net.name: 0 for net in self.netlist.nets.values()}
        self.build()

    # ---- benches
    @staticmethod
    def slices(ports, bus):
        at, text = 0, []
        for name, width in ports:
            text.append(f".{name}({bus}[{at + width - 1}:{at}])")
            at += width
        return text

    def connections(self, clock, reset):
        return ", ".join([f".clk_i({clock})"] * any(n == "clk_i" for n, _, _ in self.netlist.ports) + ([f".rst_ni({reset})"] if self.reset else []) +
                         self.slices(self.inputs, "in_i") + self.slices(self.outputs, "out_o"))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        return os.path.join(self.folder, name)

    def build(self):
        """Both simulators' programs: Verilator's of the original, iverilog's of the netlist with delays and without."""
        wide = lambda bits: 32 * max(3, math.ceil(bits / 32))  # three words at least: Verilator then makes an array of it
        pins = self.connections("clk_i", "rst_ni")
        top = self.write("sj_cal_top.sv", f"module sj_cal_top (input logic clk_i, input logic rst_ni, input logic [{wide(self.in_bits) - 1}:0] in_i, "
                         f"output logic [{wide(self.out_bits) - 1}:0] out_o);\n"
                         + (f"assign out_o[{wide(self.out_bits) - 1}:{self.out_bits}] = '0;\n" if wide(self.out_bits) > self.out_bits else "")
                         + f"{self.top} u_dut ({pins});\nendmodule\n")
        run(["verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-WIDTH", "-O3", "--x-assign", "0", "--x-initial", "0", "--unroll-count", "1", "-DSYNTHESIS", "-CFLAGS",
             "-O1", "--top-module", "sj_cal_top", "--Mdir", os.path.join(self.folder, "rtl"), "-o", "rtl_main"] + self.sources +
            [top, "-y", RTL, "-y", os.path.join(HERE, "rtl"), os.path.join(HERE, "rtl_main.cpp")], f"Verilator build of {self.top}")
        netlist = self.write("netlist.v", self.netlist.verilog())
        bench = self.write("bench.v", self.bench_text())
        for name, define in (("delays", []), ("zero", ["-DZERO_DELAY"])):
            run(["iverilog", "-g2005-sv"] + define + ["-o", os.path.join(self.folder, name), netlist, bench], f"iverilog of {self.top}")

    def bench_text(self):
        period = self.period_ps
        return f"""`timescale 1ps/1ps
module bench;
  reg clk = 1'b0, rst = 1'b0;
  reg [{max(self.in_bits, 1) - 1}:0] in_i, next;
  wire [{self.out_bits - 1}:0] out_o;
  integer file, out, code, cycle;
  reg [8*256-1:0] stimulus, outputs, wave;
  {self.top}_netlist u_dut ({self.connections("clk", "rst")});
  initial begin
    code = $value$plusargs("stimulus=%s", stimulus);
    code = $value$plusargs("outputs=%s", outputs);
    code = $value$plusargs("wave=%s", wave);
    file = $fopen(stimulus, "r");
    out = $fopen(outputs, "w");
    $dumpfile(wave);
    $dumpvars(1, u_dut);
    in_i = 0;
    code = 1;
    #{period};
    for (cycle = 0; code == 1; cycle = cycle + 1) begin
      code = $fscanf(file, "%h", next);
      if (code != 1) next = in_i;
      clk = 1'b1;
`ifdef ZERO_DELAY
      in_i <= next;  // with the registers' outputs, else the one before the other would count as a glitch
      #{INPUT_DELAY_PS};
`else
      #{INPUT_DELAY_PS} in_i = next;
`endif
      if (code == 1) begin
        rst = cycle >= {RESET_CYCLES};
        #{period // 2 - INPUT_DELAY_PS} clk = 1'b0;
        #{period - period // 2 - 10} $fdisplay(out, "%h", out_o);
        #10;
      end
    end
    $finish;
  end
endmodule
"""

    # ---- groups of nets, by the port or flip-flop that they hang on
    def group_by(self, sources):
        """sources: [(prefix of a name, group)] for input ports and outputs of flip-flops. A net behind gates has the lowest group of the nets that drive them."""
        for bit, net in self.netlist.nets.items():
            if net.clock or (net.driver and not net.driver[0].cell.ff):
                continue
            group = next((g for prefix, g in sources if any(n.split("[")[0] == prefix or n.split(".")[-1].split("[")[0] == prefix for n in net.names)), None)
            if group is None:
                raise BenchError(f"{self.top}: {net.names} of the netlist belongs to no group")
            self.groups[net.name] = group
        for instance in self.netlist.order():
            if not instance.cell.ff:
                nets = [self.groups[n.name] for _, n in instance.input_nets()]
                for pin in instance.cell.outputs:
                    if pin.name in instance.pins:
                        self.groups[instance.pins[pin.name].name] = min(nets)

    # ---- a stimulus
    def lines(self, rows):
        """rows: a dict of port -> integer for each cycle; a port that is not named keeps its value."""
        values = {name: 0 for name, _ in self.inputs}
        digits = 4 * math.ceil(max(self.in_bits, 4) / 16)
        for row in [{}] * (RESET_CYCLES + 4) + rows + [{}]:
            for name, value in row.items():
                values[name] = int(value)
            word, at = 0, 0
            for name, width in self.inputs:
                word |= (values[name] & ((1 << width) - 1)) << at
                at += width
            yield f"{word:0{digits}x}"

    def measure(self, rows, name, first=0, delays=True):
        """Runs rows on both, compares all outputs of all cycles, and prices the cycles from row `first` on (a row is a cycle)."""
        skipped = 1 + RESET_CYCLES + 4 + first  # the bench lets a period pass before the first edge
        path = {key: os.path.join(self.folder, f"{name}.{key}") for key in ("stimulus", "rtl_out", "net_out", "vcd", "nets", "counts", "energies")}
        self.write(f"{name}.stimulus", "\n".join(self.lines(rows)) + "\n")
        self.write(f"{name}.rtl_out", run([os.path.join(self.folder, "rtl", "rtl_main"), path["stimulus"], str(RESET_CYCLES)], f"{self.top} in Verilator"))
        run(["vvp", "-n", os.path.join(self.folder, "delays" if delays else "zero"), f"+stimulus={path['stimulus']}", f"+outputs={path['net_out']}", f"+wave={path['vcd']}"],
            f"{self.top} at gate level")
        self.compare(path["rtl_out"], path["net_out"])
        cycles = len(rows) - first
        counts = None
        for _ in range(2):  # the first pass counts what the inputs of each cell weigh
            energies = self.netlist.toggle_energies(counts)
            self.write(f"{name}.nets", "".join(f"{net} {rise!r} {fall!r} {self.groups[net]}\n" for net, (rise, fall) in energies.items()))
            run([self.toggles, path["vcd"], path["nets"], str(self.period_ps), str(skipped), str(cycles), path["counts"], path["energies"]], f"toggles of {self.top}")
            with open(path["counts"], encoding="utf-8") as file:
                counts = {n: int(r) + int(f) for n, r, f in (line.split() for line in file)}
        os.remove(path["vcd"])
        return Measured(numpy.fromfile(path["energies"]).reshape(cycles, GROUPS), counts)

    def output(self, name, port):
        """A port's value at the end of each row's cycle, as the RTL has it."""
        lsb = 0
        for other, width in self.outputs:
            if other == port:
                break
            lsb += width
        else:
            raise BenchError(f"{self.top} has no output {port}")
        with open(os.path.join(self.folder, f"{name}.rtl_out"), encoding="utf-8") as file:
            return [int(line, 16) >> lsb & ((1 << width) - 1) for line in file][RESET_CYCLES + 4:]

    def compare(self, rtl, net):
        with open(rtl, encoding="utf-8") as a, open(net, encoding="utf-8") as b:
            left, right = a.read().split(), b.read().split()
        if len(left) != len(right):
            raise BenchError(f"{self.top}: {len(left)} cycles in Verilator, {len(right)} at gate level")
        for cycle, (x, y) in enumerate(zip(left, right)):
            if "x" in y or "z" in y or int(x, 16) != int(y, 16):
                raise BenchError(f"{self.top}: outputs differ in cycle {cycle}: RTL {x}, netlist {y}")

    def clock_energy(self):
        return sum(self.netlist.clock_energy(f) for f in self.netlist.flip_flops())
