# SPDX-License-Identifier: MIT
"""Pictures of benchmark rows, drawn by gnuplot: bars of all rows, and cost against message size."""

import os
import subprocess

from .packages import ToolError

SIZES = {"call_reply_64b": 64, "send_256": 256, "call_reply_512b": 512,
         "send_4k": 4096, "send_64k": 65536}
TERMINALS = (("svg", "svg size 1200,600 background 'white'"), ("png", "png size 1200,600"))


def draw(folder, name, data, commands):
    script = ["$data << END"] + data + ["END"]
    for suffix, terminal in TERMINALS:
        out = os.path.join(folder, f"{name}.{suffix}").replace("'", "''")
        script += [f"set terminal {terminal}", f"set output '{out}'"] + commands
    result = subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True,
                            capture_output=True, check=False)
    if result.returncode != 0:
        raise ToolError("gnuplot failed: " + result.stderr.strip())


def plot(rows, references, folder):
    """Write rows.svg, rows.png, sizes.svg and sizes.png; references: row -> (system, figure)."""
    os.makedirs(folder, exist_ok=True)
    unit = rows[0]["unit"]
    bars = [f'"{row["name"]}" {row["mean"]} {references.get(row["name"], ("", "NaN"))[1]}'
            for row in rows]
    draw(folder, "rows", bars, [
        "set logscale y", "set yrange [10:*]", f"set ylabel '{unit}'", "set style data histograms",
        "set style fill solid", "set xtics rotate by -60 noenhanced", "set key top left",
        "plot $data using 2:xtic(1) title 'Parley', '' using 3 title 'Linux or seL4'"])
    by_name = {row["name"]: row for row in rows}
    points = [f"{size} {by_name[name]['mean']}" for name, size in SIZES.items() if name in by_name]
    if points:
        draw(folder, "sizes", points, [
            "set xlabel 'bytes'", f"set ylabel '{unit}'", "set logscale x 2", "set logscale y",
            "unset key", "plot $data using 1:2 with linespoints pointtype 7"])
