# SPDX-License-Identifier: Apache-2.0
"""A tech file with the entries that were measured in place of its own. Line by line: a line whose key was not measured is copied as it is."""
import os
import re

from scaling import area_factors, energy_factors

ENTRY = re.compile(r'^(?P<lead>\s*(?P<key>[A-Za-z0-9_]+)\s*=\s*)\{(?P<body>.*unit\s*=.*)\};\s*$')


class TechError(Exception):
    pass


class Value:
    """A measured figure in pJ or um2 at 0.18 um: lowest, typical, highest of what was measured, what it is of, and its group in the tech file."""

    def __init__(self, low, typical, high, kind, per, what, group=None):
        if not 0.0 <= low <= typical <= high:
            raise TechError(f"'{what}': {low}, {typical}, {high} are not in order")
        self.low, self.typical, self.high, self.kind, self.per, self.what, self.group = low, typical, high, kind, per, what, group

    def scaled(self, nm):
        """(low, typical, high) in pJ or mm2 of the node."""
        factors = energy_factors(nm) if self.kind == "energy" else area_factors(nm)
        unit = 1.0 if self.kind == "energy" else 1e-6
        return tuple(v * f * unit / self.per for v, f in zip((self.low, self.typical, self.high), factors))


def unit_of(body, key):
    unit = re.search(r'unit\s*=\s*"([^"]*)"', body)
    if not unit:
        raise TechError(f"the tech file's entry {key} has no unit")
    return unit[1]


def line_of(match, value, nm):
    low, typical, high = (f"{x:.4g}" for x in value.scaled(nm))
    unit = unit_of(match["body"], match["key"])
    expected = {"energy": ("pJ", "pJ/bit", "pJ/line", "pJ/cycle"), "area": ("mm2",)}[value.kind]
    if unit not in expected:
        raise TechError(f"the tech file's entry {match['key']} is in {unit}, which is not what was measured")
    group = f' group = "{value.group}";' if value.group else ""
    return f'{match["lead"]}{{ low = {low}; typical = {typical}; high = {high}; unit = "{unit}";{group} source = "{value.what}"; }};'


def generate(text, values, nm, name):
    """values: key -> Value. Each key must stand in the text once."""
    lines, seen, named = [], set(), False
    for line in text.splitlines():
        match = ENTRY.match(line)
        if match and match["key"] in values:
            if match["key"] in seen:
                raise TechError(f"the tech file has {match['key']} twice")
            seen.add(match["key"])
            line = line_of(match, values[match["key"]], nm)
        elif re.match(r'^name\s*=', line):
            named, line = True, f'name = "{name}";'
        lines.append(line)
    missing = sorted(set(values) - seen)
    if missing:
        raise TechError(f"the tech file has no line of its own for {', '.join(missing)}")
    if not named:
        raise TechError("the tech file has no line with its name")
    comment = "// Calibrated: the entries whose source begins with 'own RTL' come from scripts/calibrate.sh (docs/calibration.md), all others from the file it was made of."
    return "\n".join(lines[:1] + [comment] + lines[1:]) + "\n"


def write(path, text):
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)
