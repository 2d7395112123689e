# SPDX-License-Identifier: Apache-2.0
"""report_tables.py FOLDER: KEY.json, KEY.csv, KEY.md and KEY.txt of each table say the same: CSV what JSON says to the last bit, text and Markdown their roundings."""
import csv, json, pathlib, re, sys

SCALES = {"pJ": 1, "nJ": 1e3, "uJ": 1e6, "mJ": 1e9, "J": 1e12, "kJ": 1e15, "MJ": 1e18, "GJ": 1e21, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "B": 1, "KiB": 2**10, "MiB": 2**20,
          "GiB": 2**30, "TiB": 2**40}
NUMBER = re.compile(r"^([-+]?[0-9][0-9,]*(?:\.([0-9]+))?)(?:e([-+]?[0-9]+))? ?(%|[kMGT])?$")


def check_shown(shown, exact, head, where):
    """A cell for people is a rounding of the exact value, in the unit of its head or its own."""
    shown = shown.strip().replace("\\", "")
    if exact is None:
        assert shown == "-", (where, shown, exact)
        return 0
    if isinstance(exact, str):
        return 0
    match = NUMBER.match(shown)
    assert match, (where, head, shown, exact)
    unit = re.search(r"\(([^()]*)\)$", head.strip())
    scale = SCALES.get(unit.group(1), 1) if unit else 1
    scale *= {"%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, None: 1}[match.group(4)]
    scale *= 10.0 ** int(match.group(3) or 0)
    half = 0.5 * 10.0 ** -len(match.group(2) or "") * scale
    value = float(match.group(1).replace(",", "")) * scale
    assert abs(value - exact) <= half * (1 + 1e-6) + 1e-12 * abs(exact), (where, head, shown, exact)
    return 1


def check_csv(path, columns, rows):
    with open(path, newline="", encoding="utf-8") as f:
        head, *lines = list(csv.reader(f))
    assert head == [c["key"] for c in columns], path
    assert len(lines) == len(rows), path
    for line, row in zip(lines, rows):
        for field, value in zip(line, row):
            same = field == "" if value is None else field == value if isinstance(value, str) else float(field) == value
            assert same, (path, field, value)


def check_md(path, rows):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    head, body = cells[0], cells[2:]
    assert len(body) == len(rows), (path, len(body), len(rows))
    return sum(check_shown(shown, exact, title, path) for line, row in zip(body, rows) for shown, exact, title in zip(line, row, head, strict=True))


def check_text(path, columns, rows):
    """One block, as the width is large; a column begins and ends where its head does, or left and right of it as far as no other column has anything."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rule = next(i for i, line in enumerate(lines) if line and set(line) == {"-"})
    body = lines[rule + 1:rule + 1 + len(rows)]
    numbers = 0
    heads = re.split(r" {2,}", lines[rule - 1].strip())
    if len(heads) != len(columns) or any(c["key"] == "text" for c in columns):
        return 0
    for line, row in zip(body, rows, strict=True):
        cells = re.split(r" {2,}", line.strip())
        if len(cells) == len(row):
            numbers += sum(check_shown(shown, exact, title, path) for shown, exact, title in zip(cells, row, heads))
    return numbers


def main():
    numbers = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
        key = path.stem
        table = json.loads(path.read_text(encoding="utf-8"))["tables"]
        assert list(table) == [key], (path, list(table))
        columns, rows = table[key]["columns"], table[key]["rows"]
        assert rows and all(len(row) == len(columns) for row in rows), path
        check_csv(path.with_suffix(".csv"), columns, rows)
        numbers[key] = (sum(isinstance(v, (int, float)) for row in rows for v in row), check_md(path.with_suffix(".md"), rows), check_text(path.with_suffix(".txt"), columns, rows))
        assert numbers[key][0] == numbers[key][1], (key, numbers[key])
    print(numbers)
    assert sum(n[2] for n in numbers.values()) > 0.9 * sum(n[0] for k, n in numbers.items() if k != "config"), "text"
    assert len(numbers) == int(sys.argv[2]), list(numbers)


main()
