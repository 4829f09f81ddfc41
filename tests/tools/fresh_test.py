# SPDX-License-Identifier: MIT
"""What tools/fresh leaves when it is ended in the middle: nothing. TAP.

fresh_test.py FRESH BUILD
"""

import glob
import os
import signal
import subprocess
import sys
import time

from checks import report

SECONDS = 120  # until a root is being made


def beginnings(folder):
    """Roots that something has been put into."""
    return glob.glob(os.path.join(folder, "fresh-*", "root", "var"))


def users_of(text):
    """Processes that name a folder in their arguments."""
    found = []
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(name, "rb") as stream:
                if text.encode() in stream.read():
                    found.append(name)
        except OSError:
            pass  # it has ended
    return found


def main():
    fresh, folder = sys.argv[1], os.path.dirname(sys.argv[2])
    there = set(glob.glob(os.path.join(folder, "fresh-*")))
    process = subprocess.Popen([fresh, "bookworm"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    limit = time.monotonic() + SECONDS
    while process.poll() is None and not beginnings(folder) and time.monotonic() < limit:
        time.sleep(0.2)
    if process.poll() is not None:
        said = process.stdout.read()
        if "# SKIP" in said:
            print(said.strip())
            return 0
        print("1..1\nnot ok 1 - a root is made\n# " + said.replace("\n", "\n# "))
        return 1
    made = set(glob.glob(os.path.join(folder, "fresh-*"))) - there
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    with open("/proc/mounts", encoding="utf-8") as stream:
        mounts = stream.read()
    checks = {
        "a root was being made": len(made) == 1,
        "SIGTERM ends it": process.returncode == 128 + signal.SIGTERM,
        "its folder is gone": not any(os.path.exists(name) for name in made),
        "so are its mounts": not any(name in mounts for name in made),
        "and its processes": not any(users_of(name) for name in made),
    }
    good = report(checks)
    if not good:
        print("# " + said.replace("\n", "\n# "))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
