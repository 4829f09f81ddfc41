#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The first minute: what the console says after a boot, help, and README's session.

first_test.py COMMAND [ARG...]

COMMAND boots to a shell prompt. Prints TAP.
"""

import os
import re
import sys

from console_test import Failed, expect, expect_match, main

README = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "README.md")
BENCHMARKS = "bench"  # the one folder in /bin
ADDED = set(re.findall(r":/bin/(\S+)", " ".join(sys.argv)))


def readme_session():
    """[(command, what it shows)] of README's first session."""
    with open(README, encoding="utf-8") as stream:
        block = stream.read().partition("\n    $ tools/run\n")[2].partition("\n    $ poweroff\n")[0]
    parts = re.split(r"^\$ (.*)\n?", re.sub(r"^    ", "", block, flags=re.M), flags=re.M)
    return [("tools/run", parts[0])] + list(zip(parts[1::2], parts[2::2]))


def plain(text):
    """Without what differs from boot to boot: keys, when a job's end is told, blanks at the ends of lines."""
    lines = [re.sub(r"0x[0-9a-f]{8}", "KEY", line.rstrip()) for line in text.split("\n")
             if not re.match(r"\[\d+\] \+ Terminated", line)]
    return "\n".join(lines).strip("\n")


SESSION = readme_session()
HELP = re.compile(r"^  (\S+) +(\S.*)$")


def help_names(console):
    """Those of the shell, those of programs."""
    builtins, separator, programs = console.run("help").partition("Programs in /bin:\n")
    expect(bool(separator), True, "a heading of programs")
    found = []
    for part in (builtins.split("\n")[1:], programs.split("\n")):
        lines = [HELP.match(line) for line in part if line]
        if not all(lines):
            raise Failed(f"a line without a name and what it does: {part}")
        found.append([line[1] for line in lines])
    return found


def test_session(console):
    """README's session is what comes"""
    for command, shown in SESSION[1:]:
        expect(plain(console.run(command)), plain(shown), command)


def test_things_to_try(console):
    """what the first lines say to try works, and is five things"""
    said = SESSION[0][1]
    things = re.search(r"^Try: (.*)$", said, re.M)[1].split(", ")
    expect(len(things), 5, "things to try")
    for thing in things:
        console.run(thing)
        expect(console.run("echo $?"), "0", f"status of {thing}")


def test_help_programs(console):
    """help lists the programs that are there, and no others"""
    expect(set(help_names(console)[1]), set(console.run("ls -1 /bin").split("\n")) - ADDED - {BENCHMARKS},
           "programs")


def test_help_builtins(console):
    """and what the shell itself does"""
    for name in help_names(console)[0]:
        expect_match(console.run(f"type '{name}'"), r"is a (special )?shell builtin$")


def test_help_on_one(console):
    """help NAME tells how each is used"""
    for name in sum(help_names(console), []):
        usage = console.run(f"help '{name}'")
        if not re.fullmatch(rf"{re.escape(name)}( \S.*)?: \S.*", usage):
            raise Failed(f"help {name}: {usage!r}")
    console.run("help no-such-command")
    expect(console.run("echo $?"), "1", "status for what is not there")


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]


def check_start(shown):
    """What comes before the first prompt is README's beginning and nothing else."""
    expect(plain(shown), plain(SESSION[0][1]), "what comes first")


if __name__ == "__main__":
    sys.exit(main(TESTS, __doc__, "poweroff", check_start))
