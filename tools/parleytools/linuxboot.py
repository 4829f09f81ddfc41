# SPDX-License-Identifier: MIT
"""The initramfs and the command line with which a Linux kernel runs the same programs."""

import os
import stat

from . import cpio, image

PROGRAMS = ("lxbench", "lxnolibc", "nop_static", "tiny")
DEVICES = {"console": (5, 1), "tty": (5, 0), "null": (1, 3), "zero": (1, 5), "full": (1, 7),
           "random": (1, 8), "urandom": (1, 9)}
START = "bench-lxinit"


def arguments(command):
    """Linux gives its first process what stands after "--": that runs it."""
    return "console=ttyS0 quiet panic=-1 -- " + command


def save(entries, folder, out):
    """Write an initramfs with these entries, less Parley's own in boot/, and what every one needs."""
    entries = {path: entry for path, entry in entries.items() if path.split("/")[0] != "boot"}
    image.add_files(entries, [("init", os.path.join(folder, "user", START))])
    for path in ("dev", "dev/shm", "proc"):
        image.put(entries, path, stat.S_IFDIR | 0o755)
    for name, number in DEVICES.items():
        image.put(entries, "dev/" + name, stat.S_IFCHR | 0o666, rdev=number)
    # Linux takes a name's length as it is given, so names are not padded for aligned data.
    with open(out, "wb") as stream:
        cpio.write(entries.values(), stream, align_data=False)


def benchmarks(folder, out):
    """Only the benchmark programs, where Parley's image has them."""
    entries = {}
    image.add_files(entries, [("bin/bench/" + name, os.path.join(folder, "user", "bench-" + name))
                              for name in PROGRAMS])
    save(entries, folder, out)
