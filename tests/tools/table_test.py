# SPDX-License-Identifier: MIT
"""The table of docs/performance.md is what bench/baseline.json and bench/reference.json say. TAP."""

import difflib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import table  # noqa: E402


def main():
    with open(table.PAGE, encoding="utf-8") as stream:
        _, there, _ = table.split(stream.read())
    wanted = table.table()
    print("1..1")
    print(f"{'ok' if there == wanted else 'not ok'} 1 - the page has the baseline's figures")
    for line in difflib.unified_diff(there.splitlines(), wanted.splitlines(), "page", "baseline", lineterm="", n=0):
        print("# " + line)
    return 0 if there == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
