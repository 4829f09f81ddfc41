# SPDX-License-Identifier: MIT
"""The initramfs in which a Linux kernel runs the same benchmark programs."""

import os
import stat

from . import cpio, image

PROGRAMS = ("lxbench", "lxnolibc", "nop_static", "tiny")


def initramfs(folder, out):
    """Write it to a file: lxinit as /init, the programs where Parley's image has them."""
    entries = {}
    image.add_files(entries, [("init", os.path.join(folder, "user", "bench-lxinit"))] +
                    [("bin/bench/" + name, os.path.join(folder, "user", "bench-" + name))
                     for name in PROGRAMS])
    for path in ("dev", "proc"):
        image.put(entries, path, stat.S_IFDIR | 0o755)
    image.put(entries, "dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
    # Linux takes a name's length as it is given, so names are not padded for aligned data.
    with open(out, "wb") as stream:
        cpio.write(entries.values(), stream, align_data=False)
