#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tech file of another node from one that exists: figures times stated factors, SRAM rows from CACTI where there are some.

Usage: tools/tech/derive.py BASE NODE OUT [CSV]
  derive.py configs/tech/45nm.cfg 32nm configs/tech/32nm.cfg cacti.csv      rows, leakage of SRAM and of logic from CACTI's runs at 32 nm
  derive.py configs/tech/32nm.cfg 16nm configs/tech/16nm.cfg                everything by factor
A base that is named NAME-calibrated (docs/calibration.md) gives a file that is named NODE-calibrated.
Every factor has a low and a high end: the low figure of the base is multiplied by the low one, so that intervals widen. DRAM is another chip and is copied. docs/energy.md section 5.
"""
import os
import re
import sys

import cacti_rows

# Per node: what the figures are multiplied by (low, typical, high), and where that comes from.
NODES = {
    "32nm": {
        "nm": 32, "base": "45nm", "volts": "0.8 V", "marks": "",
        "energy": (0.45, 0.55, 0.71, "CACTI 7's own arrays need 0.49 (itrs-lop) and 0.54 (itrs-hp) of 45 nm's energy at 32 nm, medians; (32/45) x (0.8 V / 0.9 V)^2 = 0.56; high: length alone"),
        "wire": (0.6, 0.79, 1.0, "capacitance a mm taken as constant, (0.8 V / 0.9 V)^2; high: the same voltage"),
        "area": (0.45, 0.506, 0.7, "(32/45)^2, the median of CACTI 7's arrays"),
        "tech_um": 0.032,
    },
    "16nm": {
        "nm": 16, "base": "32nm", "volts": "0.8 V, FinFET", "marks": " derived",
        "energy": (0.25, 0.45, 0.7, "estimate: CACTI 7's trend from 32 to 22 nm, 0.67 (itrs-lop) and 0.51 (itrs-hp), carried on by 1.85 such steps: 0.48 and 0.29; high: length x 0.5 at the same voltage, x 1.4 for fins"),
        "wire": (0.7, 0.95, 1.1, "estimate: capacitance a mm and voltage as at 32 nm, within what a thinner pitch changes"),
        "area": (0.25, 0.42, 0.55, "estimate: low: (16/32)^2; typical, high: 16 nm processes keep the wires of 20 nm; published 6-T cells shrink from about 0.15 to 0.07 um2"),
        "leakage": (0.2, 1.0, 3.3, "estimate, an array's: CACTI 7's trend from 32 to 22 nm is x 1.9 (itrs-lop) and x 0.44 (itrs-hp), carried on 3.3 and 0.22: not even its direction is known"),
        "cycle": (0.7, "estimate: CACTI 7's trend from 32 to 22 nm, 0.82 (itrs-lop), carried on"),
    },
}
ENTRY = re.compile(r'^(?P<key>[a-z0-9_]+) *= \{ low = (?P<low>[^;]+); typical = (?P<typical>[^;]+); high = (?P<high>[^;]+); unit = "(?P<unit>[^"]+)";(?P<group> group = "[^"]+";)? source = "(?P<source>.*)"; \};$')
ROW = re.compile(r'^    \((?P<numbers>[^)]+)\)(?P<comma>,?)$')
SOURCE = re.compile(r'^  source = "CACTI .*$')


def number(x):
    text = f"{x:.4g}"
    return text if any(c in text for c in ".en") else text + ".0"


def line_of(m, ends, source):
    return f'{m["key"]} = {{ low = {number(ends[0])}; typical = {number(ends[1])}; high = {number(ends[2])}; unit = "{m["unit"]}";{m["group"] or ""} source = "{source}"; }};\n'


def label(node):
    return f"[N{node['nm']}]"


def times(m, factor, node):
    base = node["base"]
    ends = [float(m[k]) * f for k, f in zip(("low", "typical", "high"), factor)]
    return line_of(m, ends, f'{base} x {factor[1]} (low x {factor[0]}, high x {factor[2]}), {label(node)} {kind_of(m["key"])}; {base}: {m["source"]}')


def kind_of(key):
    return "wire" if key in ("wire", "clock_wire") else "area" if "area" in key else "leakage" if "leakage" in key else "energy"


def cacti_leakage(csv_path, tech_um):
    """Leakage of the 32 KiB and the 2 KiB array of 256 bits, mW, and the former's area, by device."""
    out = {}
    for device in ("itrs-lstp", "itrs-lop", "itrs-hp"):
        found = {(r[0], r[1]): r for r in cacti_rows.rows(csv_path, tech_um, device)}
        out[device] = (found[(256, 32768)][4], found[(256, 2048)][4], found[(256, 32768)][5])
    return out


def from_cacti(m, node, csv_path):
    lstp, lop, hp = (cacti_leakage(csv_path, node["tech_um"])[d] for d in ("itrs-lstp", "itrs-lop", "itrs-hp"))
    if m["key"] == "sram_leakage":
        ends = (min(lstp[0] / lop[0], lstp[1] / lop[1]), 1.0, max(hp[0] / lop[0], hp[1] / lop[1]))
        return line_of(m, ends, "all arrays; typical: [C] itrs-lop; low, high: [C] itrs-lstp and itrs-hp over itrs-lop, 2 KiB or 32 KiB x 256 bit, whichever is further off")
    ends = (lstp[0] / lstp[2], lop[0] / lop[2], hp[0] / hp[2])
    return line_of(m, ends, "estimate: logic leaks as a 32 KiB x 256 bit SRAM of the same area, [C] in itrs-lstp, itrs-lop, itrs-hp")


