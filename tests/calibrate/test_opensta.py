# SPDX-License-Identifier: Apache-2.0
"""OpenSTA's report and the comparison with it, on a netlist of four cells and made-up reports. Usage: test_opensta.py SOURCE_FOLDER"""
import json
import os
import sys
import types
import unittest
import unittest.mock

from helper import LIBRARY, Folder, bits, cell  # first: it says where the modules are

import liberty  # noqa: E402
import netlist  # noqa: E402
import opensta  # noqa: E402
from bench import BenchError  # noqa: E402

HEADING = """OpenSTA 2.0.17 GITDIR-NOT Copyright (c) 2019, Parallax Software, Inc.
License GPLv3: GNU GPL version 3 <http://gnu.org/licenses/gpl.html>
        Internal       Switching         Leakage           Total
           Power           Power           Power           Power
----------------------------------------------------------------
"""
# W by instance; the period is 1000 ps, so that 1e-3 W are 1 pJ a cycle. With one toggle a cycle at every pin, and with none.
UNIT = {"g1": (0.8e-3, 0.03e-3, 1e-9), "ff": (2.08e-3, 0.06e-3, 2e-9), "g3": (1.2e-3, 0.01e-3, 3e-9), "g4": (0.9e-3, 0.02e-3, 1e-9)}
STILL = {"g1": (0.0, 0.0, 1e-9), "ff": (0.09e-3, 0.0, 2e-9), "g3": (0.0, 0.0, 3e-9), "g4": (0.0, 0.0, 1e-9)}

# a -> g1 (INV) -> ff -> g3 (AND3, with b and c) -> g4 (INV) -> y: nets 3, 4, 5, 8, 9; b and c are 6 and 7; the clock is 2.
DESIGN = {"modules": {"top": {
    "ports": {"clk_i": bits("input", 2), "a_i": bits("input", 3), "b_i": bits("input", 6), "c_i": bits("input", 7), "y_o": bits("output", 9)},
    "cells": {"g1": cell("INV", A=3, Y=4), "ff": cell("DFF", CLK=2, D=4, Q=5), "g3": cell("AND3", A=5, B=6, C=7, Y=8), "g4": cell("INV", A=8, Y=9)}, "netnames": {}}}}
COUNTS = {"n3": 8, "n4": 4, "n5": 2, "n6": 0, "n7": 0, "n8": 1, "n9": 0}
CYCLES = 4


def report(watts):
    return HEADING + "".join(f" {i:.9e} {s:.9e} {k:.9e} {i + s + k:.9e} {name}\n" for name, (i, s, k) in watts.items())


class Made(Folder):
    """A block as bench.py makes one, and an sta that says what a test wants to hear of each activity."""

    def setUp(self):
        super().setUp()
        self.library = self.path("l.lib", LIBRARY)
        design = netlist.Netlist(self.path("n.json", json.dumps(DESIGN)), "top", liberty.Library(self.library))
        self.block = types.SimpleNamespace(folder=self.folder.name, top="top", period_ps=1000, netlist=design)
        program = self.path("sta", '#!/bin/sh\n[ "$1" = -exit ] && exec cat "$(dirname "$0")/says.$(sed -n "s/^set_power_activity -global -activity //p" "$2")"\n')
        os.chmod(program, 0o755)
        patch = unittest.mock.patch.dict(os.environ, PATH=f"{self.folder.name}:{os.environ['PATH']}")
        patch.start()
        self.addCleanup(patch.stop)
        self.says(report(UNIT), report(STILL))

    def says(self, unit, still=None):
        self.path("says.1.0", unit)
        self.path("says.0.0", still or unit)

    def refused(self, text, message):
        self.says(text)
        with self.assertRaisesRegex(BenchError, message):
            opensta.instance_energies(self.block, self.library, 1.0)


