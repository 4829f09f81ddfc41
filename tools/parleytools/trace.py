# SPDX-License-Identifier: MIT
"""One operation of a benchmark row, instruction by instruction, from QEMU's execution log."""

import bisect
import collections
import contextlib
import glob
import os
import re
import subprocess
import tempfile
import threading
import time

from . import qemu
from .packages import ToolError

LIMIT = 200  # seconds of processor time; rows that set up thousands of things take some tens
LONGEST = 2000000  # instructions of one operation
PERSONALITY_BIAS = (1 << 38) - 0x100000 - 0x1000  # where exec maps it, less where it is linked
NATIVE = ("null_call", "call_", "send_", "notify", "yield")
# Too long to trace for what they set up: the same operation without that.
SAME = {"getppid_10000_processes": "getppid", "msg_32000_queues": "msg_self_64", "sem_32000_sets": "sem_pair",
        "mq_32000_queues": "mq_self_64"}
# Where nothing but the firmware and the kernel's first steps run: nine tenths of a boot's instructions,
# and none of an operation's. QEMU logs what is outside.
NOT_LOGGED = (0x80000000, 0x100000000)
LOGGED = f"0x0+{NOT_LOGGED[0]:#x},{NOT_LOGGED[1]:#x}+{(1 << 64) - 1 - NOT_LOGGED[1]:#x}"
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
                self.names.append(tag + field[2].partition(".")[0])  # .part.0, .lto_priv.9 and so on

    def sort(self):
        order = sorted(range(len(self.starts)), key=lambda i: self.starts[i])
        self.starts = [self.starts[i] for i in order]
        self.names = [self.names[i] for i in order]

    def find(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        return self.names[at] if at >= 0 else "user program"


def counter_readings(path):
    """Addresses of the instructions that read the instruction counter."""
    listing = subprocess.run(["riscv64-linux-gnu-objdump", "-d", path], capture_output=True,
                             text=True, check=True).stdout
    return {int(line.split(":")[0], 16) for line in listing.splitlines() if "rdinstret" in line}


def one_by_one():
    """QEMU's option to execute each instruction by itself, so that its log has all."""
    said = subprocess.run(["qemu-system-riscv64", "-version"], capture_output=True, text=True,
                          check=True).stdout
    version = re.search(r"version (\d+)\.(\d+)", said)
    new = version and (int(version[1]), int(version[2])) >= (8, 1)
    return ["-accel", "tcg,one-insn-per-tb=on"] if new else ["-singlestep"]


def end_in_time(process, limit):
    """End QEMU when that much processor time is over."""
    begin = qemu.processor_time(process)
    while process.poll() is None:
        if qemu.processor_time(process) - begin > limit:
            process.kill()
        time.sleep(1)


@contextlib.contextmanager
def execution_log(command, limit=None, options=()):
    """A boot's log of executed instructions, as a stream that ends with QEMU."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said, open(reading, encoding="ascii", errors="replace") as stream:
        try:
            process = qemu.start(command + one_by_one() + ["-d", "exec,nochain", *options,
                                                           "-D", f"/dev/fd/{writing}"]
                                 + qemu.captured_console(), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=said, pass_fds=(writing,))
        finally:
            os.close(writing)
        try:
            if limit:
                threading.Thread(target=end_in_time, args=(process, limit), daemon=True).start()
            yield stream
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        complaint = said.read().decode("utf-8", "replace").strip()
    if status < 0:
        raise ToolError(f"not traced within {limit} s of processor time")
    if status > 0 and complaint:
        raise ToolError(complaint.splitlines()[-1])


def trace(folder, append, readings):
    """Lists of the addresses executed between two counter readings, one after the other."""
    command = qemu.arguments(os.path.join(folder, "parley.elf"),
                             os.path.join(folder, "tools", "parley.initrd"), harts=1,
                             append=append, icount=True)
    found, between = [], None
    readings = {f"{address:016x}" for address in readings}
    with execution_log(command, LIMIT, ["-dfilter", LOGGED]) as stream:
        for line in stream:
            if not line.startswith("Trace"):
                continue
            at = line.index("/") + 1  # as TRACE_LINE, but this is done millions of times
            address = line[at:at + 16]
            if address in readings:
                if between is not None:
                    found.append(between)
                between = []
            elif between is not None:
                between.append(int(address, 16))
                if len(between) > LONGEST:  # a row's setting up, not an operation
                    between = None
    return found


def operation(folder, row):
    """The last operation of a row: (symbols, addresses executed)."""
    row = SAME.get(row, row)
    symbols = Symbols()
    symbols.load(os.path.join(folder, "parley.elf"), "kernel ")
    if row.startswith(NATIVE):
        program = os.path.join(folder, "user", "native-ipcbench")
        symbols.load(program, "user ")
        append = f"native=ipcbench row={row} iterations=4"
    else:
        # Measured by a program that lxbench starts, and that executes others at the same address.
        forks = row.startswith("fork_")
        program = os.path.join(folder, "user", "bench-lxnolibc" if forks else "bench-lxbench")
        for path in glob.glob(os.path.join(glob.escape(folder), "server-*")):
            if os.path.isfile(path):
                symbols.load(path, os.path.basename(path).removeprefix("server-") + " ")
        symbols.load(os.path.join(folder, "linux.so"), "personality ", PERSONALITY_BIAS)
        if not forks:
            symbols.load(program, "user ")
        append = qemu.run_option(f"/bin/bench/lxbench {row} 4")
    symbols.sort()
    operations = trace(folder, append, counter_readings(program))
    if not operations:
        raise ToolError(f"no operation of {row} was seen")
    if row.startswith("yield_") and row != "yield_pair":  # ends with a turn's bookkeeping
        operations = operations[-2:-1]
    return symbols, operations[-1]


def functions(folder, row):
    """How many instructions of one operation each function executes."""
    symbols, addresses = operation(folder, row)
    return collections.Counter(symbols.find(address) for address in addresses)
