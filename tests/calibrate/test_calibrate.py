# SPDX-License-Identifier: Apache-2.0
"""Usage: test_calibrate.py SOURCE_FOLDER TOGGLES_PROGRAM"""
import json
import struct
import subprocess
import sys
import unittest

from helper import LIBRARY, Folder, bits, cell, seeded  # first: it says where the modules are

import figures  # noqa: E402
import liberty  # noqa: E402
import netlist  # noqa: E402
import report  # noqa: E402
import scaling  # noqa: E402
import techfile  # noqa: E402

TOGGLES = sys.argv[2]
WIRE = netlist.WIRE_UM * netlist.WIRE_FF_PER_UM / 1000


def three_cells(kind="INV"):
    """in -> INV -> DFF -> INV -> out: nets 3, 4, 5, 6; the clock is 2."""
    return {"modules": {"top": {
        "ports": {"clk_i": bits("input", 2), "a_i": bits("input", 3), "y_o": bits("output", 6)},
        "cells": {"g1": cell(kind, A=3, Y=4), "ff": cell("DFF", CLK=2, D=4, Q=5), "g2": cell("INV", A=5, Y=6)},
        "netnames": {"q": {"bits": [5]}, "a_i": {"bits": [3]}}}}}


class Energies(Folder):
    def netlist(self, design):
        return netlist.Netlist(self.path("n.json", json.dumps(design)), "top", liberty.Library(self.path("l.lib", LIBRARY)))

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

    def test_factors_are_those_of_the_document(self):
        for found, stated in ((scaling.energy_factors(45), (1 / 62.5, 1 / 31.25, 1 / 16)), (scaling.area_factors(45), (1 / 40, 0.798 / 24, 1 / 16))):
            for value, expected in zip(found, stated):
                self.assertAlmostEqual(value, expected)
        with self.assertRaisesRegex(scaling.ScalingError, "45 is known"):
            scaling.energy_factors(7)


PAIRS = ("AA", "Ab", "bA", "bb", "Al", "lA", "ll", "bl", "lb")
IDLE = 2.0


def made_up(machine, product, counts, energy):
    """A stream by its transitions; `energy` says what one of them takes."""
    return {"machine": machine, "layer": product, "phase": "forward", "transitions": {pair: {"pj": energy(machine, pair), "n": n} for pair, n in counts.items() if n}}


def by_prices(prices, tilt=0.0):
    """What a transition takes if these prices are the truth. tilt: how much more than a change going to zero takes, and coming back less."""
    def energy(machine, pair):
        zero = prices.zero if machine == "dense" else prices.gated
        change = {(False, False): 0.0, (True, True): 0.0, (True, False): prices.change + tilt, (False, True): prices.change - tilt}[pair[0] == "A", pair[1] == "A"]
        return {"A": prices.active, "b": zero, "l": IDLE}[pair[1]] + change
    return energy


