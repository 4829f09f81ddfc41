# SPDX-License-Identifier: MIT
"""What tools/parleytools takes away from and adds to a console, and how a build says how far it is. TAP."""

import contextlib
import io
import os
import sys

from checks import report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import build, terminal  # noqa: E402

BANNER = rb"""
OpenSBI v1.6
   ____                    _____ ____ _____
  / __ \                  / ____|  _ \_   _|
 | |__| | |_) |  __/ | | |____) | |_) || |_
        |_|

Platform Name               : riscv-virtio,qemu
Firmware RW Offset          : 0x40000
Runtime SBI Version         : 2.0
Standard SBI Extensions     : time,rfnc,ipi,base,hsm,srst,pmu
Domain0 Boot HART           : 1
Domain0 Region00            : 0x0000000000100000-0x0000000000100fff M: (I,R,W) S/U: (R,W)
Boot HART MEDELEG           : 0x0000000000f0b509
""".replace(b"\n", b"\r\n")


def shown(output, size):
    """What is shown of a console's output that comes in pieces."""
    banner = terminal.Banner()
    return b"".join(banner.feed(output[at:at + size]) for at in range(0, len(output), size))


def progress(first, steps):
    """What a build of some steps says, to a file."""
    saved, build.FIRST_SAID, build.LATER_SAID = (build.FIRST_SAID, build.LATER_SAID), first, 0
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        told = build.Progress("debug")
        for step in range(1, steps + 1):
            told.at(step, steps)
        told.end()
    build.FIRST_SAID, build.LATER_SAID = saved
    return said.getvalue()


def main():
    checks = {}
    pieces = (1, 2, 7, 100, 10000)
    for system in (b"$ ", b"PANIC: no\r\n$ ", b"[init] init: vfs died\r\n", b"Parley 0.1\r\n$ ", b"P\r\n$ "):
        checks[f"behind the banner comes {system!r}"] = \
            all(shown(BANNER + system, size) == system for size in pieces)
        checks[f"without a banner comes {system!r}"] = \
            all(shown(system, size) == system for size in pieces)
    once = BANNER + b"$ cat log\r\n"
    checks["a second banner is the system's own text"] = \
        all(shown(once + BANNER, size) == b"$ cat log\r\n" + BANNER for size in pieces)
    checks["lines are typed as they are"] = terminal.typed(b"one\ntwo\n") == b"one\ntwo\n"
    checks["what is no whole line is ended"] = terminal.typed(b"one\ntwo") == b"one\ntwo\x04"
    checks["what the terminal would take is literal"] = \
        terminal.typed(b"\x03\x04\r\x7f\n") == b"\x16\x03\x16\x04\x16\r\x16\x7f\n"
    long = terminal.typed(b"x" * 5000).split(b"\x04")
    checks["long lines come in parts"] = b"".join(long) == b"x" * 5000 and max(map(len, long)) <= terminal.PART
    checks["a long build says how far it is"] = \
        progress(0, 2) == "building (debug): 1 of 2\nbuilding (debug): 2 of 2\n"
    checks["a short one says nothing"] = progress(1000, 2) == ""
    return 0 if report(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
