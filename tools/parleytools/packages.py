# SPDX-License-Identifier: MIT
"""Debian packages that the tools need, found by a file each and installed when missing."""

import os
import shutil
import subprocess

# package -> what shows that it is there: a command, or a file if it has a slash
BUILD = {
    "meson": "meson",
    "ninja-build": "ninja",
    "gcc": "gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "gcc-riscv64-linux-gnu": "riscv64-linux-gnu-gcc",
    "libc6-dev-riscv64-cross": "/usr/riscv64-linux-gnu/include/stdio.h",
    "picolibc-riscv64-unknown-elf": "/usr/lib/picolibc/riscv64-unknown-elf/include/stdio.h",
    "libcmocka-dev": "/usr/include/cmocka.h",
}
RUN = {
    "qemu-system-misc": "qemu-system-riscv64",
    "qemu-system-data": "/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin",
}
TEST = {"python3-pexpect": "/usr/lib/python3/dist-packages/pexpect/__init__.py"}
CHECK = {"clang-format": "clang-format", "cppcheck": "cppcheck", "git": "git"}
GDB = {"gdb-multiarch": "gdb-multiarch"}


class ToolError(Exception):
    """Something is wrong that one line can say."""


def is_there(probe):
    return os.path.exists(probe) if "/" in probe else shutil.which(probe) is not None


def apt(command, package_list):
    """Run apt-get as root, or through sudo."""
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    return subprocess.run(prefix + ["apt-get", "-qq", "-y"] + command + package_list,
                          env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)


def ensure(*groups):
    """Install what is missing of the packages in groups."""
    missing = [package for group in groups for package, probe in group.items()
               if not is_there(probe)]
    if not missing:
        return
    wanted = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise ToolError(f"missing, and this is no Debian system: {wanted}")
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        raise ToolError(f"missing, and not root: run 'apt-get install {wanted}'")
    print(f"installing {wanted}", flush=True)
    updated = apt(["update"], [])
    if updated.returncode != 0:
        raise ToolError("apt-get update failed (is there a network?): " + last_line(updated))
    installed = apt(["install", "--no-install-recommends"], missing)
    if installed.returncode != 0:
        raise ToolError(f"apt-get install {wanted} failed: " + last_line(installed))


def last_line(result):
    lines = (result.stderr + result.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit status {result.returncode}"
