# SPDX-License-Identifier: MIT
"""tools/run --with: Debian's packages in the image. TAP; skipped where no Debian mirror is reached.

with_test.py RUN [ARG...]: what boots, for instance tools/run --no-build.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from parleytools import debian, packages  # noqa: E402

SCRIPT = """\
#!/bin/sh
update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/gawk 10 \\
    --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/gawk.1.gz
update-alternatives --install $link x $path 5
"""
BASE = "bash,coreutils"
# With which packages, what is run, and what it prints.
COMMANDS = [
    (BASE, 'bash -c "echo {1..3}"', "1 2 3\n"),
    (BASE, "bash -c 'for ((i = 3; i; i--)); do echo $i; done | sort | tr \"\\n\" -'", "1-2-3-"),
    (BASE, "sha256sum < /dev/null | cut -c 1-8", "e3b0c442\n"),
    (BASE, "seq 5 | tac | paste -sd+", "5+4+3+2+1\n"),
    (BASE, "/usr/bin/[ -L /bin ] && readlink /bin /lib", "usr/bin\nusr/lib\n"),
    (BASE, "bash -c 'echo $(< /etc/hostname)'", "parley\n"),
    ("coreutils,xz-utils", "seq 300000 | xz -T4 --block-size=200000 | xz -dc -T4 | tail -n 1", "300000\n"),
    ("sqlite3", "sqlite3 /tmp/d 'pragma journal_mode=wal; create table t(a); insert into t values(7);' && "
                "sqlite3 /tmp/d 'select a from t; pragma integrity_check'", "wal\n7\nok\n"),
    ("util-linux", "ipcmk -M 5000 -p 0640 > /dev/null && ipcmk -S 3 > /dev/null && lsipc -m -r -o PERMS,OWNER,SIZE,NATTCH "
                   "&& lsipc -s -r -o PERMS,NSEMS && ipcrm -v -m 0 -s 0 && ipcs -m -u | grep allocated",
     "PERMS OWNER SIZE NATTCH\nrw-r----- root 4.9K 0\nPERMS NSEMS\nrw-r--r-- 3\n"
     "removing shared memory segment id `0'\nremoving semaphore id `0'\nsegments allocated 0\npages allocated 0\n"),
    ("python3-minimal", "python3 -c 'import _thread, os; a = _thread.allocate_lock(); a.acquire(); "
                        "_thread.start_new_thread(a.release, ()); a.acquire(); print(os.sched_getscheduler(0))'",
     "0\n"),
]


class Tests:
    def __init__(self, count):
        self.number, self.failed = 0, False
        print(f"1..{count}", flush=True)

    def check(self, good, what, shown=""):
        self.number += 1
        self.failed |= not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {what}", flush=True)
        if not good:
            print("\n".join("# " + line for line in shown.splitlines()))


def make_package(folder):
    """A package with a script; a file's name."""
    root = os.path.join(folder, "root")
    os.makedirs(os.path.join(root, "DEBIAN"))
    os.makedirs(os.path.join(root, "usr/bin"))
    os.makedirs(os.path.join(root, "usr/share/doc"))
    for name, text in (("DEBIAN/control", "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: nobody\n"
                                          "Description: p\n"),
                       ("DEBIAN/postinst", SCRIPT), ("usr/bin/gawk", "x"), ("usr/share/doc/p", "x")):
        with open(os.path.join(root, name), "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(os.path.join(root, name), 0o755)
    deb = os.path.join(folder, "p.deb")
    subprocess.run(["dpkg-deb", "--build", root, deb], check=True, stdout=subprocess.DEVNULL)
    return deb


def main():
    try:
        debian.tree(["bash", "coreutils"])
    except packages.ToolError as error:
        print(f"1..0 # SKIP {error}")
        return 0
    tests = Tests(len(COMMANDS) + 4)
    with tempfile.TemporaryDirectory() as folder:
        deb, to = make_package(folder), os.path.join(folder, "to")
        os.makedirs(os.path.join(to, "usr/bin"))
        os.symlink("usr/bin", os.path.join(to, "bin"))
        debian.unpack(deb, to)
        tests.check(os.path.exists(to + "/usr/bin/gawk") and not os.path.exists(to + "/usr/share/doc/p"),
                    "a package is unpacked, without what nobody reads")
        debian.link_alternatives(to, [deb])
        tests.check(os.path.islink(to + "/usr/bin/awk") and os.readlink(to + "/usr/bin/awk") == "/usr/bin/gawk",
                    "its alternatives are linked")
    try:
        debian.tree(["no-such-package-at-all"])
        tests.check(False, "an unknown package")
    except packages.ToolError as error:
        tests.check("no-such-package-at-all" in str(error), "an unknown package is named", str(error))
    folders = [debian.tree(["bash", "coreutils"]) for _ in range(2)]
    tests.check(folders[0] == folders[1], "what is unpacked is used again")
    for names, command, wanted in COMMANDS:
        done = subprocess.run(sys.argv[1:] + ["--with", names, "--timeout", "60", "-c", command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        tests.check(done.stdout == wanted and done.returncode == 0, command.replace("#", "\\#"),
                    done.stdout + done.stderr)
    return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
