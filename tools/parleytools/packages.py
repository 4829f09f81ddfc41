# SPDX-License-Identifier: MIT
"""Debian packages that the tools need, found by a file each and installed when missing."""

import os
import shutil
import subprocess

# package -> what shows that it is there: a command, or a file if it has a slash. Names with | between
# them are one thing's in different suites.
BUILD = {
    "meson": "meson",
    "ninja-build": "ninja",
    "gcc": "gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "gcc-riscv64-linux-gnu": "riscv64-linux-gnu-gcc",
    "g++-riscv64-linux-gnu": "riscv64-linux-gnu-g++",
    "libc6-dev-riscv64-cross": "/usr/riscv64-linux-gnu/include/stdio.h",
    "gcc-riscv64-unknown-elf": "riscv64-unknown-elf-gcc",
    "picolibc-riscv64-unknown-elf": "/usr/lib/picolibc/riscv64-unknown-elf/include/stdio.h",
    "pkgconf": "pkg-config",
    "libcmocka-dev": "/usr/include/cmocka.h",
}
RUN = {
    # Debian 13 has split it off; its firmware comes with it there and in Debian 12, not in Ubuntu.
    "qemu-system-riscv|qemu-system-misc": "qemu-system-riscv64",
    "opensbi": "/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin",
}
TEST = {"python3-pexpect": "/usr/lib/python3/dist-packages/pexpect/__init__.py"}
CHECK = {"clang-format": "clang-format", "cppcheck": "cppcheck", "git": "git"}
GRAPH = {"graphviz": "dot"}
GDB = {"gdb-multiarch": "gdb-multiarch"}

INSTALL = os.path.join(os.path.dirname(os.path.realpath(__file__)), "install")


class ToolError(Exception):
    """Something is wrong that one line can say."""


def is_there(probe):
    return os.path.exists(probe) if "/" in probe else shutil.which(probe) is not None


def missing(groups):
    return {package: probe for group in groups for package, probe in group.items()
            if not is_there(probe)}


def ensure(*groups):
    """Install what is missing of the packages in groups."""
    wanted = missing(groups)
    if not wanted:
        return
    if subprocess.run([INSTALL, *wanted], check=False).returncode != 0:
        raise ToolError("without these packages nothing can be done: " + " ".join(wanted))
    for package, probe in missing(groups).items():
        raise ToolError(f"{package} is installed, but there is no {probe}")
