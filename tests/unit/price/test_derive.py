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

    def test_scaled_figures_are_products(self):
        base, node = figures(shipped("45nm")), figures(shipped("32nm"))
        self.assertEqual(base.keys(), node.keys())
        for key in ("mac_bf16_active", "vector_op", "clock_int8_pe", "codec_decode"):
            for got, figure, factor in zip(node[key], base[key], (0.45, 0.55, 0.71)):
                self.assertAlmostEqual(got, figure * factor, delta=5e-4 * figure)
        self.assertAlmostEqual(node["wire"][1], 0.325 * 0.79, places=4)
        self.assertAlmostEqual(node["area_bf16_pe"][1], 0.0057 * 0.506, places=6)

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
