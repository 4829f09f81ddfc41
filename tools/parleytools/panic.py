# SPDX-License-Identifier: MIT
"""Decode kernel panics: addresses in the text after a PANIC line become function, file and line."""

import re
import subprocess

ADDRESS = re.compile(r"\b(?:0x)?([0-9a-fA-F]{8,16})\b")
TOOL_PREFIX = "riscv64-linux-gnu-"


def text_range(elf):
    """First and last address of the executable segments."""
    out = subprocess.run([TOOL_PREFIX + "readelf", "-lW", elf], capture_output=True, text=True,
                         check=True).stdout
    low, high = None, 0
    for line in out.splitlines():
        field = line.split()
        if field[:1] == ["LOAD"] and "E" in "".join(field[6:-1]):
            start = int(field[2], 16)
            low = start if low is None else min(low, start)
            high = max(high, start + int(field[5], 16))
    return (low or 0, high)


def locate(elf, addresses):
    """address -> "function at file:line", inlined callers included."""
    places = {}
    low, high = text_range(elf)
    wanted = sorted({a for a in addresses if low <= a < high})
    for address in wanted:
        out = subprocess.run([TOOL_PREFIX + "addr2line", "-e", elf, "-f", "-p", "-i", "-s",
                              hex(address)], capture_output=True, text=True, check=True).stdout
        place = out.strip().replace("\n", "; ")
        if place and not place.startswith("??"):
            places[address] = place
    return places


def decode(text, elf, everything=False):
    """text with a line of places after each line that has kernel addresses.

    Only what follows a line that starts with PANIC is decoded, unless everything is asked for.
    """
    lines = text.splitlines()
    start = 0 if everything else next(
        (i for i, line in enumerate(lines) if line.startswith("PANIC")), len(lines))
    numbers = [int(match, 16) for line in lines[start:] for match in ADDRESS.findall(line)]
    places = locate(elf, numbers) if numbers else {}
    result = lines[:start]
    for line in lines[start:]:
        result.append(line)
        for match in ADDRESS.findall(line):
            if int(match, 16) in places:
                result.append(f"    {match}: {places[int(match, 16)]}")
    return "\n".join(result) + "\n"


def has_panic(text):
    return re.search(r"^PANIC", text, re.MULTILINE) is not None


def panic_part(text):
    found = re.search(r"^PANIC", text, re.MULTILINE)
    return text[found.start():] if found else ""
