# SPDX-License-Identifier: Apache-2.0
"""Usage: test_calibrate.py SOURCE_FOLDER TOGGLES_PROGRAM"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT, TOGGLES = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(ROOT, "tools", "calibrate"))

import liberty  # noqa: E402
import netlist  # noqa: E402
import scaling  # noqa: E402
import techfile  # noqa: E402

# An inverter and a flip-flop with tables of one figure each, so that sums can be worked by hand. Units: ns, pF, pJ, nW.
LIBRARY = """library(hand) {
  time_unit : "1ns"; voltage_unit : "1V"; capacitive_load_unit (1,pf); nom_voltage : 2.0;
  lu_table_template(delay) { variable_1 : total_output_net_capacitance; variable_2 : input_net_transition; index_1 ("0, 1"); index_2 ("0, 1"); }
  power_lut_template(energy) { variable_1 : total_output_net_capacitance; variable_2 : input_transition_time; index_1 ("0, 1"); index_2 ("0, 1"); }
  power_lut_template(passive) { variable_1 : input_transition_time; index_1 ("0, 1"); }
  cell (INV) { area : 10; cell_leakage_power : 1;
    pin(A) { direction : input; capacitance : 0.010; }
    pin(Y) { direction : output; function : "(!A)";
      timing() { related_pin : "A"; timing_sense : negative_unate;
        cell_rise(delay) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.1, 0.1", "0.1, 0.1"); }  cell_fall(delay) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.1, 0.1", "0.1, 0.1"); }
        rise_transition(delay) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.1, 0.1", "0.1, 0.1"); } fall_transition(delay) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.1, 0.1", "0.1, 0.1"); } }
      internal_power() { related_pin : "A"; rise_power(energy) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.5, 0.5", "0.5, 0.5"); }
        fall_power(energy) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.25, 0.25", "0.25, 0.25"); } } } }
  cell (BARE) { area : 10; cell_leakage_power : 1; pin(A) { direction : input; capacitance : 0.010; } pin(Y) { direction : output; function : "A"; } }
  cell (DFF) { area : 40; cell_leakage_power : 2; ff (IQ,IQN) { next_state : "D"; clocked_on : "CLK"; }
    pin(CLK) { direction : input; capacitance : 0.020; clock : true;
      internal_power() { rise_power(passive) { index_1 ("0, 1"); values ("0.01, 0.01"); } fall_power(passive) { index_1 ("0, 1"); values ("0.03, 0.03"); } } }
    pin(D) { direction : input; capacitance : 0.010;
      internal_power() { rise_power(passive) { index_1 ("0, 1"); values ("0.125, 0.125"); } fall_power(passive) { index_1 ("0, 1"); values ("0.125, 0.125"); } } }
    pin(Q) { direction : output; function : "IQ";
      timing() { related_pin : "CLK"; timing_type : rising_edge; timing_sense : non_unate;
        cell_rise(delay) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.2, 0.2", "0.2, 0.2"); } rise_transition(delay) { index_1 ("0, 1"); index_2 ("0, 1"); values ("0.1, 0.1", "0.1, 0.1"); } }
      internal_power() { related_pin : "CLK"; rise_power(energy) { index_1 ("0, 1"); index_2 ("0, 1"); values ("1, 1", "1, 1"); }
        fall_power(energy) { index_1 ("0, 1"); index_2 ("0, 1"); values ("2, 2", "2, 2"); } } } }
}"""
WIRE = netlist.WIRE_UM * netlist.WIRE_FF_PER_UM / 1000


def bits(direction, *numbers):
    return {"direction": direction, "bits": list(numbers)}


def three_cells(kind="INV"):
    """in -> INV -> DFF -> INV -> out: nets 3, 4, 5, 6; the clock is 2."""
    cell = lambda kind, **pins: {"type": kind, "connections": {p: [b] for p, b in pins.items()}}
    return {"modules": {"top": {
        "ports": {"clk_i": bits("input", 2), "a_i": bits("input", 3), "y_o": bits("output", 6)},
        "cells": {"g1": cell(kind, A=3, Y=4), "ff": cell("DFF", CLK=2, D=4, Q=5), "g2": cell("INV", A=5, Y=6)},
        "netnames": {"q": {"bits": [5]}, "a_i": {"bits": [3]}}}}}


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, text=None):
        path = os.path.join(self.folder.name, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def netlist(self, design):
        return netlist.Netlist(self.path("n.json", json.dumps(design)), "top", liberty.Library(self.path("l.lib", LIBRARY)))


class Energies(Folder):
    def test_toggle_is_the_driver_the_load_and_the_pins_with_a_table(self):
        found = self.netlist(three_cells()).toggle_energies()
        half_cv2 = lambda farad: 0.5 * farad * 4.0
        self.assertEqual(sorted(found), ["n3", "n4", "n5", "n6"])
        for net, rise, fall in (("n3", half_cv2(0.010 + WIRE), half_cv2(0.010 + WIRE)),
                                ("n4", 0.5 + 0.125 + half_cv2(0.010 + WIRE), 0.25 + 0.125 + half_cv2(0.010 + WIRE)),
                                ("n5", 1.0 + half_cv2(0.010 + WIRE), 2.0 + half_cv2(0.010 + WIRE)),
                                ("n6", 0.5 + half_cv2(WIRE), 0.25 + half_cv2(WIRE))):
            self.assertAlmostEqual(found[net][0], rise, msg=net)
            self.assertAlmostEqual(found[net][1], fall, msg=net)

    def test_clock_pin_is_both_edges_and_its_capacitance(self):
        design = self.netlist(three_cells())
        self.assertAlmostEqual(design.clock_energy(design.flip_flops()[0]), 0.01 + 0.03 + (0.020 + WIRE) * 4.0)

    def test_area_leakage_and_longest_path(self):
        design = self.netlist(three_cells())
        self.assertEqual((design.area(), design.leakage()), (60, 4))
        self.assertAlmostEqual(design.critical_path(), 0.3)

    def test_cell_without_energies_is_an_error(self):
        with self.assertRaisesRegex(netlist.NetlistError, "no energy table for cell BARE"):
            self.netlist(three_cells("BARE"))

    def test_cell_that_the_liberty_does_not_have_is_an_error(self):
        with self.assertRaisesRegex(netlist.NetlistError, "g1 is a NAND9"):
            self.netlist(three_cells("NAND9"))

    def test_net_without_driver_is_an_error(self):
        design = three_cells()
        del design["modules"]["top"]["cells"]["g1"]
        with self.assertRaisesRegex(netlist.NetlistError, "n4 .* has no driver"):
            self.netlist(design)

    def test_function_becomes_verilog(self):
        self.assertEqual(liberty.verilog_function("(!((A B)+C))"), "(~((A&B)|C))")


WAVE = """$timescale 1ps $end
$scope module u $end
$var wire 1 ! n3 $end
$var wire 1 " n4 $end
$var wire 8 # bus [7:0] $end
$upscope $end $enddefinitions $end
#0
0!
x"
b00000000 #
#100
1"
#1000
1!
#1100
0"
#1200
1"
#2000
0!
#3999
b00000001 #
"""


class Toggles(Folder):
    def count(self, nets, first="1", cycles="3", wave=WAVE):
        arguments = [TOGGLES, self.path("w.vcd", wave), self.path("nets", nets), "1000", first, cycles, self.path("counts"), self.path("energies")]
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    def test_toggles_fall_in_their_cycle_and_group(self):
        result = self.count("n3 0.5 0.25 0\nn4 2 1 1\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        with open(self.path("counts"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "n3 1 1\nn4 1 1\n")
        with open(self.path("energies"), "rb") as file:
            values = struct.unpack("48d", file.read())
        self.assertEqual((values[0], values[1], values[16], values[17], values[32]), (0.5, 3.0, 0.25, 0.0, 0.0))

    def test_net_that_is_not_in_the_waveform_is_an_error(self):
        result = self.count("n3 1 1 0\nn9 1 1 0\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("a net of the netlist is not in the waveform: n9", result.stderr)

    def test_unknown_value_in_a_counted_cycle_is_an_error(self):
        result = self.count("n4 1 1 0\n", first="0")
        self.assertEqual(result.returncode, 1)
        self.assertIn("a value is unknown in a counted cycle: net n4", result.stderr)

    def test_waveform_that_ends_early_is_an_error(self):
        result = self.count("n3 1 1 0\n", cycles="9")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the waveform ends before", result.stderr)


TECH = """// SPDX-License-Identifier: Apache-2.0
name = "45nm";
mac_int8_active = { low = 0.23; typical = 0.561; high = 1.0; unit = "pJ"; group = "mac"; source = "a"; };
sram_read  = ( { kib = 32; typical = 1.0; } );
area_int8_pe     = { low = 0.0004; typical = 0.0008; high = 0.0016; unit = "mm2"; group = "area"; source = "b"; };
"""


class TechFile(unittest.TestCase):
    def test_measured_lines_are_replaced_and_all_others_copied(self):
        values = {"mac_int8_active": techfile.Value(62.0, 80.0, 90.0, "energy", 1, "own RTL: x", "mac"), "area_int8_pe": techfile.Value(40000, 40000, 40000, "area", 1, "own RTL: y")}
        lines = techfile.generate(TECH, values, 45, "45nm-calibrated").splitlines()
        self.assertEqual(lines[0], TECH.splitlines()[0])
        self.assertEqual(lines[2], 'name = "45nm-calibrated";')
        self.assertEqual(lines[3], 'mac_int8_active = { low = 0.992; typical = 2.56; high = 5.625; unit = "pJ"; group = "mac"; source = "own RTL: x"; };')
        self.assertEqual(lines[4], TECH.splitlines()[3])
        self.assertEqual(lines[5], 'area_int8_pe     = { low = 0.001; typical = 0.00133; high = 0.0025; unit = "mm2"; source = "own RTL: y"; };')

    def test_entry_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(techfile.TechError, "no line of its own for mask_scan"):
            techfile.generate(TECH, {"mask_scan": techfile.Value(1, 1, 1, "energy", 64, "x")}, 45, "n")

    def test_other_unit_is_an_error(self):
        with self.assertRaisesRegex(techfile.TechError, "area_int8_pe is in mm2"):
            techfile.generate(TECH, {"area_int8_pe": techfile.Value(1, 1, 1, "energy", 1, "x")}, 45, "n")

    def test_figures_out_of_order_are_an_error(self):
        with self.assertRaisesRegex(techfile.TechError, "not in order"):
            techfile.Value(2, 1, 3, "energy", 1, "x")

    def test_streams_are_solved_for_what_they_were_made_of(self):
        """Streams made of 100 pJ active, 40 zero, 30 gated and 2 idle issues give these back, whatever their mix; too few issues and streams that tell nothing apart are errors."""
        try:
            import figures
        except ImportError:
            self.skipTest("no numpy")

        def stream(machine, zero_pj, active, zeros, idle):
            return {"machine": machine, "states": {"A": {"pj": 100.0, "n": active}, "b": {"pj": zero_pj, "n": zeros}, "l": {"pj": 2.0, "n": idle}}}

        mixes = [(300, 600, 5), (500, 100, 0), (80, 800, 20)]
        streams = [stream(machine, pj, a, z if machine != "skip" else z // 4, l) for a, z, l in mixes for machine, pj in (("dense", 40.0), ("gated", 30.0), ("skip", 30.0))]
        for found, made in zip(figures.solve(streams, 2.0), (100.0, 40.0, 30.0)):
            self.assertAlmostEqual(found, made)
        with self.assertRaisesRegex(techfile.TechError, "nothing tells active from gated"):
            figures.solve([stream(machine, 30.0, 100, 50, 0) for machine in ("dense", "gated", "skip")], 2.0)
        with self.assertRaisesRegex(techfile.TechError, "measure more issues"):
            figures.mean_of([stream("skip", 30.0, 20, 50, 0)], "skip", "A")

    def test_factors_are_those_of_the_document(self):
        for found, stated in ((scaling.energy_factors(45), (1 / 62.5, 1 / 31.25, 1 / 16)), (scaling.area_factors(45), (1 / 40, 0.798 / 24, 1 / 16))):
            for value, expected in zip(found, stated):
                self.assertAlmostEqual(value, expected)
        with self.assertRaisesRegex(scaling.ScalingError, "45 is known"):
            scaling.energy_factors(7)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
