# SPDX-License-Identifier: MIT
"""How long interrupts wait, and how long callers wait for a server that is busy with others.

Both are what the kernel parley-latency.elf tells of itself under load: one of ordinary programs, and one of
hostile clients that ask servers for as much as they can in one request.
"""

import os
import re

from . import panic, qemu, trace
from .packages import ToolError

KERNEL = "parley-latency.elf"
LIMIT = 20000  # instructions: no stretch may be that long
SHOWN = 3
SHOWN_HANDLED = 8
ROW = "irq_off_max"
LXLOAD = "/bin/bench/lxload"
# What runs, each in a boot of its own, and with how much memory: ten thousand processes need much.
LOADS = [("native=loadbench", "512M"),
         (qemu.run_option(LXLOAD + " fork regions copy files segments queues memory"), "512M"),
         (qemu.run_option(LXLOAD + " processes"), "4G")]
DONE = "LOAD done"
HOSTILE = ["/bin/bench/lxhostile 1500 witness " + kinds for kinds in (
    "reads files pipes polls timers paths execs operations messages descriptors groups directories",
    "sets sleepers families memories depths")]
HOSTILE_LIMIT = 100000  # instructions: no call of the witness beside hostile clients may take as long
# What the witness calls, and which server answers.
WITNESS = {"getppid": "proc", "stat": "vfs", "msgsnd": "msg", "semop": "sem"}
WITNESS_LINE = re.compile(r"witness: getppid (\d+) stat (\d+) msgsnd (\d+) semop (\d+)")
HANDLED = re.compile(r"handled: (\d+) instructions, server (\w+), label ([0-9a-f]+)")
NOTICE, EVENTS, CANCEL = 1 << 63, 1 << 63 | 1, 1 << 63 | 2
EVENT_NAMES = {62: "timer", 61: "jobs"}
ONCE = {("proc", "spawn")}  # what init asks for before the load begins
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


def load(folder, append, memory, timeout, done=re.compile(DONE)):
    """One boot under load; its console, which must show `done`."""
    kernel = os.path.join(folder, KERNEL)
    image = os.path.join(folder, "tools", "parley.initrd")
    with qemu.Boot(qemu.arguments(kernel, image, harts=1, memory=memory, append=append,
                                  icount=True)) as boot:
        for _ in boot.chunks(timeout, qemu.processor_time):
            pass
    console = qemu.text(boot.console)
    if panic.has_panic(console):
        raise ToolError("kernel panic:\n" + panic.decode(panic.panic_part(console), kernel))
    if not done.search(console):
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


def message_names(top):
    """Names of messages by (server, label)."""
    names = {}
    folder = os.path.join(top, "protocols")
    for file in os.listdir(folder):
        with open(os.path.join(folder, file), encoding="utf-8") as stream:
            text = stream.read()
        first = re.search(r"^first = (\w+)", text, re.MULTILINE)
        number = int(first[1], 0) if first else 1
        for name in re.findall(r'\[\[message\]\]\nname = "(\w+)"', text):
            names[file.partition(".")[0], number] = name
            number += 1
    return names


def notice_name(label):
    """None: it is no notice. Of events the kernel turns the bits left by 8."""
    if not label & NOTICE:
        return None
    if label == CANCEL:
        return "cancel"
    label &= ~EVENTS
    bits = [bit for bit in range(62, -1, -1) if label >> (bit + 8) % 64 & 1]
    return "events " + " ".join(EVENT_NAMES.get(bit, str(bit)) for bit in bits)


def hostile(folder, top, timeout):
    """({call: the longest it may take}, [(instructions, server, message), longest first])."""
    names = message_names(top)
    longest, own, worst = {}, dict.fromkeys(WITNESS, 0), {}
    for command in HOSTILE:
        console = load(folder, qemu.run_option(command) + " path=general", "512M", timeout, WITNESS_LINE)
        for match in HANDLED.finditer(console):
            server, label = match[2], int(match[3], 16)
            name = notice_name(label) or names.get((server, label)) or \
                names.get(("session", label)) or f"{label:x}"
            if (server, name) not in ONCE:
                longest[server, name] = max(int(match[1]), longest.get((server, name), 0))
        for call, length in zip(WITNESS, WITNESS_LINE.search(console).groups()):
            own[call] = max(int(length), own[call])
    handled = sorted(((length, *what) for what, length in longest.items()), reverse=True)
    for call, server in WITNESS.items():
        busy = [length for length, of, _ in handled if of == server]
        if not busy or not own[call]:
            raise ToolError(f"hostile clients: nothing is known of {call}")
        worst[call] = own[call] + max(busy)
    return worst, handled


def rows(found, worst):
    """The longest as benchmark rows: the figure, and the longest paths by rank."""
    lengths = [(ROW, found[0][0])]
    lengths += [(f"{ROW}_{rank}", length) for rank, (length, _) in enumerate(found[:SHOWN], 1)]
    lengths += [(f"worst_{call}", length) for call, length in worst.items()]
    return [{"name": name, "unit": "instructions", "iterations": 1,
             **{key: length for key in ("mean", "min", "p50", "p99", "max")}}
            for name, length in lengths]
