# SPDX-License-Identifier: Apache-2.0
"""What the tests of the calibration share. Their first argument is the source folder."""
import os
import random
import sys
import tempfile
import unittest

ROOT = sys.argv[1]
sys.path.insert(0, os.path.join(ROOT, "tools", "calibrate"))


def flat(name, template, value):
    """A table of one figure."""
    axes, values = ('index_1 ("0, 1");', f'"{value}, {value}"') if template == "passive" else ('index_1 ("0, 1"); index_2 ("0, 1");', f'"{value}, {value}", "{value}, {value}"')
    return f"{name}({template}) {{ {axes} values ({values}); }} "


def arc(related, rise, fall, delays=("cell_rise", "cell_fall", "rise_transition", "fall_transition"), delay=0.1, kind="timing_sense : negative_unate;"):
    """From an input to the output: delays, and what a rise and a fall take."""
    tables = "".join(flat(name, "delay", delay if name.startswith("cell") else 0.1) for name in delays)
    return f'timing() {{ related_pin : "{related}"; {kind} {tables}}} internal_power() {{ related_pin : "{related}"; {flat("rise_power", "energy", rise)}{flat("fall_power", "energy", fall)}}} '


def pin(name, capacitance, rest=""):
    return f"pin({name}) {{ direction : input; capacitance : {capacitance}; {rest}}} "


# An inverter, a gate of three inputs and a flip-flop with tables of one figure each, so that sums can be worked by hand. Units: ns, pF, pJ, nW.
LIBRARY = f"""library(hand) {{
  time_unit : "1ns"; voltage_unit : "1V"; capacitive_load_unit (1,pf); nom_voltage : 2.0;
  lu_table_template(delay) {{ variable_1 : total_output_net_capacitance; variable_2 : input_net_transition; index_1 ("0, 1"); index_2 ("0, 1"); }}
  power_lut_template(energy) {{ variable_1 : total_output_net_capacitance; variable_2 : input_transition_time; index_1 ("0, 1"); index_2 ("0, 1"); }}
  power_lut_template(passive) {{ variable_1 : input_transition_time; index_1 ("0, 1"); }}
  cell (INV) {{ area : 10; cell_leakage_power : 1; {pin("A", 0.010)}
    pin(Y) {{ direction : output; function : "(!A)"; {arc("A", 0.5, 0.25)} }} }}
  cell (AND3) {{ area : 30; cell_leakage_power : 3; {pin("A", 0.010)} {pin("B", 0.010)} {pin("C", 0.010)}
    pin(Y) {{ direction : output; function : "((A*B)*C)"; {arc("A", 0.75, 0.25)} {arc("B", 1, 0.5)} {arc("C", 1, 0.5)} }} }}
  cell (BARE) {{ area : 10; cell_leakage_power : 1; {pin("A", 0.010)} pin(Y) {{ direction : output; function : "A"; }} }}
  cell (DFF) {{ area : 40; cell_leakage_power : 2; ff (IQ,IQN) {{ next_state : "D"; clocked_on : "CLK"; }}
    {pin("CLK", 0.020, "clock : true; internal_power() { " + flat("rise_power", "passive", 0.01) + flat("fall_power", "passive", 0.03) + "}")}
    {pin("D", 0.010, "internal_power() { " + flat("rise_power", "passive", 0.125) + flat("fall_power", "passive", 0.125) + "}")}
    pin(Q) {{ direction : output; function : "IQ"; {arc("CLK", 1, 2, ("cell_rise", "rise_transition"), 0.2, "timing_type : rising_edge; timing_sense : non_unate;")} }} }}
}}"""


def seed_of_run():
    seed = int(os.environ.get("SJ_TEST_SEED", "20240611"))
    print(f"SJ_TEST_SEED={seed}", flush=True)
    return seed


def seeded():
    return random.Random(seed_of_run())


def bits(direction, *numbers):
    return {"direction": direction, "bits": list(numbers)}


def cell(kind, **pins):
    return {"type": kind, "connections": {p: [b] for p, b in pins.items()}}


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
