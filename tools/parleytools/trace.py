# SPDX-License-Identifier: MIT
"""One operation of a benchmark row, instruction by instruction, from QEMU's execution log."""

import bisect
import collections
import os
import re
import subprocess
import tempfile
import threading

from . import qemu
from .packages import ToolError

LIMIT = 90  # seconds; rows that set up thousands of things execute too much for a log
LONGEST = 2000000  # instructions of one operation
PERSONALITY_BIAS = (1 << 38) - 0x100000 - 0x1000  # where exec maps it, less where it is linked
NATIVE = ("null_call", "call_", "send_", "notify", "yield")
SERVERS = {"msg": "msg", "sem": "sem", "shm": "shm", "pipe": "vfs"}
TRACE_LINE = re.compile(r"Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")


class Symbols:
    """The functions of some programs, by address."""

    def __init__(self):
        self.starts, self.names = [], []

    def load(self, path, tag, bias=0):
        listing = subprocess.run(["riscv64-linux-gnu-nm", "-n", path], capture_output=True,
                                 text=True, check=True).stdout
        for line in listing.splitlines():
            field = line.split()
            if len(field) == 3 and field[1] in "tTwW" and not field[2].startswith("$"):
                self.starts.append(int(field[0], 16) + bias)
                self.names.append(f"{tag}{field[2]}")

    def sort(self):
        order = sorted(range(len(self.starts)), key=lambda i: self.starts[i])
        self.starts = [self.starts[i] for i in order]
        self.names = [self.names[i] for i in order]

    def find(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        return self.names[at] if at >= 0 else hex(address)


def counter_readings(path):
    """Addresses of the instructions that read the instruction counter."""
    listing = subprocess.run(["riscv64-linux-gnu-objdump", "-d", path], capture_output=True,
                             text=True, check=True).stdout
    return {int(line.split(":")[0], 16) for line in listing.splitlines() if "rdinstret" in line}


def trace(folder, append, readings):
    """Lists of the addresses executed between two counter readings, one after the other."""
    with tempfile.TemporaryDirectory() as scratch:
        fifo = os.path.join(scratch, "trace")
        os.mkfifo(fifo)
        command = qemu.arguments(os.path.join(folder, "parley.elf"),
                                 os.path.join(folder, "tools", "parley.initrd"), harts=1,
                                 append=append,
                                 icount=True, extra=["-singlestep", "-d", "exec,nochain",
                                                     "-D", fifo])
        process = subprocess.Popen(command + qemu.captured_console(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        found, between = [], None
        with open(fifo, encoding="ascii", errors="replace") as stream:
            for line in stream:
                match = TRACE_LINE.match(line)
                if not match:
                    continue
                address = int(match[1], 16)
                if address in readings:
                    if between is not None:
                        found.append(between)
                    between = []
                elif between is not None:
                    between.append(address)
                    if len(between) > LONGEST:  # a row's setting up, not an operation
                        between = None
        limit.cancel()
        if process.wait() < 0:
            raise ToolError(f"not traced within {LIMIT} s: {append}")
    return found


def operation(folder, row, server=None):
    """The last operation of a row: (symbols, addresses executed)."""
    symbols = Symbols()
    symbols.load(os.path.join(folder, "parley.elf"), "kernel ")
    if row.startswith(NATIVE):
        program = os.path.join(folder, "user", "native-ipcbench")
        symbols.load(program, "user ")
        append = f"native=ipcbench row={row} iterations=4"
    else:
        forks = row.startswith("fork_")  # measured by a program that lxbench starts
        program = os.path.join(folder, "user", "bench-lxnolibc" if forks else "bench-lxbench")
        server = server or SERVERS.get(row.split("_")[0], "proc")
        symbols.load(os.path.join(folder, f"server-{server}"), f"{server} ")
        symbols.load(os.path.join(folder, "linux.so"), "personality ", PERSONALITY_BIAS)
        symbols.load(program, "user ")
        append = qemu.run_option(f"/bin/bench/lxbench {row} 4")
    symbols.sort()
    operations = trace(folder, append, counter_readings(program))
    if not operations:
        raise ToolError(f"no operation of {row} was seen")
    if row.startswith("yield_") and row != "yield_pair":  # ends with a turn's bookkeeping
        operations = operations[-2:-1]
    return symbols, operations[-1]


def functions(folder, row, server=None):
    """How many instructions of one operation each function executes, most first."""
    symbols, addresses = operation(folder, row, server)
    return collections.Counter(symbols.find(address) for address in addresses).most_common()
