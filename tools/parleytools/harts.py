# SPDX-License-Identifier: MIT
"""What the harts of a machine that does not come to its end are doing, asked of QEMU's monitor.

The first thing to know of a hang is whether the harts still run, and where they are.
"""

import re
import socket
import time

PROMPT = b"(qemu) "
PATIENCE = 5  # seconds; QEMU may hang itself
BETWEEN = 0.5  # seconds, between two looks
REGISTER = re.compile(r"(\S+)\s+([0-9a-f]{16})\b")
SHOWN = (("pc", "pc"), ("x1/ra", "ra"), ("x2/sp", "sp"), ("x17/a7", "a7"), ("scause", "scause"), ("sepc", "sepc"),
         ("mip", "mip"), ("mie", "mie"), ("satp", "satp"))


def monitor(path):
    """QEMU's arguments for a monitor at that socket."""
    return ["-monitor", f"unix:{path},server=on,wait=off"]


def answer(stream):
    """What the monitor says until it is ready for the next command."""
    said = b""
    while not said.endswith(PROMPT):
        data = stream.recv(65536)
        if not data:
            break
        said += data
    return said.decode("utf-8", "replace")


def parse(text):
    """What `info registers -a` says: a dictionary of registers for each hart, in order."""
    return [dict(REGISTER.findall(part)) for part in text.split("CPU#")[1:]]


def line(number, registers):
    """One line that panic.decode() understands."""
    shown = " ".join(f"{name} {registers[key]}" for key, name in SHOWN if key in registers)
    return f"hart {number}: {shown}"


def states(stream):
    stream.sendall(b"info registers -a\n")
    return [line(i, found) for i, found in enumerate(parse(answer(stream)))]


def look(path):
    """Lines about each hart, and again if they moved a moment later; or why there are none."""
    try:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(PATIENCE)
            stream.connect(path)
            answer(stream)
            first = states(stream)
            time.sleep(BETWEEN)
            then = states(stream)
    except OSError as error:
        return [f"the monitor does not answer: {error}"]
    return first + [f"{BETWEEN} s later:"] + (["the same"] if then == first else then)
