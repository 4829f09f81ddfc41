# SPDX-License-Identifier: MIT
"""The benchmarks' gate: a row above its baseline fails, and the functions that grew are named. TAP.

gate_test.py BENCH BUILD
"""

import json
import os
import subprocess
import sys
import tempfile

ROW = "zero_read"
GREW, FEWER = "kernel aspace_fault", 30


def bench(baseline, *args):
    result = subprocess.run([sys.argv[1], "--build", sys.argv[2], "--baseline", baseline, *args, ROW],
                            capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def ok(number, good, text, output):
    print(f"{'' if good else 'not '}ok {number} - {text}")
    if not good:
        print("\n".join("# " + line for line in output.splitlines()), flush=True)


def fake(name):
    """A baseline in which the row was faster, by a function, one that is gone and one that is new."""
    with open(name, encoding="utf-8") as stream:
        data = json.load(stream)
    row = data["rows"][0]
    row["mean"] *= 0.9
    row["functions"][GREW] -= FEWER
    row["functions"]["kernel as_it_was"] = row["functions"].pop("kernel trap_user")
    with open(name, "w", encoding="utf-8") as stream:
        json.dump(data, stream)


def other_compiler(name):
    """A baseline that another compiler made, with one more row."""
    with open(name, encoding="utf-8") as stream:
        data = json.load(stream)
    made_by, data["compiler"] = data["compiler"], "GCC: (Other) 1.0"
    data["rows"].append({**data["rows"][0], "name": "other_row"})
    with open(name, "w", encoding="utf-8") as stream:
        json.dump(data, stream)
    return made_by


def line_of(output, function):
    return next((line.split(function)[0].split()[1:] for line in output.splitlines()
                 if function in line and line.startswith("#")), [])


def main():
    print("1..9")
    with tempfile.TemporaryDirectory() as folder:
        baseline = os.path.join(folder, "baseline.json")
        status, output = bench(baseline, "--update-baseline")
        ok(1, status == 0 and os.path.exists(baseline), "a baseline is written", output)
        status, output = bench(baseline, "--check")
        ok(2, status == 0, "it holds", output)
        fake(baseline)
        status, output = bench(baseline, "--check")
        ok(3, status == 1 and f"not ok 1 - {ROW}" in output, "a slower row fails", output)
        ok(4, line_of(output, GREW)[2:] == [f"+{FEWER}"], "the function that grew is named", output)
        ok(5, line_of(output, "kernel as_it_was")[1:2] == ["0"], "so is one that is gone", output)
        ok(6, len(line_of(output, "kernel trap_user")) == 2, "and one that is new", output)
        made_by = other_compiler(baseline)
        status, output = bench(baseline, "--check")
        ok(7, status == 0 and f"ok 1 - {ROW} # SKIP mean" in output,
           "with another compiler's nothing is compared", output)
        ok(8, f"the baseline is of GCC: (Other) 1.0, this build of {made_by}" in output,
           "and it says so", output)
        status, output = bench(baseline, "--update-baseline")
        ok(9, status == 1 and "other_row" in output, "rows of two compilers are not mixed", output)


main()