def entry(m, node, csv_path):
    key, base = m["key"], node["base"]
    if csv_path and key in ("sram_leakage", "leakage_logic"):
        return from_cacti(m, node, csv_path)
    if m["unit"] != "factor":
        factor = node[kind_of(key)]
        if key == "leakage_logic":  # a mm2's: an array's over its area's, which stays typical where leakage is at an end
            factor = tuple(round(x / node["area"][1], 3) for x in factor[:3])
        return times(m, factor, node)
    if csv_path:
        return line_of(m, [float(m[k]) for k in ("low", "typical", "high")], f'estimate: the ratios of {base} kept; {base}: {m["source"]}')
    # The rows carry the typical factor; its ends belong here.
    low, typical, high = node[kind_of(key)][:3]
    return times(m, (round(low / typical, 3), 1.0, round(high / typical, 3)), node)


def scaled_row(m, node):
    width, capacity, *rest = m["numbers"].split(", ")
    energy, leakage, area, cycle = node["energy"][1], node["leakage"][1], node["area"][1], node["cycle"][0]
    rest = [number(float(x) * f) for x, f in zip(rest, (energy, energy, leakage, area, cycle))]
    return f'    ({width}, {capacity}, {", ".join(rest)}){m["comma"]}\n'


def head(name, node, csv_path):
    rows = "SRAM: [C]'s rows at this node" if csv_path else f"SRAM: the rows of {node['base']} times the same factors"
    out = f"// SPDX-License-Identifier: Apache-2.0\n// {name}, {node['volts']},{node['marks']} from {node['base']}. Every number: low, typical, high, unit, source, and the group of entries that it is wrong together with. Written by tools/tech/derive.py; {rows}. docs/energy.md section 5.\n"
    for kind in ("energy", "wire", "area", "leakage", "cycle"):
        if kind in node:
            *factors, why = node[kind]
            out += f"// {label(node)} {kind}: x {factors[1] if len(factors) == 3 else factors[0]}" + (f" ({factors[0]} to {factors[2]})" if len(factors) == 3 else "") + f". {why}.\n"
    return out


def derive(base_text, name, csv_path):
    node = NODES[name]
    out, in_dram, csv_rows_done = [head(name, node, csv_path)], False, False
    for line in base_text.splitlines():
        m, r = ENTRY.match(line), ROW.match(line)
        in_dram = in_dram or line.startswith("dram = {")
        if line.startswith(("// SPDX", "// 45 nm", "// 32nm")):
            continue
        if not m and not in_dram and " low = " in line and not line.startswith("//"):
            raise ValueError(f"an entry that this tool cannot read: {line[:60]}...")
        if csv_path and line.startswith("//"):
            line = line.replace("[C] CACTI 7, 45 nm itrs-lop", f"[C] CACTI 7, {node['nm']} nm itrs-lop")
        if line.startswith("name = "):
            kind = re.fullmatch(f'name = "{node["base"]}(-calibrated)?";', line)
            if kind is None:
                raise ValueError(f"{line} where {name} is derived from {node['base']}")
            out.append(f'name = "{name}{kind[1] or ""}{"," if node["marks"] else ""}{node["marks"]}";\n')
        elif SOURCE.match(line):
            what = line.split('"')[1]
            if csv_path:
                what = what.replace("45 nm", f"{node['nm']} nm")
            else:
                what = f"{node['base']} times the typical factors of {label(node)}; {node['base']}: {what}"
            out.append(f'  source = "{what}";\n')
        elif r and csv_path:
            if not csv_rows_done:
                out += [x + "\n" for x in cacti_rows.text(csv_path, node["tech_um"], "itrs-lop").splitlines()]
            csv_rows_done = True
        elif r:
            out.append(scaled_row(r, node))
        elif m and not in_dram:
            out.append(entry(m, node, csv_path))
        else:
            out.append(line + "\n")
    return "".join(out)


def main():
    if len(sys.argv) not in (4, 5) or sys.argv[2] not in NODES:
        sys.exit(__doc__.split("\n\n")[1] + f"\nNODE: {', '.join(NODES)}")
    base, name, out = sys.argv[1:4]
    if ("tech_um" in NODES[name]) != (len(sys.argv) == 5):
        sys.exit(f"{name}: " + ("its SRAM rows come from a CSV of CACTI runs: give one" if "tech_um" in NODES[name] else "derived by factors alone: no CSV"))
    try:
        with open(base) as f:
            text = derive(f.read(), name, sys.argv[4] if len(sys.argv) == 5 else None)
        with open(out + ".tmp", "w") as f:
            f.write(text)
        os.replace(out + ".tmp", out)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"{base}: {e!r}")


if __name__ == "__main__":
    main()