def random_counts(draw):
    """As many ways to zero as back. Of dense and gated streams, and of one that skips, where few zeros are left."""
    active, to_zero, zeros, to_idle = draw.randrange(100, 900), draw.randrange(60, 300), draw.randrange(60, 600), draw.randrange(3)
    idle = {"Al": to_idle, "lA": to_idle, "ll": 3 * to_idle, "bl": to_idle, "lb": to_idle}
    return [{"AA": active, "Ab": to_zero // share, "bA": to_zero // share, "bb": zeros // share, **idle} for share in (1, 1, 8)]


def random_streams(draw, energy):
    return [made_up(machine, f"p{product}", counts, energy) for product in range(4) for machine, counts in zip(("dense", "gated", "skip"), random_counts(draw))]


def off_in_total(streams, prices, machine):
    """Of a machine's streams, each by its active issues: priced over measured, less 1."""
    of = figures.of_machine(streams, machine)
    measured, priced = (sum(x / figures.sums(s).active for s, x in zip(of, found)) for found in ([figures.sums(s).pj for s in of], [figures.cost(s, prices, IDLE) for s in of]))
    return priced / measured - 1


def lane_of(streams, energy):
    """A lane with those streams and controlled tables that agree with `energy`; without delays everything takes half."""
    pairs = {"active>active": "AA", "active>zero": "Ab", "zero>active": "bA", "zero>zero": "bb", "padding>padding": "ll"}
    table = lambda machine, share: {"classes": {name: {"pj": share * energy(machine, pair)} for name, pair in pairs.items()}}
    return {"streams": streams, "idle": {"beyond_n": {"pj": IDLE}}, "transitions": {"dense": table("dense", 1.0), "gated": table("gated", 1.0), "dense_zero_delay": table("dense", 0.5)}}


class Prices(unittest.TestCase):
    def test_streams_give_back_the_prices_they_were_made_of(self):
        """Whatever their mix, and however going to zero and coming back share what both take."""
        draw = seeded()
        for _ in range(100):
            made = figures.Prices(draw.uniform(50, 300), draw.uniform(0, 25), draw.uniform(5, 40), draw.uniform(1, 20))
            streams = random_streams(draw, by_prices(made, draw.uniform(-5, 5)))
            for kind, found, truth in zip(made._fields, figures.solve(streams, IDLE), made):
                self.assertAlmostEqual(found, truth, places=6, msg=kind)

    def test_gated_and_skip_cost_in_total_what_was_measured(self):
        """Also where transitions take what they like. Without changes the dense machine does so too."""
        draw = seeded()
        for _ in range(100):
            streams = random_streams(draw, lambda machine, pair: draw.uniform(100, 300) if "A" in pair else draw.uniform(1, 20))
            for prices, machines in ((figures.solve(streams, IDLE), ("gated", "skip")), (figures.without_changes(streams, IDLE), ("dense", "gated", "skip"))):
                for machine in machines:
                    self.assertAlmostEqual(off_in_total(streams, prices, machine), 0.0, places=9)

    def test_zeros_are_what_they_cost_behind_zeros(self):
        """On the machine's own streams, whatever issues behind active ones take: each stream by its active issues."""
        draw = seeded()
        for _ in range(100):
            streams = random_streams(draw, lambda machine, pair: draw.uniform(100, 300) if "A" in pair else draw.uniform(1, 20))
            prices = figures.solve(streams, IDLE)
            for machine, price in (("dense", prices.zero), ("gated", prices.gated)):
                energy = number = 0.0
                for stream in figures.of_machine(streams, machine):
                    active = sum(t["n"] for pair, t in stream["transitions"].items() if pair[1] == "A")
                    for pair in ("bb", "lb"):
                        found = stream["transitions"].get(pair, {"pj": 0.0, "n": 0})
                        energy, number = energy + found["pj"] * found["n"] / active, number + found["n"] / active
                self.assertAlmostEqual(price, energy / number)

    def test_dense_total_is_off_by_what_zeros_behind_active_issues_take(self):
        """Where both machines' ways to zero take the same, the price of a zero has too much once for each of these. By table, and to the entries' bound."""
        draw = seeded()
        refused = 0
        for _ in range(100):
            truth = figures.Prices(100.0, draw.uniform(5, 25), draw.uniform(8, 40), 6.0)
            model = by_prices(truth)
            energy = lambda machine, pair: model("gated" if "A" in pair else machine, pair)
            streams = [made_up(machine, f"p{product}", {"AA": a, "Ab": n, "bA": n, "bb": zeros} if machine != "skip" else {"AA": a}, energy)
                       for product in range(3) for a, n, zeros in [[draw.randrange(200, 900), draw.randrange(60, 300), draw.randrange(60, 600)]] for machine in ("dense", "gated", "skip")]
            for found, known in zip(figures.solve(streams, IDLE), truth):
                self.assertAlmostEqual(found, known, places=6)
            lane = lane_of(streams, energy)
            rows = figures.priced(lane)
            dense = [(r, figures.sums(s)) for r, s in zip(rows, streams) if s["machine"] == "dense"]
            extra, total = sum(s.change / 2 * (truth.zero - truth.gated) / s.active for _, s in dense), sum(s.pj / s.active for _, s in dense)
            off = figures.total_error(rows, "dense")
            self.assertAlmostEqual(off, extra / total)
            self.assertAlmostEqual(off, off_in_total(streams, truth, "dense"))
            self.assertIn(f"total comes out {100 * off:.2f} % high", report.priced("int8", rows))
            if off <= 0.03:
                self.assertIn(f"total comes out {100 * off:+.1f} %", figures.mac_values("int8", lane, "text")["mac_int8_zero"].what)
            else:
                refused += 1
                with self.assertRaisesRegex(techfile.TechError, rf"^int8: by zeros behind zeros the dense streams' total comes out \+{100 * off:.1f} %: more than 3 %"):
                    figures.mac_values("int8", lane, "text")
        self.assertTrue(10 < refused < 90, refused)

    def test_figure_outside_of_ends_that_are_measured_as_it_is_is_an_error(self):
        """Streams with too few zeros behind zeros for an end, and controlled values that differ."""
        truth = figures.Prices(100.0, 20.0, 12.0, 6.0)
        energy = by_prices(truth)
        mix = {"AA": 600, "Ab": 80, "bA": 80, "bb": 49}
        streams = [made_up("dense", "p", mix, energy), made_up("gated", "p", mix, energy), made_up("skip", "p", {"AA": 600}, energy)]
        figures.mac_values("int8", lane_of(streams, energy), "text")
        for machine, kind, pj in (("dense", "zero", "12"), ("gated", "gated", "6")):
            lane = lane_of(streams, energy)
            for value in (1.0, 30.0):
                lane["transitions"][machine]["classes"]["zero>zero"]["pj"] = value
                with self.assertRaisesRegex(techfile.TechError, f"^mac_int8_{kind}: the mean of {pj} pJ is not between .*, {value:.0f} and {value:.0f}: measure more issues"):
                    figures.mac_values("int8", lane, "text")

    def test_figure_that_passes_other_ends_is_told(self):
        """Active and change are solved for, idle's high end is padding: the end is the figure then, and the source says so."""
        self.assertEqual(figures.widened("x", 1.0, 2.0, 3.0), (1.0, 2.0, 3.0, ""))
        self.assertEqual(figures.widened("x", 2.5, 2.0, 3.0), (2.0, 2.0, 3.0, "; the low end of x is its typical figure, which passes the measured 2.5 pJ"))
        self.assertEqual(figures.widened("x", 1.0, 4.0, 3.0), (1.0, 4.0, 4.0, "; the high end of x is its typical figure, which passes the measured 3 pJ"))
        truth = figures.Prices(100.0, 20.0, 12.0, 6.0)
        lane = lane_of(random_streams(seeded(), by_prices(truth)), by_prices(truth))
        self.assertNotIn("passes", "".join(v.what for v in figures.mac_values("int8", lane, "text").values()))
        lane["transitions"]["gated"]["classes"]["padding>padding"]["pj"] = 1.0
        idle = figures.mac_values("int8", lane, "text")["mac_int8_idle"]
        self.assertEqual((idle.low, idle.typical, idle.high), (0.0, IDLE, IDLE))
        self.assertTrue(idle.what.endswith("the high end of mac_int8_idle is its typical figure, which passes the measured 1 pJ"))

    def test_counts_are_those_of_the_machine(self):
        """Of a sequence of states: a change wherever active meets not active, a lane beyond N too."""
        draw = seeded()
        for _ in range(50):
            states = "A" + "".join(draw.choice("AAbl") for _ in range(300))
            counts = {pair: sum(states[i:i + 2] == pair for i in range(len(states) - 1)) for pair in PAIRS}
            found = figures.sums(made_up("gated", "p", counts, lambda machine, pair: 1.0))
            changes = sum((x == "A") != (y == "A") for x, y in zip(states, states[1:]))
            self.assertEqual(tuple(found), (300.0, states[1:].count("A"), changes, states.count("b"), states.count("l")))

    def test_entries_and_their_ends_are_those_of_the_streams(self):
        truth = figures.Prices(100.0, 20.0, 12.0, 6.0)
        draw = seeded()
        values = figures.mac_values("int8", lane_of(random_streams(draw, by_prices(truth)), by_prices(truth)), "text")
        self.assertEqual(sorted(values), sorted(f"mac_int8_{kind}" for kind in ("active", "zero", "gated", "change", "idle")))
        for kind, low, high in (("active", 50.0, 100.0), ("zero", 12.0, 12.0), ("gated", 6.0, 6.0), ("change", 10.0, 20.0)):
            value = values[f"mac_int8_{kind}"]
            for found, expected in zip((value.low, value.typical, value.high), (low, getattr(truth, kind), high)):
                self.assertAlmostEqual(found, expected, msg=kind)
            self.assertEqual(value.group, "own_rtl")

    def test_negative_energies_are_refused(self):
        for truth, name in ((figures.Prices(100.0, -9.0, 12.0, 6.0), "change -9"), (figures.Prices(100.0, 9.0, -3.0, 6.0), "zero -3"), (figures.Prices(100.0, 9.0, 12.0, -2.0), "gated -2")):
            with self.assertRaisesRegex(techfile.TechError, f"int8: the streams' totals give a negative energy: .*{name}"):
                figures.mac_values("int8", lane_of(random_streams(seeded(), by_prices(truth)), by_prices(truth)), "text")

    def test_streams_that_tell_nothing_apart_are_errors(self):
        energy, mix = by_prices(figures.Prices(100.0, 20.0, 12.0, 6.0)), {"AA": 200, "Ab": 80, "bA": 80, "bb": 100}
        three = lambda gate, skip: [made_up("dense", "p", mix, energy), made_up("gated", "p", gate, energy), made_up("skip", "p", skip, energy)]
        for streams, message in ((three(mix, mix), "nothing tells active issues from changes"), (three({**mix, "bb": 0}, {"AA": 200}), "no gated stream has a zero behind a zero"),
                                 (three({"bb": 100}, {"AA": 200}), "a gated stream has no active issue"), (three(mix, {"AA": 200})[:2], "there is no skip stream"),
                                 ([made_up(machine, "p", {"AA": 200}, energy) for machine in ("dense", "gated", "skip")], "no dense stream has a zero behind a zero")):
            with self.assertRaisesRegex(techfile.TechError, message):
                figures.solve(streams, IDLE)
        with self.assertRaisesRegex(techfile.TechError, "no stream has 50 issues of states A behind states A"):
            figures.range_of([made_up("skip", "p", {"AA": 49}, energy)], "A", "A")

    def test_table_tells_each_streams_error(self):
        """By prices that are the truth: none; a price without changes errs, and so does one that was found without the product where there is no other."""
        truth = figures.Prices(100.0, 20.0, 12.0, 6.0)
        rows = figures.priced(lane_of(random_streams(seeded(), by_prices(truth)), by_prices(truth)))
        self.assertEqual(len(rows), 12)
        for row in rows:
            for column in ("priced_pj", "left_out_pj"):
                self.assertAlmostEqual(row[column], row["measured_pj"], places=6)
        self.assertGreater(max(abs(report.error(row, "without_changes_pj")) for row in rows), 0.5)
        lines = report.priced("int8", rows).splitlines()
        self.assertEqual(lines[-3].count("| 0.0 % "), 2)
        self.assertIn("| p3 forward | skip |", lines[-4])
        self.assertIn("those of gated and skip, which are solved for, are off by 0.00 %", lines[-1])
        alone = figures.priced(lane_of(random_streams(seeded(), by_prices(truth))[:3], by_prices(truth)))
        self.assertEqual([row["left_out_pj"] for row in alone], [None] * 3)
        self.assertIn("p0 forward | skip / gated", report.by_machine("int8", alone))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
