# SPDX-License-Identifier: Apache-2.0
"""The tables of a calibration as Markdown."""
import math

import figures

COLUMNS = ("priced_pj", "left_out_pj", "without_changes_pj", "without_changes_left_out_pj")
CLASSES = ("active", "zero", "padding", "beyond_n", "nothing")


def figure(entry):
    return "" if entry is None else f"{entry['pj']:.1f} ± {entry['se'] or 0.0:.1f} ({entry['n']})"


def table(header, rows):
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


def transitions(dtype, lane):
    text = []
    for machine, title in (("dense", "zeros reach the multiplier"), ("gated", "a lane with a zero sees two zeros"), ("dense_zero_delay", "as dense, simulated without delays: no glitches")):
        classes = lane["transitions"][machine]["classes"]
        text.append(f"### {dtype}, {machine}: {title}\n\npJ an issue ± standard error (samples), by what the issue before was (rows) and what it is (columns)\n\n"
                    + table(["before \\ now"] + list(CLASSES), [[c] + [figure(classes.get(f"{c}>{d}")) for d in CLASSES] for c in CLASSES]))
    return "\n".join(text)


def percent(predicted, measured):
    return "" if predicted is None else f"{100 * (predicted / measured - 1):+.0f} %"


def streams(dtype, lane):
    rows = []
    for s in lane["streams"]:
        zero = [v for k, v in s["states"].items() if k != "A"]
        n = sum(v["n"] for v in zero)
        mean = sum(v["pj"] * v["n"] for v in zero) / n if n else None
        rows.append([f"{s['layer']} {s['phase']}", s["machine"], f"{s['pj']:.1f} ± {s['se']:.1f}", figure(s["states"].get("A")), "" if mean is None else f"{mean:.1f} ({n})"] +
                    [percent(s["predicted"][k], s["pj"]) for k in ("own_values", "controlled", "other_streams", "pure")])
    return (f"### {dtype}: real operands, and what tables of transitions say of them\n\n" +
            table(["product", "machine", "pJ an issue", "active issues", "zero issues", "own values", "controlled", "other streams", "pure streams"], rows))


def error(row, column):
    return None if row[column] is None else 100 * (row[column] / row["measured_pj"] - 1)


def signed(value):
    return "" if value is None else f"{value:+.1f} %"


def root_mean_square(rows, column):
    errors = [error(row, column) for row in rows]
    return "" if None in errors else f"{math.sqrt(sum(e * e for e in errors) / len(errors)):.1f} %"


def in_total(rows):
    """Zeros are priced as they cost behind zeros: the dense streams' total is not solved for."""
    dense, gated, skip = (100 * figures.total_error(rows, machine) for machine in ("dense", "gated", "skip"))
    return (f"By the entries the dense streams' total comes out {abs(dense):.2f} % {'low' if dense < 0 else 'high'}, each stream by its active issues; "
            f"those of gated and skip, which are solved for, are off by {max(abs(gated), abs(skip)):.2f} %.\n")


def priced(dtype, rows):
    """How near a tech file comes to each stream with the stream's own counts."""
    lines = [[f"{r['layer']} {r['phase']}", r["machine"], r["active"], r["change"], r["zero"], r["idle"], f"{r['measured_pj']:.1f}", f"{r['priced_pj']:.1f}"] + [signed(error(r, c)) for c in COLUMNS] for r in rows]
    lines.append(["root mean square", "", "", "", "", "", "", ""] + [root_mean_square(rows, c) for c in COLUMNS])
    return (f"### {dtype}: real operands, priced by counts\n\n" +
            table(["product", "machine", "active", "changes", "zeros", "idle", "measured, pJ an issue", "priced", "error", "left out", "without changes", "without, left out"], lines) + "\n" + in_total(rows))


