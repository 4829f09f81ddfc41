# SPDX-License-Identifier: MIT
"""Decode what the console shows of kernel panics and of servers' deaths.

Addresses become function, file and line, message numbers become names. A panic is everything behind a
line that starts with PANIC; a server's death is the lines that init writes (servers/init/death.c).
"""

import os
import re
import subprocess

ADDRESS = re.compile(r"\b(?:0x)?([0-9a-fA-F]{8,16})\b")
PC = re.compile(r"\bpc (?:0x)?([0-9a-fA-F]{8,16})\b")
RETURN = re.compile(r"\bra (?:0x)?([0-9a-fA-F]{8,16})\b")
PANIC = re.compile(r"^PANIC", re.MULTILINE)
DEATH = re.compile(r"\[init\] init: (\w+) (?:died|was called from|has died|has worked)\b")
MESSAGE = re.compile(r"\bmessage (\d+)\b")
MESSAGE_NAME = re.compile(r"\{(0x[0-9a-f]+), \"(\w+)\"\}")
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


def addresses(line, pc):
    """(text, address to look up) of each number in a line.

    A return address stands behind the call, which may be the last instruction of its function: what
    is looked up is the call's last byte. pc is where a trap says that it came from.
    """
    first_return = re.search(r"backtrace:|called from", line)
    for match in ADDRESS.finditer(line):
        value = int(match[1], 16)
        returns = first_return and match.start() > first_return.start() and value != pc
        is_ra = any(match.start(1) == ra.start(1) for ra in RETURN.finditer(line))
        yield match[0], value - 1 if returns or is_ra else value


def locate(elf, wanted):
    """address -> "function at file:line", inlined callers included."""
    places = {}
    low, high = text_range(elf)
    for address in sorted({a for a in wanted if low <= a < high}):
        out = subprocess.run([TOOL_PREFIX + "addr2line", "-e", elf, "-f", "-p", "-i", "-s",
                              hex(address)], capture_output=True, text=True, check=True).stdout
        place = out.strip().replace("\n", "; ")
        if place and not place.startswith("??"):
            places[address] = place
    return places


def annotate(lines, elf):
    """Each line, and behind it what its addresses are."""
    found, pc = [], None
    for line in lines:
        said = PC.search(line)
        pc = int(said[1], 16) if said else pc
        found.append(list(addresses(line, pc)))
    places = locate(elf, [address for line in found for _, address in line]) if any(found) else {}
    result = []
    for line, numbers in zip(lines, found):
        result.append(line)
        result += [f"    {shown}: {places[address]}" for shown, address in numbers
                   if address in places]
    return result


def message_name(folder, server, number):
    """A message's name by the headers that the build made, or None."""
    for protocol in (server, "session"):
        header = os.path.join(folder, "gen", "protocol", f"{protocol}_names.h")
        if not os.path.exists(header):
            continue
        with open(header, encoding="utf-8") as stream:
            for match in MESSAGE_NAME.finditer(stream.read()):
                if int(match[1], 16) == number:
                    return f"{protocol}.{match[2]}"
    return None


def annotate_death(line, folder):
    """A line about a server, and behind it where that stood and which message it was."""
    server = DEATH.search(line)[1]
    elf = os.path.join(folder, f"server-{server}")
    result = annotate([line], elf) if os.path.exists(elf) else [line]
    message = MESSAGE.search(line)
    name = message and message_name(folder, server, int(message[1]))
    return result + [f"    message {message[1]}: {name}"] if name else result


def decode(text, elf, everything=False):
    """text with lines of explanation; elf is the kernel, beside which the servers are.

    Before a line that starts with PANIC only servers' deaths are decoded, unless everything is asked for.
    """
    lines = text.splitlines()
    start = 0 if everything else next(
        (i for i, line in enumerate(lines) if PANIC.match(line)), len(lines))
    result = []
    for line in lines[:start]:
        result += annotate_death(line, os.path.dirname(elf)) if DEATH.search(line) else [line]
    return "\n".join(result + annotate(lines[start:], elf)) + "\n"


def has_panic(text):
    return PANIC.search(text) is not None


def panic_part(text):
    found = PANIC.search(text)
    return text[found.start():] if found else ""


def report(text, elf):
    """The lines about servers that died and the panic, decoded; nothing if there was neither."""
    before = text[:len(text) - len(panic_part(text))]
    deaths = "".join(line + "\n" for line in before.splitlines() if DEATH.search(line))
    shown = deaths + panic_part(text)
    return decode(shown, elf) if shown else ""
