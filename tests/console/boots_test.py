#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boot many times: which hart the firmware picks to boot and when the others come in differs.

boots_test.py [--boots N] COMMAND [ARG...]

COMMAND boots and runs a command given by -c, for instance 'tools/run --smp 4'. Prints TAP.
"""

import argparse
import subprocess
import sys

SECONDS = 60  # a boot takes one


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--boots", type=int, default=10)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    print(f"1..{args.boots}")
    failed = False
    for n in range(1, args.boots + 1):
        try:
            done = subprocess.run(args.command + ["-c", f"echo boot{n} | cat | cat"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
            good, shown = done.returncode == 0 and done.stdout == f"boot{n}\n", done.stdout + done.stderr
        except subprocess.TimeoutExpired as error:
            good, shown = False, f"nothing in {SECONDS} s: {error.stdout}"
        print(f"{'ok' if good else 'not ok'} {n} - boot", flush=True)
        if not good:
            failed = True
            print("\n".join("# " + line for line in shown.splitlines()))
    sys.exit(failed)


if __name__ == "__main__":
    main()
