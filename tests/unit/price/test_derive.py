# SPDX-License-Identifier: Apache-2.0
"""tools/tech: the shipped 16 nm file is what the tool makes of the 32 nm one; scaled figures are products; rows of CACTI come out sorted, with gate leakage and the longer time."""
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv.pop(1)
TOOLS = os.path.join(SOURCE, "tools", "tech")
CSV_HEAD = "tech_um,device_type,capacity_bytes,width_bits,read_energy_nJ,write_energy_nJ,read_pJ_per_bit,leakage_mW,gate_leakage_mW,area_mm2,access_time_ns,cycle_time_ns,error\n"


def run(tool, *arguments):
    return subprocess.run([sys.executable, os.path.join(TOOLS, tool), *arguments], capture_output=True, text=True, check=False)


def shipped(node):
    with open(os.path.join(SOURCE, "configs", "tech", f"{node}.cfg")) as f:
        return f.read()


def figures(text):
    """key: (low, typical, high) of the entries at the left margin."""
    out = {}
    for line in text.splitlines():
        if " = { low = " in line and line[0].isalpha():
            parts = line.replace(";", "").split()
            out[parts[0]] = tuple(float(parts[parts.index(k) + 2]) for k in ("low", "typical", "high"))
    return out


class Derive(unittest.TestCase):
    def test_the_shipped_16nm_file_is_derived_from_the_32nm_one(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "16nm.cfg")
            done = run("derive.py", os.path.join(SOURCE, "configs", "tech", "32nm.cfg"), "16nm", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out) as f:
                self.assertEqual(f.read(), shipped("16nm"))
            self.assertEqual(os.listdir(folder), ["16nm.cfg"])

    def test_all_nodes_have_the_same_entries(self):
        self.assertEqual(figures(shipped("45nm")).keys(), figures(shipped("32nm")).keys())

    def test_calibrated_files_follow_from_what_they_are_made_of(self):
        lines = set(shipped("45nm").splitlines())
        measured = [line for line in shipped("45nm-calibrated").splitlines() if line not in lines]
        self.assertEqual([line for line in measured if 'source = "own RTL' not in line and not line.startswith(("//", "name = "))], [])
        self.assertEqual(len(measured), 2 + len(figures(shipped("45nm-calibrated")).keys() & {line.split()[0] for line in measured}))
        for base, node in (("45nm-calibrated", "32nm-calibrated"), ("32nm-calibrated", "16nm-calibrated")):
            self.assertEqual(figures(shipped(base)).keys(), figures(shipped(node)).keys())
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "out.cfg")
            done = run("derive.py", os.path.join(SOURCE, "configs", "tech", "32nm-calibrated.cfg"), "16nm", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out) as f:
                self.assertEqual(f.read(), shipped("16nm-calibrated"))

    def test_every_figure_is_its_factor_times_the_base(self):
        energy, wire, area = (0.45, 0.55, 0.71), (0.6, 0.79, 1.0), (0.45, 0.506, 0.7)
        base, node = figures(shipped("45nm")), figures(shipped("32nm"))
        others = {"sram_energy", "regfile_energy", "sram_leakage", "sram_area", "regfile_area", "leakage_logic"}  # of CACTI's own
        for key in base.keys() - others:
            factors = wire if key in ("wire", "clock_wire") else area if key.startswith("area_") else energy
            for got, figure, factor in zip(node[key], base[key], factors):
                self.assertAlmostEqual(got, figure * factor, delta=6e-4 * figure * factor, msg=key)
        sixteen = figures(shipped("16nm"))
        for got, figure, factor in zip(sixteen["leakage_logic"], node["leakage_logic"], (0.2, 1.0, 3.3)):
            self.assertAlmostEqual(got * 0.42, figure * factor, delta=2e-3 * figure * factor)  # with a typical area

    def test_ratios_of_the_mac_are_kept(self):
        f = figures(shipped("45nm"))
        for kind, held in (("bf16", 0.03), ("int8", 0.032)):
            active = f[f"mac_{kind}_active"]
            for key, low, typical, high in (("zero", 0.013, 0.26, 0.26), ("gated", 0.001, held, 0.117), ("idle", 0.0, held, 0.03)):
                for got, of, ratio in zip(f[f"mac_{kind}_{key}"], active, (low, typical, high)):
                    self.assertAlmostEqual(got, of * ratio, delta=0.07 * of * ratio + 5e-5, msg=f"{kind} {key}")
            self.assertAlmostEqual(f[f"clock_{kind}_pe"][1], 0.095 * active[1], delta=0.001)

    def test_changes_of_the_literature_end_at_the_ratio_of_the_own_lanes(self):
        f, own = figures(shipped("45nm")), figures(shipped("45nm-calibrated"))
        for kind, ratio in (("bf16", 0.22), ("int8", 0.18)):
            low, typical, high = f[f"mac_{kind}_change"]
            self.assertEqual((low, typical), (0.0, 0.0))
            self.assertAlmostEqual(high, ratio * f[f"mac_{kind}_active"][1], delta=0.005)
            self.assertAlmostEqual(own[f"mac_{kind}_change"][1], ratio * own[f"mac_{kind}_active"][1], delta=0.005 * own[f"mac_{kind}_active"][1])
        for node in ("32nm", "16nm"):  # a figure of 0 stays one that the reader of tech files takes
            self.assertIn("mac_bf16_change = { low = 0.0; typical = 0.0; high = ", shipped(node))

    def test_an_entry_that_cannot_be_read_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            base, out = os.path.join(folder, "base.cfg"), os.path.join(folder, "out.cfg")
            for old, new, word in (("vector_op = { low", "vector_op = {  low", "cannot read: vector_op"), ('name = "32nm"', 'name = "45nm"', "derived from 32nm")):
                with open(base, "w") as f:
                    f.write(shipped("32nm").replace(old, new))
                done = run("derive.py", base, "16nm", out)
                self.assertEqual(done.returncode, 1)
                self.assertIn(word, done.stderr)
                self.assertFalse(os.path.exists(out))
            done = run("derive.py", base, "32nm", out)
            self.assertEqual(done.returncode, 1)
            self.assertIn("CSV of CACTI runs", done.stderr)

    def test_what_is_missing_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "x.cfg")
            for arguments, word in ((("none.cfg", "16nm", out), "none.cfg"), ((os.path.join(SOURCE, "configs", "tech", "45nm.cfg"), "7nm", out), "NODE: 32nm, 16nm")):
                done = run("derive.py", *arguments)
                self.assertEqual(done.returncode, 1)
                self.assertIn(word, done.stderr)
                self.assertFalse(os.path.exists(out))

    def test_rows_of_cacti(self):
        rows = ("0.045,itrs-lop,1024,32,0.002,0.003,0,0.5,0.25,0.01,0.4,0.6,\n" "0.045,itrs-lop,2048,16,0.0015,0.0025,0,0.5,0.5,0.02,0.7,0.6,\n"
                "0.045,itrs-lop,1024,16,0.001,0.002,0,0.5,0.5,0.01,0.5,0.6,\n" "0.045,itrs-lop,512,256,,,,,,,,,ERROR\n" "0.045,itrs-hp,1024,16,0.1,0.2,0,5,5,0.01,0.1,0.1,\n")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "cacti.csv")
            with open(path, "w") as f:
                f.write(CSV_HEAD + rows)
            done = run("cacti_rows.py", path, "0.045", "itrs-lop")
            self.assertEqual(done.stdout, "    (16, 1024, 1.0, 2.0, 1.0, 0.01, 0.6),\n    (16, 2048, 1.5, 2.5, 1.0, 0.02, 0.7),\n    (32, 1024, 2.0, 3.0, 0.75, 0.01, 0.6)\n")
            done = run("cacti_rows.py", path, "0.022", "itrs-lop")
            self.assertEqual(done.returncode, 1)
            self.assertIn("no rows of 0.022 um, itrs-lop", done.stderr)


if __name__ == "__main__":
    unittest.main()
