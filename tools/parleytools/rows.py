# SPDX-License-Identifier: MIT
"""Benchmark rows: which there are, and what a run, a file of figures or a reference says of them."""

import csv
import json
import os
import re
import subprocess

from . import build
from .packages import ToolError

COLUMNS = ("name", "unit", "iterations", "mean", "min", "p50", "p99", "max")
FIGURES = COLUMNS[3:]
REFERENCE = os.path.join(build.TOP, "bench", "reference.json")
BASELINE = os.path.join(build.TOP, "bench", "baseline.json")


def parse(console):
    """The rows of BENCH lines in a boot's output."""
    rows = []
    for line in console.splitlines():
        field = line.split()
        if field[:1] == ["BENCH"] and len(field) == 1 + len(COLUMNS):
            rows.append({"name": field[1], "unit": field[2],
                         **{key: float(value) if "." in value else int(value)
                            for key, value in zip(COLUMNS[2:], field[3:])}})
    return rows


def compiler_of_build(folder):
    """What made a build, as its servers' comment section says: programs and C library."""
    out = subprocess.run(["riscv64-linux-gnu-readelf", "-p", ".comment",
                          os.path.join(folder, "server-vfs")],
                         capture_output=True, text=True, check=True).stdout
    return ", ".join(sorted(set(re.findall(r"GCC: \S.*", out))))


def compiler_of_file(name):
    """What made the build that a file's rows were measured with; None if it does not say."""
    with open(name, encoding="utf-8") as stream:
        return json.load(stream).get("compiler")


def load(name):
    """The rows of a file that --json wrote, by name."""
    try:
        with open(name, encoding="utf-8") as stream:
            return {row["name"]: row for row in json.load(stream)["rows"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"{name}: no file of benchmark rows: {error}") from error


def save_json(rows, name, compiler=None):
    made_by = f'"compiler": {json.dumps(compiler)},\n' if compiler else ""
    with open(name, "w", encoding="utf-8") as stream:
        stream.write("{" + made_by + '"rows": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n")


def save_csv(rows, name):
    with open(name, "w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


def reference_of(row, references):
    """(system, figure) to set a row's mean against, or None: seL4 if it has the row, else Linux."""
    known = references.get(row["name"], {})
    if row["unit"] != "instructions":
        return None
    for system in ("sel4", "linux"):
        if system in known:
            return system, known[system]
    return None


def show_table(table, left=1):
    """Print rows of texts in columns, the first ones aligned to the left."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.ljust(width) if i < left else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


def text(value):
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def change(old, new):
    """In percent of old."""
    return (new - old) * 100 / old if old else 0.0


def show_comparison(old, new):
    """old and new: rows by name. Marks every row whose mean differs."""
    table = [("row", "old", "new", "change", "")]
    for name, row in new.items():
        if name not in old:
            table.append((name, "", text(row["mean"]), "", "new"))
        elif old[name]["unit"] != row["unit"]:
            table.append((name, "", text(row["mean"]), "", "other unit"))
        else:
            before, after = old[name]["mean"], row["mean"]
            mark = "" if before == after else "slower" if after > before else "faster"
            table.append((name, text(before), text(after), f"{change(before, after):+.1f} %", mark))
    show_table(table)