def by_machine(dtype, rows):
    """Energy of an active issue's work on one machine over another's: what comparisons of machines hang on."""
    lines = []
    work = lambda row, column: row[column] * (row["active"] + row["zero"] + row["idle"]) / row["active"]
    for product in dict.fromkeys((r["layer"], r["phase"]) for r in rows):
        of = {r["machine"]: r for r in rows if (r["layer"], r["phase"]) == product}
        for one, other in (("gated", "dense"), ("skip", "gated")):
            ratios = [None if of[one][c] is None else work(of[one], c) / work(of[other], c) for c in ("measured_pj", "priced_pj", "without_changes_pj")]
            lines.append([f"{product[0]} {product[1]}", f"{one} / {other}"] + ["" if x is None else f"{x:.3f}" for x in ratios])
    return f"### {dtype}: energy by active issue, machine over machine\n\n" + table(["product", "machines", "measured", "priced", "without changes"], lines)


def fractions(dtype, lane):
    return (f"### {dtype}: fractions of zeros\n\n" +
            table(["A zero", "B zero", "dense, pJ an issue", "gated, pJ an issue"], [[f["a_zero"], f["b_zero"], figure(f["dense"]), figure(f["gated"])] for f in lane["fractions"]]))


def blocks(results):
    rows = []
    for name in ("bf16", "int8"):
        if name in results:
            lane = results[name]
            rows.append([f"{name} lane", lane["cells"], lane["flip_flops"], f"{lane['area_um2']:.0f}", f"{lane['clock_pj']:.1f}", f"{lane['leakage_nw']:.0f}",
                         f"{lane['critical_path_ns']:.1f}", f"idle beside working lanes {figure(lane['idle']['beyond_n'])}; nothing issued {figure(lane['idle']['nothing'])}"])
    for name, block in results.items():
        if name not in ("bf16", "int8") and isinstance(block, dict) and "cells" in block:
            actions = "; ".join(f"{key} {figure(value)}" if value["pj"] >= 1 else f"{key} {value['pj']:.3f} ± {value['se']:.3f}" for key, value in block.items() if isinstance(value, dict) and "pj" in value)
            rows.append([name, block["cells"], block["flip_flops"], f"{block['area_um2']:.0f}", f"{block['clock_pj']:.1f}", f"{block['leakage_nw']:.0f}", f"{block['critical_path_ns']:.1f}", actions])
    return "## Blocks, 0.18 um, 1.8 V\n\n" + table(["block", "cells", "flip-flops", "area um2", "clock pins pJ a cycle", "leakage nW", "longest path ns", "pJ an action ± standard error (samples)"], rows)


def opensta(check):
    rows = [[key, f"{p['ours_pj']:.4g}", f"{p['opensta_pj']:.4g}", percent(p["opensta_pj"], p["ours_pj"]) if p["ours_pj"] else ""] for key, p in check["parts"].items()]
    return ("## OpenSTA beside ours, int8 lane, pJ a cycle\n\n" + table(["part", "ours", "OpenSTA", "difference"], rows) +
            f"\nWhere it counts as we do ({100 * check['compared_share']:.0f} % of the energy): {100 * check['difference']:+.2f} %.\n")


def entries(values, nm, old):
    rows = []
    for key, value in values.items():
        low, typical, high = value.scaled(nm)
        was = old.get(key)
        rows.append([key, f"{value.typical / value.per:.4g}", f"{low:.3g}", f"{typical:.3g}", f"{high:.3g}", "" if was is None else f"{was:.3g}", f"{typical / was:.2g}" if was else ""])
    return f"## Entries at {nm} nm\n\n" + table(["entry", "at 0.18 um, pJ or um2", "low", "typical", "high", "literature", "ratio"], rows)


def document(results, values, streams_priced, nm, old, seed):
    parts = [f"# Calibration on our own RTL\n\nSeed {seed}. Method and limits: docs/calibration.md.\n", entries(values, nm, old), blocks(results)]
    if "opensta" in results:
        parts.append(opensta(results["opensta"]))
    for dtype in ("bf16", "int8"):
        if dtype in results:
            parts += [transitions(dtype, results[dtype]), priced(dtype, streams_priced[dtype]), by_machine(dtype, streams_priced[dtype]), streams(dtype, results[dtype]), fractions(dtype, results[dtype])]
    return "\n".join(parts)
