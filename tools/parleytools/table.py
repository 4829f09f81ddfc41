# SPDX-License-Identifier: MIT
"""The table of docs/performance.md, from the baseline and the reference figures: nobody types figures there."""

import os

from . import build, rows

PAGE = os.path.join(build.TOP, "docs", "performance.md")
HEAD = "| row | Parley | seL4 16 | Linux 6.12 | ratio | goal | |\n"


def line(row, known):
    """One row: the ratio is to Linux, else to seL4; whether the goal is reached."""
    mean = round(row["mean"])
    other = known.get("linux", known.get("sel4"))
    goal = known.get("target")
    cells = [f"`{row['name']}`", f"{mean:,}"]
    cells += [f"{known[name]:,}" if name in known else "" for name in ("sel4", "linux")]
    cells.append(f"{mean / other:.2f}" if other else "")
    cells += [f"{goal:,}", "reached" if mean <= goal else "missed"] if goal else ["", ""]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|\n"


def table(baseline=rows.BASELINE):
    references = rows.load(rows.REFERENCE)
    return HEAD + "| --- " * 7 + "|\n" + "".join(line(row, references.get(row["name"], {}))
                                             for row in rows.load(baseline).values())


def split(text):
    """The page before its table, the table, what stands behind it."""
    start = text.index(HEAD)
    end = text.index("\n\n", start) + 1
    return text[:start], text[start:end], text[end:]


def update(baseline=rows.BASELINE):
    """Write the table into the page."""
    with open(PAGE, encoding="utf-8") as stream:
        before, _, behind = split(stream.read())
    with open(PAGE, "w", encoding="utf-8") as stream:
        stream.write(before + table(baseline) + behind)
