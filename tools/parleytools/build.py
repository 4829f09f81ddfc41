# SPDX-License-Identifier: MIT
"""Configure and build a build folder; quiet when there is nothing to say."""

import os
import re
import subprocess
import sys
import time

from .packages import ToolError

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
MODES = ("debug", "release")
STEP = re.compile(r"\[(\d+)/(\d+)\] ")
FIRST_SAID, LATER_SAID = 1, 10  # seconds
CLEAR = "\r\x1b[K"


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


class Progress:
    """Says on standard error how far a build is, when it is a long one."""

    def __init__(self, mode):
        self.mode, self.terminal = mode, sys.stderr.isatty()
        self.next = time.monotonic() + FIRST_SAID
        self.shown = False

    def at(self, done, total):
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + (0.2 if self.terminal else LATER_SAID)
        self.shown = True
        sys.stderr.write(f"{CLEAR if self.terminal else ''}building ({self.mode}): {done} of {total}"
                         f"{'' if self.terminal else chr(10)}")
        sys.stderr.flush()

    def end(self):
        if self.shown and self.terminal:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()


def ninja(mode, targets):
    """Run Ninja; what it says but for how far it is, and its status."""
    progress, said = Progress(mode), []
    with subprocess.Popen(["ninja", "-C", folder(mode)] + targets, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        for line in process.stdout:
            step = STEP.match(line)
            if step:
                progress.at(step[1], step[2])
            else:
                said.append(line)
    progress.end()
    return "".join(said), process.returncode


def build(mode, tests=False):
    """Bring build/MODE up to date; the compiler's messages are shown only if it fails."""
    configure(mode)
    targets = [] if tests else ["parley.elf", "tools/parley.initrd", "tools/firmware-probe"]
    said, status = ninja(mode, targets)
    if status != 0:
        sys.stderr.write(said)
        raise ToolError(f"the {mode} build failed")
    for product in (kernel(mode), image(mode)):
        if not os.path.exists(product):
            raise ToolError(f"the build made no {os.path.relpath(product, TOP)}")
