#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Whole runs as a formula has them, as folders with run.json: what `skipjoule estimate` reads. Nothing is trained or simulated.
# Usage: make_whole_runs.py OUT [--networks N] [--trainings N] [--epochs N] [--law LAW] [--seed N]
# A run out of synthetic steps takes what the FLOPs say; of the power law four fifths of what the run takes.
# LAW of an epoch's energy: flops (proportional to FLOPs, by accelerator), time (to time), power (a product of powers of sizes), each with every third epoch of "gradsamp" skipped.
import argparse
import json
import os
import random

MACHINES = [("edge16", 16, 16, 8, 512, 16, 1.0), ("edge256", 8, 32, 16, 512, 16, 0.9), ("mobile", 32, 32, 16, 2048, 64, 0.7)]
PHASES = ["forward", "grad_input", "grad_weight", "elementwise", "update"]


def total(energy_pj, cycles):
    return {"energy_pj": energy_pj, "cycles": cycles, "phase_pj": {p: energy_pj / 5 for p in PHASES}, "phase_cycles": {p: cycles / 5 for p in PHASES}, "component_pj": {"mac": energy_pj}, "dram_bytes": {"read": 0.0, "write": 0.0}}


def training(draw, network, number, epochs):
    scale = draw.choice([1, 2, 3])
    return {"network": "net%d" % network, "number": number, "method": draw.choice(["plain", "eat", "ssprop", "gradsamp"]), "batch": draw.choice([16, 32, 64]), "iterations": draw.choice([10, 20]),
            "macs": (network + 1) * 1e5 * scale ** 2, "parameters": 1000 * (network + 1) * scale, "losses": [2.0 / (e + 1) + draw.random() * 0.01 for e in range(epochs)], "f1": 0.9 + 0.01 * draw.random()}


def epoch_of(t, machine, e, law):
    name, rows, lanes, slots, kib, vector, factor = machine
    skipped = t["method"] == "gradsamp" and e % 3 == 2
    kept = 0.2 if t["method"] == "ssprop" and e % 2 == 1 else 1.0
    images = 0 if skipped else t["iterations"] * t["batch"]
    flops = 2 * images * t["macs"] * (1 + 2 * kept)
    cycles = 1000.0 + flops / (2 * rows * lanes) * 1.7
    energy = flops * 1.5 * factor if law == "flops" else cycles * 1500 * factor if law == "time" else flops ** 0.9 * t["batch"] ** -0.1 * (rows * lanes) ** -0.05 * 20 * factor
    return skipped, kept, energy, cycles


def write(out, t, machine, epochs, law):
    name, rows, lanes, slots, kib, vector, factor = machine
    table = [epoch_of(t, machine, e, law) for e in range(epochs)]
    whole = total(sum(x[2] for x in table), sum(x[3] for x in table))
    synthetic = sum(0.8 * x[2] if law == "power" else 2 * (0 if x[0] else t["iterations"] * t["batch"]) * t["macs"] * (1 + 2 * x[1]) for x in table)
    variant = {"total": whole, "energy_pj_low": None, "energy_pj_high": None, "energy_pj_synthetic": synthetic, "error": {"steps": 0, "mean": None, "rms": None, "worst": None, "total": None, "phase_rms": {p: None for p in PHASES}},
               "epochs": [total(x[2], x[3]) for x in table], "states": [whole], "layers": []}
    facts = {"forward_macs": t["macs"], "grad_input_macs": t["macs"], "grad_weight_macs": t["macs"], "parameters": float(t["parameters"]), "activations": 2.0 * t["parameters"], "image_h": 16, "image_w": 16, "image_c": 1, "slots": slots,
             "vector_lanes": vector, "buffer_kib": kib, "value_bytes": 2, "dram": "ddr4-3200-4x16", "codec": "bitmask", "dram_bytes_per_s": 25.6e9, "dram_gib": 4.0,
             "idle_w": {"dense": None, "gate": None, "skip": 0.4 * factor}, "peak_w": {"dense": None, "gate": None, "skip": 2.0 * factor}}
    run = {"format": "skipjoule-whole-run", "version": 1, "accel": name, "tech": "45nm", "clock_mhz": 500.0, "array": {"rows": rows, "lanes": lanes}, "network": t["network"], "method": t["method"],
           "dataset": "glyphs", "batch": t["batch"], "images": 2, "iterations": epochs * t["iterations"], "traced_steps": 4,
           "epochs": [{"epoch": e, "iterations": 1 if x[0] else t["iterations"], "traced": 0, "skipped": x[0], "state": 0, "loss": 0.0 if x[0] else t["losses"][e], "test_accuracy": 0.9, "macro_f1": t["f1"],
                       "x_density": None, "dy_density": None, "kept_fraction": None if x[0] else x[1], "backward_macs": None if x[0] else 2 * t["macs"] * x[1]} for e, x in enumerate(table)],
           "states": [{"name": "plain", "iterations": epochs * t["iterations"], "traced": 4}], "density": {"layers": [], "x": [[] for _ in table], "dy": [[] for _ in table]},
           "variants": {"skip/bitmask": variant}, "facts": facts, "provenance": {"wall_seconds": 0.0}}
    folder = os.path.join(out, "%s-%d-%s" % (t["network"], t["number"], name))
    os.makedirs(folder)
    with open(os.path.join(folder, "run.json"), "w") as f:
        json.dump(run, f)


parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--networks", type=int, default=3)
parser.add_argument("--trainings", type=int, default=4)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--law", choices=["flops", "time", "power"], default="power")
parser.add_argument("--seed", type=int, default=1)
o = parser.parse_args()
draw = random.Random(o.seed)
for network in range(o.networks):
    for number in range(o.trainings):
        made = training(draw, network, number, o.epochs)
        for machine in MACHINES:
            write(o.out, made, machine, o.epochs, o.law)
