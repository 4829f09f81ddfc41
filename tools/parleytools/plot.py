# SPDX-License-Identifier: MIT
"""Pictures of benchmark rows, drawn by gnuplot: bars of all rows, and cost against message size."""

import os
import subprocess

from .packages import ToolError

SIZES = {"call_reply_64b": 64, "send_256": 256, "call_reply_512b": 512,
         "send_4k": 4096, "send_64k": 65536}
SYSV_SIZES = {"msg_size_1": 1, "msg_self_64": 64, "msg_size_1k": 1024, "msg_size_32k": 32768,
              "msg_size_1m": 1048576}
SERIES = (("messages", SIZES), ("msgsnd and msgrcv", SYSV_SIZES))
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
    draw_sizes({row["name"]: row["mean"] for row in rows}, unit, folder)


def draw_sizes(means, unit, folder):
    """Each series that has rows among these is a block of the data."""
    blocks, curves = [], []
    for title, sizes in SERIES:
        points = [f"{size} {means[name]}" for name, size in sizes.items() if name in means]
        if points:
            curves.append(f"$data index {len(curves)} using 1:2 with linespoints title '{title}'")
            blocks += points + ["", ""]
    if curves:
        draw(folder, "sizes", blocks, [
            "set xlabel 'bytes'", f"set ylabel '{unit}'", "set logscale x 2", "set logscale y",
            "set key top left", "plot " + ", ".join(curves)])
