# SPDX-License-Identifier: MIT
"""Configure and build a build folder; quiet when there is nothing to say."""

import os
import subprocess
import sys

from .packages import ToolError

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
MODES = ("debug", "release")


def folder(mode):
    return os.path.join(TOP, "build", mode)


def kernel(mode):
    return os.path.join(folder(mode), "parley.elf")


def image(mode):
    return os.path.join(folder(mode), "tools", "parley.initrd")


def read_text(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""


def configure(mode):
    """Configure a build folder that is not, or that does not know all servers and protocols there are."""
    out = folder(mode)
    known = os.path.join(out, "found")
    found = subprocess.run([os.path.join(TOP, "tools", "found"), "all"], capture_output=True,
                           text=True, check=True).stdout
    configured = os.path.exists(os.path.join(out, "build.ninja"))
    if configured and read_text(known) == found:
        return
    command = ["meson", "setup", out, TOP, "--cross-file", os.path.join(TOP, "cross-riscv.ini"),
               f"-Dmode={mode}"] + (["--reconfigure"] if configured else [])
    result = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.stderr.write(result.stdout + result.stderr)
        raise ToolError("meson setup failed")
    with open(known, "w", encoding="utf-8") as stream:
        stream.write(found)


def build(mode, tests=False):
    """Bring build/MODE up to date; the compiler's messages are shown only if it fails."""
    configure(mode)
    targets = [] if tests else ["parley.elf", "tools/parley.initrd", "tools/firmware-probe"]
    result = subprocess.run(["ninja", "-C", folder(mode), "--quiet"] + targets,
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.stderr.write(result.stdout + result.stderr)
        raise ToolError(f"the {mode} build failed")
    for product in (kernel(mode), image(mode)):
        if not os.path.exists(product):
            raise ToolError(f"the build made no {os.path.relpath(product, TOP)}")
