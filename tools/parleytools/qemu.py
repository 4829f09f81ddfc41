# SPDX-License-Identifier: MIT
"""QEMU command lines, and running one boot with its console captured.

A boot with a command runs it instead of a login shell: the kernel command line gets
`run=` and the percent-encoded command. The system prints MARKER just before the command starts;
what comes before is the boot's own talk and is not shown, what follows is the command's output.
"""

import argparse
import os
import re
import selectors
import shutil
import subprocess
import sys
import time
import urllib.parse

from . import harts as harts_seen
from .packages import ToolError

SEED = ("-seed", "1")  # the random numbers that QEMU gives the guest: the same in every boot
MARKER = b"\x1eparley-run\x1e\n"
COMMAND_LINE_MAX = 500
TIMED_OUT = 124
MOST_HARTS = 8
LEAST_MEMORY, MOST_MEMORY = 32, 8192  # MiB
WAITING = 0.1  # what a second counts in which QEMU does not run, where processor time is limited


def run_option(command, console="raw"):
    """The kernel command line that runs a command, or None if it would be too long."""
    option = f"run={urllib.parse.quote(command, safe='/._-+:,@')} console={console}"
    return option if len(option) <= COMMAND_LINE_MAX - 100 else None


def arguments(kernel, initrd, harts=2, memory="128M", append="", icount=False, gdb=False,
              extra=()):
    """The QEMU command line without its console."""
    command = ["qemu-system-riscv64", "-machine", "virt", "-m", memory, "-smp", str(harts),
               "-kernel", kernel, "-initrd", initrd]
    if append:
        command += ["-append", append]
    if icount:
        command += ["-icount", "shift=0,sleep=off", *SEED]
    if gdb:
        command += ["-s", "-S"]
    return command + list(extra)


def captured_console(monitor=None):
    return ["-display", "none", "-serial", "stdio", "-no-reboot",
            *(harts_seen.monitor(monitor) if monitor else ("-monitor", "none"))]


def interactive_console():
    """Standard input and output as console and, by Ctrl-A, QEMU's monitor."""
    return ["-display", "none", "-chardev", "stdio,id=console,mux=on,signal=off",
            "-serial", "chardev:console", "-mon", "chardev=console"]


def start(command, **streams):
    """Start QEMU so that it ends when this process does, however that is."""
    guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    try:
        return subprocess.Popen(guard + command, **streams)
    except OSError as error:
        raise ToolError(f"cannot start QEMU: {error.strerror}") from error


def wall_time(_process):
    """Seconds."""
    return time.monotonic()


def processor_time(process):
    """Seconds that QEMU ran, which do not depend on what else the machine does, and a little for the
    others, so that a guest that waits for ever comes to its end too."""
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stream:
        field = stream.read().rpartition(")")[2].split()
    ran = (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")
    return ran + WAITING * time.monotonic()


def harts(text):
    """--smp's argument."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_HARTS:
        raise argparse.ArgumentTypeError(f"{text}: 1 to {MOST_HARTS} harts")
    return int(text)


USUAL_MEMORY = 128  # MiB
USUAL_IMAGE = 16


def memory_for(image):
    """Enough for an image: the usual, and what it has above the usual size."""
    more = os.path.getsize(image) // (1 << 20) - USUAL_IMAGE
    return f"{USUAL_MEMORY + (max(more, 0) + 63) // 64 * 64}M"


def memory(text):
    """--mem's argument: MiB, or with a unit."""
    match = re.fullmatch(r"(\d+)([MmGg]?)", text)
    mib = int(match[1]) * (1024 if match[2] in ("G", "g") else 1) if match else 0
    if not LEAST_MEMORY <= mib <= MOST_MEMORY:
        raise argparse.ArgumentTypeError(f"{text}: {LEAST_MEMORY}M to {MOST_MEMORY // 1024}G of memory")
    return f"{mib}M"


class Boot:
    """One boot with its console on a pipe. Leaving it as a context ends it.

    keyboard: called with the pipe to the console's input, with a captured console when the command starts.
    monitor: a path for a socket by which to ask, when the time is over, what the harts do: lines in self.harts.
    """

    def __init__(self, command, keyboard=None, console=None, monitor=None):
        self.keyboard = keyboard
        self.monitor = monitor
        self.harts = []
        self.process = start(command + (console or captured_console(monitor)),
                             stdin=subprocess.PIPE if keyboard else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=None if console else subprocess.STDOUT)
        if keyboard and console:
            keyboard(self.process.stdin)
        self.console = bytearray()
        self.timed_out = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def chunks(self, timeout=None, clock=wall_time):
        """The console's output as it comes, until QEMU ends or the time is over by that clock."""
        deadline = None if timeout is None else clock(self.process) + timeout
        descriptor = self.process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                left = None if deadline is None else deadline - clock(self.process)
                if left is not None and left <= 0:
                    self.timed_out = True
                    break
                if not selector.select(left):
                    continue
                data = os.read(descriptor, 65536)
                if not data:
                    break
                self.console += data
                yield data
        self.stop()

    def stop(self):
        """End QEMU if it has not ended, and keep its exit status."""
        if self.timed_out and self.process.poll() is None:
            if self.monitor:
                self.harts = harts_seen.look(self.monitor)
            self.process.kill()
        self.status = self.process.wait()
        self.process.stdout.close()
        if self.timed_out:
            self.status = TIMED_OUT

    def run_output(self, timeout=None, verbose=False):
        """The command's own output: what follows MARKER; or all that the console shows."""
        started = False
        for data in self.chunks(timeout):
            if verbose or started:
                yield data
            if started:
                continue
            at = self.console.find(MARKER)
            if at >= 0:
                started = True
                if self.keyboard:
                    self.keyboard(self.process.stdin)
                if not verbose:
                    yield self.console[at + len(MARKER):]

    def started(self):
        return MARKER in self.console


def text(console):
    return console.decode("utf-8", "replace").replace("\r\n", "\n")


def show_console(console, heading, stream=None):
    stream = stream or sys.stderr
    stream.write(f"--- {heading}\n{text(console).rstrip()}\n---\n")
    stream.flush()
