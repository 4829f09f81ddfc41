# SPDX-License-Identifier: MIT
"""The example programs on the host: each ends well and says that all is right. TAP.

examples_test.py PROGRAM...
"""

import subprocess
import sys

LIMIT = 60  # seconds


def main(programs):
    print(f"1..{len(programs)}")
    failed = False
    for number, program in enumerate(programs, 1):
        run = subprocess.run([program], capture_output=True, text=True, timeout=LIMIT, check=False)
        good = run.returncode == 0 and run.stdout.endswith("right\n")
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {number} - {program.rsplit('/', 1)[-1]}")
        if not good:
            print(f"# status {run.returncode}: {run.stdout}{run.stderr}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
