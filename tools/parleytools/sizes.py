# SPDX-License-Identifier: MIT
"""What a text costs from one process to another, by its length and by its way: a boot of lxsizes, as a table and drawn."""

import os
import re

from . import plot, qemu
from .packages import ToolError

PROGRAM = "/bin/bench/lxsizes"
MEMORY = "256M"
LINE = re.compile(r"^SIZES (\w+) (\d+) (\d+)\s*$", re.MULTILINE)
TITLES = {"pipe": "pipe", "unix": "AF_UNIX", "msg": "msgsnd, msgrcv", "mq": "mq_send, mq_receive",
          "shm": "shmat, semop", "posix_shm": "shm_open, sem_post"}


def measure(boot):
    """Instructions by way and length; boot(append, memory) is one boot, with its console as the result."""
    console = boot(qemu.run_option(PROGRAM), MEMORY)
    found = {}
    for way, length, cost in LINE.findall(console):
        found.setdefault(way, {})[int(length)] = int(cost)
    if not found.pop("done", None) or set(found) != set(TITLES):
        raise ToolError(f"{PROGRAM} did not come to its end:\n{console}")
    return found


def text_of(length):
    """As 64 B, 4 KiB, 1 MiB."""
    for size, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if length >= size:
            return f"{length // size} {unit}"
    return f"{length} B"


def lines(found):
    """The table: a line a length, a column a way."""
    yield "| bytes | " + " | ".join(TITLES[way] for way in TITLES) + " |"
    yield "| --- |" + " ---: |" * len(TITLES)
    for length in found["pipe"]:
        yield f"| {text_of(length)} | " + " | ".join(f"{found[way][length]:,}" for way in TITLES) + " |"


def draw(found, folder):
    """ipc-sizes.svg and .png: a curve a way."""
    os.makedirs(folder, exist_ok=True)
    data, curves = [], []
    for way, title in TITLES.items():
        curves.append(f"$data index {len(curves)} using 1:2 with linespoints title '{title}' noenhanced")
        data += [f"{length} {cost}" for length, cost in found[way].items()] + ["", ""]
    ticks = ", ".join(f"'{text_of(length)}' {length}" for length in found["pipe"])
    plot.draw(folder, "ipc-sizes", data, [
        "set ylabel 'ns (instructions), one way'", "set logscale xy", f"set xtics ({ticks})",
        "set format y '%.0f'", "set xrange [1:1048576]", "set key top left", "set grid", "plot " + ", ".join(curves)])
