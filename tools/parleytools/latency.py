# SPDX-License-Identifier: MIT
"""How long interrupts wait: what the kernel parley-latency.elf tells of itself under load."""

import os
import re

from . import panic, qemu, trace
from .packages import ToolError

KERNEL = "parley-latency.elf"
LIMIT = 20000  # instructions: no stretch may be that long
SHOWN = 3
ROW = "irq_off_max"
LXLOAD = "/bin/bench/lxload"
# What runs, each in a boot of its own, and with how much memory: ten thousand processes need much.
LOADS = [("native=loadbench", "512M"),
         (qemu.run_option(LXLOAD + " fork regions copy files segments queues memory"), "512M"),
         (qemu.run_option(LXLOAD + " processes"), "4G")]
DONE = "LOAD done"
LINE = re.compile(r"latency: (\d+) instructions, cause ([0-9a-f]+), call (-?\d+), "
                  r"pc ([0-9a-f]+), from ([0-9a-f]+), to ([0-9a-f]+)")
EXCEPTIONS = {0xc: "fetch fault", 0xd: "load fault", 0xf: "store fault", 2: "illegal instruction"}
ECALL, INTERRUPT = 8, 1 << 63


def call_names(top):
    """Kernel calls by number."""
    with open(os.path.join(top, "include", "parley", "calls.h"), encoding="utf-8") as stream:
        return {int(number): name.lower() for name, number in
                re.findall(r"#define PK_(\w+)\s*(?:\\\s*)?\((-\d+)\)", stream.read())}


def occasion(cause, call, names):
    if cause == ECALL:
        return names.get(call, f"call {call}")
    if cause & INTERRUPT:
        return f"interrupt {cause & ~INTERRUPT}"
    return EXCEPTIONS.get(cause, f"exception {cause}")


def stretches(console, symbols, names):
    """(instructions, what it was) of each stretch that the kernel kept."""
    found = []
    for match in LINE.finditer(console):
        cause, begin, end = (int(match[i], 16) for i in (2, 5, 6))
        begin = symbols.find(begin) if begin else "trap"
        end = symbols.find(end) if end else "return"
        found.append((int(match[1]), f"{occasion(cause, int(match[3]), names)}: {begin} to {end}"))
    return found


def load(folder, append, memory, timeout):
    """One boot under load; its console."""
    kernel = os.path.join(folder, KERNEL)
    image = os.path.join(folder, "tools", "parley.initrd")
    boot = qemu.Boot(qemu.arguments(kernel, image, harts=1, memory=memory, append=append,
                                    icount=True))
    for _ in boot.chunks(timeout):
        pass
    console = qemu.text(boot.console)
    if panic.has_panic(console):
        raise ToolError("kernel panic:\n" + panic.decode(panic.panic_part(console), kernel))
    if DONE not in console:
        qemu.show_console(boot.console, "the load's console")
        raise ToolError(f"the load did not come to its end: {append}")
    return console


def measure(folder, top, timeout):
    """The longest stretches of all loads, each kind once, longest first."""
    symbols = trace.Symbols()
    symbols.load(os.path.join(folder, KERNEL), "")
    symbols.sort()
    names = call_names(top)
    longest = {}
    for append, memory in LOADS:
        found = stretches(load(folder, append, memory, timeout), symbols, names)
        if not found:
            raise ToolError(f"the kernel told of no stretch: {append}")
        for length, what in found:
            longest[what] = max(length, longest.get(what, 0))
    return sorted(((length, what) for what, length in longest.items()), reverse=True)


def rows(found):
    """The longest as benchmark rows: the figure, and the longest paths by rank."""
    lengths = [(ROW, found[0][0])]
    lengths += [(f"{ROW}_{rank}", length) for rank, (length, _) in enumerate(found[:SHOWN], 1)]
    return [{"name": name, "unit": "instructions", "iterations": 1,
             **{key: length for key in ("mean", "min", "p50", "p99", "max")}}
            for name, length in lengths]