class Report(Made):
    def test_watts_become_pj_a_cycle(self):
        for activity, watts in ((1.0, UNIT), (0.0, STILL)):
            found = opensta.instance_energies(self.block, self.library, activity)
            self.assertEqual(sorted(found), ["ff", "g1", "g3", "g4"])
            for name, figures in watts.items():
                for pj, watt in zip(found[name], figures):
                    self.assertAlmostEqual(pj, watt * 1000, places=12)

    def test_script_asks_for_our_netlist_wires_and_clock(self):
        opensta.instance_energies(self.block, "wired.lib", 1.0)
        with open(self.path("power.tcl"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        for line in ("read_liberty wired.lib", f"read_verilog {self.folder.name}/top.net.v", "set_wire_load_model -name calibrate", "create_clock -name clk -period 1.0 [get_ports clk_i]",
                     f"set_clock_transition {netlist.INPUT_SLEW} [all_clocks]", "set_power_activity -global -activity 1.0"):
            self.assertIn(line, lines)

    def test_instance_that_is_not_there_is_an_error(self):
        self.refused(report({k: v for k, v in UNIT.items() if k not in ("g1", "g3")}), "OpenSTA of top tells nothing of 2 instances, the first is g1: +9.* g4$")
        self.refused("\n", "nothing of 4 instances, the first is ff: it says nothing")
        self.refused("Error: power.tcl line 3, link failed.\n", "nothing of 4 instances, .*: Error: power.tcl line 3, link failed.")

    def test_line_that_is_not_understood_is_an_error(self):
        for line in (" 1.0e-03 2.0e-05 1.0e-09 g1", " 1.0e-03 2.0e-05 1.0e-09 1.02e-03 9e-3 g1", " 1.0e-03 - 1.0e-09 1.02e-03 g1", " nan 2.0e-05 1.0e-09 nan g1", " -inf 0 0 0 g1", " 1.0e-03 nan 1.0e-09 1.02e-03 g1"):
            self.refused(report({k: v for k, v in UNIT.items() if k != "g1"}) + line + "\n", f"OpenSTA of top: this line of its report is not four figures and an instance .*: {line.strip()}$")

    def test_instance_told_twice_is_an_error(self):
        self.refused(report(UNIT) + report({"g4": UNIT["g4"]}), "that no other line has: 9.* g4$")

    def test_negative_power_counts(self):
        self.says(report({**UNIT, "g1": (-0.5e-3, 0.0, 0.0)}))
        self.assertAlmostEqual(opensta.instance_energies(self.block, self.library, 1.0)["g1"][0], -0.5)

    def test_program_that_fails_is_an_error(self):
        os.remove(self.path("says.1.0"))
        with self.assertRaisesRegex(BenchError, "OpenSTA of top: .*says.1.0"):
            opensta.instance_energies(self.block, self.library, 1.0)


class Wires(Made):
    def test_wire_load_is_in_front_of_the_cells(self):
        """So many micrometres for each pin driven: 0.004 pF, as the netlist's loads have."""
        opensta.liberty_with_wires(self.library, self.path("wired.lib"))
        with open(self.path("wired.lib"), encoding="utf-8") as file:
            text = file.read()
        wires = liberty.parse(text).all("wire_load")
        self.assertEqual([w.arguments for w in wires], [["calibrate"]])
        self.assertAlmostEqual(float(wires[0].attributes["capacitance"]) * netlist.WIRE_UM, 0.004)
        self.assertIn(f"fanout_length (3, {3 * netlist.WIRE_UM});", text)
        self.assertLess(text.index("wire_load"), text.index("cell (INV)"))
        self.assertEqual(liberty.Library(self.path("wired.lib")).cells.keys(), liberty.Library(self.library).cells.keys())


class Comparison(Made):
    """Toggles a cycle: g1's output 1, the flip-flop's 0.5, AND3's 0.25, g4's 0. Half the sum of rise and fall: INV 0.375, DFF 1.5 and 0.125 at D, AND3 0.5 by A alone and 2/3 by all inputs alike.
    Loads: a pin of 0.010 pF and 0.004 pF of wire, at 2 V 0.028 pJ a toggle; g4 drives a port, wire alone, 0.008 pJ."""

    def compared(self):
        measured = types.SimpleNamespace(counts=COUNTS, energies=[None] * CYCLES)
        return opensta.compare(self.block, measured, self.library)

    def test_parts_by_hand(self):
        expected = {
            # g1: 1 toggle. OpenSTA's 0.8 for one toggle, halved. g4 does not toggle, its input does with AND3's output, and has no table.
            "internal, gates of 1 and 2 inputs": (0.375, 0.4),
            # Q: 0.5 x 1.5, D: 1 x 0.125. For one toggle everywhere 1.625: OpenSTA's (2.08 - 0.09) / 2, times 0.875 / 1.625.
            "internal, flip-flops": (0.875, 0.995 * 0.875 / 1.625),
            # 0.25 x 0.5; inputs b and c do not toggle, so the arc of A alone counts. For one toggle at all inputs (0.5 + 0.75 + 0.75) / 3.
            "internal, gates of 3 and 4 inputs": (0.125, 0.6 * 0.125 / (2 / 3)),
            "clock pins": (0.04, 0.045),
            "switching": (0.028 * (1 + 0.5 + 0.25), 0.03 + 0.06 * 0.5 + 0.01 * 0.25),
            # 1 + 2 + 3 + 1 nW in 1000 ps are 7e-6 pJ
            "leakage": (7e-6, 7e-6),
        }
        found = self.compared()["parts"]
        self.assertEqual(sorted(found), sorted(expected))
        for part, (ours, theirs) in expected.items():
            self.assertAlmostEqual(found[part]["ours_pj"], ours, places=9, msg=part)
            self.assertAlmostEqual(found[part]["opensta_pj"], theirs, places=9, msg=part)

    def test_totals_are_of_the_rows_that_count_alike(self):
        """Flip-flops and gates of three inputs are left out of the difference, not of the share."""
        found = self.compared()
        ours, theirs = 0.375 + 0.04 + 0.049 + 7e-6, 0.4 + 0.045 + 0.0625 + 7e-6
        self.assertAlmostEqual(found["compared_ours_pj"], ours, places=9)
        self.assertAlmostEqual(found["compared_opensta_pj"], theirs, places=9)
        self.assertAlmostEqual(found["difference"], theirs / ours - 1, places=9)
        self.assertAlmostEqual(found["compared_share"], ours / (ours + 0.875 + 0.125), places=9)

    def test_report_of_our_own_figures_does_not_differ(self):
        """Twice our internal energy of one toggle everywhere, and our switching and leakage: then all rows agree, whatever the counts."""
        ours = opensta.Ours(self.block.netlist, None, 1)
        clock = lambda i: 2 * ours.clock(i)
        still = {i.name: (clock(i) * 1e-3, 0.0, i.cell.leakage * 1e-9) for i in self.block.netlist.instances}
        unit = {i.name: ((clock(i) + 2 * ours.internal(i)) * 1e-3, ours.switching(i) * 1e-3, i.cell.leakage * 1e-9) for i in self.block.netlist.instances}
        self.says(report(unit), report(still))
        found = self.compared()
        for part, entry in found["parts"].items():
            self.assertAlmostEqual(entry["ours_pj"], entry["opensta_pj"], places=9, msg=part)
        self.assertAlmostEqual(found["difference"], 0.0, places=8)

    def test_wires_reach_the_program(self):
        self.compared()
        with open(self.path("power.tcl"), encoding="utf-8") as file:
            self.assertIn(f"read_liberty {self.path('wired.lib')}", file.read())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
