#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The kernel's fast path against its general path: the same random messages must do the same.

differential_test.py COMMAND [ARG...]

COMMAND (tools/boot-test --native ipcdiff) boots, with all time counted in instructions; it is run
as it is and with the fast path turned off, and what it prints is compared: with clients of fixed
priorities, and with clients that share. Prints TAP.
"""

import subprocess
import sys

SECONDS = 250  # a boot takes ten
DETERMINISTIC = ["--qemu=-icount", "--qemu=shift=0,sleep=off"]
PATHS = {"fast": "", "general": " path=general"}
CLIENTS = {"of fixed priorities": "", "that share": "sched=fifo"}

def boot(command, append):
    """What one boot printed, and if it was good."""
    try:
        done = subprocess.run(command + DETERMINISTIC + ["--append", append], capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        return f"nothing in {SECONDS} s: {error.stdout}", False
    good = done.returncode == 0 and "\nnot ok" not in done.stdout
    return done.stdout + (done.stderr if not good else ""), good


def result(good, number, name, shown):
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print("\n".join("# " + line for line in shown.splitlines()))
    return good


def compare(command, clients, append, number):
    """Both paths and what became of them: three results, from number on. True if all are good."""
    all_good, lines = True, []
    for at, (path, word) in enumerate(PATHS.items()):
        output, good = boot(command, append + word)
        all_good &= result(good, number + at, f"boot with the {path} path, clients {clients}", output)
        lines.append([line for line in output.splitlines() if line.startswith("# hash")])
    fast, general = lines
    at = next((i for i, pair in enumerate(zip(fast, general)) if pair[0] != pair[1]), None)
    if at is not None:
        shown = f"fast:    {fast[at]}\ngeneral: {general[at]}"
    else:
        shown = f"{len(fast)} and {len(general)} lines"
        print(f"# {fast[-1:]}")
    same = at is None and len(fast) == len(general) > 0
    return result(same, number + len(PATHS), f"both did the same, clients {clients}", shown) & all_good


def main():
    command = sys.argv[1:]
    each = len(PATHS) + 1
    print(f"1..{len(CLIENTS) * each}", flush=True)
    good = [compare(command, clients, append, 1 + each * i)
            for i, (clients, append) in enumerate(CLIENTS.items())]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
