# SPDX-License-Identifier: MIT
"""What tools/boot-test says of a boot that does not come to its end. TAP.

hang_test.py BUILD
"""

import os
import subprocess
import sys

from checks import report

TOP = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")


def said(folder, command):
    """Of two harts: the status and what was said."""
    done = subprocess.run([os.path.join(TOP, "tools", "boot-test"), "--build", folder, "--smp", "2", "--timeout", "10",
                           command], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    status, text = said(sys.argv[1], "sleep 1000")
    seen = text.partition("what the harts did")[2]
    checks = {
        "it has failed": status == 1,
        "it says why": "Bail out! no end after 10 s" in text,
        "where each hart is": "hart 0: pc ffffffff" in seen and "hart 1: pc ffffffff" in seen,
        "in which function": "arch_idle_wait" in seen,
        "and again, a moment later": " s later:\n" in seen,
    }
    return 0 if report(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
