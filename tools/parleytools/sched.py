# SPDX-License-Identifier: MIT
"""How the machine's time is shared under each policy: a boot each, of the program lxsched, as a table and drawn."""

import os
import re

from . import plot, qemu
from .packages import ToolError

POLICIES = ("fifo", "o1", "fair", "eevdf")
PROGRAM = "/bin/bench/lxsched"
MEMORY = "256M"
LINE = re.compile(r"^SCHED (\w+) (-?\d+)\s*$", re.MULTILINE)
DRAWN = (("wake", "from a timer to a thread that mostly sleeps"), ("pipe", "a byte through two pipes and back"))
PARTS = ("50", "99", "worst")
# What must hold: figure, of which policies, at least or at most.
LIMITS = (
    ("equal_jain_ppm", POLICIES, 999000, None),
    ("nice_jain_ppm", ("fair", "eevdf"), 999000, None),
    ("wake_worst_ns", ("o1", "fair", "eevdf"), None, 4000000),
    ("pipe_worst_ns", ("o1", "fair", "eevdf"), None, 5000000),
    ("urgent_worst_ns", POLICIES, None, 60000),
)


def measure(boot):
    """Figures by policy and name; boot(append, memory) is one boot, with its console as the result."""
    found = {}
    for policy in POLICIES:
        console = boot(f"sched={policy} {qemu.run_option(PROGRAM)}", MEMORY)
        found[policy] = {name: int(value) for name, value in LINE.findall(console)}
        if found[policy].pop("done", 0) != 1:
            raise ToolError(f"sched={policy}: the program did not come to its end:\n{console}")
    return found


def lines(found):
    """The table: a line a figure, a column a policy."""
    yield "| figure | " + " | ".join(POLICIES) + " |"
    yield "| --- |" + " ---: |" * len(POLICIES)
    for name in found[POLICIES[0]]:
        yield f"| `{name}` | " + " | ".join(f"{found[policy][name]:,}" for policy in POLICIES) + " |"


def checks(found):
    """(does it hold?, what) of all limits."""
    for name, policies, least, most in LIMITS:
        for policy in policies:
            value = found[policy][name]
            good = (least is None or value >= least) and (most is None or value <= most)
            bound = f"at least {least:,}" if most is None else f"at most {most:,}"
            yield good, f"{policy}: {name} is {value:,}: {bound}"


def draw(found, folder):
    """latencies.svg and .png: bars of the waits, in instructions."""
    os.makedirs(folder, exist_ok=True)
    data = [f'"{policy}" ' + " ".join(str(found[policy][f"{kind}_{part}_ns"]) for kind, _ in DRAWN for part in PARTS)
            for policy in POLICIES]
    titles = [f"{text}: {part + ' %' if part.isdigit() else part}" for _, text in DRAWN for part in PARTS]
    columns = [f"{'$data' if i == 0 else chr(39) * 2} using {i + 2}{':xtic(1)' if i == 0 else ''} title '{title}'"
               for i, title in enumerate(titles)]
    plot.draw(folder, "latencies", data, [
        "set logscale y", "set yrange [1000:*]", "set ylabel 'ns (instructions)'", "set style data histograms",
        "set style fill solid", "set key top right", "plot " + ", ".join(columns)])
