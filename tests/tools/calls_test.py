# SPDX-License-Identifier: MIT
"""docs/linux-calls.md lists just the system calls that the personality serves, by number and name; says of each what
is not served; and has of the flags just those that tests/system/linux/t_flags.c tries in the booted system, with
the same outcome. The personality's table knows of each function which arguments have 32 bits. TAP.

calls_test.py --flags prints the page's table of flags.
"""

import glob
import os
import re
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
NAMES = {"newfstatat": "fstatat", "fadvise64_64": "fadvise64"}  # asm/unistd.h's: the page's


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as stream:
        return stream.read()


def served():
    """The numbers of the personality's table."""
    return [int(number) for number in re.findall(r"^\s*CALL (\d+),", read("user", "linux", "calls.inc"),
                                                 re.MULTILINE)]


def wrong_halves():
    """Functions of the table whose arguments of 32 bits are not those that calls.inc says."""
    text = "\n".join(read(path) for path in glob.glob(os.path.join(TOP, "user", "linux", "*.c")))
    wrong = []
    for function, halves in re.findall(r"CALL \d+, (\w+)(?:, ([0-7]+))?$", read("user", "linux", "calls.inc"), re.M):
        found = re.search(r"\b" + function + r"\(([^)]*)\)\s*\{", text)  # not if it is a macro's, or assembly
        names = found.group(1).split(",") if found else []
        bits = sum(1 << i for i, name in enumerate(names[:6])
                   if re.match(r"\s*(int|unsigned|u?int32_t)\s+\w+$", name))
        if bits != int(halves or "0", 8):
            wrong.append(f"{function}: {bits:o}")
    return wrong


def documented():
    """(number, name) of each row of the page."""
    return [(int(number), name) for number, name in
            re.findall(r"^\| (\d+) \| (\w+) \|", read("docs", "linux-calls.md"), re.MULTILINE)]


def linux_names():
    """Linux's names by number, by the C library's headers."""
    text = subprocess.run(["riscv64-linux-gnu-gcc", "-E", "-dM", "-include", "asm/unistd.h", "-x", "c",
                           os.devnull], capture_output=True, text=True, check=True).stdout
    values = dict(re.findall(r"^#define __NR(\w*) (\w+)$", text, re.MULTILINE))
    names = {}
    for name, value in values.items():
        while value.startswith("__NR"):
            value = values[value[4:]]
        if name.startswith("_") and value.isdigit():
            names[int(value)] = name.removeprefix("3264_").removeprefix("_")
    return names


def tried():
    """What the test of flags tries, as the page's rows: (call, served, ignored, refused)."""
    found = {}
    text = read("tests", "system", "linux", "t_flags.c")
    for kind, call, flag, rest in re.findall(r"^ *(SERVED|IGNORED|REFUSED)\((\w+), (\w+),\s*(\w*)", text, re.MULTILINE):
        kinds = found.setdefault(call, {"SERVED": [], "IGNORED": [], "REFUSED": []})
        kinds[kind].append(f"{flag} ({rest})" if kind == "REFUSED" else flag)
    return [(call, *(", ".join(kinds[kind]) for kind in ("SERVED", "IGNORED", "REFUSED")))
            for call, kinds in found.items()]


def flags_documented():
    """The rows of the page's table of flags."""
    part = read("docs", "linux-calls.md").partition("## Flag by flag")[2].partition("\n## ")[0]
    return [tuple(cell.strip() for cell in row.strip("|").split("|"))
            for row in part.splitlines() if re.match(r"\| \w+ \|", row) and not row.startswith("| call |")]


def print_flags():
    print("| call | served | ignored | refused |\n| --- | --- | --- | --- |")
    for row in tried():
        print("| " + " | ".join(row) + " |")


def unknown_states():
    """Rows of calls whose remarks do not begin with what is served of them."""
    rows = re.findall(r"^\| (\d+ \| \w+) \| [\w ]+ \| (.*) \|$", read("docs", "linux-calls.md"), re.MULTILINE)
    return [name for name, remark in rows if not re.match(r"(complete|partial|refused)\b", remark)]


def main():
    if "--flags" in sys.argv:
        print_flags()
        return 0
    names_of_flags = {call for call, *_ in tried()}
    calls, rows, names = served(), documented(), linux_names()
    wrong = [f"{number} {name}: Linux calls it {names[number]}" for number, name in rows
             if number in names and NAMES.get(names[number], names[number]) != name]
    checks = [
        ("calls are served in order, once", calls == sorted(set(calls)), calls),
        ("what of their arguments has 32 bits is known", not wrong_halves(), wrong_halves()),
        ("the page lists just these", calls == [number for number, _ in rows],
         sorted(set(calls) ^ {number for number, _ in rows})),
        ("by their names", not wrong and len(names) > 250, wrong),
        ("and how far", not unknown_states(), unknown_states()),
        ("flags are those that are tried", tried() == flags_documented() and len(tried()) > 30,
         sorted(set(tried()) ^ set(flags_documented()))),
        ("of calls that are served", names_of_flags <= {name for _, name in rows},
         names_of_flags - {name for _, name in rows}),
    ]
    print(f"1..{len(checks)}")
    for number, (what, good, shown) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print(f"# {shown}")
    return 0 if all(good for _, good, _ in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
