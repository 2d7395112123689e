#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fidelities share no timing and no counting: read from the program's link map (--cref).

usage: check_linkmap.py MAP
"""
import re
import sys

# What both sides may call: where values are, sizes of the machine, errors. Nothing here counts or times.
SHARED = re.compile(r"^sj_(operand_|stream_|accel_|error_|phase_name|kind_name|machine_name|codec_name|alloc|counter_table|dram_)")
FAST = "libsj_fast.a"
CYCLE_LEVEL = ("libsj_systemc.a", "libsj_rtl.a", "libsj_rtl_arrays.a", "libsj_rtl_models.a")


def cross_references(text):
    """symbol -> (defining file, referencing files)"""
    table = text.split("Cross Reference Table", 1)[1]
    result, symbol = {}, None
    for line in table.splitlines()[3:]:
        match = re.match(r"^(\S.*?)(?:\s{2,}|\s+)(\S+\.(?:a|so|o)\S*(?:\(\S+\))?)$", line)
        if match:
            symbol = match.group(1).strip()
            result[symbol] = [match.group(2)]
        elif line.startswith(" ") and line.strip() and symbol:
            result[symbol].append(line.strip())
    return result


def side(path):
    if FAST in path:
        return "fast"
    return "cycle" if any(name in path for name in CYCLE_LEVEL) else None


def main():
    text = open(sys.argv[1], encoding="utf-8", errors="replace").read()
    references = cross_references(text)
    seen, faults = {"fast": 0, "cycle": 0}, []
    for symbol, files in references.items():
        defined, users = side(files[0]), {side(f) for f in files[1:]}
        if defined:
            seen[defined] += 1
            other = "cycle" if defined == "fast" else "fast"
            if other in users:
                faults.append(f"{symbol}: defined in {files[0]}, used by the other side")
        elif {"fast", "cycle"} <= users and symbol.startswith("sj") and not SHARED.match(symbol):
            faults.append(f"{symbol} of {files[0]}: used by both sides and not known to be free of timing and counting")
    if min(seen.values()) == 0:
        faults.append(f"the map shows no symbols of one side: {seen}")
    for fault in faults:
        print("link map:", fault)
    print(f"link map: {len(references)} symbols, fast defines {seen['fast']}, cycle level {seen['cycle']}, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
