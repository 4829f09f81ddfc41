#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boot with manifests that are wrong: init says what is, and stops. Prints TAP.

manifest_test.py COMMAND [ARG...]

COMMAND boots and takes --add, for instance 'tools/run --smp 4'.
"""

import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
SECONDS = "20"  # a boot takes one; one that stops is given up after these
SHM = "server shm priority=23 quota=1% restart=yes programs=yes caps="
# What is put in place of what, and what init says of it.
WRONG = [
    ("shm_calls_proc", (SHM, SHM + "call:proc"),
     "shm and proc may call each other"),
    ("through_a_third", (SHM + "\n" + SHM.replace("shm", "sem") + "\n",
                         SHM + "call:sem\n" + SHM.replace("shm", "sem") + "call:proc\n"),
     "shm and sem may call each other"),
    ("itself", ("caps=call:console,", "caps=call:vfs,"), "vfs and vfs may call each other"),
    ("nobody", ("caps=call:console,", "caps=call:nobody,"),
     "vfs: capability call:nobody: error"),
    ("no_such_right", ("caps=account:users", "caps=uart-dma"), "proc: capability uart-dma: error"),
    ("no_such_word", ("priority=24", "urgency=34"), "line not understood: server vfs urgency=34"),
]


def boot(command, manifest):
    """What the console shows of a boot with that manifest."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "manifest")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(manifest)
        done = subprocess.run(command + ["--verbose", "--timeout", SECONDS, "--add",
                                         path + ":/boot/manifest", "-c", "echo started"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def main():
    with open(os.path.join(TOP, "servers", "init", "manifest"), encoding="utf-8") as stream:
        good = stream.read()
    print(f"1..{len(WRONG)}")
    failed = False
    for number, (name, (old, new), want) in enumerate(WRONG, 1):
        assert old in good, old
        shown = boot(sys.argv[1:], good.replace(old, new, 1))
        right = want in shown and "\nstarted" not in shown
        failed |= not right
        print(f"{'ok' if right else 'not ok'} {number} - {name}", flush=True)
        if not right:
            print("\n".join("# " + line for line in shown.splitlines()))
    sys.exit(failed)


if __name__ == "__main__":
    main()
