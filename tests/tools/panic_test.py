# SPDX-License-Identifier: MIT
"""What tools/parleytools/panic.py makes of panics and of servers' deaths. TAP."""

import os
import re
import subprocess
import sys
import tempfile

from checks import report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import panic  # noqa: E402

# caller's last instruction is a call that does not return: its return address is neighbour's.
SOURCE = """
__attribute__((noreturn, noinline)) void stop(void) { for (;;) __asm__ volatile(""); }
__attribute__((noinline, used)) void caller(void) { stop(); }
__attribute__((noinline, used)) void neighbour(void) { __asm__ volatile(""); }
int _start(void) { caller(); neighbour(); return 0; }
"""


def build(folder, name, base):
    """A program at an address of its own; its symbols by name."""
    source, elf = os.path.join(folder, name + ".c"), os.path.join(folder, name)
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(SOURCE)
    subprocess.run(["riscv64-linux-gnu-gcc", "-g", "-O1", "-fno-toplevel-reorder", "-ffreestanding",
                    "-nostdlib", "-static", "-fno-pic", "-fno-stack-protector", "-Wl,--build-id=none",
                    f"-Wl,-Ttext-segment={base:#x}", "-o", elf, source], check=True)
    listing = subprocess.run(["riscv64-linux-gnu-nm", elf], capture_output=True, text=True,
                             check=True).stdout
    return {field[2]: int(field[0], 16) for field in map(str.split, listing.splitlines())
            if len(field) == 3}


def place(text, address):
    """The function that is named for an address, or None."""
    found = re.search(rf"^    0*{address:x}: (\w+) at ", text, re.MULTILINE)
    return found and found[1]


def main():
    checks = {}
    with tempfile.TemporaryDirectory() as folder:
        kernel = build(folder, "kernel.elf", 0x80200000)
        server = build(folder, "server-tea", 0x17000000)
        elf = os.path.join(folder, "kernel.elf")
        os.makedirs(os.path.join(folder, "gen", "protocol"))
        with open(os.path.join(folder, "gen", "protocol", "tea_names.h"), "w",
                  encoding="utf-8") as stream:
            stream.write('    {0x1, "boil"},\n    {0x2, "pour"},\n')
        after = kernel["neighbour"]  # where stop would return to

        text = panic.decode(f"hello {after:016x}\nPANIC: no\nbacktrace: {after:016x}\n", elf)
        checks["a return address behind a call that does not return is the caller's"] = \
            place(text, after) == "caller"
        checks["what stands before the panic is left alone"] = \
            text.startswith(f"hello {after:016x}\nPANIC: no\nbacktrace")
        trap = f"PANIC: trap\npc {after:016x}  ra {after:016x}\nbacktrace: {after:016x}\n"
        lines = re.findall(r"^    [0-9a-f]+: (\w+) at", panic.decode(trap, elf), re.MULTILINE)
        checks["where a trap came from is exact, ra is a return address"] = \
            lines == ["neighbour", "caller", "neighbour"]

        pc = server["neighbour"]
        death = f"x[init] init: tea died, message 2 of process 7: cause 15, address 0, pc {pc:08x}, ra {pc:08x}"
        calls = f"[init] init: tea was called from {pc:08x}"
        console = f"one\n{death}\ntwo\n{calls}\n"
        text = panic.report(console, elf)
        checks["a server's death is reported"] = death in text and calls in text
        checks["and nothing else"] = "one" not in text and "two" not in text
        checks["its pc is exact, its callers' addresses are return addresses"] = \
            re.findall(r"^    [0-9a-f]+: (\w+) at", text, re.MULTILINE) == ["neighbour", "caller", "caller"]
        checks["its message has a name"] = "    message 2: tea.pour\n" in text
        checks["an unknown server's lines stay as they are"] = \
            panic.report(death.replace("tea", "coffee"), elf) == death.replace("tea", "coffee") + "\n"
        checks["without either there is nothing to say"] = panic.report("one\ntwo\n", elf) == ""
    return 0 if report(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
