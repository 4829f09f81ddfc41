# SPDX-License-Identifier: MIT
"""The initramfs for Linux kernels (tools/parleytools/linuxboot.py). TAP.

linuxboot_test.py BUILD
"""

import os
import stat
import sys
import tempfile

from checks import report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import cpio, linuxboot, qemu  # noqa: E402


def entries(folder):
    with tempfile.TemporaryDirectory() as scratch:
        name = os.path.join(scratch, "initramfs")
        linuxboot.benchmarks(folder, name)
        with open(name, "rb") as stream:
            return list(cpio.read(stream.read()))


def folders_first(found):
    """Linux makes nothing in a folder that it has not been told of yet."""
    known = {""}
    for entry in found:
        if os.path.dirname(entry.path) not in known:
            return False
        if stat.S_ISDIR(entry.mode):
            known.add(entry.path)
    return True


def main():
    found = entries(sys.argv[1])
    by_path = {entry.path: entry for entry in found}
    init, console = by_path.get("init"), by_path.get("dev/console")
    checks = {
        "the first process is there and can be executed":
            init is not None and init.mode & 0o111 and init.data[:4] == b"\x7fELF",
        "it prints the marker that the tools wait for": init is not None and qemu.MARKER in init.data,
        "so is the console": console is not None and stat.S_ISCHR(console.mode)
            and tuple(console.rdev) == linuxboot.DEVICES["console"],
        "so are the benchmarks": all("bin/bench/" + name in by_path for name in linuxboot.PROGRAMS),
        "folders stand before what is in them": folders_first(found),
        "the command follows the kernel's own options":
            linuxboot.arguments("/bin/x y").endswith(" -- /bin/x y"),
    }
    return 0 if report(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
