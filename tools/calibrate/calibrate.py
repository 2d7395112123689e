# SPDX-License-Identifier: Apache-2.0
"""Measures energies of our own RTL at gate level and writes the tech file that follows from them. Usage: calibrate.py --help"""
import argparse
import json
import multiprocessing
import os
import re
import sys

import numpy

import blocks
import figures
import opensta
import report
import techfile
from bench import BenchError, Block
from lanes import Lane
from liberty import Library, LibertyError
from netlist import NetlistError
from operands import Trace
import scaling

PACKAGES = {"bf16": "sj_float_pkg", "int8": "sj_int_pkg"}
LIBERTY = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"
QUICK = ("codec_encode",)  # ABC does not end on it within minutes otherwise
LONGEST_FIRST = ["bf16", "codec_encode", "codec_decode", "int8", "front", "step_control", "select", "accumulators", "prefix"]


def measure(task):
    name, arguments = task
    library, trace = Library(arguments.liberty), Trace(arguments.trace)
    place = (library, arguments.liberty, os.path.join(arguments.out, "blocks"), arguments.toggles)
    if name in PACKAGES:
        lane = Lane(Block(f"sj_cal_lane_{name}", *place, packages=[PACKAGES[name]]), name, trace, arguments.seed, arguments.issues)
        found = {name: lane.result()}
        if name == "int8":
            _, measured = lane.run(lane.source.fractions(300, 0.3, 0.1), 0, "opensta")
            found["opensta"] = opensta.compare(lane.block, measured, arguments.liberty)
    else:
        top, part = blocks.PARTS[name]
        found = {name: part(Block(top, *place, quick=name in QUICK), trace, numpy.random.default_rng(arguments.seed), arguments.steps)}
    print(f"calibrate: {name} measured", file=sys.stderr, flush=True)
    return found


def guarded(task):
    """An error is one sentence, also of a process of its own."""
    try:
        return measure(task)
    except (BenchError, NetlistError, LibertyError, ValueError, OSError) as error:
        return f"{task[0]}: {error}"


def typical_values(text):
    return {m[1]: float(m[2]) for m in re.finditer(r"^\s*(\w+)\s*=\s*\{[^}\n]*typical\s*=\s*([0-9.eE+-]+)", text, flags=re.M)}


def stored(path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != "skipjoule-calibration" or document.get("version") != 1 or not document.get("measured"):
        raise ValueError(f"{path} is not a calibration.json of version 1")
    return document["measured"]


def options():
    parser = argparse.ArgumentParser(description="Measures energies of our own RTL at gate level and writes the tech file that follows from them.")
    parser.add_argument("out", help="folder of the results: table.md, calibration.json, NAME.cfg; OUT/blocks holds netlists and logs")
    parser.add_argument("--trace", required=True)
    parser.add_argument("--tech", required=True, help="the tech file whose entries are replaced")
    parser.add_argument("--toggles", required=True, help="the program made of toggles.c")
    parser.add_argument("--liberty", default=LIBERTY)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--issues", type=int, default=1000, help="issues a stream of a lane")
    parser.add_argument("--steps", type=int, default=16, help="steps or groups of the other blocks")
    parser.add_argument("--nm", type=int, default=45)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--measured", help="a calibration.json whose measurements are taken for the blocks that --only does not name")
    parser.add_argument("--only", default=",".join(LONGEST_FIRST), help="blocks to measure, a list; may be empty with --measured")
    return parser.parse_args()


def wanted(arguments):
    names = [n for n in arguments.only.split(",") if n]
    for name in names:
        if name not in LONGEST_FIRST:
            raise ValueError(f"--only {name}: allowed are {', '.join(LONGEST_FIRST)}")
    if not names and not arguments.measured:
        raise ValueError("--only names no block, and without --measured there is nothing to tell")
    for option, least in (("issues", 200), ("steps", 4), ("jobs", 1)):
        if getattr(arguments, option) < least:
            raise ValueError(f"--{option} {getattr(arguments, option)}: at least {least}")
    return [n for n in LONGEST_FIRST if n in names]


def main():
    arguments = options()
    os.makedirs(os.path.join(arguments.out, "blocks"), exist_ok=True)
    with open(arguments.tech, encoding="utf-8") as file:
        tech = file.read()
    print(f"calibrate: seed {arguments.seed}", file=sys.stderr)
    names = wanted(arguments)
    scaling.energy_factors(arguments.nm)
    results = stored(arguments.measured) if arguments.measured else {}
    with multiprocessing.Pool(arguments.jobs) as pool:
        for found in pool.imap_unordered(guarded, [(n, arguments) for n in names], chunksize=1):
            if isinstance(found, str):
                sys.exit(f"calibrate: {found}")
            results.update(found)
    results = {n: results[n] for n in LONGEST_FIRST + ["opensta"] if n in results}
    for name in names:
        results[name]["drawn"] = {"seed": arguments.seed, "issues": arguments.issues, "steps": arguments.steps}
    seeds = sorted({str(r["drawn"]["seed"]) for r in results.values() if isinstance(r, dict) and "drawn" in r} or {"not stored"})
    document = {"format": "skipjoule-calibration", "version": 1, "trace": os.path.basename(arguments.trace), "nm": arguments.nm, "measured": results}
    techfile.write(os.path.join(arguments.out, "calibration.json"), json.dumps(document, indent=1) + "\n")  # before what follows may find fault with it
    values = figures.entries(results)
    name = f"{arguments.nm}nm-calibrated"
    text = techfile.generate(tech, values, arguments.nm, name)
    document["entries"] = {k: dict(zip(("low", "typical", "high"), v.scaled(arguments.nm)), at_180nm=v.typical / v.per, source=v.what) for k, v in values.items()}
    document["streams_priced"] = {name: figures.priced(results[name]) for name in PACKAGES if name in results}
    techfile.write(os.path.join(arguments.out, "calibration.json"), json.dumps(document, indent=1) + "\n")
    techfile.write(os.path.join(arguments.out, "table.md"), report.document(results, values, document["streams_priced"], arguments.nm, typical_values(tech), ", ".join(seeds)))
    techfile.write(os.path.join(arguments.out, f"{name}.cfg"), text)
    print(f"calibrate: {len(values)} entries; {arguments.out}/table.md, calibration.json, {name}.cfg", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except (techfile.TechError, scaling.ScalingError, ValueError, OSError) as error:
        sys.exit(f"calibrate: {error}")
