# SPDX-License-Identifier: MIT
"""Debian's riscv64 packages, unmodified, as folders to lay over an image: tools/run --with.

A private apt keeps to its own folder, build/debian/SUITE, and checks signatures as the machine's does. It works as an
ordinary user and installs nothing: packages and what they depend on are fetched, and unpacked next to each other.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys

from . import build
from .packages import ToolError

ARCHITECTURE = "riscv64"
SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib"}
# Read by nobody here, and memory is what an image takes.
LEFT_OUT = ["usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
            "usr/share/bug", "usr/share/doc-base", "usr/share/menu", "usr/share/zoneinfo"]
ALTERNATIVE = re.compile(r"update-alternatives\b[^\n]*?--install\s+(\S+)\s+\S+\s+(\S+)\s+(\d+)")


def run(command, **options):
    return subprocess.run(command, capture_output=True, check=False, **options)


def first_error(text):
    """The line of apt's output that says what is wrong."""
    for line in text.splitlines():
        if line.startswith("E: "):
            return line[3:]
    return text.strip().splitlines()[-1] if text.strip() else "no reason given"


def machine_mirror():
    """Where the machine's own apt gets Debian from."""
    found = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(CODENAME)"], text=True).stdout
    targets = [line.split("|") for line in found.splitlines() if line.count("|") == 2]
    for origin, uri, _ in targets:
        if origin == "Debian" and "security" not in uri:
            return uri
    for _, uri, _ in targets:  # before the machine's first update
        if re.search(r"/debian/?$", uri):
            return uri
    raise ToolError("--with: the machine's apt sources name no Debian mirror; say which by --mirror")


class Apt:
    """A private apt for one suite."""

    def __init__(self, suite, mirror):
        self.folder = os.path.join(build.TOP, "build", "debian", suite)
        self.archives = os.path.join(self.folder, "cache", "archives")
        for name in ("state/lists/partial", "cache/archives/partial", "cache/none/partial", "etc", "trees"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        if not os.path.exists(KEYRING):
            raise ToolError(f"--with needs {KEYRING} (package debian-archive-keyring)")
        self.write("status", "")
        self.write("etc/sources.list", f"deb [arch={ARCHITECTURE} signed-by={KEYRING}] "
                                       f"{mirror or machine_mirror()} {suite} main\n")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def get(self, *arguments):
        """apt-get's output; a ToolError with its own reason if it fails."""
        settings = {
            "Dir": self.folder, "Dir::State": "state", "Dir::State::lists": "lists",
            "Dir::State::status": os.path.join(self.folder, "status"), "Dir::Cache": "cache",
            "Dir::Etc::sourcelist": os.path.join(self.folder, "etc", "sources.list"),
            "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Log": "log", "APT::Architecture": ARCHITECTURE, "APT::Architectures": ARCHITECTURE,
            "APT::Install-Recommends": "false", "APT::Sandbox::User": "", "Debug::NoLocking": "true",
            "Acquire::Languages": "none", "APT::Get::List-Cleanup": "false",
        }
        command = ["apt-get", "-q"]
        for name, value in settings.items():
            command += ["-o", f"{name}={value}"]
        done = run(command + list(arguments), text=True)
        if done.returncode != 0:
            raise ToolError("--with: " + first_error(done.stderr))
        return done.stdout

    def update(self):
        lists = os.path.join(self.folder, "state", "lists")
        if not any(name.endswith("Packages") or "_Packages" in name for name in os.listdir(lists)):
            print("fetching the list of packages", file=sys.stderr, flush=True)
            self.get("update", "-o", "APT::Update::Error-Mode=any")

    def fetch(self, packages):
        """The .deb files of packages and all that they depend on, in apt's order."""
        self.update()
        # An empty folder for what is fetched: apt does not print what it has.
        uris = self.get("install", "--yes", "--print-uris", "-qq", "-o", "Dir::Cache::archives=none",
                        *packages)
        names = re.findall(r"^'[^']+' (\S+\.deb) \d+", uris, re.MULTILINE)
        files = [os.path.join(self.archives, name) for name in names]
        if not all(os.path.exists(name) for name in files):
            print(f"fetching {len(files)} packages", file=sys.stderr, flush=True)
            self.get("install", "--yes", "--download-only", *packages)
        return files


def unpack(deb, folder):
    """A package's files, without those that nobody reads here; folders that are links stay so."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as tar:
        done = run(["tar", "-x", "-p", "--no-same-owner", "--keep-directory-symlink", "-C", folder, "-f", "-",
                    *(f"--exclude=./{name}" for name in LEFT_OUT)], stdin=tar.stdout, text=True)
    if done.returncode != 0 or tar.returncode != 0:
        raise ToolError(f"--with: cannot unpack {os.path.basename(deb)}: {first_error(done.stderr)}")


def alternatives(deb):
    """(link, path, priority) of what a package's script would have registered."""
    with subprocess.Popen(["dpkg-deb", "--ctrl-tarfile", deb], stdout=subprocess.PIPE) as tar:
        script = run(["tar", "-x", "-O", "-f", "-", "./postinst"], stdin=tar.stdout).stdout
    text = re.sub(r"\\\n", " ", script.decode(errors="replace"))
    return [(link, path, int(priority)) for link, path, priority in ALTERNATIVE.findall(text)
            if "$" not in link + path]


def link_alternatives(folder, debs):
    """The links of the best alternatives, which Debian's scripts would have made."""
    best = {}
    for deb in debs:
        for link, path, priority in alternatives(deb):
            if priority > best.get(link, ("", -1))[1] and os.path.lexists(folder + path):
                best[link] = (path, priority)
    for link, (path, _) in best.items():
        if not os.path.lexists(folder + link) and os.path.isdir(os.path.dirname(folder + link)):
            os.symlink(path, folder + link)


def tree(packages, suite=SUITE, mirror=None):
    """A folder with the packages and all that they depend on, unpacked; made once, kept under build/."""
    os.makedirs(os.path.join(build.TOP, "build", "debian"), exist_ok=True)
    with open(os.path.join(build.TOP, "build", "debian", "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever else unpacks the same
        return locked_tree(packages, suite, mirror)


def locked_tree(packages, suite, mirror):
    apt = Apt(suite, mirror)
    debs = apt.fetch(packages)
    key = hashlib.sha256("\n".join(sorted(map(os.path.basename, debs))).encode()).hexdigest()[:16]
    folder = os.path.join(apt.folder, "trees", key)
    if os.path.isdir(folder):
        return folder
    new = folder + ".new"
    shutil.rmtree(new, ignore_errors=True)
    for link, target in LINKS.items():
        os.makedirs(os.path.join(new, target), exist_ok=True)
        os.symlink(target, os.path.join(new, link))
    for deb in debs:
        unpack(deb, new)
    link_alternatives(new, debs)
    os.rename(new, folder)
    return folder
